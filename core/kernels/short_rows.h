/* Private: the operations of rowwise.h on rows that fit one vector, as few classes or short sequences make them. */
#ifndef CN_CORE_KERNELS_SHORT_ROWS_H
#define CN_CORE_KERNELS_SHORT_ROWS_H
#include "core/kernels/rowwise.h"

/* For float rows of at most `most` neighbours, one behind the other. NULL where rowwise.h's kernel is to be taken. */
typedef struct cn_short_row_kernels {
    int64_t most; /* 0: there are none */
    cn_rowwise *row[CN_ROWWISE_COUNT_];
} cn_short_row_kernels;
#endif
