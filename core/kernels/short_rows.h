/* Private: sums and the operations of rowwise.h on rows that fit one vector, as few classes or short sequences make
 * them. */
#ifndef CN_CORE_KERNELS_SHORT_ROWS_H
#define CN_CORE_KERNELS_SHORT_ROWS_H
#include "core/kernels/elementwise.h"
#include "core/kernels/rowwise.h"

/* y: the sum of each row, or of each column, divided. Sums are doubles, rounded once. */
typedef void cn_short_mean(int64_t rows, int64_t row_step, int64_t n, double divisor, const float *x, float *y);

/* For float rows of at most `most` neighbours, one behind the other. NULL where rowwise.h's kernel is to be taken. */
typedef struct cn_short_row_kernels {
    int64_t most; /* 0: there are none */
    cn_rowwise *row[CN_ROWWISE_COUNT_];
    cn_short_mean *mean_of_rows, *mean_of_columns;
    cn_row_loop *add_row, *relu_of_sum; /* as those of elementwise.h */
} cn_short_row_kernels;
#endif
