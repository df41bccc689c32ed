#include "core/kernels/isa.h"
#include "core/kernels/recurrent.h"
#include "core/kernels/vector_math.h"
#include <stdbool.h>

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
#define BY_TYPE(name)          \
    {                          \
        name##_f32, name##_f64 \
    }
const cn_recurrent_kernels CN_ISA_NAME(cn_recurrent) = {
    .begin = {BY_TYPE(begin_simple), BY_TYPE(begin_lstm), BY_TYPE(begin_gru), BY_TYPE(begin_gru_before)},
    .reset = BY_TYPE(reset),
    .end = {BY_TYPE(end_simple), BY_TYPE(end_lstm), BY_TYPE(end_gru), BY_TYPE(end_gru_before)},
    .back = {BY_TYPE(back_simple), BY_TYPE(back_lstm), BY_TYPE(back_gru), BY_TYPE(back_gru_before)},
    .back_reset = BY_TYPE(back_reset),
    .add_product = BY_TYPE(add_product)};
