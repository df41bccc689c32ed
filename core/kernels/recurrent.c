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

#if defined(CN_ISA_HAS_F64)
#define REAL double
#define SUFFIX f64
#include "core/kernels/recurrent_real.h"
#endif
