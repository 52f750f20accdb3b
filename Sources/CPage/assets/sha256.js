// The solver for browsers without WebAssembly, or whose policies forbid it: solver.c once more, in JavaScript.
//
// A classic script, for a worker and for the page alike. It leaves `tollgateScriptSolver`, which makes an instance:
//
//     seed(token)      takes the token, ASCII, that the next searches belong to; false: it is too long
//     search(round, high, low, count, targetHigh, targetLow)      as solver.c's
//
// What solver.c says about the message of a try and about what varies in it holds here too.
"use strict";

self.tollgateScriptSolver = function () {
    const tokenMax = 512;
    const firstVarying = 10;

    // FIPS 180-4, section 4.2.2 and 5.3.3: fractional parts of cube roots and square roots of primes.
    const K = new Int32Array([
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ]);
    const INITIAL = new Int32Array([
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ]);

    const seedWords = new Int32Array(8);
    const message = new Int32Array(16);
    const w = new Int32Array(64);
    const prepared = new Int32Array(8); // after the rounds that do not depend on W10
    const fixed = new Int32Array(64); // the terms of W[t] that do not vary
    const varies = new Uint8Array(64); // whether W[t] depends on W10

    for (let t = 0; t < 64; t++) {
        varies[t] = t < 16 ? Number(t === 10) : varies[t - 2] | varies[t - 7] | varies[t - 15] | varies[t - 16];
    }

    function schedule0(x) {
        return ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    }

    function schedule1(x) {
        return ((x >>> 17) | (x << 15)) ^ ((x >>> 19) | (x << 13)) ^ (x >>> 10);
    }

    // Rounds `from` to `to` − 1 on `state`, with the words in `w`.
    function rounds(state, from, to) {
        let a = state[0], b = state[1], c = state[2], d = state[3];
        let e = state[4], f = state[5], g = state[6], h = state[7];
        for (let t = from; t < to; t++) {
            const sigma1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
            const t1 = (h + sigma1 + (((f ^ g) & e) ^ g) + K[t] + w[t]) | 0;
            const sigma0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
            const t2 = (sigma0 + (((a ^ b) & (b ^ c)) ^ b)) | 0;
            h = g;
            g = f;
            f = e;
            e = (d + t1) | 0;
            d = c;
            c = b;
            b = a;
            a = (t1 + t2) | 0;
        }
        state[0] = a, state[1] = b, state[2] = c, state[3] = d;
        state[4] = e, state[5] = f, state[6] = g, state[7] = h;
    }

    // One compression of the block in `message` onto `hash`.
    function compress(hash) {
        w.set(message);
        for (let t = 16; t < 64; t++) w[t] = schedule1(w[t - 2]) + w[t - 7] + schedule0(w[t - 15]) + w[t - 16];
        const state = hash.slice();
        rounds(state, 0, 64);
        for (let i = 0; i < 8; i++) hash[i] += state[i];
    }

    function seed(token) {
        const length = token.length;
        if (length > tokenMax) return false;
        const hash = INITIAL.slice();
        const blocks = Math.ceil((length + 9) / 64);
        for (let block = 0; block < blocks; block++) {
            for (let word = 0; word < 16; word++) {
                let value = 0;
                for (let at = block * 64 + word * 4, end = at + 4; at < end; at++) {
                    value = (value << 8) | (at < length ? token.charCodeAt(at) & 0xff : at === length ? 0x80 : 0);
                }
                message[word] = value;
            }
            if (block === blocks - 1) message[15] = length * 8;
            compress(hash);
        }
        seedWords.set(hash);
        return true;
    }

    // Sets up `message`, `prepared` and `fixed` for tries of one round whose n share their upper half.
    function prepare(round, high) {
        message.set(seedWords);
        message.fill(0, 8);
        message[8] = round;
        message[9] = high;
        message[11] = 0x80000000;
        message[15] = 44 * 8;
        for (let t = 0; t < 64; t++) {
            let sum = 0;
            if (t < 16) {
                sum = message[t];
            } else {
                if (!varies[t - 2]) sum += schedule1(fixed[t - 2]);
                if (!varies[t - 7]) sum += fixed[t - 7];
                if (!varies[t - 15]) sum += schedule0(fixed[t - 15]);
                if (!varies[t - 16]) sum += fixed[t - 16];
            }
            fixed[t] = sum;
        }
        prepared.set(INITIAL);
        w.set(fixed);
        rounds(prepared, 0, firstVarying);
    }

    const state = new Int32Array(8);

    // The first word of a try's digest.
    function firstWord(low) {
        // What does not vary stands in `w` from `prepare` on: words below 24 but for these five.
        w[10] = low;
        w[17] = fixed[17] + w[10];
        w[19] = fixed[19] + schedule1(w[17]);
        w[21] = fixed[21] + schedule1(w[19]);
        w[23] = fixed[23] + schedule1(w[21]);
        for (let t = 24; t < 64; t++) w[t] = schedule1(w[t - 2]) + w[t - 7] + schedule0(w[t - 15]) + w[t - 16];
        state.set(prepared);
        rounds(state, firstVarying, 64);
        return (state[0] + INITIAL[0]) >>> 0;
    }

    function search(round, high, low, count, targetHigh, targetLow) {
        if (count % 4 !== 0 || count > 2 ** 30 || low + count > 2 ** 32) return -2;
        prepare(round, high);
        for (let done = 0; done < count; done++) {
            const first = firstWord(low + done);
            if (first > targetHigh) continue;
            // One of 2^32/target: hashed once more, in full, for the exact comparison.
            const hash = INITIAL.slice();
            message[10] = low + done;
            compress(hash);
            const second = hash[1] >>> 0;
            if (first < targetHigh || second <= targetLow) return done;
            w.set(fixed);
        }
        return -1;
    }

    return { seed, search };
};
