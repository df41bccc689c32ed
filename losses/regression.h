/* Losses of numbers. */
#ifndef CN_LOSSES_REGRESSION_H
#define CN_LOSSES_REGRESSION_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The mean over the last axis of (y_true - y_pred)². cn_mean_squared_error(), (.reduction = CN_SUM) */
#define cn_mean_squared_error(...) cn_mean_squared_error_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_mean_squared_error_with(cn_loss args);
/* The mean over the last axis of |y_true - y_pred|. */
#define cn_mean_absolute_error(...) cn_mean_absolute_error_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_mean_absolute_error_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
