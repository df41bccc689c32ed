#include "formats/config_writing.h"
#include "formats/model_config.h"
#include "models/structure.h"
#include <string.h>

/* The tensors of the graph */

static bool is_functional(const cn_layer *layer)
{
    const cn_model *model = cn_layer_model((cn_layer *)(uintptr_t)layer);
    return model && !model->sequential;
}

/* The number of a call among those of its layer in this model. */
static int call_number(const cn_topology *t, const cn_node *node)
{
    int number = 0;
    for (int i = 0; i < t->node_count; i++)
        number += t->node[i]->layer == node->layer && t->node[i]->index < node->index;
    return number;
}

static json_t *write_tensor(const cn_topology *t, const cn_tensor *tensor)
{
    const cn_node *node = tensor ? tensor->node : NULL;
    if (!node)
        return json_null();
    json_t *history = json_pack("[s, i, i]", node->name, call_number(t, node), tensor->output);
    json_t *config = json_pack("{s:o, s:s, s:o}", "shape", cn_config_shape(tensor->shape), "dtype",
                               cn_dtype_name(tensor->dtype), "keras_history", history);
    return json_pack("{s:s, s:o}", "class_name", "__keras_tensor__", "config", config);
}

static json_t *write_tensors(const cn_topology *t, cn_tensor *const *tensors, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, write_tensor(t, tensors[i]));
    return list;
}

/* Calls */

/* Most layers take a list of their inputs, these take them one by one. */
static bool takes_separate_inputs(const cn_layer *layer)
{
    static const char *const classes[] = {"MultiHeadAttention", "GroupedQueryAttention"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(layer->type->name, classes[i]) == 0)
            return true;
    return false;
}

static void add_flag(json_t *kwargs, const char *key, bool set)
{
    if (set)
        json_object_set_new(kwargs, key, json_true());
}

static json_t *write_call(const cn_topology *t, const cn_node *node)
{
    int inputs = node->input_count - node->mask_count - node->state_count - node->attention_mask_count;
    cn_tensor *const *masks = node->input + inputs, *const *states = masks + node->mask_count;
    json_t *args = write_tensors(t, node->input, inputs), *kwargs = json_object();
    if (inputs > 1 && !takes_separate_inputs(node->layer))
        args = json_pack("[o]", args);
    if (node->mask_count == 1 && inputs == 1)
        json_object_set_new(kwargs, "mask", write_tensor(t, masks[0]));
    else if (node->mask_count > 0)
        json_object_set_new(kwargs, "mask", write_tensors(t, masks, node->mask_count));
    if (node->state_count > 0)
        json_object_set_new(kwargs, "initial_state", write_tensors(t, states, node->state_count));
    if (node->attention_mask_count > 0)
        json_object_set_new(kwargs, "attention_mask", write_tensor(t, states[node->state_count]));
    add_flag(kwargs, "use_causal_mask", node->use_causal_mask);
    add_flag(kwargs, "return_attention_scores", node->return_attention_scores);
    add_flag(kwargs, "reverse", node->reverse);
    if (node->mode != CN_INHERIT)
        json_object_set_new(kwargs, "training", json_boolean(node->mode == CN_TRAINING));
    return json_pack("{s:o, s:o}", "args", args, "kwargs", kwargs);
}

/* The calls of a layer in this model, in the order in which they were made. */
static json_t *write_calls(const cn_topology *t, const cn_layer *layer)
{
    json_t *calls = json_array();
    int written = -1;
    for (;;) {
        const cn_node *next = NULL;
        for (int i = 0; i < t->node_count; i++) {
            const cn_node *node = t->node[i];
            if (node->layer == layer && node->index > written && (!next || node->index < next->index))
                next = node;
        }
        if (!next)
            return calls;
        written = next->index;
        json_array_append_new(calls, write_call(t, next));
    }
}

/* Models */

static json_t *write_part(const cn_topology *t, const cn_part *part)
{
    if (!part->layer) {
        cn_fail(CN_UNSUPPORTED, "%s: an operation that is no layer cannot be written to a config", part->node->name);
        return NULL;
    }
    json_t *object = cn_layer_config(part->layer);
    if (object) {
        json_object_set_new(object, "name", json_string(part->layer->name));
        json_object_set_new(object, "inbound_nodes", write_calls(t, part->layer));
    }
    return object;
}

/* [name, call, output] of each: Keras counts the calls of a functional model from 1 here. */
static json_t *write_ends(const cn_topology *t, cn_tensor *const *tensors, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        const cn_node *node = tensors[i]->node;
        int number = call_number(t, node) + (node->layer && is_functional(node->layer));
        json_array_append_new(list, json_pack("[s, i, i]", node->name, number, tensors[i]->output));
    }
    if (count > 1)
        return list;
    json_t *only = json_incref(json_array_get(list, 0));
    json_decref(list);
    return only;
}

static bool append(json_t *layers, json_t *one)
{
    return one && json_array_append_new(layers, one) == 0;
}

static json_t *write_functional(const cn_model *model)
{
    const cn_topology *t = &model->topology;
    json_t *layers = json_array();
    for (int i = 0; i < t->part_count; i++)
        if (!append(layers, write_part(t, &t->part[i]))) {
            json_decref(layers);
            return NULL;
        }
    json_t *config =
        json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", cn_model_name(model), "trainable", model->base.trainable,
                  "layers", layers, "input_layers", write_ends(t, t->input, t->input_count), "output_layers",
                  write_ends(t, t->output, t->output_count));
    return cn_config_object("keras.src.models.functional", "Functional", "Functional", config);
}

static json_t *write_sequential(const cn_model *model)
{
    json_t *layers = json_array();
    bool done = !model->input_layer || append(layers, cn_layer_config(model->input_layer));
    for (int i = 0; done && i < model->base.sublayer_count; i++)
        done = append(layers, cn_layer_config(model->base.sublayer[i]));
    if (!done) {
        json_decref(layers);
        return NULL;
    }
    json_t *config = json_pack("{s:s, s:b, s:s, s:o}", "name", cn_model_name(model), "trainable", model->base.trainable,
                               "dtype", cn_dtype_name(model->base.dtype), "layers", layers);
    if (model->topology.input_count == 1)
        json_object_set_new(config, "build_input_shape", cn_config_shape(model->topology.input[0]->shape));
    return cn_config_object("keras", "Sequential", NULL, config);
}

json_t *cn_model_config(const cn_model *model)
{
    return cn_failed() ? NULL : model->sequential ? write_sequential(model) : write_functional(model);
}
