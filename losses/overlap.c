#include "losses/overlap.h"
#include "core/ops/number.h"
#include "core/ops/reduction.h"
#include "losses/built_in.h"

static const double epsilon = 1e-7;

static cn_tensor *total(const cn_loss *self, cn_tensor *x)
{
    return cn_sum(x, .axis = self->axis, .axes = self->axes);
}

/* 1 - a / (b + epsilon) */
static cn_tensor *rest_of_share(cn_tensor *a, cn_tensor *b)
{
    return cn_sub(cn_scalar(a, 1), cn_div(a, cn_plus(b, epsilon)));
}

static cn_tensor *dice(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    cn_tensor *common = total(self, cn_mul(y_true, y_pred));
    return rest_of_share(cn_times(common, 2), cn_add(total(self, y_true), total(self, y_pred)));
}

static cn_tensor *tversky(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    cn_tensor *one = cn_scalar(y_pred, 1), *common = total(self, cn_mul(y_true, y_pred));
    cn_tensor *wrong = cn_times(total(self, cn_mul(cn_sub(one, y_true), y_pred)), self->alpha);
    cn_tensor *missing = cn_times(total(self, cn_mul(y_true, cn_sub(one, y_pred))), self->beta);
    return rest_of_share(common, cn_add(common, cn_add(wrong, missing)));
}

cn_loss cn_dice_with(cn_loss args)
{
    return cn_built_in_loss(args, "dice", dice, CN_HAS_AXIS | CN_HAS_AXES);
}

cn_loss cn_tversky_with(cn_loss args)
{
    return cn_built_in_loss(args, "tversky", tversky, CN_HAS_AXIS | CN_HAS_AXES | CN_HAS_ALPHA | CN_HAS_BETA);
}
