/* Reductions over axes, cumulative operations, norms, and broadcasting, the opposite of a sum.
 *
 * Results have the element type of x unless another is named. Sums and means of floats are rounded once; sums and
 * products of int32 wrap around. Everything
 * that gives floats is differentiable any number of times, except where it says otherwise. */
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
    int axis CN_DEFAULT(CN_NONE);
    cn_axes axes;
    bool keepdims;
} cn_reduce_args;

/* cn_sum(x), cn_sum(x, .axis = 1), cn_sum(x, .axes = CN_AXES(0, 2), .keepdims = true). */
#define cn_sum(...) cn_sum_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_sum_with(cn_reduce_args args);
/* Of int32: of the default float type. NaN of nothing. */
#define cn_mean(...) cn_mean_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_mean_with(cn_reduce_args args);
/* NaN if one is among the values; an error of nothing. The gradient is shared evenly among equal extremes. */
#define cn_max(...) cn_max_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_max_with(cn_reduce_args args);
#define cn_min(...) cn_min_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_min_with(cn_reduce_args args);
/* All gradients are right where factors are zero, too. */
#define cn_prod(...) cn_prod_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_prod_with(cn_reduce_args args);
/* int32, 1 where any (all) values are not zero; how many values are not zero. No gradient. */
#define cn_any(...) cn_any_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_any_with(cn_reduce_args args);
#define cn_all(...) cn_all_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_all_with(cn_reduce_args args);
#define cn_count_nonzero(...) cn_count_nonzero_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_count_nonzero_with(cn_reduce_args args);
/* mean (x - mean x)², and its square root. */
#define cn_var(...) cn_var_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_var_with(cn_reduce_args args);
#define cn_std(...) cn_std_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_std_with(cn_reduce_args args);

/* The norm of vectors: .ord 1 (sum |x|), 2 (the default: √ sum x²) or INFINITY (max |x|). The gradient at a zero vector
 * is zero. */
typedef struct cn_norm_args {
    cn_tensor *x;
    int axis CN_DEFAULT(CN_NONE);
    cn_axes axes;
    bool keepdims;
    double ord CN_DEFAULT(2);
} cn_norm_args;
#define cn_norm(...) cn_norm_with((cn_norm_args){.axis = CN_NONE, .ord = 2, .x = __VA_ARGS__})
CN_API cn_tensor *cn_norm_with(cn_norm_args args);

/* x divided by its norm along an axis, by default the last; a norm below 1e-7 counts as 1e-7. */
typedef struct cn_normalize_args {
    cn_tensor *x;
    int axis CN_DEFAULT(-1);
    double order CN_DEFAULT(2);
} cn_normalize_args;
#define cn_normalize(...) cn_normalize_with((cn_normalize_args){.axis = -1, .order = 2, .x = __VA_ARGS__})
CN_API cn_tensor *cn_normalize_with(cn_normalize_args args);

/* The index, int32, of the first largest (smallest) value along .axis, or in the flattened x without one. A NaN counts
 * as largest and as smallest. No gradient; an error of nothing. */
typedef struct cn_argument_args {
    cn_tensor *x;
    int axis CN_DEFAULT(CN_NONE);
    bool keepdims;
} cn_argument_args;
#define cn_argmax(...) cn_argmax_with((cn_argument_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_argmax_with(cn_argument_args args);
#define cn_argmin(...) cn_argmin_with((cn_argument_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_argmin_with(cn_argument_args args);

/* Sums (products) of all values up to each along .axis, or of the flattened x without one. */
typedef struct cn_cumulative_args {
    cn_tensor *x;
    int axis CN_DEFAULT(CN_NONE);
} cn_cumulative_args;
#define cn_cumsum(...) cn_cumsum_with((cn_cumulative_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_cumsum_with(cn_cumulative_args args);
#define cn_cumprod(...) cn_cumprod_with((cn_cumulative_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_cumprod_with(cn_cumulative_args args);

/* Repeats x along new and size-1 axes; a view. */
CN_API cn_tensor *cn_broadcast_to(cn_tensor *x, cn_shape shape);
/* The opposite: sums what broadcasting from `shape` would have repeated. x itself where the shapes agree. */
CN_API cn_tensor *cn_sum_to(cn_tensor *x, cn_shape shape);

#ifdef __cplusplus
}
#endif
#endif
