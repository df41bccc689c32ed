#include "losses/divergence.h"
#include "core/ops/arithmetic.h"
#include "core/ops/number.h"
#include "core/ops/reduction.h"
#include "losses/built_in.h"

static const double epsilon = 1e-7;

static cn_tensor *kullback_leibler(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    cn_tensor *y = cn_clip(y_true, epsilon, 1), *p = cn_clip(y_pred, epsilon, 1);
    return cn_sum(cn_mul(y, cn_log(cn_div(y, p))), .axis = -1);
}

static cn_tensor *poisson(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    return cn_mean(cn_sub(y_pred, cn_mul(y_true, cn_log(cn_plus(y_pred, epsilon)))), .axis = -1);
}

cn_loss cn_kl_divergence_with(cn_loss args)
{
    return cn_built_in_loss(args, "kl_divergence", kullback_leibler, 0);
}

cn_loss cn_poisson_with(cn_loss args)
{
    return cn_built_in_loss(args, "poisson", poisson, 0);
}
