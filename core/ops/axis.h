/* Private: axes that count from the end. */
#ifndef CN_CORE_OPS_AXIS_H
#define CN_CORE_OPS_AXIS_H
#include "core/engine.h"

/* The axis of a tensor of `rank` that `given`, which may be negative, stands for. */
static inline bool cn_axis_of(const cn_entry *entry, int given, int rank, int *axis)
{
    *axis = given < 0 ? given + rank : given;
    return (*axis >= 0 && *axis < rank) ||
           cn_entry_fail(entry, CN_ARGUMENT, "there is no axis %d in a tensor of rank %d", given, rank);
}

/* The number of elements of the dimensions from `from` up to `to`. */
static inline int64_t cn_span(const cn_shape *shape, int from, int to)
{
    int64_t size = 1;
    for (int d = from; d < to; d++)
        size *= shape->dim[d];
    return size;
}
#endif
