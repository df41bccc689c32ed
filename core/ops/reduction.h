/* Sums over axes, and their opposite, broadcasting. */
#ifndef CN_CORE_OPS_REDUCTION_H
#define CN_CORE_OPS_REDUCTION_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which axes; negative ones count from the end. `.axis` for one, `.axes = CN_AXES(0, 2)` for several, neither for all.
 * With .keepdims the reduced axes stay, with size 1. */
typedef struct cn_axes {
    int count;
    int axis[CN_MAX_RANK];
} cn_axes;
#define CN_AXES(...) ((cn_axes){(int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}})

typedef struct cn_reduce_args {
    cn_tensor *x;
    int axis;
    cn_axes axes;
    bool keepdims;
} cn_reduce_args;

#define cn_sum(...) cn_sum_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_sum_with(cn_reduce_args args);
#define cn_mean(...) cn_mean_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_mean_with(cn_reduce_args args);

/* Repeats x along new and size-1 axes; a view. */
CN_API cn_tensor *cn_broadcast_to(cn_tensor *x, cn_shape shape);
/* The opposite: sums what broadcasting from `shape` would have repeated. x itself where the shapes agree. */
CN_API cn_tensor *cn_sum_to(cn_tensor *x, cn_shape shape);

#ifdef __cplusplus
}
#endif
#endif
