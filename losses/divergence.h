/* How far one distribution is from another. */
#ifndef CN_LOSSES_DIVERGENCE_H
#define CN_LOSSES_DIVERGENCE_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The divergence of Kullback and Leibler: the sum over the last axis of y_true log(y_true / y_pred), both clipped to
 * [1e-7, 1]. */
#define cn_kl_divergence(...) cn_kl_divergence_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_kl_divergence_with(cn_loss args);
/* The mean over the last axis of y_pred - y_true log(y_pred + 1e-7), for numbers of events and their expected rates. */
#define cn_poisson(...) cn_poisson_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_poisson_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
