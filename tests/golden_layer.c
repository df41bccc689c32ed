/* The groups `layers`, `stateful` and in `regularizers` the cases with a layer: its outputs, mask, gradients, weights.
 */
#include "core/engine.h"
#include "formats/config.h"
#include "golden.h"
#include "layers/graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_sequential(const char *class_name)
{
    return strcmp(class_name, "Sequential") == 0;
}

bool golden_has_layer(const char *class_name, json_t *config)
{
    size_t index;
    json_t *inner;
    if (!is_sequential(class_name))
        return cn_layer_class_named(class_name) != NULL;
    json_array_foreach(json_object_get(config, "layers"), index, inner)
    {
        const char *name = json_string_value(json_object_get(inner, "class_name"));
        if (!name || !golden_has_layer(name, json_object_get(inner, "config")))
            return false;
    }
    return true;
}

static cn_model *new_sequential(json_t *layers, cn_tensor *input)
{
    cn_shape batch = cn_shape_of(input), sample = {.rank = batch.rank - 1};
    memcpy(sample.dim, batch.dim + 1, (size_t)sample.rank * sizeof *sample.dim);
    cn_layer *layer[GOLDEN_MOST] = {cn_input_layer_with((cn_input_args){.shape = sample, .dtype = cn_dtype_of(input)})};
    int count = 1;
    size_t index;
    json_t *config;
    json_array_foreach(layers, index, config) if (count < GOLDEN_MOST) layer[count++] = cn_layer_from_config(config);
    return cn_sequential_of(layer, count);
}

/* A built layer or Sequential; *model, to be freed, is the latter's, else NULL. */
static cn_layer *new_layer(json_t *config, cn_tensor *const *inputs, int count, cn_model **model)
{
    const char *name = json_string_value(json_object_get(config, "class_name"));
    cn_shape shapes[CN_MAX_TENSORS];
    *model = NULL;
    if (name && is_sequential(name)) {
        *model = new_sequential(json_object_get(json_object_get(config, "config"), "layers"), inputs[0]);
        return cn_model_layer(*model);
    }
    cn_layer *layer = cn_layer_from_config(config);
    for (int i = 0; i < count; i++)
        shapes[i] = cn_shape_of(inputs[i]);
    return layer && cn_layer_prepare(layer, shapes, count) ? layer : NULL;
}

/* The masks that the call names: one, or one an input. */
static void read_masks(golden_case *c, json_t *value, cn_tensor **mask)
{
    if (json_is_string(value))
        mask[0] = golden_input(c, json_string_value(value), 0);
    for (size_t i = 0; i < json_array_size(value) && i < CN_MAX_TENSORS; i++)
        if (json_is_string(json_array_get(value, i)))
            mask[i] = golden_input(c, json_string_value(json_array_get(value, i)), 0);
}

/* False if the call has arguments that are not understood. */
static bool read_call(golden_case *c, cn_call_args *args)
{
    const char *key;
    json_t *value;
    args->training = CN_INFERENCE;
    json_object_foreach(c->call, key, value)
    {
        if (strcmp(key, "training") == 0)
            args->training = json_is_true(value) ? CN_TRAINING : CN_INFERENCE;
        else if (strcmp(key, "mask") == 0 || strcmp(key, "masks") == 0)
            read_masks(c, value, args->mask);
        else if (strcmp(key, "value_mask") == 0)
            read_masks(c, value, args->mask + 1);
        else if (strcmp(key, "count_weights") == 0)
            args->inputs[1] = golden_input(c, key, 0);
        else if (strcmp(key, "attention_mask") == 0)
            read_masks(c, value, &args->attention_mask);
        else if (strcmp(key, "use_causal_mask") == 0)
            args->use_causal_mask = json_is_true(value);
        else if (strcmp(key, "return_attention_scores") == 0)
            args->return_attention_scores = json_is_true(value);
        else if (strcmp(key, "initial_state") != 0)
            return false;
    }
    return true;
}

