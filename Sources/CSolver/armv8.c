// The search by the SHA-2 instructions of ARMv8.
//
// SHA256H and SHA256H2 take four steps of a, b, c, d and of e, f, g, h. They depend on each other in a chain, so two
// nonces are taken side by side. Words stand four to a register, the earliest in lane 0.
#include "internal.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>

#define ARMV8_SHA2 __attribute__((target("sha2")))

// Four steps of both hashes by words that are ready.
#define STEPS(t, mx, my)                                                                                             \
    do {                                                                                                             \
        const uint32x4_t k = vld1q_u32(csolver_k + (t));                                                             \
        const uint32x4_t wkx = vaddq_u32(mx, k), wky = vaddq_u32(my, k);                                             \
        const uint32x4_t oldx = abcdx, oldy = abcdy;                                                                 \
        abcdx = vsha256hq_u32(abcdx, efghx, wkx);                                                                    \
        abcdy = vsha256hq_u32(abcdy, efghy, wky);                                                                    \
        efghx = vsha256h2q_u32(efghx, oldx, wkx);                                                                    \
        efghy = vsha256h2q_u32(efghy, oldy, wky);                                                                    \
    } while (0)

// The next four words from the last sixteen: w is the oldest group and becomes the newest.
#define WORDS(w, x, y, z) w = vsha256su1q_u32(vsha256su0q_u32(w, x), y, z)

#define GROUP(t, w, x, y, z)                                                                                         \
    do {                                                                                                             \
        WORDS(w##x_, x##x_, y##x_, z##x_);                                                                           \
        WORDS(w##y_, x##y_, y##y_, z##y_);                                                                           \
        STEPS(t, w##x_, w##y_);                                                                                      \
    } while (0)

ARMV8_SHA2 uint64_t csolver_segment_armv8(const struct csolver_segment *segment) {
    const uint64_t target = segment->target;
    // The instructions come four steps at a time: the constant part ends after step 7, not after step 9.
    const uint32x4_t abcd = vld1q_u32(segment->after8), efgh = vld1q_u32(segment->after8 + 4);
    const uint32x4_t m0 = vld1q_u32(segment->words), m1 = vld1q_u32(segment->words + 4);
    const uint32x4_t m2 = vld1q_u32(segment->words + 8), m3 = vld1q_u32(segment->words + 12);
    // What words 0 to 4 give to words 16 to 19, and words 4 to 8 to words 20 to 23: no nonce reaches these.
    const uint32x4_t part16 = vsha256su0q_u32(m0, m1), part20 = vsha256su0q_u32(m1, m2);

    for (uint64_t offset = 0; offset < segment->count; offset += 2) {
        uint32x4_t abcdx = abcd, efghx = efgh, abcdy = abcd, efghy = efgh;
        uint32x4_t m2x_ = vsetq_lane_u32(segment->first + (uint32_t)offset, m2, 2);
        // Past the segment's end this one wraps around; it is computed and not looked at.
        uint32x4_t m2y_ = vsetq_lane_u32(segment->first + (uint32_t)offset + 1, m2, 2);
        uint32x4_t m3x_ = m3, m3y_ = m3;
        STEPS(8, m2x_, m2y_);
        STEPS(12, m3x_, m3y_);
        uint32x4_t m0x_ = vsha256su1q_u32(part16, m2x_, m3x_), m0y_ = vsha256su1q_u32(part16, m2y_, m3y_);
        STEPS(16, m0x_, m0y_);
        uint32x4_t m1x_ = vsha256su1q_u32(part20, m3x_, m0x_), m1y_ = vsha256su1q_u32(part20, m3y_, m0y_);
        STEPS(20, m1x_, m1y_);
        GROUP(24, m2, m3, m0, m1);
        GROUP(28, m3, m0, m1, m2);
        GROUP(32, m0, m1, m2, m3);
        GROUP(36, m1, m2, m3, m0);
        GROUP(40, m2, m3, m0, m1);
        GROUP(44, m3, m0, m1, m2);
        GROUP(48, m0, m1, m2, m3);
        GROUP(52, m1, m2, m3, m0);
        GROUP(56, m2, m3, m0, m1);
        GROUP(60, m3, m0, m1, m2);

        const uint64_t hx = (uint64_t)(vgetq_lane_u32(abcdx, 0) + csolver_iv[0]) << 32 |
                            (uint32_t)(vgetq_lane_u32(abcdx, 1) + csolver_iv[1]);
        const uint64_t hy = (uint64_t)(vgetq_lane_u32(abcdy, 0) + csolver_iv[0]) << 32 |
                            (uint32_t)(vgetq_lane_u32(abcdy, 1) + csolver_iv[1]);
        if (hx <= target) return offset;
        if (hy <= target) return offset + 1; // past the end that is the count, which says "none"
    }
    return segment->count;
}
#endif
