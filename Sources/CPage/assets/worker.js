// A worker of the challenge page: one instance of the solver, which searches the ranges it is given.
//
// Messages in:   {begin: generation, module, token}             the challenge that the next ranges belong to
//                {generation, round, high, low, count, targetHigh, targetLow}      a range, as solver.c's `search` takes it
// Messages out:  {generation, round, high, low, count, found}   found: the distance of the solution from the first, or −1
//                {generation, failed: text}                     the solver cannot run here
// Ranges are answered in the order they came. One that waits behind a solution of its own round is answered with count 0.
"use strict";

let solver = null;
let generation = 0;
let solved = new Set();

self.onmessage = (event) => {
    const message = event.data;
    try {
        if (message.begin !== undefined) begin(message);
        else if (message.generation === generation) search(message);
        // A range of a challenge that has been given up: nobody waits for its answer.
    } catch (error) {
        self.postMessage({ generation, failed: String(error) });
    }
};

function begin(message) {
    generation = message.begin;
    solved = new Set();
    if (solver === null) solver = new WebAssembly.Instance(message.module).exports;
    const token = new TextEncoder().encode(message.token);
    const room = new Uint8Array(solver.memory.buffer, solver.token_memory(), solver.token_room());
    if (token.length > room.length) throw new RangeError("the challenge is too long");
    room.set(token);
    solver.seed(token.length);
}

function search({ round, high, low, count, targetHigh, targetLow }) {
    if (solved.has(round)) {
        self.postMessage({ generation, round, high, low, count: 0, found: -1 });
        return;
    }
    const found = solver.search(round, high, low, count, targetHigh, targetLow);
    if (found < -1) throw new RangeError("not a range");
    if (found >= 0) solved.add(round);
    self.postMessage({ generation, round, high, low, count: found < 0 ? count : found + 1, found });
}
