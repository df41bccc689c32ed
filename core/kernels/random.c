#include "core/kernels/random.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"
#include "core/random_numbers.h"
#include <stdbool.h>
#include <tgmath.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* Blocks of the generator stand side by side in 64-bit lanes. Only the lower half of a lane counts, which is what the
 * multiplication reads and the product leaves its low word in, so that nothing has to be masked between rounds. */
#if defined(__AVX512F__)
#define WIDTH 8
#define MULTIPLY(x, y) ((lanes)_mm512_mul_epu32((__m512i)(x), (__m512i)(y)))
#define COUNT_UP ((lanes){0, 1, 2, 3, 4, 5, 6, 7})
#define MERGE_LOW(x, y) __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11)
#define MERGE_HIGH(x, y) __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15)
#elif defined(__AVX2__)
#define WIDTH 4
#define MULTIPLY(x, y) ((lanes)_mm256_mul_epu32((__m256i)(x), (__m256i)(y)))
#define COUNT_UP ((lanes){0, 1, 2, 3})
#define MERGE_LOW(x, y) __builtin_shufflevector(x, y, 0, 4, 1, 5)
#define MERGE_HIGH(x, y) __builtin_shufflevector(x, y, 2, 6, 3, 7)
#elif defined(__SSE2__)
#define WIDTH 2
#define MULTIPLY(x, y) ((lanes)_mm_mul_epu32((__m128i)(x), (__m128i)(y)))
#define COUNT_UP ((lanes){0, 1})
#define MERGE_LOW(x, y) __builtin_shufflevector(x, y, 0, 2)
#define MERGE_HIGH(x, y) __builtin_shufflevector(x, y, 1, 3)
#endif

