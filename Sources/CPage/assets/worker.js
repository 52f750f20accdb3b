// A worker of the challenge page: one instance of a solver, which searches the ranges it is given. Where workers are
// blocked, the page runs this file itself, through inline.js.
//
// Messages in:   {begin: generation, module, script, token}     the challenge that the next ranges belong to, and by what
//                                                               it is solved: a WebAssembly module, or else a script's URL
//                {generation, round, high, low, count, targetHigh, targetLow}      a range, as solver.c's `search` takes it
// Messages out:  {generation, round, high, low, count, found}   found: the distance of the solution from the first, or −1
//                {generation, failed: text}                     the solver cannot run here
// Ranges are answered in the order they came. One that waits behind a solution of its own round is answered with count 0.
"use strict";

/** What answers messages. `load(url)` runs a script, `post` sends an answer; the result takes one message after another. */
self.tollgateSearcher = function (load, post) {
    let solver = null;
    let generation = 0;
    let solved = new Set();

    async function begin(message) {
        generation = message.begin;
        solved = new Set();
        if (solver === null) solver = message.module ? await compiled(message.module) : await scripted(message.script);
        if (!solver.seed(message.token)) throw new RangeError("the challenge is too long");
    }

    async function compiled(module) {
        const { exports } = await WebAssembly.instantiate(module);
        return {
            search: exports.search,
            seed(token) {
                const bytes = Uint8Array.from(token, (character) => character.charCodeAt(0));
                const room = new Uint8Array(exports.memory.buffer, exports.token_memory(), exports.token_room());
                if (bytes.length > room.length) return false;
                room.set(bytes);
                return exports.seed(bytes.length) !== 0;
            },
        };
    }

    async function scripted(url) {
        await load(url);
        return self.tollgateScriptSolver();
    }

    function search({ round, high, low, count, targetHigh, targetLow }) {
        if (solved.has(round)) {
            post({ generation, round, high, low, count: 0, found: -1 });
            return;
        }
        const found = solver.search(round, high, low, count, targetHigh, targetLow);
        if (found < -1) throw new RangeError("not a range");
        if (found >= 0) solved.add(round);
        post({ generation, round, high, low, count: found < 0 ? count : found + 1, found });
    }

    return async function take(message) {
        try {
            if (message.begin !== undefined) await begin(message);
            else if (message.generation === generation && solver !== null) search(message);
            // A range of a challenge that has been given up, or of one that could not begin: nobody waits for its answer.
        } catch (error) {
            post({ generation, failed: String(error) });
        }
    };
};

if (typeof WorkerGlobalScope !== "undefined") {
    const take = self.tollgateSearcher(self.importScripts.bind(self), self.postMessage.bind(self));
    // Messages that come while the solver is still being made wait for it.
    let turn = Promise.resolve();
    self.onmessage = (event) => {
        turn = turn.then(() => take(event.data));
    };
}
