// The page's solver: finds, for one round of a challenge, the smallest n of a range whose hash meets the target.
//
// Freestanding C, built by build-solver.sh into solver.wasm and scalar.wasm; no library, no import. The message of a try
// is one block of SHA-256 (FIPS 180-4, section 6.2.2):
//
//     W0…W7 seed   W8 round   W9 n, high half   W10 n, low half   W11 0x80000000   W12…W14 0   W15 352 (bits)
//
// Only W10 differs from try to try, and that decides the shape of everything here:
//   - the first ten rounds of the compression, and all of the message schedule that does not depend on W10, are computed
//     once for a range (`prepare`); a word that depends on it keeps its constant terms summed up in `fixed`;
//   - at the end only the first word of the digest is computed, and compared with the target's upper half; a try that
//     passes (one of 2^32/target) is hashed once more, in full, for the exact comparison.
// Four tries run side by side, one in each lane of a SIMD register.
//
// The caller is one thread (a worker has an instance of its own); the order of calls is seed, then search, any number of
// times. Nothing here trusts a length: see `seed`.

typedef unsigned int u32;
typedef unsigned long long u64;

// With TOLLGATE_SCALAR the same source gives scalar.wasm, for browsers without SIMD.
#ifdef TOLLGATE_SCALAR
enum { LANES = 1 };
typedef u32 lanes;
#define SPLAT(x) ((u32)(x))
#define FIRST_LANES ((u32)0)
#else
#include <wasm_simd128.h>
enum { LANES = 4 };
typedef u32 lanes __attribute__((vector_size(16)));
#define SPLAT(x) ((lanes)wasm_i32x4_splat((int)(x)))
#define FIRST_LANES ((lanes){0, 1, 2, 3})
#endif

#define EXPORT(name) __attribute__((export_name(#name))) name
#define INLINE static inline __attribute__((always_inline))

enum { TOKEN_MAX = 512, ROUNDS = 64, FIRST_VARYING_ROUND = 10 };

