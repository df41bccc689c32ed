/* Loss scaling, for gradients that would vanish in a small float type. */
#ifndef CN_OPTIM_LOSS_SCALE_H
#define CN_OPTIM_LOSS_SCALE_H
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Keras' LossScaleOptimizer. The loss is multiplied by a scale, .initial_scale (32768) at first, and the gradients are
 * divided by it. A step with a gradient that is not finite is left out as if it had not been, and halves the scale;
 * .dynamic_growth_steps (2000) good ones in a row double it. Clipping, weight decay, averages and accumulation are
 * those of the inner optimizer. cn_loss_scale_optimizer(cn_adam(1e-3), .initial_scale = 1024) */
typedef struct cn_loss_scale_args {
    char first_;
    cn_optimizer inner_optimizer;
    double initial_scale;
    int dynamic_growth_steps;
} cn_loss_scale_args;
#define CN_LOSS_SCALE_DEFAULTS .initial_scale = 32768, .dynamic_growth_steps = 2000
#define cn_loss_scale_optimizer(...) \
    cn_loss_scale_optimizer_with((cn_loss_scale_args){CN_LOSS_SCALE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_optimizer cn_loss_scale_optimizer_with(cn_loss_scale_args args);

#ifdef __cplusplus
}
#endif
#endif
