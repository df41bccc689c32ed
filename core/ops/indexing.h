/* Elements by index. Indices are int32; negative ones count from the end, and one that is out of range ends the run
 * with an error that names it, its place and the size of the axis. Gradients go to the values, never to the indices. */
#ifndef CN_CORE_OPS_INDEXING_H
#define CN_CORE_OPS_INDEXING_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_take_args {
    cn_tensor *x, *indices;
    int axis CN_DEFAULT(CN_NONE);
} cn_take_args;
/* The elements of x at the indices along `.axis`, whose place the axes of `indices` take: x (5, 3) and indices (2, 4)
 * give (2, 4, 3) for axis 0. Without .axis, of all elements in row-major order. */
#define cn_take(...) cn_take_with((cn_take_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_take_with(cn_take_args args);

/* y[i][j] = x[i][indices[i][j]] for axis 1, and so on: indices has the shape of x but for that axis. Without .axis, of
 * all elements in row-major order. */
#define cn_take_along_axis(...) cn_take_along_axis_with((cn_take_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_take_along_axis_with(cn_take_args args);

/* indices (..., k) name places in the first k axes of x: the result is (..., what is left of x). */
CN_API cn_tensor *cn_gather_nd(cn_tensor *x, cn_tensor *indices);
/* Zeros of that shape, to which each of the values (..., what the last axis of indices leaves of shape) is added at the
 * place that indices (..., k) give it. */
CN_API cn_tensor *cn_scatter(cn_tensor *indices, cn_tensor *values, cn_shape shape);
/* Row i of the result is the sum of the rows of data whose segment id is i; ids may come in any order. */
CN_API cn_tensor *cn_segment_sum(cn_tensor *data, cn_tensor *segment_ids, int64_t num_segments);

typedef struct cn_one_hot_args {
    cn_tensor *indices;
    int64_t num_classes;
    int axis CN_DEFAULT(-1);
    cn_dtype dtype CN_DEFAULT(cn_default_dtype());
} cn_one_hot_args;
/* A new axis (by default the last) of num_classes zeros with a one at the index: cn_one_hot(labels, 10). An index out
 * of range has zeros only. Of the default element type unless .dtype is given. */
#define cn_one_hot(...) \
    cn_one_hot_with((cn_one_hot_args){.axis = -1, .dtype = cn_default_dtype(), .indices = __VA_ARGS__})
CN_API cn_tensor *cn_one_hot_with(cn_one_hot_args args);

/* The labels themselves, int32, once each is seen to be a class from 0 to classes - 1; else the run ends with an error
 * (CN_VALUE) that tells the label and its position. Negative labels do not count from the end. */
CN_API cn_tensor *cn_class_labels(cn_tensor *labels, int64_t classes);

#ifdef __cplusplus
}
#endif
#endif
