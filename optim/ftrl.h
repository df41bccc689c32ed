/* FTRL, follow the regularized leader (McMahan et al., 2013). */
#ifndef CN_OPTIM_FTRL_H
#define CN_OPTIM_FTRL_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With p = -learning_rate_power, n' = n + g², n being .initial_accumulator_value at first:
 * z += g + 2 l2_shrinkage w - (n'^p - n^p) / learning_rate w, q = n'^p / learning_rate + 2 (l2 + beta / (2
 * learning_rate)), w = (clip(z, -l1, l1) - z) / q; l1, l2 and l2_shrinkage are the three _regularization_strength.
 * cn_ftrl(0.1, .l1_regularization_strength = 0.01) */
#define CN_FTRL_DEFAULTS \
    CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .learning_rate_power = -0.5, .initial_accumulator_value = 0.1
#define cn_ftrl(...) cn_ftrl_with((cn_optimizer){CN_FTRL_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_ftrl_with(cn_optimizer args);
CN_API cn_optimizer cn_ftrl_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
