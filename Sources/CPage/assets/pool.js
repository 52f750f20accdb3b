// Solves challenges in workers. The page's thread hands out ranges of n and collects what is found: it computes nothing.
//
// A round that has no worker yet comes first, so that every worker has a round of its own while there are enough; at the
// end several share a round, on ranges that do not overlap. That keeps all of them busy to the last round.

// More threads than this gain nothing on a phone or laptop, and each costs memory.
const workersMax = 16;
// A worker computes one range while the next one waits at its door.
const rangesAhead = 2;
// How long a range should take: short enough that little is wasted when a round is found elsewhere.
const rangeSeconds = 0.02;
const rangeMin = 8192;
const rangeMax = 1 << 24;
// The rate is taken over this much of the past.
const rateWindow = 3000;

/** Why solving is impossible in this browser; `reason` is one of `wasm`, `simd`, `download`, `worker`. */
export class SolverFailure extends Error {
    constructor(reason, detail) {
        super(detail);
        this.reason = reason;
    }
}

/** Checks a challenge object (protocol version 1) and returns its numbers, or throws a TypeError that says what is wrong. */
export function readChallenge(object) {
    const { challenge: token, algorithm, rounds, target, expires_in: expiresIn } = object ?? {};
    if (typeof token !== "string" || !/^[A-Za-z][A-Za-z0-9_-]{0,511}$/.test(token)) throw new TypeError("no valid token");
    if (algorithm !== "SHA-256") throw new TypeError("unknown algorithm");
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 64) throw new TypeError("bad number of rounds");
    if (typeof target !== "string" || !/^[0-9a-f]{16}$/.test(target)) throw new TypeError("bad target");
    if (typeof expiresIn !== "number" || !(expiresIn > 0)) throw new TypeError("bad lifetime");
    const targetHigh = parseInt(target.slice(0, 8), 16);
    const targetLow = parseInt(target.slice(8), 16);
    const expectedPerRound = 2 ** 64 / (targetHigh * 2 ** 32 + targetLow + 1);
    return { token, rounds, targetHigh, targetLow, expectedPerRound, expiresIn };
}

/** Fetches and compiles the solver; all workers share the code. Throws SolverFailure. */
export async function loadSolver(url) {
    if (typeof WebAssembly !== "object") throw new SolverFailure("wasm", "WebAssembly is missing");
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
        throw new SolverFailure("simd", String(error));
    }
}

/** The workers, for one challenge after another. */
export class Pool {
    #module;
    #workers = [];
    #generation = 0;
    #job = null;
    #samples = [];

    /** Starts them; `size` is how many, by default as many as there are processors. Throws SolverFailure. */
    constructor(url, module, size = navigator.hardwareConcurrency || 1) {
        this.#module = module;
        for (let i = 0; i < Math.max(1, Math.min(size, workersMax)); i++) {
            const worker = { port: open(url), round: null, ahead: 0, hashes: 0, since: 0 };
            worker.port.onmessage = (event) => this.#answered(worker, event.data);
            worker.port.onerror = (event) => this.#lost(worker, event.message || "the worker did not start");
            this.#workers.push(worker);
        }
    }

