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

bool golden_run_metric(golden_case *c)
{
    enum { MAX_SLICES = 16 };
    cn_metric metric;
    json_t *config = json_pack("{sssO}", "class_name", c->layer, "config", c->config);
    if (cn_metric_from_config(config, &metric)) {
        cn_tensor *y_true = golden_input(c, "y_true", 0), *y_pred = golden_input(c, "y_pred", 0);
        cn_tensor *weight = golden_input(c, "sample_weight", 0);
        int slices = y_pred ? (int)cn_shape_of(y_pred).dim[0] : 0;
        double result[MAX_SLICES] = {0};
        cn_meter *meter = cn_meter_new(metric);
        for (int i = 0; meter && i < slices && i < MAX_SLICES; i++) {
            cn_meter_update(meter, slice_of(y_true, i), slice_of(y_pred, i), slice_of(weight, i));
            result[i] = cn_meter_result(meter);
        }
        golden_compare(c, "y", 0, cn_constant_as(c->tape, cn_array(result, slices), c->dtype));
        cn_meter_free(meter);
    }
    json_decref(config);
    return true;
}
