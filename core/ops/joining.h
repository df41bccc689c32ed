/* Several tensors into one, and one into several. */
#ifndef CN_CORE_OPS_JOINING_H
#define CN_CORE_OPS_JOINING_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_join_args {
    char first_;
    cn_tensor *inputs[CN_MAX_TENSORS];
    int axis;
} cn_join_args;

/* cn_concatenate({a, b, c}, .axis = 1): along an axis, by default the first; the other sizes and the element types
 * must agree. */
#define cn_concatenate(...) cn_concatenate_with((cn_join_args){.axis = 0, .first_ = 0, __VA_ARGS__})
CN_API cn_tensor *cn_concatenate_with(cn_join_args args);
/* The same for any number of tensors; more than CN_MAX_TENSORS must all have one size. */
CN_API cn_tensor *cn_concatenate_many(cn_tensor *const *tensors, int count, int axis);

/* cn_stack({a, b, c}, .axis = 1): tensors of one shape and type along a new axis, by default the first. */
#define cn_stack(...) cn_stack_with((cn_join_args){.axis = 0, .first_ = 0, __VA_ARGS__})
CN_API cn_tensor *cn_stack_with(cn_join_args args);
CN_API cn_tensor *cn_stack_many(cn_tensor *const *tensors, int count, int axis);

/* Where to cut: CN_POINTS(2, 5) of 7 elements gives pieces of 2, 3 and 2. Negative points count from the end. */
typedef struct cn_points {
    int count;
    int64_t at[CN_MAX_TENSORS - 1];
} cn_points;
#define CN_POINTS(...) ((cn_points){(int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

typedef struct cn_split_args {
    cn_tensor *x;
    int sections;
    cn_points points;
    int axis;
} cn_split_args;
/* The pieces of x along an axis, by default the first: `.sections` equal ones, or cut at `.points`. All of them are one
 * operation whose gradient is one concatenation; so this, not one slice for each, is the way to take x apart. */
#define cn_split(...) cn_split_with((cn_split_args){.x = __VA_ARGS__})
CN_API cn_tensors cn_split_with(cn_split_args args);
/* The same for any number of equal sections. */
CN_API bool cn_split_many(cn_tensor *x, int axis, int count, cn_tensor **outputs);

/* The opposite of cn_stack: x has size `count` along the axis, which the outputs have no longer. */
CN_API bool cn_unstack_many(cn_tensor *x, int axis, int count, cn_tensor **outputs);
/* The same by value, up to CN_MAX_TENSORS. */
CN_API cn_tensors cn_unstack(cn_tensor *x, int count, int axis);

#ifdef __cplusplus
}
#endif
#endif
