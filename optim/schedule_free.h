/* Schedule-free AdamW (Defazio et al., 2024). */
#ifndef CN_OPTIM_SCHEDULE_FREE_H
#define CN_OPTIM_SCHEDULE_FREE_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With t counting applied steps from 1, z a copy of w at first and v = beta_2 v + (1 - beta_2) g²:
 * z' = z - learning_rate min(t / warmup_steps, 1) g / (sqrt(v / (1 - beta_2^t)) + epsilon),
 * x = (w - (1 - beta_1) z) / beta_1, x' = (1 - 1 / t) x + z' / t, w = (1 - beta_1) z' + beta_1 x'.
 * cn_schedule_free_adamw(0.1, .warmup_steps = 4) */
#define CN_SCHEDULE_FREE_ADAMW_DEFAULTS \
    CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.0025, .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-8
#define cn_schedule_free_adamw(...) \
    cn_schedule_free_adamw_with((cn_optimizer){CN_SCHEDULE_FREE_ADAMW_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_schedule_free_adamw_with(cn_optimizer args);
CN_API cn_optimizer cn_schedule_free_adamw_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
