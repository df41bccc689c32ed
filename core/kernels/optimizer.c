#include "core/kernels/optimizer.h"
#include "core/kernels/isa.h"
#include <math.h>

#define REAL float
#define SQRT sqrtf
#define NAME(name) name##_f32
#include "core/kernels/optimizer_real.h"
#define REAL double
#define SQRT sqrt
#define NAME(name) name##_f64
#include "core/kernels/optimizer_real.h"

extern const cn_optimizer_kernels CN_ISA_NAME(cn_optimizer);
const cn_optimizer_kernels CN_ISA_NAME(cn_optimizer) = {.loop = {
#define ROW(name, outputs, inputs) [CN_UPDATE_##name] = {name##_f32, name##_f64},
                                                            CN_UPDATES(ROW)
#undef ROW
                                                        }};