static void words(const cn_draw *draw, uint64_t first_block, int64_t blocks, uint32_t *out)
{
#if defined(WIDTH)
    typedef uint64_t lanes __attribute__((vector_size(WIDTH * 8)));
    for (; blocks >= WIDTH; blocks -= WIDTH, first_block += WIDTH, out += 4 * WIDTH) {
        const lanes none = {0}, low = none + 0xFFFFFFFF;
        lanes c0 = COUNT_UP + first_block, c1 = c0 >> 32, c2 = none + draw->step, c3 = none + draw->call;
        lanes k0 = none + (draw->key & 0xFFFFFFFF), k1 = none + (draw->key >> 32);
        CN_UNROLLED for (int round = 0; round < 10; round++)
        {
            lanes p0 = MULTIPLY(c0, none + 0xD2511F53), p1 = MULTIPLY(c2, none + 0xCD9E8D57);
            c0 = (p1 >> 32) ^ c1 ^ k0;
            c1 = p1;
            c2 = (p0 >> 32) ^ c3 ^ k1;
            c3 = p0;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        lanes first_two = (c0 & low) | c1 << 32, last_two = (c2 & low) | c3 << 32;
        lanes block_low = MERGE_LOW(first_two, last_two), block_high = MERGE_HIGH(first_two, last_two);
        memcpy(out, &block_low, sizeof block_low);
        memcpy(out + 2 * WIDTH, &block_high, sizeof block_high);
    }
#endif
    for (; blocks > 0; blocks--, first_block++, out += 4)
        cn_philox_block(draw->key, draw->call, draw->step, first_block, out);
}

/* Wichura's approximation to the normal quantile, PPND16 (Algorithm AS 241, Applied Statistics 37, 1988): -z where z is
 * exceeded downwards with probability p, 0 < p <= 1/2. Relative error 1e-16 in double. */
#define QUANTILE(real, suffix)                                                                                        \
    CN_POLYNOMIAL(real, suffix, near_above, (real)3.3871328727963666080e0, (real)1.3314166789178437745e2,             \
                  (real)1.9715909503065514427e3, (real)1.3731693765509461125e4, (real)4.5921953931549871457e4,        \
                  (real)6.7265770927008700853e4, (real)3.3430575583588128105e4, (real)2.5090809287301226727e3)        \
    CN_POLYNOMIAL(real, suffix, near_below, (real)1, (real)4.2313330701600911252e1, (real)6.8718700749205790830e2,    \
                  (real)5.3941960214247511077e3, (real)2.1213794301586595867e4, (real)3.9307895800092710610e4,        \
                  (real)2.8729085735721942674e4, (real)5.2264952788528545610e3)                                       \
    CN_POLYNOMIAL(real, suffix, tail_above, (real)1.42343711074968357734e0, (real)4.63033784615654529590e0,           \
                  (real)5.76949722146069140550e0, (real)3.64784832476320460504e0, (real)1.27045825245236838258e0,     \
                  (real)2.41780725177450611770e-1, (real)2.27238449892691845833e-2, (real)7.74545014278341407640e-4)  \
    CN_POLYNOMIAL(real, suffix, tail_below, (real)1, (real)2.05319162663775882187e0, (real)1.67638483018380384940e0,  \
                  (real)6.89767334985100004550e-1, (real)1.48103976427480074590e-1, (real)1.51986665636164571966e-2,  \
                  (real)5.47593808499534494600e-4, (real)1.05075007164441684324e-9)                                   \
    CN_POLYNOMIAL(real, suffix, far_above, (real)6.65790464350110377720e0, (real)5.46378491116411436990e0,            \
                  (real)1.78482653991729133580e0, (real)2.96560571828504891230e-1, (real)2.65321895265761230930e-2,   \
                  (real)1.24266094738807843860e-3, (real)2.71155556874348757815e-5, (real)2.01033439929228813265e-7)  \
    CN_POLYNOMIAL(real, suffix, far_below, (real)1, (real)5.99832206555887937690e-1, (real)1.36929880922735805310e-1, \
                  (real)1.48753612908506148525e-2, (real)7.86869131145613259100e-4, (real)1.84631831751005468180e-5,  \
                  (real)1.42151175831644588870e-7, (real)2.04426310338993978564e-15)                                  \
    CN_INLINE real CN_PASTE(quantile, suffix)(real p)                                                                 \
    {                                                                                                                 \
        const real half = (real)0.5, q = half - p, near = (real)0.180625 - q * q;                                     \
        const real root = sqrt(-CN_PASTE(cn_log, suffix)(p)), r = root - (real)1.6, far = root - 5;                   \
        const bool is_far = root > 5;                                                                                 \
        const real above = is_far ? CN_PASTE(far_above, suffix)(far) : CN_PASTE(tail_above, suffix)(r);               \
        const real below = is_far ? CN_PASTE(far_below, suffix)(far) : CN_PASTE(tail_below, suffix)(r);               \
        const bool is_near = q <= (real)0.425;                                                                        \
        return (is_near ? q * CN_PASTE(near_above, suffix)(near) : above) /                                           \
               (is_near ? CN_PASTE(near_below, suffix)(near) : below);                                                \
    }

QUANTILE(float, f32)
QUANTILE(double, f64)

/* A sign and a probability from 0 to 1/2: the first bit of the word or words of an element, and the rest. */
CN_INLINE float half_f32(uint32_t word)
{
    return ((float)(int32_t)(word & 0x7FFFFFFF) + 0.5f) * 0x1p-32f;
}

CN_INLINE double half_f64(uint32_t word, uint32_t low)
{
    return ((double)(int32_t)(word & 0x7FFFFFFF) * 0x1p32 + (double)low + 0.5) * 0x1p-64;
}

/* The probability below -2 standard deviations. */
#define BELOW_TWO 0.022750131948179207200

/* The words of a tile of elements are made first. */
enum { TILE = 256 };

/* A draw of one type: `value` is made of the words w and, of a double that takes two, low; a and b are given. Of a
 * mask, words up to `last` give 0; there may be none. */
#define DRAW(name, real, words_each, value)                                                            \
    static void name(const cn_draw *draw, int64_t first, int64_t count, void *out)                     \
    {                                                                                                  \
        uint32_t word[TILE * (words_each)];                                                            \
        const real a = (real)draw->a, b = (real)draw->b;                                               \
        const uint64_t zeros = draw->a > 0 && draw->a <= 1 ? (uint64_t)(draw->a * 0x1p32) : 0;         \
        const uint32_t last = zeros ? (uint32_t)(zeros - 1) : 0;                                       \
        const real at_most_last = zeros ? 0 : b;                                                       \
        (void)a, (void)last, (void)at_most_last;                                                       \
        for (int64_t i = 0; i < count; i += TILE) {                                                    \
            const int64_t n = count - i < TILE ? count - i : TILE;                                     \
            real *y = (real *)out + i;                                                                 \
            words(draw, (uint64_t)((first + i) * (words_each) / 4), (n * (words_each) + 3) / 4, word); \
            CN_INDEPENDENT for (int64_t j = 0; j < n; j++)                                             \
            {                                                                                          \
                const uint32_t w = word[j * (words_each)];                                             \
                const uint32_t low = word[j * (words_each) + (words_each)-1];                          \
                (void)low;                                                                             \
                y[j] = value;                                                                          \
            }                                                                                          \
        }                                                                                              \
    }

#define SHAPED(real, suffix)                                                                      \
    /* Rounding may reach the upper end, which does not belong to the interval. */                \
    CN_INLINE real CN_PASTE(within, suffix)(real u, real low, real high)                          \
    {                                                                                             \
        const real x = low + (high - low) * u;                                                    \
        return x < high ? x : low;                                                                \
    }                                                                                             \
    CN_INLINE real CN_PASTE(gaussian, suffix)(uint32_t word, real half)                           \
    {                                                                                             \
        const real z = CN_PASTE(quantile, suffix)(half);                                          \
        return word >> 31 ? -z : z;                                                               \
    }                                                                                             \
    CN_INLINE real CN_PASTE(truncated, suffix)(uint32_t word, real half)                          \
    {                                                                                             \
        const real inner = (real)BELOW_TWO + ((real)1 - 2 * (real)BELOW_TWO) * half;              \
        const real quantile = CN_PASTE(quantile, suffix)(inner), z = quantile < 2 ? quantile : 2; \
        return word >> 31 ? -z : z;                                                               \
    }

SHAPED(float, f32)
SHAPED(double, f64)

DRAW(mask_f32, float, 1, w <= last ? at_most_last : b)
DRAW(mask_f64, double, 1, w <= last ? at_most_last : b)
DRAW(uniform_f32, float, 1, within_f32(cn_uniform_f32(w), a, b))
DRAW(uniform_f64, double, 2, within_f64(cn_uniform_f64(w, low), a, b))
DRAW(normal_f32, float, 1, a + b * gaussian_f32(w, half_f32(w)))
DRAW(normal_f64, double, 2, a + b * gaussian_f64(w, half_f64(w, low)))
DRAW(truncated_normal_f32, float, 1, a + b * truncated_f32(w, half_f32(w)))
DRAW(truncated_normal_f64, double, 2, a + b * truncated_f64(w, half_f64(w, low)))

extern const cn_random_kernels CN_ISA_NAME(cn_random_kernels);

const cn_random_kernels CN_ISA_NAME(cn_random_kernels) = {.words = words,
                                                          .draw = {
#define ENTRY(name) {name##_f32, name##_f64},
                                                              CN_DRAWS(ENTRY)
#undef ENTRY
                                                          }};
