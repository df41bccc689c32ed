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

#define REAL double
#define SUFFIX f64
#include "core/kernels/rowwise_real.h"

extern const cn_rowwise_kernels CN_ISA_NAME(cn_rowwise_kernels);
const cn_rowwise_kernels CN_ISA_NAME(cn_rowwise_kernels) = {.row = {
#define ROW(name) [CN_ROW_##name] = {name##_f32, name##_f64},
                                                                CN_ROWWISE(ROW)}};
