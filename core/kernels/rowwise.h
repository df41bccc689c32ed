/* Private: operations on rows of numbers that belong together, as softmax. */
#ifndef CN_CORE_KERNELS_ROWWISE_H
#define CN_CORE_KERNELS_ROWWISE_H
#include <stdint.h>

/* Element i < n of row r < rows is at r * row_step + i * step in each of the matrices; what has one number a row is
 * dense. One of the steps is 1; if it is row_step and n > CN_ROW_SHORT, then rows >= CN_ROW_LANES. */
typedef void cn_rowwise(int64_t rows, int64_t row_step, int64_t n, int64_t step, void *const *pointer);
enum { CN_ROW_SHORT = 32, CN_ROW_LANES = 16 };

/* The pointers of each:
 *   softmax, log_softmax, sparsemax     y, x
 *   softmax_grad, sparsemax_grad        dx, y, dy
 *   log_softmax_grad                    dx, y, dy
 *   logsumexp                           y (one a row), x
 *   crossentropy                        loss (one a row), z, p = softmax(z), t: sum t (logsumexp z - z)
 *   crossentropy_grad                   dz, p, t, dy (one a row): (p sum t - t) dy
 *   sparse_crossentropy                 loss (one a row), z, p, label (one a row, int32)
 *   sparse_crossentropy_grad            dz, p, label, dy (one a row) */
#define CN_ROWWISE(X)      \
    X(softmax)             \
    X(log_softmax)         \
    X(logsumexp)           \
    X(softmax_grad)        \
    X(log_softmax_grad)    \
    X(sparsemax)           \
    X(sparsemax_grad)      \
    X(crossentropy)        \
    X(crossentropy_grad)   \
    X(sparse_crossentropy) \
    X(sparse_crossentropy_grad)
enum {
#define CN_ROWWISE_INDEX_(name) CN_ROW_##name,
    CN_ROWWISE(CN_ROWWISE_INDEX_)
#undef CN_ROWWISE_INDEX_
        CN_ROWWISE_COUNT_
};

typedef struct cn_rowwise_kernels {
    cn_rowwise *row[CN_ROWWISE_COUNT_];
} cn_rowwise_kernels;
#endif
