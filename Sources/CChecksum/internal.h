// What the paths share. They work on the inverted checksum; who calls them inverts it before and after.
#pragma once

#include "CChecksum.h"

typedef uint32_t cchecksum_function(uint32_t crc, const uint8_t *bytes, size_t count);

cchecksum_function cchecksum_portable;
#if defined(__x86_64__)
cchecksum_function cchecksum_sse42;
#endif
#if defined(__aarch64__)
cchecksum_function cchecksum_armv8;
#endif
