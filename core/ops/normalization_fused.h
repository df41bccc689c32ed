/* Private: the fused operations that the normalizations are recorded as. They are differentiable once, so nothing that
 * may be differentiated again uses them: core/ops/normalization.c has their unfused forms. */
#ifndef CN_CORE_OPS_NORMALIZATION_FUSED_H
#define CN_CORE_OPS_NORMALIZATION_FUSED_H
#include "core/engine.h"
#include "core/ops/normalization.h"

/* (x - mean) gamma / √(variance + epsilon) + beta, the mean and the variance being those over the axes of x from
 * `begin` on; if not `centred`, x gamma / √(mean x² + epsilon) + beta. gamma and beta have the dimensions of these
 * axes, or are NULL. x is of floats, and gamma and beta of the same. */
cn_tensor *cn_normalize_rows(cn_tensor *x, cn_tensor *gamma, cn_tensor *beta, int begin, bool centred, double epsilon);

/* The same with a mean and a variance for each element of the last axis, over all others, which are results too:
 * CN_NORMALIZED, CN_BATCH_MEAN, CN_BATCH_VARIANCE. */
bool cn_normalize_columns(cn_tensor *x, cn_tensor *gamma, cn_tensor *beta, double epsilon,
                          cn_tensor *results[CN_BATCH_RESULTS]);

/* Their rows. */
extern const cn_operation cn_normalize_rows_operation, cn_normalize_rows_grad_operation, cn_normalize_columns_operation,
    cn_normalize_columns_grad_operation;
#endif
