#include "core/kernels/isa.h"
#include "core/kernels/recurrent.h"
#include "core/kernels/vector_math.h"

#if defined(__AVX512F__)
#define CN_VECTOR_BYTES 64
#elif defined(__AVX__)
#define CN_VECTOR_BYTES 32
#else
#define CN_VECTOR_BYTES 16
#endif

#define REAL float
#define SUFFIX f32
#include "core/kernels/recurrent_real.h"
#undef REAL
#undef SUFFIX
#define REAL double
#define SUFFIX f64
#include "core/kernels/recurrent_real.h"

extern const cn_recurrent_kernels CN_ISA_NAME(cn_recurrent);
const cn_recurrent_kernels CN_ISA_NAME(cn_recurrent) = {.lstm_step = {step_f32, step_f64},
                                                        .lstm_back = {back_f32, back_f64}};
