/* The losses as metrics: the mean over all samples, under the loss's name. The arguments are the loss's own:
 * cn_metric_binary_crossentropy(.from_logits = true). */
#ifndef CN_LOSSES_LOSS_METRICS_H
#define CN_LOSSES_LOSS_METRICS_H
#include "crossentropy.h"
#include "divergence.h"
#include "hinge.h"
#include "metric.h"
#include "regression.h"

#define cn_metric_binary_crossentropy(...) cn_metric_of(cn_binary_crossentropy(__VA_ARGS__))
#define cn_metric_categorical_crossentropy(...) cn_metric_of(cn_categorical_crossentropy(__VA_ARGS__))
#define cn_metric_sparse_categorical_crossentropy(...) cn_metric_of(cn_sparse_categorical_crossentropy(__VA_ARGS__))
#define cn_metric_kl_divergence(...) cn_metric_of(cn_kl_divergence(__VA_ARGS__))
#define cn_metric_poisson(...) cn_metric_of(cn_poisson(__VA_ARGS__))
#define cn_metric_hinge(...) cn_metric_of(cn_hinge(__VA_ARGS__))
#define cn_metric_squared_hinge(...) cn_metric_of(cn_squared_hinge(__VA_ARGS__))
#define cn_metric_categorical_hinge(...) cn_metric_of(cn_categorical_hinge(__VA_ARGS__))
#define cn_metric_mean_squared_error(...) cn_metric_of(cn_mean_squared_error(__VA_ARGS__))
#define cn_metric_mean_absolute_error(...) cn_metric_of(cn_mean_absolute_error(__VA_ARGS__))
#define cn_metric_mean_absolute_percentage_error(...) cn_metric_of(cn_mean_absolute_percentage_error(__VA_ARGS__))
#define cn_metric_mean_squared_logarithmic_error(...) cn_metric_of(cn_mean_squared_logarithmic_error(__VA_ARGS__))
/* Keras' LogCoshError, under the name logcosh. */
#define cn_log_cosh_error(...) cn_log_cosh_error_of(cn_log_cosh(__VA_ARGS__))

#ifdef __cplusplus
extern "C" {
#endif
CN_API cn_metric cn_log_cosh_error_of(cn_loss log_cosh);
#ifdef __cplusplus
}
#endif
#endif
