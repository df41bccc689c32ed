#include "optim/loss_scale.h"

cn_optimizer cn_loss_scale_optimizer_with(cn_loss_scale_args args)
{
    cn_optimizer optimizer = args.inner_optimizer;
    if (!(args.initial_scale > 0) || args.dynamic_growth_steps < 1)
        cn_fail(CN_ARGUMENT,
                "LossScaleOptimizer: initial_scale and dynamic_growth_steps must be positive, not %g and %d",
                args.initial_scale, args.dynamic_growth_steps);
    if (optimizer.others)
        cn_fail(CN_UNSUPPORTED, "LossScaleOptimizer: the inner one cannot be several");
    optimizer.initial_scale = args.initial_scale;
    optimizer.dynamic_growth_steps = args.dynamic_growth_steps;
    return optimizer;
}
