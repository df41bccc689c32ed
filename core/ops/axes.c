#include "core/ops/axes.h"
#include "core/ops/axis.h"

static bool add_axis(const cn_entry *entry, int given, unsigned *mask)
{
    int axis;
    if (!cn_axis_of(entry, given, entry->input[0]->shape.rank, &axis))
        return false;
    if (*mask & 1u << axis)
        return cn_entry_fail(entry, CN_ARGUMENT, "axis %d is named twice", given);
    *mask |= 1u << axis;
    return true;
}

bool cn_axes_mask(const cn_entry *entry, int axis, cn_axes axes, unsigned *mask)
{
    *mask = 0;
    if (axes.count < 0 || axes.count > CN_MAX_RANK || (axes.count > 0 && axis != CN_NONE))
        return cn_entry_fail(entry, CN_ARGUMENT, "takes .axis or up to %d .axes", CN_MAX_RANK);
    if (axis != CN_NONE)
        return add_axis(entry, axis, mask);
    for (int i = 0; i < axes.count; i++)
        if (!add_axis(entry, axes.axis[i], mask))
            return false;
    if (axes.count == 0)
        *mask = (1u << entry->input[0]->shape.rank) - 1;
    return true;
}

cn_axes cn_axes_of_mask(unsigned mask)
{
    cn_axes axes = {0};
    for (int d = 0; d < CN_MAX_RANK; d++)
        if (mask >> d & 1)
            axes.axis[axes.count++] = d;
    return axes;
}

cn_shape cn_reduced_shape(cn_shape shape, unsigned mask, bool keepdims)
{
    cn_shape reduced = {0};
    for (int d = 0; d < shape.rank; d++)
        if (keepdims || !(mask >> d & 1))
            reduced.dim[reduced.rank++] = mask >> d & 1 ? 1 : shape.dim[d];
    return reduced;
}

cn_dimensions cn_collapse(const cn_shape *shape, const int64_t *stride, unsigned mask)
{
    cn_dimensions to = {.size = 1};
    for (int d = 0; d < shape->rank; d++) {
        if (!(mask >> d & 1) || shape->dim[d] == 1)
            continue;
        to.size *= shape->dim[d];
        if (to.rank && to.stride[to.rank - 1] == stride[d] * shape->dim[d]) {
            to.dim[to.rank - 1] *= shape->dim[d];
            to.stride[to.rank - 1] = stride[d];
        } else {
            to.dim[to.rank] = shape->dim[d];
            to.stride[to.rank++] = stride[d];
        }
    }
    return to;
}

int64_t cn_place(const cn_dimensions *dimensions, int inner, int64_t index)
{
    int64_t offset = 0;
    for (int d = dimensions->rank - 1 - inner; d >= 0; d--) {
        offset += index % dimensions->dim[d] * dimensions->stride[d];
        index /= dimensions->dim[d];
    }
    return offset;
}
