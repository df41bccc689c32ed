/* RMSprop (Hinton, 2012). */
#ifndef CN_OPTIM_RMSPROP_H
#define CN_OPTIM_RMSPROP_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* v = rho v + (1 - rho) g², w -= learning_rate g / sqrt(v + epsilon); .centered: with a = rho a + (1 - rho) g, v - a²
 * takes the place of v in the root; .momentum: m = momentum m + learning_rate g / sqrt(...), w -= m.
 * cn_rmsprop(), cn_rmsprop(0.01, .centered = true) */
#define CN_RMSPROP_DEFAULTS CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .rho = 0.9, .epsilon = 1e-7
#define cn_rmsprop(...) cn_rmsprop_with((cn_optimizer){CN_RMSPROP_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_rmsprop_with(cn_optimizer args);
CN_API cn_optimizer cn_rmsprop_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