static void set_weights(golden_case *c, cn_layer *layer, golden_function *f)
{
    for (int i = 0; i < cn_weight_count(layer); i++) {
        cn_tensor *weight = cn_weight(layer, i), *given = golden_input(c, "w", i);
        if (!given)
            cn_fail(CN_FORMAT, "the case has no weight %d", i);
        cn_assign(weight, given);
        golden_add_input(c, f, "w", i, weight);
    }
}

static cn_tensor *number_on(const golden_case *c, double number)
{
    return cn_constant_as(c->tape, cn_array_with(&number, CN_ARRAY_F64, false, CN_SHAPE()), c->dtype);
}

/* What the regularizers add to the loss: those of weights that are trained, and what the call left on the tape. */
static cn_tensor *penalty_of(const golden_case *c, const cn_layer *layer)
{
    cn_tensor *sum = number_on(c, 0);
    cn_weight_view *views = NULL;
    int count = 0;
    cn_layer_weights(layer, &views, &count);
    for (int i = 0; i < count; i++) {
        const cn_regularizer *regularizer = &views[i].weight->regularizer;
        if (regularizer->name && views[i].trainable)
            sum = cn_add(sum, regularizer->penalty(regularizer, cn_read(c->tape, views[i].weight->variable)));
    }
    for (int i = 0; i < c->tape->loss_count; i++)
        sum = cn_add(sum, c->tape->loss[i]);
    cn_release(views);
    return sum;
}

static void compare_call(golden_case *c, cn_layer *layer, cn_call_args args, golden_function *f)
{
    set_weights(c, layer, f);
    const char *calls = golden_metadata(c, "calls"); /* of a stateful layer; the last one counts */
    for (long i = calls ? strtol(calls, NULL, 10) : 1; i > 1; i--)
        cn_call_layer_many(layer, args);
    cn_tensors y = cn_call_layer_many(layer, args);
    for (int i = 0; i < y.count; i++)
        golden_add_output(c, f, i, y.item[i]);
    if (golden_find(c, "y_mask", 0))
        golden_compare(c, "y_mask", 0, cn_mask_of(y.item[0]));
    for (int i = 0; i < cn_weight_count(layer); i++) {
        char name[32];
        snprintf(name, sizeof name, "w%d_out", i);
        if (golden_find(c, name, 0))
            golden_compare(c, name, 0, cn_read(c->tape, cn_weight(layer, i)));
    }
    if (golden_find(c, "penalty", 0)) {
        f->y[f->y_count] = penalty_of(c, layer);
        golden_compare(c, "penalty", 0, f->y[f->y_count]);
        f->dy[f->y_count++] = number_on(c, 1);
    }
    golden_compare_gradients(c, f);
}

bool golden_run_layer(golden_case *c)
{
    cn_call_args args = {.training = CN_INHERIT};
    golden_function f = {.y_count = 0};
    int inputs = golden_count(c, "x"), states = golden_count(c, "s");
    if (!golden_has_layer(c->layer, c->config) || inputs > CN_MAX_TENSORS || states > CN_MAX_TENSORS ||
        !read_call(c, &args))
        return false;
    for (int i = 0; i < inputs; i++)
        golden_add_input(c, &f, "x", i, args.inputs[i] = golden_input(c, "x", i));
    for (int i = 0; i < states; i++)
        golden_add_input(c, &f, "s", i, args.states[i] = golden_input(c, "s", i));
    cn_model *model;
    json_t *config = json_pack("{sssO}", "class_name", c->layer, "config", c->config);
    inputs += inputs == 1 && args.inputs[1] != NULL;
    cn_layer *layer = new_layer(config, args.inputs, inputs, &model);
    if (layer)
        compare_call(c, layer, args, &f);
    json_decref(config);
    cn_model_free(model);
    cn_clear_session();
    return true;
}
