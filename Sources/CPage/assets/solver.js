// By what this browser solves a challenge: the fastest of the ways that it has and that its policies allow.
//
// A way is an engine, which computes, and a place, where it runs. What fails is not tried again on this page; the next way
// takes the challenge over. The last one, JavaScript on the page's own thread, needs nothing that a page could be denied.

import { Pool, SolverFailure } from "./pool.js";

// More threads than this gain nothing on a phone or laptop, and each costs memory.
const workersMax = 16;

const engines = [
    // WebAssembly that hashes four tries at once.
    { name: "simd", module: "solver.wasm", rangeMin: 8192, runs: () => hasWasm() && hasSIMD() },
    // The same without.
    { name: "scalar", module: "scalar.wasm", rangeMin: 4096, runs: hasWasm },
    // Where WebAssembly is switched off, or the Content-Security-Policy that arrives forbids it.
    { name: "script", script: "sha256.js", rangeMin: 256, runs: () => true },
];

// Ranges of the page's own thread are shorter: between two of them it answers its reader.
const places = {
    workers: { seconds: 0.02, open: openWorkers },
    page: { seconds: 0.01, open: openPage },
};

/** Solves challenges, one at a time, by the first way that works. */
export class Solver {
    /** `files` is the folder of the page's files; `size`, if given, how many workers there are. */
    constructor(files, size = navigator.hardwareConcurrency || 1) {
        this._files = files;
        this._size = Math.max(1, Math.min(size, workersMax));
        this._engines = engines.filter((each) => each.runs());
        this._place = typeof Worker === "function" ? "workers" : "page";
        this._pool = null;
        this._stopped = false;
    }

    /** The way that is taken at present, for those who look: `simd`, `scalar` or `script`; `workers` or `page`. */
    get way() {
        return { engine: this._engines[0].name, place: this._place };
    }

    /** Resolves to the solution; rejects with SolverFailure where no way works, or with `null` where `stop` came first. */
    async solve(challenge) {
        this._stopped = false;
        for (;;) {
            try {
                if (this._pool === null) this._pool = await this._open();
                if (this._stopped) throw null;
                return await this._pool.solve(challenge);
            } catch (error) {
                if (!(error instanceof SolverFailure) || !this._next(error.reason)) throw error;
            }
        }
    }

    /** The solution was not right: the engine is not to be trusted, if there is another. */
    distrust() {
        if (this._engines.length > 1) this._next("engine");
    }

    stop() {
        this._stopped = true;
        if (this._pool !== null) this._pool.stop();
    }

    close() {
        this.stop();
        if (this._pool !== null) this._pool.close();
        this._pool = null;
    }

    /** As Pool's; null while there is none. */
    progress() {
        return this._pool === null ? null : this._pool.progress();
    }

    // Leaves a way that failed for this reason. False: there is no other.
    _next(reason) {
        if (this._pool !== null) this._pool.close();
        this._pool = null;
        if (reason === "start" && this._place === "workers") this._place = "page";
        else if (this._engines.length > 1) this._engines.shift();
        else if (this._place === "workers") this._place = "page";
        else return false;
        return true;
    }

    async _open() {
        const { module: file, script, rangeMin } = this._engines[0];
        const engine = {
            module: file ? await compile(this._files + file) : null,
            // Workers resolve URLs against their own.
            script: script ? new URL(this._files + script, location.href).href : null,
        };
        const place = places[this._place];
        return new Pool(await place.open(`${this._files}worker.js`, this._size), engine, { seconds: place.seconds, rangeMin });
    }
}

function hasWasm() {
    return typeof WebAssembly === "object" && typeof WebAssembly.instantiate === "function";
}

// A function that uses two instructions on vectors. Engines without them refuse it.
function hasSIMD() {
    const module = [
        0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
    ];
    return WebAssembly.validate(Uint8Array.from(module));
}

async function compile(url) {
    let bytes;
    try {
        const response = await fetch(url);
        if (!response.ok) throw new Error(`status ${response.status}`);
        bytes = await response.arrayBuffer();
    } catch (error) {
        throw new SolverFailure("download", String(error));
    }
    try {
        return await WebAssembly.compile(bytes);
    } catch (error) {
        throw new SolverFailure("engine", String(error));
    }
}

function openWorkers(url, size) {
    const workers = [];
    try {
        for (let i = 0; i < size; i++) workers.push(new Worker(url));
    } catch (error) {
        // Some browsers allow a page fewer than it has processors.
        if (workers.length === 0) throw new SolverFailure("start", String(error));
    }
    return workers;
}

async function openPage(url) {
    try {
        await loadScript(url);
    } catch (error) {
        throw new SolverFailure("download", error.message);
    }
    return [new PagePort()];
}

// Runs a classic script in the page.
function loadScript(url) {
    return new Promise((resolve, reject) => {
        const element = document.createElement("script");
        element.src = url;
        element.onload = () => resolve();
        element.onerror = (event) => {
            event.stopPropagation();
            reject(new Error(`${url} could not be loaded`));
        };
        document.head.append(element);
    });
}

// What behaves like a worker but runs worker.js here, one message at a turn of the page's event loop.
class PagePort {
    constructor() {
        this._waiting = [];
        this._busy = false;
        this._turns = new MessageChannel();
        this._turns.port1.onmessage = () => this._turn();
        this._take = self.tollgateSearcher(loadScript, (data) => {
            if (this._turns !== null) this.onmessage({ data });
        });
    }

    postMessage(message) {
        if (this._turns === null) return;
        this._waiting.push(message);
        if (this._waiting.length === 1 && !this._busy) this._turns.port2.postMessage(null);
    }

    terminate() {
        if (this._turns !== null) this._turns.port1.close();
        this._turns = null;
        this._waiting = [];
    }

    async _turn() {
        const message = this._waiting.shift();
        if (message === undefined) return;
        this._busy = true;
        await this._take(message);
        this._busy = false;
        // A message, and not a timer: timers of a page that nobody looks at are slowed down.
        if (this._turns !== null && this._waiting.length > 0) this._turns.port2.postMessage(null);
    }
}
