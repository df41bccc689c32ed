#include "machine.h"
#include "multiply_add.h"
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 8, LAPS = 2000000 };

typedef struct multiply_add_loop {
    const char *isa;
    double (*run)(long laps, float seed, float *total);
} multiply_add_loop;

static multiply_add_loop widest(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (multiply_add_loop){"avx512", multiply_add_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (multiply_add_loop){"avx2", multiply_add_avx2};
#endif
    return (multiply_add_loop){"baseline", multiply_add_baseline};
}

static double flops_of(multiply_add_loop loop, int threads)
{
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double operations = 0;
        double begin = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : operations)
        {
            float total; /* lets the compiler leave nothing out */
            operations += loop.run(LAPS, 0, &total);
        }
        double flops = operations / (omp_get_wtime() - begin);
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
