/* Private: the generator behind all random numbers, Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", 2011). It has no state: block `index` of a draw is a function of the draw's seed, stream, call and step. */
#ifndef CN_CORE_RANDOM_NUMBERS_H
#define CN_CORE_RANDOM_NUMBERS_H
#include <stdint.h>

/* A key for each pair of seed and stream, well mixed (the finalizer of SplitMix64). */
static inline uint64_t cn_philox_key(uint64_t seed, uint64_t stream)
{
    uint64_t key = stream;
    for (int i = 0; i < 2; i++) {
        key += 0x9E3779B97F4A7C15u;
        key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9u;
        key = (key ^ key >> 27) * 0x94D049BB133111EBu;
        key ^= key >> 31;
        key += i ? 0 : seed;
    }
    return key;
}

/* Ten rounds on the counter (index, step, call). */
static inline void cn_philox_block(uint64_t key, uint32_t call, uint32_t step, uint64_t index, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = step, c3 = call;
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Four random words: block `index` of call number `call` at a step. */
static inline void cn_philox(uint64_t seed, uint64_t stream, uint32_t call, uint32_t step, uint64_t index,
                             uint32_t out[4])
{
    cn_philox_block(cn_philox_key(seed, stream), call, step, index, out);
}

/* Uniform in [0, 1): the multiples of 2^-24, or 2^-53 of two words. */
static inline float cn_uniform_f32(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

static inline double cn_uniform_f64(uint32_t high, uint32_t low)
{
    return ((double)(high >> 5) * 67108864.0 + (double)(low >> 6)) * 0x1p-53;
}
#endif
