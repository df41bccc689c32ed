/* The same elements in another shape or order: views wherever no copy is needed. Negative axes count from the end. */
#ifndef CN_CORE_OPS_SHAPING_H
#define CN_CORE_OPS_SHAPING_H
#include "reduction.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One dimension of the new shape may be -1: it is what the others leave. A view if the strides allow one. */
CN_API cn_tensor *cn_reshape(cn_tensor *x, cn_shape shape);
/* All elements along one axis. */
CN_API cn_tensor *cn_ravel(cn_tensor *x);
/* A new axis of size 1, at that place in the result. A view. */
CN_API cn_tensor *cn_expand_dims(cn_tensor *x, int axis);

typedef struct cn_squeeze_args {
    cn_tensor *x;
    int axis CN_DEFAULT(CN_NONE);
    cn_axes axes;
} cn_squeeze_args;
/* Removes axes of size 1: `.axis` or `.axes`, by default all of them. A view. */
#define cn_squeeze(...) cn_squeeze_with((cn_squeeze_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_squeeze_with(cn_squeeze_args args);

typedef struct cn_transpose_args {
    cn_tensor *x;
    cn_axes axes;
} cn_transpose_args;
/* Axis i of the result is axis axes[i] of x: cn_transpose(x, .axes = CN_AXES(0, 2, 1)); by default their order is
 * reversed. A view. */
#define cn_transpose(...) cn_transpose_with((cn_transpose_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_transpose_with(cn_transpose_args args);
CN_API cn_tensor *cn_swapaxes(cn_tensor *x, int axis1, int axis2);

typedef struct cn_moveaxis_args {
    cn_tensor *x;
    int source, destination;
    cn_axes sources, destinations;
} cn_moveaxis_args;
/* cn_moveaxis(x, 0, -1), or several by .sources and .destinations; the other axes keep their order. A view. */
#define cn_moveaxis(...) cn_moveaxis_with((cn_moveaxis_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_moveaxis_with(cn_moveaxis_args args);

/* What is taken of one axis: all of it (CN_ALL), the elements start, start + step, ... before stop (CN_RANGE: as
 * NumPy's start:stop:step; a negative number counts from the end, CN_NONE leaves an end open), or one element, whose
 * axis then goes (CN_AT). */
typedef struct cn_index {
    int64_t start, stop, step;
    enum { CN_INDEX_ALL, CN_INDEX_RANGE, CN_INDEX_AT } kind;
} cn_index;
#define CN_ALL ((cn_index){0, 0, 0, CN_INDEX_ALL})
#define CN_RANGE(...) ((cn_index){.kind = CN_INDEX_RANGE, .stop = CN_NONE, .step = 1, .start = __VA_ARGS__})
#define CN_AT(i) ((cn_index){(i), 0, 0, CN_INDEX_AT})

typedef struct cn_getitem_args {
    cn_tensor *x;
    cn_index index[CN_MAX_RANK];
} cn_getitem_args;
/* NumPy's x[1, :, ::-1] is cn_getitem(x, {CN_AT(1), CN_ALL, CN_RANGE(CN_NONE, CN_NONE, -1)}). Axes that are not
 * mentioned are taken whole. A view. */
#define cn_getitem(...) cn_getitem_with((cn_getitem_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_getitem_with(cn_getitem_args args);
/* The part of that shape that begins at `start`; a size of -1 goes to the end of its axis. A view. */
CN_API cn_tensor *cn_slice(cn_tensor *x, cn_shape start, cn_shape shape);

typedef enum cn_pad_mode { CN_PAD_CONSTANT, CN_PAD_REFLECT, CN_PAD_SYMMETRIC } cn_pad_mode;
typedef struct cn_pad_args {
    cn_tensor *x;
    int64_t width[CN_MAX_RANK][2];
    cn_pad_mode mode;
    double value;
} cn_pad_args;
/* Elements before and after, an axis each: cn_pad(x, {{1, 0}, {0, 2}}, .value = 1.5). CN_PAD_REFLECT mirrors without
 * repeating the edge, CN_PAD_SYMMETRIC repeats it; neither by more than there is to mirror. */
#define cn_pad(...) cn_pad_with((cn_pad_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_pad_with(cn_pad_args args);

/* The whole of x over and over, repeats.dim[i] times along axis i. With more repeats than axes x gets axes of size 1 in
 * front, with fewer they belong to the last axes. */
CN_API cn_tensor *cn_tile(cn_tensor *x, cn_shape repeats);

typedef struct cn_repeat_args {
    cn_tensor *x;
    int64_t repeats;
    int axis CN_DEFAULT(CN_NONE);
} cn_repeat_args;
/* Each element along an axis `repeats` times; without .axis, of all elements along one axis. */
#define cn_repeat(...) cn_repeat_with((cn_repeat_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_repeat_with(cn_repeat_args args);

typedef struct cn_flip_args {
    cn_tensor *x;
    int axis CN_DEFAULT(CN_NONE);
    cn_axes axes;
} cn_flip_args;
/* Reverses `.axis`, or `.axes`, or all. A view. */
#define cn_flip(...) cn_flip_with((cn_flip_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_flip_with(cn_flip_args args);

typedef struct cn_roll_args {
    cn_tensor *x;
    int64_t shift;
    int axis CN_DEFAULT(CN_NONE);
} cn_roll_args;
/* Moves elements forward by `shift` along an axis, those at the end to its begin; without .axis, of all elements in
 * row-major order. */
#define cn_roll(...) cn_roll_with((cn_roll_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_roll_with(cn_roll_args args);

typedef struct cn_triangle_args {
    cn_tensor *x;
    int64_t k;
} cn_triangle_args;
/* Zeros above (tril) or below (triu) the diagonal column - row = k of the last two axes. */
#define cn_tril(...) cn_tril_with((cn_triangle_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_tril_with(cn_triangle_args args);
#define cn_triu(...) cn_triu_with((cn_triangle_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_triu_with(cn_triangle_args args);

#ifdef __cplusplus
}
#endif
#endif
