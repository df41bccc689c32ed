/* Adam (Kingma and Ba, 2014) and AdamW, with decoupled weight decay (Loshchilov and Hutter, 2017). */
#ifndef CN_OPTIM_ADAM_H
#define CN_OPTIM_ADAM_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With t counting applied steps from 1: m += (g - m) (1 - beta_1), v += (g² - v) (1 - beta_2),
 * w -= m learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) / (sqrt(v) + epsilon).
 * With .amsgrad the largest v so far takes the place of v in the last line (Reddi, Kale and Kumar, 2018).
 * cn_adam(), cn_adam(0.01, .beta_1 = 0.8) */
#define CN_ADAM_DEFAULTS CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7
#define cn_adam(...) cn_adam_with((cn_optimizer){CN_ADAM_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_adam_with(cn_optimizer args);
CN_API cn_optimizer cn_adam_defaults(void);

/* Adam with .weight_decay, by default 0.004. */
#define CN_ADAMW_DEFAULTS CN_ADAM_DEFAULTS, .weight_decay = 0.004
#define cn_adamw(...) cn_adamw_with((cn_optimizer){CN_ADAMW_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_adamw_with(cn_optimizer args);
CN_API cn_optimizer cn_adamw_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
