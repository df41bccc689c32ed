/* Stochastic gradient descent. */
#ifndef CN_OPTIM_SGD_H
#define CN_OPTIM_SGD_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* w -= learning_rate * g; with .momentum m: v = m v - learning_rate * g, w += v; with .nesterov too: w += m v -
 * learning_rate * g. cn_sgd(), cn_sgd(0.1, .momentum = 0.9, .nesterov = true) */
#define CN_SGD_DEFAULTS CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.01
#define cn_sgd(...) cn_sgd_with((cn_optimizer){CN_SGD_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_sgd_with(cn_optimizer args);
CN_API cn_optimizer cn_sgd_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
