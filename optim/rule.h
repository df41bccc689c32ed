/* Private: what rules written with element-wise operations share. */
#ifndef CN_OPTIM_RULE_H
#define CN_OPTIM_RULE_H
#include "core/kernels/optimizer.h"
#include "core/ops/arithmetic.h"
#include "optim/optimizer.h"

/* A scalar of the step, by CN_STEP_..., as a tensor of shape () and the variable's type. */
cn_tensor *cn_step_scalar(const cn_update *u, int index);
/* The variable after weight decay. */
cn_tensor *cn_decayed(const cn_update *u);
/* x multiplied by a number. */
cn_tensor *cn_times(cn_tensor *x, double factor);
/* a weight + b (1 - weight) */
cn_tensor *cn_mix(cn_tensor *a, cn_tensor *b, double weight);
/* x + number */
cn_tensor *cn_plus(cn_tensor *x, double number);
/* Fills in the update's results: the slots in order (NULL for those the variable has not). Of calls that only
 * accumulate gradients the result is what was before. */
bool cn_finish_rule(const cn_optimizer *self, cn_update *u, cn_tensor *w, cn_tensor *const slot[CN_MAX_SLOTS]);

/* Defines the functions cn_NAME_with and cn_NAME_defaults of a class. */
#define CN_OPTIMIZER_FUNCTIONS(name, class)          \
    cn_optimizer cn_##name##_with(cn_optimizer args) \
    {                                                \
        args.type = &(class);                        \
        return args;                                 \
    }                                                \
    cn_optimizer cn_##name##_defaults(void)          \
    {                                                \
        return cn_##name();                          \
    }
#endif
