// What the paths share: the constants of SHA-256 and the part of the block that no nonce changes.
//
// The block, as sixteen big-endian words:
//
//     W0 … W7   the seed          constant for a challenge
//     W8        the round         constant for a round
//     W9        n, upper half     constant for 2^32 tries: a "segment"
//     W10       n, lower half     the only word that changes
//     W11       80000000          the padding's first bit
//     W12 … W14 0
//     W15       352               the message's length in bits
//
// So the first ten of the 64 steps are the same for a whole segment and are taken once.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "CSolver.h"

// FIPS 180-4, section 4.2.2 and 5.3.3.
extern const uint32_t csolver_k[64];
extern const uint32_t csolver_iv[8];

enum { csolver_padding = 0x80000000u, csolver_bits = 352 };

// One stretch of nonces that share the upper half.
struct csolver_segment {
    uint32_t words[16];  // the block; words[10] is 0 and takes the lower half
    uint32_t after8[8];  // a … h after steps 0 to 7
    uint32_t after10[8]; // a … h after steps 0 to 9
    uint64_t target;
    uint32_t first;      // lower half of the first nonce
    uint64_t count;      // 1 … 2^32 - first
};

// A path: returns the offset of the first nonce of the segment that meets the target, or the segment's count.
typedef uint64_t csolver_segment_search(const struct csolver_segment *segment);

csolver_segment_search csolver_segment_portable;
#if defined(__x86_64__)
csolver_segment_search csolver_segment_avx2;
csolver_segment_search csolver_segment_sha_ni;
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
csolver_segment_search csolver_segment_armv8;
#endif
