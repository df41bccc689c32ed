/* Private: the axes that an operation works along. */
#ifndef CN_CORE_OPS_AXES_H
#define CN_CORE_OPS_AXES_H
#include "core/engine.h"
#include "core/ops/reduction.h"

/* The axes of input 0 named by `.axis` or `.axes`, all if neither: bit a of the mask is axis a. False with the error
 * set if there is no such axis, or one is named twice. */
bool cn_axes_mask(const cn_entry *entry, int axis, cn_axes axes, unsigned *mask);
/* A mask as axes again, in rising order. */
cn_axes cn_axes_of_mask(unsigned mask);
/* The shape after reducing the axes of the mask: they have size 1, or are gone. */
cn_shape cn_reduced_shape(cn_shape shape, unsigned mask, bool keepdims);

/* The dimensions of a shape that are in the mask, outermost first, without those of size 1; neighbours that are run
 * through as one are merged. */
typedef struct cn_dimensions {
    int rank;
    int64_t size; /* number of places */
    int64_t dim[CN_MAX_RANK], stride[CN_MAX_RANK];
} cn_dimensions;
cn_dimensions cn_collapse(const cn_shape *shape, const int64_t *stride, unsigned mask);
/* The offset, in elements, of place `index` of the dimensions but the `inner` innermost ones. */
int64_t cn_place(const cn_dimensions *dimensions, int inner, int64_t index);

/* Repeats x along the given axes of the shape, which x either has with size 1 or lacks. A view. */
cn_tensor *cn_broadcast_axes(cn_tensor *x, cn_shape shape, unsigned axes);
#endif
