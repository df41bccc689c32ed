/* Several optimizers for the variables of one model. */
#ifndef CN_OPTIM_MULTI_H
#define CN_OPTIM_MULTI_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which variables an optimizer is for: those whose whole name ("dense/kernel") the POSIX regular expression matches. */
struct cn_optimizer_of {
    const char *variables;
    cn_optimizer optimizer;
};

/* Keras' MultiOptimizer: each variable goes to the optimizer that is given for its name, or whose expression matches
 * it, the others to the default one. Two expressions that match one name are an error when the updater is made. What is
 * given must stay valid until then.
 * cn_multi_optimizer(cn_sgd(0.1), {"hidden/.*", cn_adam()}, {"out/bias", cn_rmsprop()}) */
#define cn_multi_optimizer(default_optimizer, ...) \
    cn_multi_optimizer_with((default_optimizer), (const cn_optimizer_of[]){__VA_ARGS__, {.variables = NULL}})
/* `others` ends with one without variables. */
CN_API cn_optimizer cn_multi_optimizer_with(cn_optimizer default_optimizer, const cn_optimizer_of *others);

#ifdef __cplusplus
}
#endif
#endif
