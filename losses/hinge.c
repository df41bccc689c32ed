#include "losses/hinge.h"
#include "core/ops/arithmetic.h"
#include "core/ops/number.h"
#include "core/ops/reduction.h"
#include "losses/built_in.h"

static cn_tensor *positive(cn_tensor *x)
{
    return cn_maximum(x, cn_scalar(x, 0));
}

/* -1 and 1 for labels that are all 0 or 1, others as they are. */
static cn_tensor *signs(cn_tensor *y)
{
    cn_tensor *binary = cn_all(cn_logical_or(cn_equal(y, cn_scalar(y, 0)), cn_equal(y, cn_scalar(y, 1))));
    return cn_where(binary, cn_plus(cn_times(y, 2), -1), y);
}

static cn_tensor *shortfall(cn_tensor *y_true, cn_tensor *y_pred)
{
    return positive(cn_sub(cn_scalar(y_pred, 1), cn_mul(signs(y_true), y_pred)));
}

static cn_tensor *hinge(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    return cn_mean(shortfall(y_true, y_pred), .axis = -1);
}

static cn_tensor *squared(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    return cn_mean(cn_square(shortfall(y_true, y_pred)), .axis = -1);
}

static cn_tensor *categorical(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    cn_tensor *right = cn_sum(cn_mul(y_true, y_pred), .axis = -1);
    cn_tensor *wrong = cn_max(cn_mul(cn_sub(cn_scalar(y_true, 1), y_true), y_pred), .axis = -1);
    return positive(cn_plus(cn_sub(wrong, right), 1));
}

cn_loss cn_hinge_with(cn_loss args)
{
    return cn_built_in_loss(args, "hinge", hinge, 0);
}

cn_loss cn_squared_hinge_with(cn_loss args)
{
    return cn_built_in_loss(args, "squared_hinge", squared, 0);
}

cn_loss cn_categorical_hinge_with(cn_loss args)
{
    return cn_built_in_loss(args, "categorical_hinge", categorical, 0);
}
