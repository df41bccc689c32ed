#include "losses/regression_metrics.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/number.h"
#include "core/ops/reduction.h"
#include "losses/metric_arguments.h"
#include "losses/ranks.h"
#include "losses/regression.h"
#include "losses/threshold_counts.h"
#include <math.h>

/* Root mean squared error */

static bool rmse_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                        cn_tensor *sample_weight, cn_tensor **next)
{
    if (!cn_match_predictions(self, &y_true, &y_pred))
        return false;
    cn_tensor *squares = cn_square(cn_sub(y_pred, y_true));
    return squares && cn_add_to_mean(self, state, squares, NULL, sample_weight, next);
}

static void rmse_result(const cn_metric *self, const double *const *state, double *value)
{
    (void)self;
    *value = sqrt(cn_ratio(state[0][0], state[0][1]));
}

cn_metric cn_root_mean_squared_error_with(cn_metric args)
{
    args = cn_mean_metric(cn_built_in_metric(args, "root_mean_squared_error", ""));
    args.update = rmse_update;
    args.result = rmse_result;
    return args;
}

/* Correlations */

static cn_tensor *similarity(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    return cn_negative(cn_loss_values(cn_cosine_similarity(.axis = self->axis), y_true, y_pred));
}

static cn_tensor *centred(const cn_metric *self, cn_tensor *x)
{
    return cn_sub(x, cn_mean(x, .axis = self->axis, .keepdims = true));
}

static cn_tensor *pearson(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (!cn_match_predictions(self, &y_true, &y_pred))
        return NULL;
    cn_tensor *a = centred(self, y_true), *b = centred(self, y_pred);
    cn_tensor *deviations = cn_mul(cn_std(a, .axis = self->axis), cn_std(b, .axis = self->axis));
    return cn_div(cn_mean(cn_mul(a, b), .axis = self->axis), deviations);
}

static cn_tensor *concordance(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    if (!cn_match_predictions(self, &y_true, &y_pred))
        return NULL;
    cn_tensor *covariance = cn_mean(cn_mul(centred(self, y_true), centred(self, y_pred)), .axis = self->axis);
    cn_tensor *variances = cn_add(cn_var(y_true, .axis = self->axis), cn_var(y_pred, .axis = self->axis));
    cn_tensor *apart = cn_sub(cn_mean(y_true, .axis = self->axis), cn_mean(y_pred, .axis = self->axis));
    return cn_div(cn_times(covariance, 2), cn_plus(cn_add(variances, cn_square(apart)), 1e-7));
}

#define AXIS_METRIC(function, name, of)                \
    cn_metric cn_##function##_with(cn_metric args)     \
    {                                                  \
        args = cn_built_in_metric(args, name, "axis"); \
        args.values = of;                              \
        return cn_mean_metric(args);                   \
    }
AXIS_METRIC(metric_cosine_similarity, "cosine_similarity", similarity)
AXIS_METRIC(pearson_correlation, "pearson_correlation", pearson)
AXIS_METRIC(concordance_correlation, "concordance_correlation", concordance)

/* R² */

enum { SUM, SQUARES, RESIDUAL, WEIGHTS, SAMPLES, R2_STATES };

static cn_shape r2_state(const cn_metric *self, int index)
{
    return index == SAMPLES ? CN_SHAPE() : CN_SHAPE(self->columns);
}

static bool r2_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                      cn_tensor *sample_weight, cn_tensor **next)
{
    if (!cn_match_predictions(self, &y_true, &y_pred) || !(y_true = cn_cast(y_true, CN_F64)) ||
        !(y_pred = cn_cast(y_pred, CN_F64)))
        return false;
    cn_tensor *weight = sample_weight ? sample_weight : cn_ones_like(y_true);
    if (!weight || !cn_align_weights(self->name, &weight, y_true) || !(weight = cn_broadcast_to(weight, y_true->shape)))
        return false;
    cn_tensor *weighted = cn_mul(y_true, weight);
    cn_tensor *terms[] = {weighted, cn_mul(y_true, weighted), cn_mul(cn_square(cn_sub(y_true, y_pred)), weight),
                          weight};
    for (int i = 0; i < SAMPLES; i++)
        next[i] = cn_add(state[i], cn_sum(terms[i], .axis = 0));
    next[SAMPLES] = cn_add(state[SAMPLES], cn_scalar(y_true, (double)y_true->shape.dim[0]));
    return next[SAMPLES] != NULL;
}

static double adjusted(const cn_metric *self, double r2, double samples)
{
    double regressors = (double)self->num_regressors;
    if (regressors == 0 || regressors >= samples - 1)
        return r2;
    return 1 - (1 - r2) * (samples - 1) / (samples - regressors - 1);
}

static void r2_result(const cn_metric *self, const double *const *state, double *value)
{
    double mean = 0, weighted = 0, weights = 0, samples = state[SAMPLES][0];
    for (int64_t i = 0; i < self->columns; i++) {
        double variation = state[SQUARES][i] - state[SUM][i] * cn_ratio(state[SUM][i], state[WEIGHTS][i]);
        double r2 = 1 - state[RESIDUAL][i] / variation;
        r2 = isinf(r2) ? 0 : r2;
        mean += r2 / (double)self->columns;
        weighted += variation * r2;
        weights += variation;
        if (self->class_aggregation == CN_NO_AVERAGE)
            value[i] = adjusted(self, r2, samples);
    }
    if (self->class_aggregation != CN_NO_AVERAGE)
        *value = adjusted(self, self->class_aggregation == CN_UNIFORM_AVERAGE ? mean : weighted / weights, samples);
}

static cn_metric resolve_columns(const cn_metric *self, cn_shape y_true, cn_shape y_pred)
{
    cn_metric metric = *self;
    (void)y_true;
    if (y_pred.rank != 2)
        cn_fail(CN_SHAPES, "%s: wants an output (batch, columns), not with %d axes", self->name, y_pred.rank);
    else
        metric.columns = y_pred.dim[1];
    metric.length = self->class_aggregation == CN_NO_AVERAGE ? metric.columns : 0;
    return metric;
}

cn_metric cn_r2_score_with(cn_metric args)
{
    args = cn_built_in_metric(args, "r2_score", "class_aggregation num_regressors");
    if (args.num_regressors < 0)
        cn_fail(CN_ARGUMENT, "%s: num_regressors is %lld; it must be 0 or more", args.name,
                (long long)args.num_regressors);
    if (args.class_aggregation != CN_NO_AVERAGE && args.class_aggregation != CN_UNIFORM_AVERAGE &&
        args.class_aggregation != CN_VARIANCE_WEIGHTED_AVERAGE)
        cn_fail(CN_ARGUMENT,
                "%s: class_aggregation is CN_NO_AVERAGE, CN_UNIFORM_AVERAGE or CN_VARIANCE_WEIGHTED_AVERAGE",
                args.name);
    args.state_count = R2_STATES;
    args.state_shape = r2_state;
    args.update = r2_update;
    args.result = r2_result;
    args.resolve = resolve_columns;
    return args;
}
