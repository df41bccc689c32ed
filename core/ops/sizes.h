/* Private: sizes given as int64_t [CN_SPACE] (core/ops/window.h). */
#ifndef CN_CORE_OPS_SIZES_H
#define CN_CORE_OPS_SIZES_H
#include <stdbool.h>
#include "core/ops/window.h"

/* 0 stands for what the first axis has. */
static inline int64_t cn_size_along(const int64_t *sizes, int axis)
{
    return sizes[axis] == 0 ? sizes[0] : sizes[axis];
}

/* Whether each of the axes has a size from 1 up, and no other. */
static inline bool cn_sizes_fit(const int64_t *sizes, int space)
{
    bool fit = true;
    for (int i = 0; i < CN_SPACE; i++) {
        int64_t size = i < space ? cn_size_along(sizes, i) : sizes[i];
        fit = fit && (i < space ? size > 0 && size <= INT32_MAX : size == 0 || i == 0);
    }
    return fit;
}

/* Sizes as text: "(2, 3)". */
static inline cn_shape cn_sizes_shape(const int64_t *sizes)
{
    int rank = CN_SPACE;
    while (rank > 1 && sizes[rank - 1] == 0)
        rank--;
    return (cn_shape){.rank = rank, .dim = {sizes[0], sizes[1], sizes[2]}};
}
#endif
