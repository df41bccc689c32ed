/* Adagrad (Duchi, Hazan and Singer, 2011) and Adadelta (Zeiler, 2012). */
#ifndef CN_OPTIM_ADAGRAD_H
#define CN_OPTIM_ADAGRAD_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* a += g², w -= learning_rate g / sqrt(a + epsilon); a is .initial_accumulator_value at first. cn_adagrad(0.1) */
#define CN_ADAGRAD_DEFAULTS \
    CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .initial_accumulator_value = 0.1, .epsilon = 1e-7
#define cn_adagrad(...) cn_adagrad_with((cn_optimizer){CN_ADAGRAD_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_adagrad_with(cn_optimizer args);
CN_API cn_optimizer cn_adagrad_defaults(void);

/* a = rho a + (1 - rho) g², d = -g sqrt(b + epsilon) / sqrt(a + epsilon), b = rho b + (1 - rho) d²,
 * w += learning_rate d. cn_adadelta(1.0) */
#define CN_ADADELTA_DEFAULTS CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .rho = 0.95, .epsilon = 1e-7
#define cn_adadelta(...) cn_adadelta_with((cn_optimizer){CN_ADADELTA_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_adadelta_with(cn_optimizer args);
CN_API cn_optimizer cn_adadelta_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
