#include "core/kernels/normalization.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"
#include <math.h>
#include <stdbool.h>

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif

#define REAL float
#define SUFFIX f32
#include "core/kernels/normalization_real.h"

#define REAL double
#define SUFFIX f64
#include "core/kernels/normalization_real.h"

extern const cn_normalization_kernels CN_ISA_NAME(cn_normalization_kernels);
const cn_normalization_kernels CN_ISA_NAME(cn_normalization_kernels) = {
    .rows = {rows_f32, rows_f64},
    .rows_back = {rows_back_f32, rows_back_f64},
#define COLUMNS(type)                                                                                     \
    {                                                                                                     \
        moments_##type, join_moments_##type, sums_##type, join_sums_##type, factors_##type, apply_##type, \
            back_factors_##type, apply_back_##type                                                        \
    }
    .columns = {COLUMNS(f32), COLUMNS(f64)},
};