    /** Solves a challenge (from `readChallenge`): resolves to the solution as text; rejects with SolverFailure, or with
     *  `null` where `stop` came first. One at a time. */
    solve(challenge) {
        this.#generation += 1;
        this.#samples = [];
        const rounds = Array.from({ length: challenge.rounds }, () => ({ high: 0, low: 0, workers: 0, solution: null }));
        return new Promise((resolve, reject) => {
            this.#job = { challenge, rounds, running: true, done: 0, hashes: 0, resolve, reject };
            this.progress();
            if (this.#workers.length === 0) this.#finish(reject, new SolverFailure("worker", "no worker runs"));
            for (const worker of this.#workers) {
                Object.assign(worker, { round: null, ahead: 0, hashes: 0, since: performance.now() });
                worker.port.postMessage({ begin: this.#generation, module: this.#module, token: challenge.token });
                this.#feed(worker);
            }
        });
    }

    /** Gives the present challenge up. */
    stop() {
        if (this.#job?.running) this.#finish(this.#job.reject, null);
    }

    /** Ends the workers. */
    close() {
        this.stop();
        for (const worker of this.#workers.splice(0)) worker.port.terminate();
    }

    /** Where the present challenge stands, or the last one ended; null before the first. `secondsLeft` is what is to be expected at the present rate: chance
     *  has no memory, so a round that has taken long is not nearer to its end. */
    progress() {
        if (!this.#job) return null;
        const { challenge, done, hashes } = this.#job;
        const now = performance.now();
        this.#samples.push({ now, hashes });
        while (this.#samples.length > 2 && now - this.#samples[0].now > rateWindow) this.#samples.shift();
        const first = this.#samples[0];
        const rate = now > first.now ? ((hashes - first.hashes) / (now - first.now)) * 1000 : 0;
        const left = (challenge.rounds - done) * challenge.expectedPerRound;
        return { rounds: challenge.rounds, done, hashes, rate, secondsLeft: rate > 0 ? left / rate : Infinity };
    }

    #feed(worker) {
        while (this.#job.running && worker.ahead < rangesAhead) {
            const round = this.#choose(worker);
            const { challenge, rounds } = this.#job;
            const count = Math.min(this.#rangeSize(worker, challenge), 2 ** 32 - round.low);
            const { targetHigh, targetLow } = challenge;
            const place = { generation: this.#generation, round: rounds.indexOf(round), high: round.high, low: round.low };
            worker.port.postMessage({ ...place, count, targetHigh, targetLow });
            worker.ahead += 1;
            round.low += count;
            if (round.low === 2 ** 32) {
                round.low = 0;
                round.high += 1;
            }
        }
    }

    // The worker's own round while it is unsolved, else the unsolved round that the fewest work on.
    #choose(worker) {
        if (worker.round && worker.round.solution === null) return worker.round;
        const open = this.#job.rounds.filter((round) => round.solution === null);
        worker.round = open.reduce((best, round) => (round.workers < best.workers ? round : best));
        worker.round.workers += 1;
        return worker.round;
    }

    #rangeSize(worker, challenge) {
        const seconds = (performance.now() - worker.since) / 1000;
        const wanted = seconds > 0 ? (worker.hashes / seconds) * rangeSeconds : 0;
        const most = Math.min(rangeMax, challenge.expectedPerRound / 4);
        return 4 * Math.ceil(Math.max(rangeMin, Math.min(wanted, most)) / 4);
    }

    #answered(worker, message) {
        if (message.generation !== this.#generation || !this.#job.running) return;
        if (message.failed !== undefined) {
            this.#lost(worker, message.failed);
            return;
        }
        const job = this.#job;
        const round = job.rounds[message.round];
        worker.ahead -= 1;
        worker.hashes += message.count;
        job.hashes += message.count;
        if (message.found >= 0 && round.solution === null) {
            round.solution = { high: message.high, low: message.low + message.found };
            job.done += 1;
        }
        if (job.done === job.rounds.length) this.#finish(job.resolve, encode(job.rounds.map((each) => each.solution)));
        else this.#feed(worker);
    }

    // A worker that is gone takes its ranges with it: others search further up, where a solution is as likely.
    #lost(worker, detail) {
        const index = this.#workers.indexOf(worker);
        if (index < 0) return;
        this.#workers.splice(index, 1);
        worker.port.terminate();
        if (worker.round) worker.round.workers -= 1;
        if (this.#workers.length === 0 && this.#job?.running) {
            this.#finish(this.#job.reject, new SolverFailure("worker", detail));
        }
    }

    #finish(settle, value) {
        this.#job.running = false;
        settle(value);
    }
}

function open(url) {
    try {
        return new Worker(url);
    } catch (error) {
        throw new SolverFailure("worker", String(error));
    }
}

// The n of all rounds, eight bytes each, big-endian, as base64url without padding.
function encode(solutions) {
    const bytes = new DataView(new ArrayBuffer(solutions.length * 8));
    solutions.forEach(({ high, low }, round) => {
        bytes.setUint32(round * 8, high);
        bytes.setUint32(round * 8 + 4, low);
    });
    const text = btoa(String.fromCharCode(...new Uint8Array(bytes.buffer)));
    return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
