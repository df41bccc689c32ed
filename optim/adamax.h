/* Relatives of Adam: Adamax (Kingma and Ba, 2014), Nadam (Dozat, 2016) and Lamb (You et al., 2019). */
#ifndef CN_OPTIM_ADAMAX_H
#define CN_OPTIM_ADAMAX_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With t counting applied steps from 1: m += (g - m) (1 - beta_1), u = max(beta_2 u, |g|),
 * w -= learning_rate m / ((1 - beta_1^t) (u + epsilon)). cn_adamax(0.1) */
#define CN_ADAMAX_DEFAULTS \
    CN_OPTIMIZER_DEFAULTS, .learning_rate = 0.001, .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7
#define cn_adamax(...) cn_adamax_with((cn_optimizer){CN_ADAMAX_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_adamax_with(cn_optimizer args);
CN_API cn_optimizer cn_adamax_defaults(void);

/* Adam with Nesterov's look ahead. With u(t) = beta_1 (1 - 0.96^t / 2) and U the product of u(1) to u(t): m and v as
 * Adam's, w -= learning_rate (u(t + 1) m / (1 - U u(t + 1)) + (1 - u(t)) g / (1 - U)) / (sqrt(v / (1 - beta_2^t)) +
 * epsilon). cn_nadam(0.1) */
#define CN_NADAM_DEFAULTS CN_ADAMAX_DEFAULTS
#define cn_nadam(...) cn_nadam_with((cn_optimizer){CN_NADAM_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_nadam_with(cn_optimizer args);
CN_API cn_optimizer cn_nadam_defaults(void);

/* With u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon), m and v as Adam's: w -= learning_rate u |w| /
 * |u|, by the norms of the whole variable, 1 for the quotient where either is 0. cn_lamb(0.1) */
#define CN_LAMB_DEFAULTS CN_ADAMAX_DEFAULTS
#define cn_lamb(...) cn_lamb_with((cn_optimizer){CN_LAMB_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_lamb_with(cn_optimizer args);
CN_API cn_optimizer cn_lamb_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
