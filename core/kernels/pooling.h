/* Private: windows over up to three axes of space, pooled to one value each. */
#ifndef CN_CORE_KERNELS_POOLING_H
#define CN_CORE_KERNELS_POOLING_H
#include <stdbool.h>
#include <stdint.h>

enum { CN_POOL_AXES = 3 };

/* The windows along an axis of `in` elements. Window o < out begins at o * stride - before and has `size` elements, of
 * which those that are not there do not count; adaptive ones are [floor(o in / out), ceil((o + 1) in / out)). */
typedef struct cn_pool_axis {
    int64_t in, out, size, stride, before;
    bool adaptive;
} cn_pool_axis;

/* Row-major, (samples, axes, channels): an axis too many has one element and one window. No window is empty. */
typedef struct cn_pooling {
    cn_pool_axis axis[CN_POOL_AXES];
    int64_t samples, channels;
} cn_pooling;

/* For one sample, rows `first` up to `past` of axis 0: rows of windows, for the gradients rows of elements. The
 * pointers of each, `index` saying which element of its window, in row-major order, a value is (int32):
 *   max           y, index (may be NULL), x    the first of equal ones
 *   max_pick      y, x, index
 *   max_grad      dx, dy, index
 *   average       y, x
 *   average_grad  dx, dy */
typedef void cn_pool(const cn_pooling *pooling, int64_t sample, int64_t first, int64_t past, void *const *pointer);

#define CN_POOLS(X) X(max) X(max_pick) X(max_grad) X(average) X(average_grad)
enum {
#define CN_POOL_INDEX_(name) CN_POOL_##name,
    CN_POOLS(CN_POOL_INDEX_)
#undef CN_POOL_INDEX_
        CN_POOL_COUNT_
};

typedef struct cn_pool_kernels {
    cn_pool *pool[CN_POOL_COUNT_];
} cn_pool_kernels;
#endif
