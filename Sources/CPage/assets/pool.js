// Solves challenges by several searchers at once. The pool hands out ranges of n and collects what is found: it computes
// nothing.
//
// A round that no searcher has yet comes first, so that each has a round of its own while there are enough; at the end
// several share a round, on ranges that do not overlap. That keeps all of them busy to the last round.

// A searcher computes one range while the next one waits at its door.
const rangesAhead = 2;
const rangeMax = 1 << 24;
// The rate is taken over this much of the past.
const rateWindow = 3000;

/**
 * Why solving is impossible by these means; `reason` is one of
 * `start` (a searcher could not be started), `engine` (what it computes with does not run), `download`.
 */
export class SolverFailure extends Error {
    constructor(reason, detail) {
        super(detail);
        this.reason = reason;
    }
}

/** Checks a challenge object (protocol version 1) and returns its numbers, or throws a TypeError that says what is wrong. */
export function readChallenge(object) {
    const { challenge: token, algorithm, rounds, target, expires_in: expiresIn } = object || {};
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

/** Searchers, for one challenge after another. Names that begin with a line are the pool's own. */
export class Pool {
    /**
     * `ports` are workers, or what behaves like one; the pool owns them. `engine` goes to each with a challenge: the
     * `module` or the `script` that worker.js is told of. A range is to take about `seconds`, short enough that little is
     * wasted when its round is found elsewhere, and holds at least `rangeMin` tries.
     */
    constructor(ports, engine, { seconds, rangeMin }) {
        this._engine = engine;
        this._seconds = seconds;
        this._rangeMin = rangeMin;
        this._generation = 0;
        this._job = null;
        this._samples = [];
        this._searchers = ports.map((port) => ({ port, round: null, ahead: 0, hashes: 0, since: 0 }));
        for (const searcher of this._searchers) {
            searcher.port.onmessage = (event) => this._answered(searcher, event.data);
            searcher.port.onerror = (event) => {
                // It is told of here, and is no error of the page.
                if (event.preventDefault) event.preventDefault();
                this._lost(searcher, "start", event.message || "a worker did not start");
            };
        }
    }

    /** Solves a challenge (from `readChallenge`): resolves to the solution as text; rejects with SolverFailure, or with
     *  `null` where `stop` came first. One at a time. */
    solve(challenge) {
        this._generation += 1;
        this._samples = [];
        const rounds = Array.from({ length: challenge.rounds }, () => ({ high: 0, low: 0, searchers: 0, solution: null }));
        return new Promise((resolve, reject) => {
            this._job = { challenge, rounds, running: true, done: 0, hashes: 0, resolve, reject };
            this.progress();
            if (this._searchers.length === 0) this._finish(reject, new SolverFailure("start", "no worker runs"));
            for (const searcher of this._searchers) {
                Object.assign(searcher, { round: null, ahead: 0, hashes: 0, since: performance.now() });
                const { module, script } = this._engine;
                searcher.port.postMessage({ begin: this._generation, module, script, token: challenge.token });
                this._feed(searcher);
            }
        });
    }

    /** Gives the present challenge up. */
    stop() {
        if (this._job !== null && this._job.running) this._finish(this._job.reject, null);
    }

    /** Ends the searchers. */
    close() {
        this.stop();
        for (const searcher of this._searchers.splice(0)) searcher.port.terminate();
    }

    /** Where the present challenge stands, or the last one ended; null before the first. `secondsLeft` is what is to be
     *  expected at the present rate: chance has no memory, so a round that has taken long is not nearer to its end. */
    progress() {
        if (this._job === null) return null;
        const { challenge, done, hashes } = this._job;
        const now = performance.now();
        this._samples.push({ now, hashes });
        while (this._samples.length > 2 && now - this._samples[0].now > rateWindow) this._samples.shift();
        const first = this._samples[0];
        const rate = now > first.now ? ((hashes - first.hashes) / (now - first.now)) * 1000 : 0;
        const left = (challenge.rounds - done) * challenge.expectedPerRound;
        return { rounds: challenge.rounds, done, hashes, rate, secondsLeft: rate > 0 ? left / rate : Infinity };
    }

    _feed(searcher) {
        while (this._job.running && searcher.ahead < rangesAhead) {
            const round = this._choose(searcher);
            const { challenge, rounds } = this._job;
            const count = Math.min(this._rangeSize(searcher, challenge), 2 ** 32 - round.low);
            const { targetHigh, targetLow } = challenge;
            const place = { generation: this._generation, round: rounds.indexOf(round), high: round.high, low: round.low };
            searcher.port.postMessage(Object.assign(place, { count, targetHigh, targetLow }));
            searcher.ahead += 1;
            round.low += count;
            if (round.low === 2 ** 32) {
                round.low = 0;
                round.high += 1;
            }
        }
    }

    // The searcher's own round while it is unsolved, else the unsolved round that the fewest work on.
    _choose(searcher) {
        if (searcher.round && searcher.round.solution === null) return searcher.round;
        const open = this._job.rounds.filter((round) => round.solution === null);
        searcher.round = open.reduce((best, round) => (round.searchers < best.searchers ? round : best));
        searcher.round.searchers += 1;
        return searcher.round;
    }

    _rangeSize(searcher, challenge) {
        const seconds = (performance.now() - searcher.since) / 1000;
        const wanted = seconds > 0 ? (searcher.hashes / seconds) * this._seconds : 0;
        const most = Math.min(rangeMax, challenge.expectedPerRound / 4);
        return 4 * Math.ceil(Math.max(this._rangeMin, Math.min(wanted, most)) / 4);
    }

    _answered(searcher, message) {
        if (message.generation !== this._generation || !this._job.running) return;
        if (message.failed !== undefined) {
            this._lost(searcher, "engine", message.failed);
            return;
        }
        const job = this._job;
        const round = job.rounds[message.round];
        searcher.ahead -= 1;
        searcher.hashes += message.count;
        job.hashes += message.count;
        if (message.found >= 0 && round.solution === null) {
            round.solution = { high: message.high, low: message.low + message.found };
            job.done += 1;
        }
        if (job.done === job.rounds.length) this._finish(job.resolve, encode(job.rounds.map((each) => each.solution)));
        else this._feed(searcher);
    }

    // A searcher that is gone takes its ranges with it: others search further up, where a solution is as likely.
    _lost(searcher, reason, detail) {
        const index = this._searchers.indexOf(searcher);
        if (index < 0) return;
        this._searchers.splice(index, 1);
        searcher.port.terminate();
        if (searcher.round) searcher.round.searchers -= 1;
        if (this._searchers.length === 0 && this._job !== null && this._job.running) {
            this._finish(this._job.reject, new SolverFailure(reason, detail));
        }
    }

    _finish(settle, value) {
        this._job.running = false;
        settle(value);
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
    return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
