#include "machine.h"
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 8, SUMS = 16, LAPS = 2000000 };

/* Independent sums, more than a core has multiply-adds under way at once. The loop keeps them in registers. */
#define MULTIPLY_ADD_LOOP(name, isa, lanes, laps)                                                  \
    typedef float name##_vector __attribute__((vector_size(4 * (lanes))));                         \
    __attribute__((target(isa), optimize("O3", "fp-contract=fast"))) static float name(float seed) \
    {                                                                                              \
        name##_vector sum[SUMS], factor, addend;                                                   \
        for (int lane = 0; lane < (lanes); lane++) {                                               \
            factor[lane] = 0.5F + seed;                                                            \
            addend[lane] = 0.25F + seed;                                                           \
        }                                                                                          \
        for (int i = 0; i < SUMS; i++)                                                             \
            sum[i] = addend;                                                                       \
        for (int lap = 0; lap < (laps); lap++)                                                     \
            for (int i = 0; i < SUMS; i++)                                                         \
                sum[i] = sum[i] * factor + addend;                                                 \
        float total = 0;                                                                           \
        for (int i = 0; i < SUMS; i++)                                                             \
            for (int lane = 0; lane < (lanes); lane++)                                             \
                total += sum[i][lane];                                                             \
        return total;                                                                              \
    }

#if defined(__x86_64__)
MULTIPLY_ADD_LOOP(avx512, "avx512f,fma,prefer-vector-width=512", 16, LAPS)
MULTIPLY_ADD_LOOP(avx2, "avx2,fma", 8, LAPS)
MULTIPLY_ADD_LOOP(baseline, "sse2", 4, LAPS)
#else
MULTIPLY_ADD_LOOP(baseline, "", 4, LAPS)
#endif

typedef struct multiply_add_loop {
    const char *isa;
    int lanes;
    float (*run)(float seed);
} multiply_add_loop;

static multiply_add_loop widest(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (multiply_add_loop){"avx512", 16, avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (multiply_add_loop){"avx2", 8, avx2};
#endif
    return (multiply_add_loop){"baseline", 4, baseline};
}

static double flops_of(multiply_add_loop loop, int threads)
{
    double best = 0;
    volatile float kept = 0;
    for (int i = 0; i < TRIES; i++) {
        float total = 0;
        double begin = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : total)
        total += loop.run((float)kept * 1e-30F);
        double seconds = omp_get_wtime() - begin;
        kept = total;
        double flops = 2.0 * loop.lanes * SUMS * LAPS * threads / seconds;
        best = flops > best ? flops : best;
    }
    return best;
}

static double bytes_of(int threads)
{
    enum { BYTES = 256 << 20 };
    char *from = malloc(BYTES), *to = malloc(BYTES);
    double best = 0;
    for (int i = 0; from && to && i < TRIES; i++) {
        double begin = omp_get_wtime();
#pragma omp parallel num_threads(threads)
        {
            size_t part = BYTES / (size_t)omp_get_num_threads(), at = part * (size_t)omp_get_thread_num();
            if (i == 0) /* each thread touches what it will copy */
                memset(from + at, 1, part);
            memcpy(to + at, from + at, part);
        }
        double bytes = 2.0 * BYTES / (omp_get_wtime() - begin);
        best = i > 0 && bytes > best ? bytes : best;
    }
    free(from);
    free(to);
    return best;
}

machine measure_machine(int threads)
{
    multiply_add_loop loop = widest();
    return (machine){loop.isa, flops_of(loop, threads), bytes_of(threads)};
}
