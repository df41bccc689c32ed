/* A loss of distances between samples. */
#ifndef CN_LOSSES_CIRCLE_H
#define CN_LOSSES_CIRCLE_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CN_CIRCLE_DEFAULTS CN_LOSS_DEFAULTS, .gamma = 80, .margin = 0.4, .remove_diagonal = true
/* Circle loss (Sun and others, 2020): draws embeddings y_pred (B, D), which must be of length 1, to those of the same
 * class and away from the others; y_true are class numbers (B,). With d = max(1 - cosine, 0) between two samples, m =
 * .margin (0.4) and g = .gamma (80):
 *   softplus(log sum exp(-g max(m + d, 0) (m - d)) + log sum exp(g max(1 + m - d, 0) (1 - m - d)))
 * the first sum being over samples of the same class, unless .remove_diagonal = false without the sample itself, the
 * second over the others. Samples whose loss is 0 do not count in a mean. */
#define cn_circle(...) cn_circle_with((cn_loss){CN_CIRCLE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_circle_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
