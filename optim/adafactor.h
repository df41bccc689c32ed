/* Adafactor (Shazeer and Stern, 2018). */
#ifndef CN_OPTIM_ADAFACTOR_H
#define CN_OPTIM_ADAFACTOR_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With t counting applied steps from 1, b = 1 - t^beta_2_decay and q = g² + epsilon_1: of variables of rank 2 or more
 * r = b r + (1 - b) mean(q, -1), c = b c + (1 - b) mean(q, -2), v = r / mean(r) times c; of others v = b v + (1 - b) q.
 * With u = g / sqrt(v) and rms(x) = sqrt(mean(x²)): w -= max(epsilon_2, rms(w)) min(learning_rate, 1 / sqrt(t)) u /
 * max(1, rms(u) / clip_threshold). As in Keras, .relative_step changes nothing. cn_adafactor(0.1) */
#define CN_ADAFACTOR_DEFAULTS                                                                                   \
    CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .beta_2_decay = -0.8, .epsilon_1 = 1e-30, .epsilon_2 = 1e-3, \
                           .clip_threshold = 1, .relative_step = true
#define cn_adafactor(...) cn_adafactor_with((cn_optimizer){CN_ADAFACTOR_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_adafactor_with(cn_optimizer args);
CN_API cn_optimizer cn_adafactor_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
