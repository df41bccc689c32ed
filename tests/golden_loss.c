/* The groups `losses` and `metrics`. */
#include "formats/config_training.h"
#include "golden.h"
#include <stdlib.h>
#include <string.h>

bool golden_run_loss(golden_case *c)
{
    cn_loss loss;
    json_t *config = json_pack("{sssO}", "class_name", c->layer, "config", c->config);
    if (cn_loss_from_config(config, &loss)) {
        cn_tensor *y_true = golden_input(c, "y_true", 0), *y_pred = golden_input(c, "y_pred", 0);
        cn_tensor *y = cn_loss_of(loss, y_true, y_pred, golden_input(c, "sample_weight", 0));
        golden_function f = {.y_count = 0};
        golden_add_input(c, &f, "y_pred", 0, y_pred);
        golden_add_output(c, &f, 0, y);
        golden_compare_gradients(c, &f);
    }
    json_decref(config);
    return true;
}

/* Slice `index` along the first axis, on the tape. */
static cn_tensor *slice_of(cn_tensor *x, int index)
{
    if (!x)
        return NULL;
    cn_shape start = {.rank = cn_shape_of(x).rank}, size = cn_shape_of(x), rest = {.rank = size.rank - 1};
    memcpy(rest.dim, size.dim + 1, (size_t)rest.rank * sizeof *rest.dim);
    start.dim[0] = index;
    size.dim[0] = 1;
    return cn_reshape(cn_slice(x, start, size), rest);
}

/* The results after each slice, one after the other. */
static cn_tensor *results_of(const golden_case *c, const double *result, int slices, int64_t length)
{
    const cn_safetensors_entry *y = golden_find(c, "y", 0);
    cn_shape shape = y && y->shape.rank == 2 ? CN_SHAPE(slices, length) : CN_SHAPE(slices);
    return cn_constant_as(c->tape, cn_array_with(result, CN_ARRAY_F64, false, shape), c->dtype);
}

bool golden_run_metric(golden_case *c)
{
    enum { MAX_RESULTS = 64 };
    cn_metric metric;
    json_t *config = json_pack("{sssO}", "class_name", c->layer, "config", c->config);
    if (cn_metric_from_config(config, &metric)) {
        cn_tensor *y_true = golden_input(c, "y_true", 0), *y_pred = golden_input(c, "y_pred", 0);
        cn_tensor *weight = golden_input(c, "sample_weight", 0);
        int slices = y_true ? (int)cn_shape_of(y_true).dim[0] : 0;
        double result[MAX_RESULTS] = {0};
        cn_meter *meter = cn_meter_new(metric);
        int64_t length = 1;
        for (int i = 0; meter && i < slices && (i + 1) * length <= MAX_RESULTS; i++) {
            cn_meter_update(meter, slice_of(y_true, i), slice_of(y_pred, i), slice_of(weight, i));
            const double *now = cn_meter_results(meter, &length);
            for (int64_t j = 0; now && j < length && (i + 1) * length <= MAX_RESULTS; j++)
                result[i * length + j] = now[j];
        }
        golden_compare(c, "y", 0, results_of(c, result, slices, length));
        cn_meter_free(meter);
    }
    json_decref(config);
    return true;
}
