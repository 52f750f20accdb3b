// Reading base64url, sixteen characters at a time.
//
// In C because it is the largest part of a verification that is not hashing (300 characters each), and the vector types
// of Swift are slower here than no vectors at all. Plain C vectors, so SSE2 and NEON alike; no tables, no branch that
// depends on a character.
#include <string.h>

#include "CSolver.h"

typedef uint8_t characters __attribute__((vector_size(16)));
typedef uint32_t groups __attribute__((vector_size(16)));

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the packing counts on it");

// The six bits of each character; *valid keeps all bits only where all characters so far were of the alphabet.
static inline characters values_of(characters c, characters *valid) {
    // A comparison gives 0xff where it holds. One unsigned comparison bounds a range from both sides.
    const characters upper = (characters)((c - 'A') < 26), lower = (characters)((c - 'a') < 26);
    const characters digit = (characters)((c - '0') < 10);
    const characters minus = (characters)(c == '-'), underscore = (characters)(c == '_');
    *valid &= upper | lower | digit | minus | underscore;
    return (upper & (c - 'A')) | (lower & (c - ('a' - 26))) | (digit & (c + (52 - '0'))) | (minus & 62) |
           (underscore & 63);
}

// Sixteen times six bits as twelve bytes.
static inline void pack(characters values, uint8_t out[12]) {
    // In each 32 bits the first character is the lowest byte, and its bits are the uppermost of three bytes.
    const groups v = (groups)values;
    const groups g = (v & 0x3f) << 18 | (v & 0x3f00) << 4 | (v & 0x3f0000) >> 10 | v >> 24;
    const uint64_t high = (uint64_t)g[0] << 40 | (uint64_t)g[1] << 16 | g[2] >> 8;
    const uint32_t low = g[2] << 24 | g[3];
    const uint64_t first = __builtin_bswap64(high);
    const uint32_t last = __builtin_bswap32(low);
    memcpy(out, &first, 8);
    memcpy(out + 8, &last, 4);
}

int csolver_base64url_decode(const uint8_t *text, size_t count, uint8_t *out) {
    if (count % 4 == 1) return 0;
    characters valid = (characters){} == (characters){};
    while (count >= 16) {
        characters c;
        memcpy(&c, text, 16);
        pack(values_of(c, &valid), out);
        text += 16;
        out += 12;
        count -= 16;
    }
    uint8_t spare = 0;
    if (count > 0) {
        // Filled up with 'A', which is six zero bits. So zero must be the byte after the last one, too: it holds the
        // bits of the last character that no byte has use for.
        characters c = (characters){} + 'A';
        memcpy(&c, text, count);
        uint8_t bytes[12];
        pack(values_of(c, &valid), bytes);
        const size_t kept = count * 3 / 4;  // 11 at most
        memcpy(out, bytes, kept);
        spare = bytes[kept];
    }
    uint64_t halves[2];
    memcpy(halves, &valid, 16);
    return (halves[0] & halves[1]) == UINT64_MAX && spare == 0;
}
