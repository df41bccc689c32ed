#include "core/kernels/rowwise.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"
#include <stdbool.h>

/* Lanes are worked on together: 16 neighbours of a long row, the last ones filled up, or 16 rows at once. */
enum { LANES = CN_ROW_LANES, MAX_INPUTS = 3 };
#define ALL_LANES for (int lane = 0; lane < LANES; lane++)

#define REAL float
#define SUFFIX f32
#include "core/kernels/rowwise_real.h"

#if defined(CN_ISA_HAS_F64)
#define REAL double
#define SUFFIX f64
#include "core/kernels/rowwise_real.h"
#endif
