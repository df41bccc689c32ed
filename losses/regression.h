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
/* 100 times the mean over the last axis of |y_true - y_pred| / max(|y_true|, 1e-7). */
#define cn_mean_absolute_percentage_error(...) \
    cn_mean_absolute_percentage_error_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_mean_absolute_percentage_error_with(cn_loss args);
/* The mean over the last axis of (log(y_pred + 1) - log(y_true + 1))², both being at least 1e-7 first. */
#define cn_mean_squared_logarithmic_error(...) \
    cn_mean_squared_logarithmic_error_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_mean_squared_logarithmic_error_with(cn_loss args);
#define CN_HUBER_DEFAULTS CN_LOSS_DEFAULTS, .delta = 1
/* The mean over the last axis of e² / 2 where |e| <= .delta (1), and of .delta |e| - .delta² / 2 beyond, for e = y_true
 * - y_pred. cn_huber(.delta = 0.5) */
#define cn_huber(...) cn_huber_with((cn_loss){CN_HUBER_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_huber_with(cn_loss args);
/* The mean over the last axis of log(cosh(y_pred - y_true)), which does not overflow. */
#define cn_log_cosh(...) cn_log_cosh_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_log_cosh_with(cn_loss args);
/* -sum over .axis (-1) of y_true y_pred, each divided by its norm first: -1 for the same direction, 1 for opposite
 * ones, 0 if either is zero. */
#define cn_cosine_similarity(...) cn_cosine_similarity_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_cosine_similarity_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
