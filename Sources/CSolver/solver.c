// Chooses the path by what the processor says, and cuts a range of nonces into segments that share their upper half.
#include "internal.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

const uint32_t csolver_iv[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

_Alignas(64) const uint32_t csolver_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#if defined(__x86_64__)
// AVX2 needs the operating system's word too: that it saves the wide registers (XCR0, bits 1 and 2).
static int x86_has(int path) {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 0;
    const unsigned leaf1_ecx = ecx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return 0;
    if (path == csolver_path_sha_ni) {
        const int ssse3 = (leaf1_ecx >> 9) & 1, sse41 = (leaf1_ecx >> 19) & 1, sha = (ebx >> 29) & 1;
        return ssse3 && sse41 && sha;
    }
    const int osxsave = (leaf1_ecx >> 27) & 1, avx = (leaf1_ecx >> 28) & 1, avx2 = (ebx >> 5) & 1;
    if (!(osxsave && avx && avx2)) return 0;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return (low & 6) == 6;
}
#endif

int csolver_path_available(int path) {
    switch (path) {
    case csolver_path_portable:
        return 1;
#if defined(__x86_64__)
    case csolver_path_avx2:
    case csolver_path_sha_ni:
        return x86_has(path);
#endif
#if defined(__aarch64__) && defined(__ARM_NEON) && defined(__linux__)
    case csolver_path_armv8:
        return (getauxval(AT_HWCAP) >> 6) & 1; // HWCAP_SHA2
#endif
    default:
        return 0;
    }
}

int csolver_path_best(void) {
    for (int path = csolver_path_count - 1; path > csolver_path_portable; path--)
        if (csolver_path_available(path)) return path;
    return csolver_path_portable;
}

static csolver_segment_search *search_of(int path) {
    switch (path) {
#if defined(__x86_64__)
    case csolver_path_avx2:
        return csolver_segment_avx2;
    case csolver_path_sha_ni:
        return csolver_segment_sha_ni;
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
    case csolver_path_armv8:
        return csolver_segment_armv8;
#endif
    default:
        return csolver_segment_portable;
    }
}

static inline uint32_t rotated(uint32_t x, int bits) { return (x >> bits) | (x << (32 - bits)); }

// Steps from (inclusive) to to (exclusive), none past 15: those whose words stand in the block itself.
static void step(uint32_t s[8], const uint32_t words[16], int from, int to) {
    for (int t = from; t < to; t++) {
        const uint32_t a = s[0], e = s[4];
        const uint32_t t1 = s[7] + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & s[5]) ^ (~e & s[6])) +
                            csolver_k[t] + words[t];
        const uint32_t t2 = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        for (int i = 7; i > 0; i--) s[i] = s[i - 1];
        s[4] += t1;
        s[0] = t1 + t2;
    }
}

uint64_t csolver_search(
    int path, const uint8_t *seed, uint32_t round, uint64_t target, uint64_t start, uint64_t count, uint64_t *nonce,
    int *found) {
    csolver_segment_search *search = search_of(path);
    struct csolver_segment segment = {.target = target};
    for (int i = 0; i < 8; i++)
        segment.words[i] = (uint32_t)seed[4 * i] << 24 | (uint32_t)seed[4 * i + 1] << 16 |
                           (uint32_t)seed[4 * i + 2] << 8 | (uint32_t)seed[4 * i + 3];
    segment.words[8] = round;
    segment.words[11] = csolver_padding;
    segment.words[15] = csolver_bits;
    for (int i = 0; i < 8; i++) segment.after8[i] = csolver_iv[i];
    step(segment.after8, segment.words, 0, 8);

    *found = 0;
    // Nonces end at 2^64 - 1. UINT64_MAX - start, not one more, so that the sum cannot overflow when start is 0.
    if (count > 0 && count - 1 > UINT64_MAX - start) count = UINT64_MAX - start + 1;
    uint64_t tried = 0;
    while (tried < count) {
        const uint64_t n = start + tried;
        const uint64_t in_segment = (1ull << 32) - (uint32_t)n;
        segment.first = (uint32_t)n;
        segment.count = count - tried < in_segment ? count - tried : in_segment;
        segment.words[9] = (uint32_t)(n >> 32);
        for (int i = 0; i < 8; i++) segment.after10[i] = segment.after8[i];
        step(segment.after10, segment.words, 8, 10);

        const uint64_t offset = search(&segment);
        if (offset < segment.count) {
            *nonce = n + offset;
            *found = 1;
            return tried + offset + 1;
        }
        tried += segment.count;
    }
    return tried;
}
