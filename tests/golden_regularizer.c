/* The groups `regularizers` and `constraints`: penalties, projections, and projections after updates. */
#include "formats/config.h"
#include "formats/config_training.h"
#include "golden.h"
#include <stdlib.h>
#include <string.h>

/* The place of the averages among an optimizer's variables: after iteration and learning_rate. */
enum { FIRST_AVERAGE = 2 };

static bool is_kind(const golden_case *c, const char *kind)
{
    const char *is = golden_metadata(c, "kind");
    return is && strcmp(is, kind) == 0;
}

bool golden_run_regularizer(golden_case *c)
{
    cn_regularizer regularizer;
    golden_function f = {.y_count = 0};
    if (!is_kind(c, "regularizer"))
        return golden_run_layer(c);
    json_t *config = json_pack("{sssO}", "class_name", c->layer, "config", c->config);
    if (cn_regularizer_from_config("case", config, &regularizer)) {
        cn_tensor *x = golden_input(c, "x", 0);
        golden_add_input(c, &f, "x", 0, x);
        golden_add_output(c, &f, 0, regularizer.penalty(&regularizer, x));
        golden_compare_gradients(c, &f);
    }
    json_decref(config);
    return true;
}

/* Steps of an optimizer on one variable, each followed by the projection. */
static bool run_updates(golden_case *c, const cn_constraint *constraint, cn_optimizer optimizer)
{
    cn_tensor *w = golden_input(c, "w", 0), *gradients = golden_input(c, "g", 0);
    if (!w || !gradients)
        return false;
    cn_shape shape = cn_shape_of(w), all = cn_shape_of(gradients);
    int64_t size = cn_shape_size(shape), steps = all.dim[0];
    double *values = calloc((size_t)(steps * size) + 1, sizeof *values);
    cn_tensor *variable = cn_variable_new(shape);
    cn_updater *updater = variable && cn_assign(variable, w) ? cn_updater_new(optimizer, &variable, 1) : NULL;
    for (int64_t step = 0; values && updater && step < steps; step++) {
        cn_shape start = {.rank = all.rank, .dim = {step}}, one = all;
        one.dim[0] = 1;
        cn_tensor *gradient = cn_reshape(cn_slice(gradients, start, one), shape);
        cn_apply_gradients(updater, &gradient);
        cn_assign(variable, constraint->project(constraint, cn_read(c->tape, variable)));
        cn_values(variable, cn_array_with(values + step * size, CN_ARRAY_F64, true, shape));
    }
    if (values && updater) {
        cn_view view = cn_array_with(values, CN_ARRAY_F64, false, all);
        golden_compare(c, "w0_steps", 0, cn_constant_as(c->tape, view, c->dtype));
        if (golden_find(c, "w0_ema", 0))
            golden_compare(c, "w0_ema", 0, cn_updater_variable(updater, FIRST_AVERAGE));
    }
    cn_updater_free(updater);
    cn_variable_free(variable);
    free(values);
    return true;
}

bool golden_run_constraint(golden_case *c)
{
    cn_constraint constraint;
    cn_optimizer optimizer;
    bool understood = true;
    json_t *config = json_pack("{sssO}", "class_name", c->layer, "config", c->config);
    const char *text = golden_metadata(c, "optimizer");
    json_t *rule = text ? json_loads(text, 0, NULL) : NULL;
    if (!cn_constraint_from_config("case", config, &constraint))
        understood = true;
    else if (!is_kind(c, "update"))
        golden_compare(c, "w0_out", 0, constraint.project(&constraint, golden_input(c, "w", 0)));
    else if (cn_optimizer_from_config(rule, &optimizer))
        understood = run_updates(c, &constraint, optimizer);
    json_decref(rule);
    json_decref(config);
    return understood;
}
