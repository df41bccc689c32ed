#include "core/kernels/convolution.h"
#include "core/kernels/isa.h"
#include "core/kernels/kernels.h"
#include <string.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#define REAL float
#define SUFFIX f32
#include "core/kernels/convolution_real.h"
#undef REAL
#undef SUFFIX
#define REAL double
#define SUFFIX f64
#include "core/kernels/convolution_real.h"

extern const cn_convolution_kernels CN_ISA_NAME(cn_convolution_kernels);
const cn_convolution_kernels CN_ISA_NAME(cn_convolution_kernels) = {
    .gather = {gather_f32, gather_f64}, .sum = {sum_f32, sum_f64}, .correlate = {correlate_f32, correlate_f64}};
