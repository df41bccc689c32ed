/* Lion (Chen et al., 2023). */
#ifndef CN_OPTIM_LION_H
#define CN_OPTIM_LION_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* w -= learning_rate sign(beta_1 m + (1 - beta_1) g), then m = beta_2 m + (1 - beta_2) g. cn_lion(0.1) */
#define CN_LION_DEFAULTS CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .beta_1 = 0.9, .beta_2 = 0.99
#define cn_lion(...) cn_lion_with((cn_optimizer){CN_LION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_lion_with(cn_optimizer args);
CN_API cn_optimizer cn_lion_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
