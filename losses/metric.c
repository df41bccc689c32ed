#include "losses/metric.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matches.h"
#include "core/ops/reduction.h"
#include "losses/accuracy.h"
#include "losses/ranks.h"
#include "losses/regression.h"
#include <math.h>
#include <string.h>
#include <strings.h>

/* Means over samples: one state, the weighted sum and the sum of weights. */

static int mean_states(const cn_metric *self, cn_shape *shape)
{
    (void)self;
    shape[0] = CN_SHAPE(2);
    return 1;
}

static bool mean_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                        cn_tensor *sample_weight, cn_tensor **next)
{
    cn_tensor *values = self->values(self, y_true, y_pred), *weights = NULL;
    if (!values)
        return cn_fail(CN_ARGUMENT, "%s: its function gave no values", self->name);
    if (values->dtype == CN_I32 && !(values = cn_cast(values, cn_default_dtype())))
        return false;
    if (y_pred->mask) {
        weights = cn_cast(y_pred->mask, values->dtype);
        if (!weights || !cn_align_weights(self->name, &weights, values))
            return false;
    }
    if (sample_weight) {
        if (!cn_align_weights(self->name, &sample_weight, values))
            return false;
        weights = weights ? cn_mul(weights, sample_weight) : sample_weight;
    }
    if (weights)
        weights = cn_broadcast_to(weights, values->shape);
    next[0] = cn_add(state[0], cn_weighted_sums(values, weights));
    return next[0] != NULL;
}

static double mean_result(const cn_metric *self, const double *const *state)
{
    (void)self;
    return state[0][1] == 0 ? 0 : state[0][0] / state[0][1];
}

cn_metric cn_mean_metric(cn_metric self)
{
    self.states = mean_states;
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
    return cn_mean_metric(
        (cn_metric){.name = loss.name, .values = values_of_loss, .loss = loss, .integer_labels = loss.integer_labels});
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

static cn_metric binary_accuracy(void)
{
    return cn_binary_accuracy();
}

static cn_metric top_k(void)
{
    return cn_top_k_categorical_accuracy();
}

static cn_metric sparse_top_k(void)
{
    return cn_sparse_top_k_categorical_accuracy();
}

/* The similarity itself, of which the loss is the negative. */
static cn_tensor *similarity(const cn_metric *self, cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)self;
    return cn_negative(cn_loss_values(cn_cosine_similarity(), y_true, y_pred));
}

static cn_metric cosine_similarity(void)
{
    return cn_mean_metric((cn_metric){.name = "cosine_similarity", .values = similarity});
}

static const struct {
    const char *class_name, *function_name;
    cn_metric (*make)(void);
} metrics[] = {
    {"accuracy", "acc", cn_accuracy},
    {"BinaryAccuracy", "binary_accuracy", binary_accuracy},
    {"CategoricalAccuracy", "categorical_accuracy", cn_categorical_accuracy},
    {"SparseCategoricalAccuracy", "sparse_categorical_accuracy", cn_sparse_categorical_accuracy},
    {"CosineSimilarity", "cosine_similarity", cosine_similarity},
    {"TopKCategoricalAccuracy", "top_k_categorical_accuracy", top_k},
    {"SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", sparse_top_k},
};

cn_metric cn_metric_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof metrics / sizeof *metrics; i++)
        if (!strcmp(name, metrics[i].class_name) || !strcmp(name, metrics[i].function_name)) {
            cn_metric metric = metrics[i].make();
            if (!strcmp(name, "acc"))
                metric.name = "acc";
            return metric;
        }
    cn_loss loss = cn_loss_named(name);
    if (!loss.name)
        return (cn_metric){.name = NULL};
    cn_metric metric = cn_metric_of(loss);
    static const char *const short_names[] = {"mse", "mae", "bce", "mape", "msle", "kld", NULL};
    for (const char *const *known = short_names; *known; known++)
        if (!strcasecmp(name, *known))
            metric.name = *known;
    return metric;
}

/* Meters */

struct cn_meter {
    cn_metric metric;
    bool resolved;
    int count;
    cn_tensor *state[CN_MAX_METRIC_STATES];
};

static bool make_states(cn_meter *meter)
{
    cn_shape shape[CN_MAX_METRIC_STATES];
    meter->count = meter->metric.states(&meter->metric, shape);
    for (int i = 0; i < meter->count; i++)
        if (!(meter->state[i] = cn_variable_new(shape[i], .dtype = CN_F64, .name = meter->metric.name)))
            return false;
    return meter->resolved = true;
}

cn_meter *cn_meter_new(cn_metric metric)
{
    if (cn_failed())
        return NULL;
    if (!metric.name || (!metric.resolve && (!metric.states || !metric.update || !metric.result))) {
        cn_fail(CN_ARGUMENT, "meter: no metric is given");
        return NULL;
    }
    cn_meter *meter = cn_allocate(1, sizeof *meter);
    if (!meter)
        return NULL;
    meter->metric = metric;
    if (metric.resolve || make_states(meter))
        return meter;
    cn_meter_free(meter);
    return NULL;
}

bool cn_meter_update(cn_meter *meter, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *sample_weight)
{
    if (cn_failed())
        return false;
    if (!meter || !y_true || !y_pred)
        return cn_fail(CN_ARGUMENT, "meter_update: needs a meter, y_true and y_pred");
    if (!meter->resolved) {
        const char *name = meter->metric.name;
        meter->metric = meter->metric.resolve(&meter->metric, y_true->shape, y_pred->shape);
        meter->metric.name = name;
        if (!make_states(meter))
            return false;
    }
    cn_tensor *next[CN_MAX_METRIC_STATES] = {NULL};
    if (!meter->metric.update(&meter->metric, meter->state, y_true, y_pred, sample_weight, next))
        return false;
    for (int i = 0; i < meter->count; i++)
        if (!cn_assign(meter->state[i], next[i]))
            return false;
    return true;
}

double cn_meter_result(cn_meter *meter)
{
    const double *values[CN_MAX_METRIC_STATES];
    if (!meter || !meter->resolved) {
        cn_fail(CN_STATE, "meter_result: nothing has been measured");
        return (double)NAN;
    }
    for (int i = 0; i < meter->count; i++)
        values[i] = meter->state[i]->variable->storage;
    return meter->metric.result(&meter->metric, values);
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
    for (int i = 0; i < meter->count; i++)
        cn_variable_free(meter->state[i]);
    cn_release(meter);
}
