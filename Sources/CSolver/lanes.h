// A template: the search by plain C vectors, LANES nonces at once. Included once for each width, with
//
//     LANES        how many 32-bit lanes
//     LANES_NAME   the function's name
//
// Only operators that the compiler's vector types define are used, so the same text serves SSE2, AVX2 and NEON.

typedef uint32_t LANES_TYPE __attribute__((vector_size(4 * LANES)));

#define ROT(x, bits) (((x) >> (bits)) | ((x) << (32 - (bits))))

uint64_t LANES_NAME(const struct csolver_segment *segment) {
    const uint32_t target_high = (uint32_t)(segment->target >> 32);
    LANES_TYPE ramp;
    for (int i = 0; i < LANES; i++) ramp[i] = (uint32_t)i;
    const LANES_TYPE zero = ramp - ramp;

    for (uint64_t offset = 0; offset < segment->count; offset += LANES) {
        LANES_TYPE w[16];
        for (int i = 0; i < 16; i++) w[i] = zero + segment->words[i];
        // Lanes past the segment's end wrap around; they are computed and not looked at.
        w[10] = ramp + (segment->first + (uint32_t)offset);

        LANES_TYPE s[8];
        for (int i = 0; i < 8; i++) s[i] = zero + segment->after10[i];

        // Unrolled, so that the shifting of s and the indices of w cost nothing.
#pragma clang loop unroll(full)
        for (int t = 10; t < 64; t++) {
            LANES_TYPE word = w[t & 15];
            if (t >= 16) {
                const LANES_TYPE w15 = w[(t + 1) & 15], w2 = w[(t + 14) & 15];
                word += (ROT(w15, 7) ^ ROT(w15, 18) ^ (w15 >> 3)) + w[(t + 9) & 15] +
                        (ROT(w2, 17) ^ ROT(w2, 19) ^ (w2 >> 10));
                w[t & 15] = word;
            }
            const LANES_TYPE a = s[0], e = s[4];
            const LANES_TYPE t1 =
                s[7] + (ROT(e, 6) ^ ROT(e, 11) ^ ROT(e, 25)) + (s[6] ^ (e & (s[5] ^ s[6]))) + (word + csolver_k[t]);
            const LANES_TYPE t2 =
                (ROT(a, 2) ^ ROT(a, 13) ^ ROT(a, 22)) + ((a & s[1]) | (s[2] & (a | s[1])));
            s[7] = s[6];
            s[6] = s[5];
            s[5] = e;
            s[4] = s[3] + t1;
            s[3] = s[2];
            s[2] = s[1];
            s[1] = a;
            s[0] = t1 + t2;
        }

        // The upper halves decide almost always; only where one is small enough is anything looked at lane by lane.
        const LANES_TYPE high = s[0] + csolver_iv[0];
        const LANES_TYPE low = s[1] + csolver_iv[1];
        uint32_t near = 0;
        for (int i = 0; i < LANES; i++) near |= high[i] <= target_high;
        if (!near) continue;
        for (int i = 0; i < LANES && offset + (uint64_t)i < segment->count; i++)
            if (((uint64_t)high[i] << 32 | low[i]) <= segment->target) return offset + (uint64_t)i;
    }
    return segment->count;
}

#undef ROT
