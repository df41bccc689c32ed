/* Private: the kernels of convolutions. */
#ifndef CN_CORE_KERNELS_CONVOLUTION_H
#define CN_CORE_KERNELS_CONVOLUTION_H
#include <stdbool.h>
#include <stdint.h>

enum { CN_AXES_OF_SPACE = 3 };

/* What a place of an output is computed from: along each axis, place t of `count` sees the elements t * step + offset +
 * u * offset_step of the `size` elements of the input, for u < taps, which are zeros outside. Of each element
 * `channels` neighbouring channels; elements are `stride` apart. */
typedef struct cn_patches {
    int64_t count[CN_AXES_OF_SPACE], size[CN_AXES_OF_SPACE];
    int64_t step[CN_AXES_OF_SPACE], taps[CN_AXES_OF_SPACE];
    int64_t offset[CN_AXES_OF_SPACE], offset_step[CN_AXES_OF_SPACE];
    int64_t channels, stride;
} cn_patches;

/* The patches of places `first` to first + rows - 1, counted through all samples, as rows of a matrix: columns `column`
 * to column + columns - 1 of those for all taps and channels. Rows are out_row apart. */
typedef void cn_gather_patches(const cn_patches *patches, const void *in, int64_t first, int64_t rows, int64_t column,
                               int64_t columns, void *out, int64_t out_row);

/* For `places` rows of `channels` elements: to[c] = sum over taps of a[tap][c] * b[tap][c], or += it. From one place to
 * the next, `a` moves by a_step elements and `to` by to_step. */
typedef void cn_depthwise_sum(int64_t places, int64_t channels, int taps, const void *const *a, int64_t a_step,
                              const void *const *b, void *to, int64_t to_step, bool accumulate);

/* to[c] += sum over places of a[c] * b[c]; from one place to the next they move by a_step and b_step. */
typedef void cn_depthwise_correlate(int64_t places, int64_t channels, const void *a, int64_t a_step, const void *b,
                                    int64_t b_step, void *to);

/* By element type, float and double. */
typedef struct cn_convolution_kernels {
    cn_gather_patches *gather[2];
    cn_depthwise_sum *sum[2];
    cn_depthwise_correlate *correlate[2];
} cn_convolution_kernels;
#endif
