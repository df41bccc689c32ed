#include "losses/regression.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/number.h"
#include "core/ops/reduction.h"
#include "losses/built_in.h"

static const double epsilon = 1e-7;

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

static cn_tensor *percentage(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    cn_tensor *size = cn_maximum(cn_absolute(y_true), cn_scalar(y_true, epsilon));
    return cn_times(cn_mean(cn_absolute(cn_div(cn_sub(y_true, y_pred), size)), .axis = -1), 100);
}

/* log(x + 1) of what is at least epsilon. */
static cn_tensor *logarithm(cn_tensor *x)
{
    return cn_log1p(cn_maximum(x, cn_scalar(x, epsilon)));
}

static cn_tensor *squared_logarithmic(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    return squared(self, logarithm(y_true), logarithm(y_pred));
}

static cn_tensor *huber(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    double delta = self->delta;
    cn_tensor *e = cn_sub(y_pred, y_true), *size = cn_absolute(e);
    cn_tensor *near = cn_times(cn_square(e), 0.5), *far = cn_plus(cn_times(size, delta), -delta * delta / 2);
    return cn_mean(cn_where(cn_less_equal(size, cn_scalar(e, delta)), near, far), .axis = -1);
}

static cn_tensor *log_cosh(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    const double log_2 = 0.693147180559945309;
    cn_tensor *e = cn_sub(y_pred, y_true);
    return cn_mean(cn_plus(cn_add(e, cn_softplus(cn_times(e, -2))), -log_2), .axis = -1);
}

static cn_tensor *cosine(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    cn_tensor *product = cn_mul(cn_normalize(y_true, .axis = self->axis), cn_normalize(y_pred, .axis = self->axis));
    return cn_negative(cn_sum(product, .axis = self->axis));
}

cn_loss cn_mean_squared_error_with(cn_loss args)
{
    return cn_built_in_loss(args, "mean_squared_error", squared, 0);
}

cn_loss cn_mean_absolute_error_with(cn_loss args)
{
    return cn_built_in_loss(args, "mean_absolute_error", absolute, 0);
}

cn_loss cn_mean_absolute_percentage_error_with(cn_loss args)
{
    return cn_built_in_loss(args, "mean_absolute_percentage_error", percentage, 0);
}

cn_loss cn_mean_squared_logarithmic_error_with(cn_loss args)
{
    return cn_built_in_loss(args, "mean_squared_logarithmic_error", squared_logarithmic, 0);
}

cn_loss cn_huber_with(cn_loss args)
{
    return cn_built_in_loss(args, "huber", huber, CN_HAS_DELTA);
}

cn_loss cn_log_cosh_with(cn_loss args)
{
    return cn_built_in_loss(args, "log_cosh", log_cosh, 0);
}

cn_loss cn_cosine_similarity_with(cn_loss args)
{
    return cn_built_in_loss(args, "cosine_similarity", cosine, CN_HAS_AXIS);
}
