/* Random tensors. What is drawn is fixed by a seed (the tape's, unless one is given), the layer that draws, the number
 * of the draw on its tape, and the step (core/random.h). No gradient goes through any of them. */
#ifndef CN_CORE_OPS_RANDOM_H
#define CN_CORE_OPS_RANDOM_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_dropout_mask_args {
    cn_shape shape;
    double rate;
    int64_t seed; /* -1: the tape's */
    cn_dtype dtype;
} cn_dropout_mask_args;
/* 0 with probability rate, else 1 / (1 - rate): cn_dropout_mask(tape, CN_SHAPE(2, 3), 0.5). All zeros for rate 1. */
#define cn_dropout_mask(tape, ...) \
    cn_dropout_mask_with((tape), (cn_dropout_mask_args){.seed = -1, .dtype = cn_default_dtype(), .shape = __VA_ARGS__})
CN_API cn_tensor *cn_dropout_mask_with(cn_tape *tape, cn_dropout_mask_args args);

#ifdef __cplusplus
}
#endif
#endif
