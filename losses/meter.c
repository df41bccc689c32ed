/* Meters: the states of metrics. */
#include "core/engine.h"
#include "losses/metric.h"
#include <math.h>
#include <string.h>

struct cn_meter {
    cn_metric given, metric; /* as it was given; for the shapes that it measures */
    bool resolved;
    int count; /* of states that there are */
    cn_tensor *state[CN_MAX_METRIC_STATES];
    double *result; /* max(1, metric.length) numbers */
};

static void forget_states(cn_meter *meter)
{
    for (int i = 0; i < meter->count; i++)
        cn_variable_free(meter->state[i]);
    cn_release(meter->result);
    meter->count = 0;
    meter->result = NULL;
    meter->metric = meter->given;
    meter->resolved = false;
}

static bool check_metric(const cn_metric *metric)
{
    if (!metric->name || !metric->state_shape || !metric->update || !metric->result)
        return cn_fail(CN_ARGUMENT, "meter: no metric is given");
    if (metric->state_count < 1 || metric->state_count > CN_MAX_METRIC_STATES)
        return cn_fail(CN_ARGUMENT, "%s: has %d states; a metric has 1 to %d", metric->name, metric->state_count,
                       CN_MAX_METRIC_STATES);
    return true;
}

static bool make_states(cn_meter *meter)
{
    const cn_metric *metric = &meter->metric;
    size_t length = metric->length > 0 ? (size_t)metric->length : 1;
    if (!check_metric(metric) || !(meter->result = cn_allocate(length, sizeof *meter->result)))
        return false;
    for (; meter->count < metric->state_count; meter->count++) {
        cn_shape shape = metric->state_shape(metric, meter->count);
        if (!(meter->state[meter->count] = cn_variable_new(shape, .dtype = CN_F64, .name = metric->name)))
            return false;
    }
    return meter->resolved = true;
}

cn_meter *cn_meter_new(cn_metric metric)
{
    if (cn_failed())
        return NULL;
    if (!metric.resolve && !check_metric(&metric))
        return NULL;
    cn_meter *meter = cn_allocate(1, sizeof *meter);
    if (!meter)
        return NULL;
    meter->given = meter->metric = metric;
    if (metric.resolve || make_states(meter))
        return meter;
    cn_meter_free(meter);
    return NULL;
}

static bool resolve(cn_meter *meter, const cn_tensor *y_true, const cn_tensor *y_pred)
{
    cn_metric *metric = &meter->metric;
    *metric = metric->resolve(&meter->given, y_true->shape, y_pred ? y_pred->shape : y_true->shape);
    if (cn_failed())
        return false;
    metric->name = meter->given.name;
    return make_states(meter);
}

/* All states or none are assigned to. */
static bool check_next(const cn_meter *meter, cn_tensor *const *next)
{
    for (int i = 0; i < meter->count; i++) {
        char given[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
        if (cn_failed() || !next[i])
            return cn_fail(CN_ARGUMENT, "%s: its update gave no state %d", meter->metric.name, i);
        if (next[i]->dtype != CN_F64)
            return cn_fail(CN_TYPE, "%s: its update gave a state %d of %s; states are float64", meter->metric.name, i,
                           cn_dtype_name(next[i]->dtype));
        if (!cn_shape_equal(next[i]->shape, meter->state[i]->shape))
            return cn_fail(CN_SHAPES, "%s: what was measured before had states of shape %s, not %s", meter->metric.name,
                           cn_shape_text(meter->state[i]->shape, wanted, sizeof wanted),
                           cn_shape_text(next[i]->shape, given, sizeof given));
    }
    return true;
}

bool cn_meter_update(cn_meter *meter, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *sample_weight)
{
    if (cn_failed())
        return false;
    if (!meter || !y_true || (!y_pred && !meter->given.alone))
        return cn_fail(CN_ARGUMENT, "meter_update: needs a meter, y_true and y_pred");
    if (y_pred && meter->given.alone)
        return cn_fail(CN_ARGUMENT, "%s: takes values alone, not y_true and y_pred", meter->given.name);
    bool first = !meter->resolved;
    cn_tensor *next[CN_MAX_METRIC_STATES] = {NULL};
    bool done = (!first || resolve(meter, y_true, y_pred)) &&
                meter->metric.update(&meter->metric, meter->state, y_true, y_pred, sample_weight, next) &&
                check_next(meter, next);
    for (int i = 0; done && i < meter->count; i++)
        done = cn_assign(meter->state[i], next[i]);
    if (!done && first)
        forget_states(meter);
    return done;
}

const double *cn_meter_results(cn_meter *meter, int64_t *count)
{
    if (cn_failed())
        return NULL;
    if (!meter || !meter->resolved) {
        cn_fail(CN_STATE, "meter_result: nothing has been measured");
        return NULL;
    }
    const double *state[CN_MAX_METRIC_STATES];
    for (int i = 0; i < meter->count; i++)
        state[i] = meter->state[i]->variable->storage;
    meter->metric.result(&meter->metric, state, meter->result);
    if (count)
        *count = meter->metric.length > 0 ? meter->metric.length : 1;
    return meter->result;
}

double cn_meter_result(cn_meter *meter)
{
    int64_t count;
    const double *result = cn_meter_results(meter, &count);
    if (!result)
        return (double)NAN;
    if (count == 1)
        return result[0];
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += result[i];
    return sum / (double)count;
}

cn_tensor *cn_meter_state(const cn_meter *meter, int index)
{
    return meter && meter->resolved && index >= 0 && index < meter->count ? meter->state[index] : NULL;
}

void cn_meter_reset(cn_meter *meter)
{
    for (int i = 0; meter && i < meter->count; i++) {
        cn_tensor *state = meter->state[i];
        memset(state->variable->storage, 0, (size_t)cn_shape_size(state->shape) * sizeof(double));
        state->variable->version++;
    }
}

void cn_meter_free(cn_meter *meter)
{
    if (!meter)
        return;
    forget_states(meter);
    cn_release(meter);
}
