/* Private: the transforms of Winograd's convolution F(4x4, 3x3): 6x6 elements of an input and a kernel of 3x3 become 36
 * numbers each, whose products become 4x4 elements of the result. See A. Lavin and S. Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2015. Float32 alone. */
#ifndef CN_CORE_KERNELS_WINOGRAD_H
#define CN_CORE_KERNELS_WINOGRAD_H
#include <stdint.h>

enum {
    CN_WINOGRAD_IN = 6,   /* elements of an input's tile along an axis, */
    CN_WINOGRAD_OUT = 4,  /* of a result's, */
    CN_WINOGRAD_TAPS = 3, /* and of a kernel */
    CN_WINOGRAD_NUMBERS = CN_WINOGRAD_IN * CN_WINOGRAD_IN,
    CN_WINOGRAD_MULTIPLE = 16 /* of which every `count` is a multiple */
};

/* Number n of element c goes to or comes from numbers[n * step + c]. */
typedef struct cn_winograd_kernels {
    /* Of a row of `tiles` tiles of an input, of which the pixel in row i and column x has its `count` channels at
     * from[i] + x * pixel[i]. The first tile begins in column `first`; pixels that are not in columns 0 up to `columns`
     * are zeros. The numbers of a tile begin `row` after those of the one before. */
    void (*input)(int64_t count, int64_t tiles, const float *const *from, const int64_t *pixel, int64_t first,
                  int64_t columns, float *numbers, int64_t row, int64_t step);
    /* Of kernels, of which tap (i, j) is at taps[(3 * i + j) * tap_step]. */
    void (*kernel)(int64_t count, const float *taps, int64_t tap_step, float *numbers, int64_t step);
    /* From products to the first `rows` and `columns` of a result's tile, at to[i * row_step + j * column_step]. */
    void (*result)(int64_t count, const float *numbers, int64_t step, int64_t rows, int64_t columns, float *to,
                   int64_t row_step, int64_t column_step);
    /* The transposes of these, for the kernel's gradient. Of the first `rows` and `columns` of a tile of the result's
     * gradient, the others being zeros; */
    void (*result_gradient)(int64_t count, const float *from, int64_t row_step, int64_t column_step, int64_t rows,
                            int64_t columns, float *numbers, int64_t step);
    /* and to the taps at taps[(3 * i + j) * tap_step], from the sum of `parts` numbers, part_step apart. */
    void (*kernel_gradient)(int64_t count, const float *numbers, int64_t step, int64_t parts, int64_t part_step,
                            float *taps, int64_t tap_step);
} cn_winograd_kernels;
#endif
