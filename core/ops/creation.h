/* Tensors made from nothing but a shape. No gradient goes through any of them. */
#ifndef CN_CORE_OPS_CREATION_H
#define CN_CORE_OPS_CREATION_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_full_args {
    cn_shape shape;
    double value;
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
} cn_full_args;

/* A tensor of one value: cn_full(tape, CN_SHAPE(2, 3), 1.5), of the default element type unless .dtype is given. */
#define cn_full(tape, ...) cn_full_with((tape), (cn_full_args){.dtype = cn_default_dtype(), .shape = __VA_ARGS__})
#define cn_zeros(tape, ...) cn_full(tape, __VA_ARGS__)
#define cn_ones(tape, ...) \
    cn_full_with((tape), (cn_full_args){.dtype = cn_default_dtype(), .value = 1, .shape = __VA_ARGS__})
CN_API cn_tensor *cn_full_with(cn_tape *tape, cn_full_args args);

/* The same with the shape and the element type of x. */
CN_API cn_tensor *cn_full_like(cn_tensor *x, double value);
CN_API cn_tensor *cn_zeros_like(cn_tensor *x);
CN_API cn_tensor *cn_ones_like(cn_tensor *x);

typedef struct cn_arange_args {
    double start, stop CN_DEFAULT((double)CN_NONE), step CN_DEFAULT(1);
    cn_dtype dtype CN_DEFAULT(CN_I32);
} cn_arange_args;
/* start + i * step for every i from 0 on that stays before stop: cn_arange(tape, 5) counts from 0 to 4, cn_arange(tape,
 * 2, 8, 3) gives 2 and 5. int32, which takes whole numbers only, unless .dtype is given. */
#define cn_arange(tape, ...) \
    cn_arange_with((tape), (cn_arange_args){.stop = (double)CN_NONE, .step = 1, .dtype = CN_I32, .start = __VA_ARGS__})
CN_API cn_tensor *cn_arange_with(cn_tape *tape, cn_arange_args args);

typedef struct cn_eye_args {
    int64_t n, m CN_DEFAULT(CN_NONE);
    int64_t k;
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
} cn_eye_args;
/* n x m (default m = n) with ones where column - row = k (default 0). */
#define cn_eye(tape, ...) \
    cn_eye_with((tape), (cn_eye_args){.dtype = cn_default_dtype(), .m = CN_NONE, .n = __VA_ARGS__})
#define cn_identity(tape, ...) cn_eye(tape, __VA_ARGS__)
CN_API cn_tensor *cn_eye_with(cn_tape *tape, cn_eye_args args);

#ifdef __cplusplus
}
#endif
#endif
