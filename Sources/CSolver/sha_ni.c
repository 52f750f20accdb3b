// The search by the SHA instructions of x86.
//
// SHA256RNDS2 takes two steps; it has a latency of four cycles or more and could start every second cycle, so one
// hash alone leaves the unit idle most of the time. Two nonces are taken side by side to fill it.
//
// The instructions keep the state as two registers, ABEF and CDGH (a in the uppermost lane), and the words four to a
// register, the earliest in the lowest lane.
#include "internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SHA_NI __attribute__((target("sha,sse4.1,ssse3")))

// What no nonce of the segment changes.
struct constants {
    __m128i abef, cdgh;  // after steps 0 to 9
    __m128i wk10;        // words 10 and 11 with their constants, word 10 as 0
    __m128i m2, m3;      // words 8 to 11 (word 10 as 0) and 12 to 15
    __m128i wk12;        // words 12 to 15 with their constants
    __m128i base16;      // words 16 to 19, before SHA256MSG2, without word 10
    __m128i part20;      // what words 4 to 8 give to words 20 to 23
    __m128i abef_iv;     // a, b, e, f of the initial state
};

SHA_NI static inline __attribute__((always_inline)) __m128i k_at(int t) {
    return _mm_load_si128((const __m128i *)(const void *)(csolver_k + t));
}

SHA_NI static struct constants constants_of(const struct csolver_segment *segment) {
    const uint32_t *s = segment->after10;
    const uint32_t *w = segment->words;
    const __m128i m0 = _mm_loadu_si128((const __m128i *)(const void *)w);
    const __m128i m1 = _mm_loadu_si128((const __m128i *)(const void *)(w + 4));
    struct constants c;
    c.abef = _mm_set_epi32((int)s[0], (int)s[1], (int)s[4], (int)s[5]);
    c.cdgh = _mm_set_epi32((int)s[2], (int)s[3], (int)s[6], (int)s[7]);
    c.m2 = _mm_loadu_si128((const __m128i *)(const void *)(w + 8));
    c.m3 = _mm_loadu_si128((const __m128i *)(const void *)(w + 12));
    c.wk10 = _mm_srli_si128(_mm_add_epi32(c.m2, k_at(8)), 8);
    c.wk12 = _mm_add_epi32(c.m3, k_at(12));
    c.base16 = _mm_add_epi32(_mm_sha256msg1_epu32(m0, m1), _mm_alignr_epi8(c.m3, c.m2, 4));
    c.part20 = _mm_sha256msg1_epu32(m1, c.m2);
    c.abef_iv = _mm_set_epi32((int)csolver_iv[0], (int)csolver_iv[1], (int)csolver_iv[4], (int)csolver_iv[5]);
    return c;
}

// Four steps of both hashes by words that are ready.
#define STEPS(t, mx, my)                                                                                             \
    do {                                                                                                             \
        __m128i wkx = _mm_add_epi32(mx, k_at(t)), wky = _mm_add_epi32(my, k_at(t));                                  \
        cx = _mm_sha256rnds2_epu32(cx, ax, wkx);                                                                     \
        cy = _mm_sha256rnds2_epu32(cy, ay, wky);                                                                     \
        ax = _mm_sha256rnds2_epu32(ax, cx, _mm_srli_si128(wkx, 8));                                                  \
        ay = _mm_sha256rnds2_epu32(ay, cy, _mm_srli_si128(wky, 8));                                                  \
    } while (0)

// The next four words from the last sixteen: w is the oldest group and becomes the newest.
#define WORDS(w, x, y, z)                                                                                            \
    w = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w, x), _mm_alignr_epi8(z, y, 4)), z)

#define GROUP(t, w, x, y, z)                                                                                         \
    do {                                                                                                             \
        WORDS(w##x_, x##x_, y##x_, z##x_);                                                                           \
        WORDS(w##y_, x##y_, y##y_, z##y_);                                                                           \
        STEPS(t, w##x_, w##y_);                                                                                      \
    } while (0)

SHA_NI uint64_t csolver_segment_sha_ni(const struct csolver_segment *segment) {
    const struct constants c = constants_of(segment);
    const uint64_t target = segment->target;

    for (uint64_t offset = 0; offset < segment->count; offset += 2) {
        const __m128i nx = _mm_cvtsi32_si128((int)(segment->first + (uint32_t)offset));
        // Past the segment's end this one wraps around; it is computed and not looked at.
        const __m128i ny = _mm_cvtsi32_si128((int)(segment->first + (uint32_t)offset + 1));
        __m128i ax = c.abef, cx = c.cdgh, ay = c.abef, cy = c.cdgh;

        // Steps 10 and 11, then 12 to 15, whose words are constant. The state swaps places at each instruction: after
        // an odd number of them ABEF stands where CDGH was, hence the order of ax and cx here.
        cx = _mm_sha256rnds2_epu32(cx, ax, _mm_add_epi32(c.wk10, nx));
        cy = _mm_sha256rnds2_epu32(cy, ay, _mm_add_epi32(c.wk10, ny));
        ax = _mm_sha256rnds2_epu32(ax, cx, c.wk12);
        ay = _mm_sha256rnds2_epu32(ay, cy, c.wk12);
        cx = _mm_sha256rnds2_epu32(cx, ax, _mm_srli_si128(c.wk12, 8));
        cy = _mm_sha256rnds2_epu32(cy, ay, _mm_srli_si128(c.wk12, 8));
        __m128i swap = ax;
        ax = cx;
        cx = swap;
        swap = ay;
        ay = cy;
        cy = swap;

        // Words 16 to 19: word 10 stands in lane 1 of the sum. Words 20 to 23: word 10 has no part but through them.
        __m128i m0x_ = _mm_sha256msg2_epu32(_mm_add_epi32(c.base16, _mm_slli_si128(nx, 4)), c.m3);
        __m128i m0y_ = _mm_sha256msg2_epu32(_mm_add_epi32(c.base16, _mm_slli_si128(ny, 4)), c.m3);
        STEPS(16, m0x_, m0y_);
        __m128i m1x_ = _mm_sha256msg2_epu32(_mm_add_epi32(c.part20, _mm_alignr_epi8(m0x_, c.m3, 4)), m0x_);
        __m128i m1y_ = _mm_sha256msg2_epu32(_mm_add_epi32(c.part20, _mm_alignr_epi8(m0y_, c.m3, 4)), m0y_);
        STEPS(20, m1x_, m1y_);
        __m128i m2x_ = _mm_add_epi32(c.m2, _mm_slli_si128(nx, 8)), m2y_ = _mm_add_epi32(c.m2, _mm_slli_si128(ny, 8));
        __m128i m3x_ = c.m3, m3y_ = c.m3;
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

        // a and b are the upper half of ABEF: the digest's first eight bytes as one number.
        const uint64_t hx = (uint64_t)_mm_extract_epi64(_mm_add_epi32(ax, c.abef_iv), 1);
        const uint64_t hy = (uint64_t)_mm_extract_epi64(_mm_add_epi32(ay, c.abef_iv), 1);
        if (hx <= target) return offset;
        if (hy <= target) return offset + 1; // past the end that is the count, which says "none"
    }
    return segment->count;
}
#endif
