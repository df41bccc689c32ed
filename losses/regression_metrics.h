/* Metrics of numbers, beside the means of losses (losses/loss_metrics.h). */
#ifndef CN_LOSSES_REGRESSION_METRICS_H
#define CN_LOSSES_REGRESSION_METRICS_H
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* √(Σ w (y_true - y_pred)² / Σ w) over all elements. */
#define cn_root_mean_squared_error(...) \
    cn_root_mean_squared_error_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_root_mean_squared_error_with(cn_metric args);
/* The cosine of the angle between vectors along .axis (-1), 1 for the same direction: the negative of the loss. */
#define cn_metric_cosine_similarity(...) \
    cn_metric_cosine_similarity_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_metric_cosine_similarity_with(cn_metric args);
/* Pearson's correlation of y_true and y_pred along .axis (-1), and the concordance correlation (Lin 1989) 2 cov / (var
 * + var + (difference of means)²), the mean over samples. */
#define cn_pearson_correlation(...) \
    cn_pearson_correlation_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_pearson_correlation_with(cn_metric args);
#define cn_concordance_correlation(...) \
    cn_concordance_correlation_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_concordance_correlation_with(cn_metric args);
/* 1 - Σ w (y_true - y_pred)² / Σ w (y_true - mean)² of each column of outputs (batch, columns). .class_aggregation:
 * CN_UNIFORM_AVERAGE (the mean, the default), CN_VARIANCE_WEIGHTED_AVERAGE or CN_NO_AVERAGE (the result is a vector).
 * With .num_regressors p of n samples, adjusted: 1 - (1 - R²) (n - 1) / (n - p - 1), if that is defined. */
#define cn_r2_score(...) cn_r2_score_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_r2_score_with(cn_metric args);

#ifdef __cplusplus
}
#endif
#endif
