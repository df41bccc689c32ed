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

#if defined(CN_ISA_HAS_F64)
#define REAL double
#define SUFFIX f64
#include "core/kernels/normalization_real.h"
#endif
