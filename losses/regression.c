#include "losses/regression.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduction.h"

static cn_tensor *squared(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    return cn_mean(cn_square(cn_sub(y_pred, y_true)), .axis = -1);
}

static cn_tensor *absolute(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    return cn_mean(cn_absolute(cn_sub(y_pred, y_true)), .axis = -1);
}

static cn_loss regression(cn_loss args, const char *name)
{
    args.name = name;
    if (args.from_logits || args.label_smoothing != 0 || args.ignore_class != CN_NONE)
        cn_fail(CN_ARGUMENT, "%s: has no argument but reduction", name);
    return args;
}

cn_loss cn_mean_squared_error_with(cn_loss args)
{
    args.values = squared;
    return regression(args, "mean_squared_error");
}

cn_loss cn_mean_absolute_error_with(cn_loss args)
{
    args.values = absolute;
    return regression(args, "mean_absolute_error");
}