static const u32 K[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const u32 INITIAL[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

// The functions of FIPS 180-4, section 4.1.2, for one value or for a register of them. MAJ is written so
// that its b ^ c is what the round before has computed as its a ^ b, which the compiler keeps.
#define ROTATED(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define SIGMA_0(x) (ROTATED(x, 2) ^ ROTATED(x, 13) ^ ROTATED(x, 22))
#define SIGMA_1(x) (ROTATED(x, 6) ^ ROTATED(x, 11) ^ ROTATED(x, 25))
#define SCHEDULE_0(x) (ROTATED(x, 7) ^ ROTATED(x, 18) ^ (x) >> 3)
#define SCHEDULE_1(x) (ROTATED(x, 17) ^ ROTATED(x, 19) ^ (x) >> 10)
#define CH(e, f, g) ((((f) ^ (g)) & (e)) ^ (g))
#define MAJ(a, b, c) ((((a) ^ (b)) & ((b) ^ (c))) ^ (b))

// Bit t says that word t of the schedule depends on W10: word 10 itself, and by W[t] = σ1(W[t−2]) + W[t−7] + σ0(W[t−15])
// + W[t−16] the words 17, 19, 21, 23 and all from 24 on.
#define VARYING 0xffffffffffaa0400ull
#define VARIES(t) ((int)(VARYING >> (t) & 1))

// One instance's state. All numbers of `prepared` are those of the range that is being searched.
static unsigned char token[TOKEN_MAX];
static u32 seed_words[8];
static u32 message[16];
static struct {
    u32 state[8];        // after the rounds that do not depend on W10
    u32 added[ROUNDS];   // what round t adds: its constant, and W[t] where that does not vary
    u32 fixed[ROUNDS];   // the terms of W[t] that do not vary
} prepared;

// One compression of the block in `message` onto `hash`.
static void compress(u32 hash[8])
{
    u32 w[ROUNDS];
    u32 s[8];
    for (int t = 0; t < 16; t++) w[t] = message[t];
    for (int t = 16; t < ROUNDS; t++) w[t] = SCHEDULE_1(w[t - 2]) + w[t - 7] + SCHEDULE_0(w[t - 15]) + w[t - 16];
    for (int i = 0; i < 8; i++) s[i] = hash[i];
    for (int t = 0; t < ROUNDS; t++) {
        u32 t1 = s[7] + SIGMA_1(s[4]) + CH(s[4], s[5], s[6]) + K[t] + w[t];
        u32 t2 = SIGMA_0(s[0]) + MAJ(s[0], s[1], s[2]);
        s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1;
        s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) hash[i] += s[i];
}

// Where the caller writes the token, and how many bytes of room are there.
unsigned char *EXPORT(token_memory)(void) { return token; }
u32 EXPORT(token_room)(void) { return TOKEN_MAX; }

// Takes the seed of all rounds, SHA-256 of the first `length` bytes at `token_memory`. False: too long, nothing changed.
int EXPORT(seed)(u32 length)
{
    u32 hash[8];
    if (length > TOKEN_MAX) return 0;
    for (int i = 0; i < 8; i++) hash[i] = INITIAL[i];
    // The message, then 0x80, zeros, and its length in bits as the last eight bytes of a block.
    u32 blocks = (length + 9 + 63) / 64;
    for (u32 block = 0; block < blocks; block++) {
        for (u32 word = 0; word < 16; word++) {
            u32 value = 0;
            for (u32 at = block * 64 + word * 4, end = at + 4; at < end; at++)
                value = value << 8 | (at < length ? token[at] : at == length ? 0x80 : 0);
            message[word] = value;
        }
        if (block == blocks - 1) message[15] = length * 8;
        compress(hash);
    }
    for (int i = 0; i < 8; i++) seed_words[i] = hash[i];
    return 1;
}

// Sets up `message` and `prepared` for tries of one round whose n share their upper half.
static void prepare(u32 round, u32 n_high)
{
    for (int i = 0; i < 8; i++) message[i] = seed_words[i];
    message[8] = round;
    message[9] = n_high;
    message[10] = 0;
    message[11] = 0x80000000;
    message[12] = message[13] = message[14] = 0;
    message[15] = 44 * 8;

    u32 w[ROUNDS];
    for (int t = 0; t < ROUNDS; t++) {
        u32 fixed = 0;
        if (t < 16) {
            fixed = VARIES(t) ? 0 : message[t];
        } else {
            if (!VARIES(t - 2)) fixed += SCHEDULE_1(w[t - 2]);
            if (!VARIES(t - 7)) fixed += w[t - 7];
            if (!VARIES(t - 15)) fixed += SCHEDULE_0(w[t - 15]);
            if (!VARIES(t - 16)) fixed += w[t - 16];
        }
        w[t] = fixed;
        prepared.fixed[t] = fixed;
        prepared.added[t] = K[t] + (VARIES(t) ? 0 : fixed);
    }

    u32 s[8];
    for (int i = 0; i < 8; i++) s[i] = INITIAL[i];
    for (int t = 0; t < FIRST_VARYING_ROUND; t++) {
        u32 t1 = s[7] + SIGMA_1(s[4]) + CH(s[4], s[5], s[6]) + prepared.added[t];
        u32 t2 = SIGMA_0(s[0]) + MAJ(s[0], s[1], s[2]);
        s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1;
        s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) prepared.state[i] = s[i];
}

// The first word of the digests of the tries whose lower halves are in `n`, without its last addition.
INLINE lanes first_words(lanes n)
{
    lanes w[ROUNDS];
    lanes s[8];
    for (int i = 0; i < 8; i++) s[i] = SPLAT(prepared.state[i]);
#pragma clang loop unroll(full)
    for (int t = FIRST_VARYING_ROUND; t < ROUNDS; t++) {
        // Which terms vary is known when this is compiled: what is left of a word is only what must be computed.
        lanes word = SPLAT(0);
        if (t == 10) {
            word = n;
        } else if (t >= 16 && VARIES(t)) {
            if (VARIES(t - 2)) word += SCHEDULE_1(w[t - 2]);
            if (VARIES(t - 7)) word += w[t - 7];
            if (VARIES(t - 15)) word += SCHEDULE_0(w[t - 15]);
            if (VARIES(t - 16)) word += w[t - 16];
            if (!(VARIES(t - 2) && VARIES(t - 7) && VARIES(t - 15) && VARIES(t - 16))) word += SPLAT(prepared.fixed[t]);
        }
        w[t] = word;
        lanes t1 = s[7] + SPLAT(prepared.added[t]) + CH(s[4], s[5], s[6]) + SIGMA_1(s[4]);
        if (VARIES(t)) t1 += word;
        lanes t2 = SIGMA_0(s[0]) + MAJ(s[0], s[1], s[2]);
        s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1;
        s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + t2;
    }
    return s[0];
}

// Searches n = n_high × 2^32 + n_low + 0 … count − 1 of a round for the smallest that meets the target, which comes in
// two halves. Returns its distance from the first, or −1. `count` is a multiple of 4, at most 2^30, and n_low + count
// at most 2^32; else −2, and nothing is searched.
int EXPORT(search)(u32 round, u32 n_high, u32 n_low, u32 count, u32 target_high, u32 target_low)
{
    if (count % 4 != 0 || count > 1u << 30 || (u64)n_low + count > 1ull << 32) return -2;
    prepare(round, n_high);
    const lanes limit = SPLAT(target_high);
    lanes n = SPLAT(n_low) + FIRST_LANES;
    for (u32 done = 0; done < count; done += LANES, n += SPLAT(LANES)) {
        lanes first = first_words(n) + SPLAT(INITIAL[0]);
#ifdef TOLLGATE_SCALAR
        if (first > limit) continue;
#else
        if (!wasm_v128_any_true((v128_t)(first <= limit))) continue;
#endif
        for (u32 lane = 0; lane < LANES; lane++) {
            u32 hash[8];
            for (int i = 0; i < 8; i++) hash[i] = INITIAL[i];
            message[10] = n_low + done + lane;
            compress(hash);
            if (hash[0] < target_high || (hash[0] == target_high && hash[1] <= target_low)) return (int)(done + lane);
        }
    }
    return -1;
}
