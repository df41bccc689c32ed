#include "losses/metric.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/counts.h"
#include "core/ops/reduction.h"
#include "losses/metric_arguments.h"
#include "losses/ranks.h"

/* Means over samples: one state, the weighted sum and the sum of weights. */

static cn_shape mean_state(const cn_metric *self, int index)
{
    (void)self, (void)index;
    return CN_SHAPE(2);
}

bool cn_add_to_mean(const cn_metric *self, cn_tensor *const *state, cn_tensor *values, cn_tensor *mask,
                    cn_tensor *weight, cn_tensor **next)
{
    cn_tensor *weights = NULL, *factors[] = {mask, weight, mask || weight ? values->mask : NULL};
    if (values->dtype == CN_I32 && !(values = cn_cast(values, cn_default_dtype())))
        return false;
    for (int i = 0; i < 3; i++) {
        if (!factors[i])
            continue;
        if (!cn_align_weights(self->name, &factors[i], values))
            return false;
        weights = weights ? cn_mul(weights, factors[i]) : factors[i];
    }
    if (weights)
        weights = cn_broadcast_to(weights, values->shape);
    next[0] = cn_add(state[0], cn_weighted_sums(values, weights));
    return next[0] != NULL;
}

static bool mean_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                        cn_tensor *sample_weight, cn_tensor **next)
{
    cn_tensor *values = self->values(self, y_true, y_pred);
    if (!values)
        return cn_fail(CN_ARGUMENT, "%s: its function gave no values", self->name);
    return cn_add_to_mean(self, state, values, y_pred->mask, sample_weight, next);
}

static void mean_result(const cn_metric *self, const double *const *state, double *value)
{
    (void)self;
    *value = state[0][1] == 0 ? 0 : state[0][0] / state[0][1];
}

cn_metric cn_mean_metric(cn_metric self)
{
    self.state_count = 1;
    self.state_shape = mean_state;
    self.update = mean_update;
    self.result = mean_result;
    return self;
}

static cn_tensor *values_of_loss(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    return cn_loss_values(self->loss, y_true, y_pred);
}

cn_metric cn_metric_of(cn_loss loss)
{
    if (!loss.name)
        cn_fail(CN_ARGUMENT, "metric_of: no loss is given");
    return cn_mean_metric((cn_metric){.name = loss.name,
                                      .values = values_of_loss,
                                      .loss = loss,
                                      .integer_labels = loss.integer_labels,
                                      .direction = CN_DOWN});
}

static cn_tensor *values_from(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    return self->function(y_true, y_pred);
}

cn_metric cn_metric_from(const char *name, cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred))
{
    if (!name || !function)
        cn_fail(CN_ARGUMENT, "metric_from: needs a name and a function");
    return cn_mean_metric((cn_metric){.name = name, .values = values_from, .function = function});
}

/* Means and sums of what is given */

static bool update_alone(const cn_metric *self, cn_tensor *const *state, cn_tensor *values, cn_tensor *none,
                         cn_tensor *sample_weight, cn_tensor **next)
{
    (void)none;
    return cn_add_to_mean(self, state, values, NULL, sample_weight, next);
}

static void sum_result(const cn_metric *self, const double *const *state, double *value)
{
    (void)self;
    *value = state[0][0];
}

cn_metric cn_metric_mean_with(cn_metric args)
{
    cn_metric metric = cn_mean_metric(cn_built_in_metric(args, "mean", ""));
    metric.update = update_alone;
    metric.alone = true;
    return metric;
}

cn_metric cn_metric_sum_with(cn_metric args)
{
    cn_metric metric = cn_metric_mean_with(cn_built_in_metric(args, "sum", ""));
    metric.result = sum_result;
    return metric;
}
