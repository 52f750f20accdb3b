// The search for nonces: SHA-256 over one block, as fast as this processor can.
//
// A round of the puzzle asks for a 64-bit n such that the first 8 bytes, big-endian, of
//     SHA-256(seed (32 bytes) || round (4 bytes, big-endian) || n (8 bytes, big-endian))
// are at most a target. The message is 44 bytes, hence one block, of which only one 32-bit word changes from try to
// try. Everything that this word does not reach is computed once for each call (see internal.h).
//
// Each path below gives the same answers; tests hold them against each other and against libcrypto.
#pragma once

#include <stddef.h>
#include <stdint.h>

// How the hashes are computed. The values are stable: tests iterate over them.
enum csolver_path {
    csolver_path_portable = 0,  // four lanes of plain C vectors: SSE2, NEON, or whatever the compiler has
    csolver_path_avx2 = 1,      // eight lanes, x86 with AVX2 but without the SHA instructions
    csolver_path_sha_ni = 2,    // x86 SHA instructions, two nonces interleaved
    csolver_path_armv8 = 3,     // ARMv8 SHA-2 instructions, two nonces interleaved
};

enum { csolver_path_count = 4 };

// Whether this processor, and this build, can take the path: 1 or 0. A path that is not known is 0.
int csolver_path_available(int path);

// The fastest path that is available here. Asks the processor each time (microseconds): keep the answer.
int csolver_path_best(void);

// Tries the nonces start, start + 1, … in ascending order, at most `count` of them and none beyond 2^64 - 1.
//
//   path    one that is available; any other is taken as portable
//   seed    32 bytes
//   target  inclusive
//   nonce   receives the smallest n of this range that meets the target; untouched where there is none
//   found   receives 1 or 0
//
// Returns how many nonces were tried, up to and including the one found: what is honest to count as work. Touches no
// memory but its arguments and may be called by any number of threads at once.
uint64_t csolver_search(
    int path, const uint8_t *seed, uint32_t round, uint64_t target, uint64_t start, uint64_t count, uint64_t *nonce,
    int *found);

// How many processors this process may run on, by its affinity (taskset, cpusets): 1 or more.
int csolver_processors(void);

// Reads base64url without padding, all `count` characters of `text`, to `out`, which has room for count * 3 / 4 bytes.
// Returns 1, or 0 where the text is not canonical: a character outside the alphabet, a length that no number of bytes
// has, or bits set that no byte has use for. Then what `out` holds means nothing. Writes within `out` in any case.
int csolver_base64url_decode(const uint8_t *text, size_t count, uint8_t *out);
