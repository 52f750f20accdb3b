// CRC-32C (Castagnoli; RFC 3720, appendix B.4): the checksum of the log and of snapshots.
//
// It finds every single flipped bit, every burst of up to 32 bits, and others but for one in 2^32. Each path below
// gives the same answers; tests hold them against known vectors and against each other.
#pragma once

#include <stddef.h>
#include <stdint.h>

// How it is computed. The values are stable: tests iterate over them.
enum cchecksum_path {
    cchecksum_path_portable = 0, // tables, eight bytes at a time
    cchecksum_path_sse42 = 1,    // x86, SSE4.2
    cchecksum_path_armv8 = 2,    // ARMv8, CRC extension
};

enum { cchecksum_path_count = 3 };

// Whether this processor, and this build, can take the path: 1 or 0. A path that is not known is 0.
int cchecksum_path_available(int path);

// The checksum of `count` bytes by the best path that this processor has.
//
//   crc  0 to begin, or the checksum of what came before: crc(crc(0, a), b) is the checksum of a followed by b
//
// May be called by any number of threads at once.
uint32_t cchecksum_crc32c(uint32_t crc, const void *bytes, size_t count);

// The same by a path that is available; any other is taken as portable.
uint32_t cchecksum_crc32c_by(int path, uint32_t crc, const void *bytes, size_t count);
