#include "multiply_add.h"

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX2__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif

/* More sums than a core has multiply-adds under way at once, all of them in registers. They must differ: a compiler
 * that sees the same sum twice computes it once. */
enum { SUMS = 12 };

double CN_ISA_NAME(multiply_add)(long laps, float seed, float *total)
{
    typedef float vector __attribute__((vector_size(4 * LANES)));
    vector sums[SUMS], factor = {0}, addend = {0};
    factor += 0.5F + seed;
    addend += 0.25F + seed;
    CN_UNROLLED
    for (int i = 0; i < SUMS; i++)
        sums[i] = addend + (float)i;
    for (long lap = 0; lap < laps; lap++) {
        CN_UNROLLED
        for (int i = 0; i < SUMS; i++)
            sums[i] = sums[i] * factor + addend;
    }
    *total = 0;
    for (int i = 0; i < SUMS; i++)
        for (int lane = 0; lane < LANES; lane++)
            *total += sums[i][lane];
    return 2.0 * LANES * SUMS * (double)laps;
}
