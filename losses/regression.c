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

cn_loss cn_mean_squared_error_with(cn_loss args)
{
    args.name = "mean_squared_error";
    args.values = squared;
    return args;
}

cn_loss cn_mean_absolute_error_with(cn_loss args)
{
    args.name = "mean_absolute_error";
    args.values = absolute;
    return args;
}
