// The choice of the path, and the portable one.
#include "internal.h"

#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

// 0x1EDC6F41 with its bits in reverse, as the checksum takes the lowest bit of a byte first.
enum { polynomial = 0x82F63B78u };

// tables[0][b]: what a byte b does to the checksum; tables[k][b]: the same with k zero bytes after it.
static uint32_t tables[8][256];
static cchecksum_function *best;

int cchecksum_path_available(int path) {
    switch (path) {
    case cchecksum_path_portable: return 1;
#if defined(__x86_64__)
    case cchecksum_path_sse42: return __builtin_cpu_supports("sse4.2") ? 1 : 0;
#endif
#if defined(__aarch64__)
    case cchecksum_path_armv8: return getauxval(AT_HWCAP) & HWCAP_CRC32 ? 1 : 0;
#endif
    default: return 0;
    }
}

static cchecksum_function *function_of(int path) {
    if (!cchecksum_path_available(path)) return cchecksum_portable;
    switch (path) {
#if defined(__x86_64__)
    case cchecksum_path_sse42: return cchecksum_sse42;
#endif
#if defined(__aarch64__)
    case cchecksum_path_armv8: return cchecksum_armv8;
#endif
    default: return cchecksum_portable;
    }
}

// Before main, hence before any thread: nothing needs a lock later.
__attribute__((constructor)) static void prepare(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int k = 1; k < 8; k++)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xFF];
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    best = cchecksum_portable;
    for (int path = 1; path < cchecksum_path_count; path++)
        if (cchecksum_path_available(path)) best = function_of(path);
}

uint32_t cchecksum_portable(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        word ^= crc;
        crc = tables[7][word & 0xFF] ^ tables[6][word >> 8 & 0xFF] ^ tables[5][word >> 16 & 0xFF] ^
              tables[4][word >> 24 & 0xFF] ^ tables[3][word >> 32 & 0xFF] ^ tables[2][word >> 40 & 0xFF] ^
              tables[1][word >> 48 & 0xFF] ^ tables[0][word >> 56];
    }
    for (; count > 0; bytes++, count--) crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 0xFF];
    return crc;
}

uint32_t cchecksum_crc32c(uint32_t crc, const void *bytes, size_t count) { return ~best(~crc, bytes, count); }

uint32_t cchecksum_crc32c_by(int path, uint32_t crc, const void *bytes, size_t count) {
    return ~function_of(path)(~crc, bytes, count);
}
