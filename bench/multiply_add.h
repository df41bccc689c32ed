/* A loop of fused multiply-adds, compiled once per instruction set as the library's kernels are. */
#ifndef CORNET_BENCH_MULTIPLY_ADD_H
#define CORNET_BENCH_MULTIPLY_ADD_H

#include "../core/kernels/isa.h"

/* Goes through the loop `laps` times and returns how many operations that was. `seed` is 0, which the compiler cannot
 * know; `total` gets the result. */
double multiply_add_baseline(long laps, float seed, float *total);
double multiply_add_avx2(long laps, float seed, float *total);
double multiply_add_avx512(long laps, float seed, float *total);

#endif
