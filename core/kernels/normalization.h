/* Private: normalization of rows (layer, group and RMS normalization) and of columns (batch normalization), forwards
 * and backwards. */
#ifndef CN_CORE_KERNELS_NORMALIZATION_H
#define CN_CORE_KERNELS_NORMALIZATION_H
#include <stdint.h>

/* Rows: y = (x - mean) rstd gamma + beta with the mean of each row and rstd = 1 / √(variance + epsilon). Without `mean`
 * nothing is taken off: variance is then mean x². gamma and beta, of n elements, may be NULL for ones and zeros. All is
 * dense. */
typedef struct cn_rows_normalization {
    int64_t rows, n;
    double epsilon;
    const void *x, *gamma, *beta;
    void *y, *rstd, *mean;
} cn_rows_normalization;

/* dx, and what these rows add to the gradients of gamma and beta; each may be NULL. */
typedef struct cn_rows_normalization_back {
    int64_t rows, n;
    const void *x, *rstd, *mean, *gamma, *dy;
    void *dx, *dgamma, *dbeta;
} cn_rows_normalization_back;

/* Columns. A run of `repeat` rows counts as one of `width` = repeat * channels elements, so that few channels still
 * make long loops; what has one number a channel is repeated likewise in `width` elements. */
typedef struct cn_columns {
    int64_t rows, channels, repeat, width;
} cn_columns;

typedef struct cn_columns_kernels {
    /* Of one piece: its mean in the first `channels` of room, and Σ(x - mean)² in those of room + 2 width; room has 3
     * width elements. rows > 0. */
    void (*moments)(const cn_columns *columns, const void *x, void *room);
    /* The mean and variance of all rows from those of the pieces, which had `rows_a_piece` each but the last. */
    void (*join_moments)(const cn_columns *columns, int64_t pieces, int64_t rows_a_piece, const void *room, void *mean,
                         void *variance);
    /* Of one piece: Σ dy in the first `channels` of room + width, Σ dy (x - mean) in those of room + 2 width. */
    void (*sums)(const cn_columns *columns, const void *x, const void *dy, const void *mean, void *room);
    /* Adds up what the pieces, of 3 width elements each, have there: at the same places of total. */
    void (*join_sums)(const cn_columns *columns, int64_t pieces, const void *room, void *total);
    /* y = (x - mean) scale + offset, where scale = gamma / √(variance + epsilon); gamma and beta may be NULL. The first
     * makes the three numbers of each channel, in `factors` of 3 width elements. */
    void (*factors)(const cn_columns *columns, double epsilon, const void *mean, const void *variance,
                    const void *gamma, const void *beta, void *factors);
    void (*apply)(const cn_columns *columns, const void *x, const void *factors, void *y);
    /* dx = (dy - mean dy - xhat mean(dy xhat)) scale, the means being those over all rows. The first makes four numbers
     * a channel, in `factors` of 4 width elements, and turns Σ dy (x - mean) in total into Σ dy xhat. */
    void (*back_factors)(const cn_columns *columns, double epsilon, const void *mean, const void *variance,
                         const void *gamma, void *total, void *factors);
    void (*apply_back)(const cn_columns *columns, const void *x, const void *dy, const void *factors, void *dx);
} cn_columns_kernels;

typedef struct cn_normalization_kernels {
    void (*rows)(const cn_rows_normalization *r);
    void (*rows_back)(const cn_rows_normalization_back *r);
    cn_columns_kernels columns;
} cn_normalization_kernels;
#endif
