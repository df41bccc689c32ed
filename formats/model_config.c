#include "formats/model_config.h"
#include "core/arena.h"
#include "formats/config.h"
#include "models/structure.h"
#include <string.h>

enum { MOST_LAYERS = 10000 }; /* of one model: graphs are walked by recursion */

bool cn_is_model_class(const char *name)
{
    return strcmp(name, "Sequential") == 0 || strcmp(name, "Functional") == 0 || strcmp(name, "Model") == 0;
}

static bool is_input_config(json_t *config)
{
    const char *class = json_string_value(json_object_get(config, "class_name"));
    return class && strcmp(class, "InputLayer") == 0;
}

static json_t *layers_of(const char *model, json_t *layers)
{
    if (!json_is_array(layers) || json_array_size(layers) > MOST_LAYERS) {
        cn_fail(CN_FORMAT, "%s: its layers are not a list of at most %d", model, MOST_LAYERS);
        return NULL;
    }
    return layers;
}

/* Sequential */

/* The input layer of a model without one: Keras 2 writes the shape of the input into the first layer. */
static cn_layer *implied_input(json_t *arguments, json_t *first)
{
    json_t *config = json_object_get(first, "config");
    json_t *shape = json_object_get(config, "batch_input_shape");
    if (!shape)
        shape = json_object_get(config, "batch_shape");
    if (!shape)
        shape = json_object_get(arguments, "build_input_shape");
    const char *name = json_string_value(json_object_get(config, "name"));
    if (!shape || json_is_null(shape))
        return NULL;
    char input[CN_NAME_BYTES + 8];
    snprintf(input, sizeof input, "%.*s_input", CN_NAME_BYTES, name ? name : "model");
    json_t *made =
        json_pack("{s:s, s:{s:O, s:s}}", "class_name", "InputLayer", "config", "batch_shape", shape, "name", input);
    cn_layer *layer = made ? cn_layer_from_config(made) : NULL;
    json_decref(made);
    return layer;
}

static cn_model *read_sequential(json_t *arguments)
{
    json_t *list = json_is_array(arguments) ? arguments : json_object_get(arguments, "layers"), *config;
    const char *name = json_string_value(json_object_get(arguments, "name"));
    if (!(list = layers_of(name ? name : "Sequential", list)))
        return NULL;
    size_t index, count = 0;
    cn_layer **layers = cn_allocate(json_array_size(list) + 1, sizeof *layers);
    if (!layers)
        return NULL;
    if (json_array_size(list) > 0 && !is_input_config(json_array_get(list, 0)) &&
        (layers[0] = implied_input(arguments, json_array_get(list, 0))))
        count = 1;
    json_array_foreach(list, index, config)
    {
        if (cn_failed())
            break;
        layers[count++] = cn_layer_from_config(config);
    }
    cn_model *model = cn_sequential_named(name, layers, (int)count);
    cn_release(layers);
    return model;
}

/* Functional */

typedef struct graph_layer {
    const char *name;
    cn_layer *layer; /* NULL for an operation that makes a mask, which our layers make themselves */
    json_t *calls;
    cn_tensors *made; /* the outputs of each call so far */
    int call_count, made_count;
} graph_layer;

typedef struct graph {
    const char *name;
    graph_layer *layer;
    int count;
    json_t *index; /* of each name */
    bool lists;    /* calls are written as Keras 2 does */
} graph;

static bool is_mask_operation(json_t *config)
{
    const char *module = json_string_value(json_object_get(config, "module"));
    const char *class = json_string_value(json_object_get(config, "class_name"));
    return module && class && strncmp(module, "keras.src.ops", 13) == 0 &&
           (strcmp(class, "NotEqual") == 0 || strcmp(class, "Any") == 0);
}

static bool read_graph_layer(graph *g, json_t *config)
{
    graph_layer *l = &g->layer[g->count];
    const char *module = json_string_value(json_object_get(config, "module"));
    l->name = json_string_value(json_object_get(config, "name"));
    if (!l->name)
        l->name = json_string_value(json_object_get(json_object_get(config, "config"), "name"));
    l->calls = json_object_get(config, "inbound_nodes");
    if (!l->name || (l->calls && !json_is_array(l->calls)))
        return cn_fail(CN_FORMAT, "%s: layer %d has no name or no list of calls", g->name, g->count);
    if (json_object_get(g->index, l->name))
        return cn_fail(CN_FORMAT, "%s: two layers are named %.80s", g->name, l->name);
    json_object_set_new(g->index, l->name, json_integer(g->count++));
    l->call_count = is_input_config(config) ? 1 : (int)json_array_size(l->calls);
    if (json_array_size(l->calls) > MOST_LAYERS)
        return cn_fail(CN_FORMAT, "%s: %.80s is called more than %d times", g->name, l->name, MOST_LAYERS);
    if (json_is_array(json_array_get(l->calls, 0)))
        g->lists = true;
    if (is_mask_operation(config))
        return true;
    if (module && strncmp(module, "keras.src.ops", 13) == 0)
        return cn_fail(CN_UNSUPPORTED, "%s: %.80s: the operation %.80s cannot be read from a config", g->name, l->name,
                       json_string_value(json_object_get(config, "class_name")));
    l->layer = cn_layer_from_config(config);
    l->made = l->layer ? cn_allocate((size_t)l->call_count + 1, sizeof *l->made) : NULL;
    if (!l->made)
        return false;
    if (strcmp(cn_layer_name(l->layer), l->name) != 0)
        return cn_fail(CN_FORMAT, "%s: the layer %.80s calls itself %.80s", g->name, l->name, cn_layer_name(l->layer));
    if (is_input_config(config)) {
        l->made[0] = (cn_tensors){.item = {cn_graph_input(l->layer)}, .count = 1};
        l->made_count = 1;
    }
    return !cn_failed();
}

/* Keras counts the calls of some nested models from 1. */
static int first_number(const graph *g, const graph_layer *l, bool end)
{
    const cn_model *model = l->layer ? cn_layer_model(l->layer) : NULL;
    return model && (model->sequential ? g->lists && model->input_layer : g->lists || end);
}

/* The tensor that [layer, call, output, ...] is; NULL, without an error, if that call is still to come, and
 * *mask_operation if a mask operation gives it. */
static cn_tensor *find_tensor(graph *g, json_t *history, bool end, bool *mask_operation)
{
    json_t *name = json_array_get(history, 0), *call = json_array_get(history, 1), *output = json_array_get(history, 2);
    json_t *index = json_is_string(name) ? json_object_get(g->index, json_string_value(name)) : NULL;
    *mask_operation = false;
    if (!index || !json_is_integer(call) || !json_is_integer(output)) {
        cn_fail(CN_FORMAT, "%s: a call takes its input from no layer there is: %.80s", g->name,
                name && json_is_string(name) ? json_string_value(name) : "");
        return NULL;
    }
    const graph_layer *l = &g->layer[json_integer_value(index)];
    json_int_t number = json_integer_value(call) - first_number(g, l, end), which = json_integer_value(output);
    if (!l->layer) {
        *mask_operation = true;
        return NULL;
    }
    if (number < 0 || number >= l->call_count) {
        cn_fail(CN_FORMAT, "%s: %.80s has no call %lld", g->name, l->name, (long long)json_integer_value(call));
        return NULL;
    }
    if (number >= l->made_count)
        return NULL;
    if (which < 0 || which >= l->made[number].count) {
        cn_fail(CN_FORMAT, "%s: %.80s has no output %lld", g->name, l->name, (long long)which);
        return NULL;
    }
    return l->made[number].item[which];
}

typedef enum found { FOUND, LATER, BROKEN } found;

static found add_tensor(graph *g, json_t *history, cn_tensor **list, int *count)
{
    bool mask_operation;
    cn_tensor *tensor = find_tensor(g, history, false, &mask_operation);
    if (mask_operation)
        cn_fail(CN_UNSUPPORTED, "%s: the result of the operation %.80s is used for more than masks", g->name,
                json_string_value(json_array_get(history, 0)));
    if (!tensor)
        return cn_failed() ? BROKEN : LATER;
    if (*count == CN_MAX_TENSORS) {
        cn_fail(CN_UNSUPPORTED, "%s: a call has more than %d inputs", g->name, CN_MAX_TENSORS);
        return BROKEN;
    }
    list[(*count)++] = tensor;
    return FOUND;
}

/* All tensors in a value of Keras 3: one, or lists of them; null is none. */
static found add_tensors(graph *g, const char *layer, json_t *value, int depth, cn_tensor **list, int *count)
{
    const char *class = json_string_value(json_object_get(value, "class_name"));
    if (json_is_null(value))
        return FOUND;
    if (class && strcmp(class, "__keras_tensor__") == 0)
        return add_tensor(g, json_object_get(json_object_get(value, "config"), "keras_history"), list, count);
    found all = json_is_array(value) && depth > 0 ? FOUND : BROKEN;
    if (all == BROKEN)
        cn_fail(CN_UNSUPPORTED, "%s: %.80s is called with what is no tensor", g->name, layer);
    size_t index;
    json_t *one;
    json_array_foreach(value, index, one) if (all == FOUND) all = add_tensors(g, layer, one, depth - 1, list, count);
    return all;
}

static bool is_mask_of_operation(graph *g, json_t *value)
{
    json_t *name = json_array_get(json_object_get(json_object_get(value, "config"), "keras_history"), 0);
    json_t *index = json_is_string(name) ? json_object_get(g->index, json_string_value(name)) : NULL;
    return index && !g->layer[json_integer_value(index)].layer;
}

static bool read_flag(const graph *g, const char *layer, const char *key, json_t *value, bool *flag)
{
    *flag = json_is_true(value);
    return json_is_boolean(value) || cn_fail(CN_FORMAT, "%s: %.80s: %s is not true or false", g->name, layer, key);
}

static found read_keywords(graph *g, const graph_layer *l, json_t *kwargs, cn_call_args *args)
{
    const char *key;
    json_t *value;
    found all = FOUND;
    bool flag;
    json_object_foreach(kwargs, key, value)
    {
        int count = 0;
        if (json_is_null(value) || all != FOUND)
            continue;
        if (strcmp(key, "mask") == 0)
            all = is_mask_of_operation(g, value) ? FOUND : add_tensors(g, l->name, value, 2, args->mask, &count);
        else if (strcmp(key, "initial_state") == 0)
            all = add_tensors(g, l->name, value, 2, args->states, &count);
        else if (strcmp(key, "attention_mask") == 0) {
            cn_tensor *one[CN_MAX_TENSORS] = {0};
            all = add_tensors(g, l->name, value, 0, one, &count);
            args->attention_mask = one[0];
        } else if (strcmp(key, "use_causal_mask") == 0)
            all = read_flag(g, l->name, key, value, &args->use_causal_mask) ? FOUND : BROKEN;
        else if (strcmp(key, "return_attention_scores") == 0)
            all = read_flag(g, l->name, key, value, &args->return_attention_scores) ? FOUND : BROKEN;
        else if (strcmp(key, "reverse") == 0)
            all = read_flag(g, l->name, key, value, &args->reverse) ? FOUND : BROKEN;
        else if (strcmp(key, "training") == 0) {
            all = read_flag(g, l->name, key, value, &flag) ? FOUND : BROKEN;
            args->training = flag ? CN_TRAINING : CN_INFERENCE;
        } else {
            cn_fail(CN_UNSUPPORTED, "%s: %.80s is called with %.80s", g->name, l->name, key);
            all = BROKEN;
        }
    }
    return all;
}

/* One call, as {"args", "kwargs"} or as a list of [layer, call, output, kwargs]. */
static found read_call(graph *g, const graph_layer *l, json_t *call, cn_call_args *args)
{
    int count = 0;
    found all = FOUND;
    if (json_is_object(call)) {
        all = add_tensors(g, l->name, json_object_get(call, "args"), 3, args->inputs, &count);
        all = all == FOUND ? read_keywords(g, l, json_object_get(call, "kwargs"), args) : all;
    } else {
        size_t index;
        json_t *one;
        json_array_foreach(call, index, one) if (all == FOUND)
        {
            all = add_tensor(g, one, args->inputs, &count);
            all = all == FOUND ? read_keywords(g, l, json_array_get(one, 3), args) : all;
        }
    }
    /* The states of a recurrent layer may stand behind its input. */
    if (all == FOUND && l->layer->type->takes_states && l->layer->type->inputs == 1 && count > 1) {
        memcpy(args->states, args->inputs + 1, (size_t)(count - 1) * sizeof *args->inputs);
        memset(args->inputs + 1, 0, (size_t)(count - 1) * sizeof *args->inputs);
    }
    if (all == FOUND && count == 0) {
        cn_fail(CN_FORMAT, "%s: %.80s is called without an input", g->name, l->name);
        all = BROKEN;
    }
    return all;
}

/* Makes all calls, each when its inputs are there. */
static bool make_calls(graph *g)
{
    for (bool moved = true, open = true; open;) {
        if (!moved)
            return cn_fail(CN_FORMAT, "%s: the calls of its layers wait for each other", g->name);
        moved = open = false;
        for (int i = 0; i < g->count; i++) {
            graph_layer *l = &g->layer[i];
            while (l->layer && l->made_count < l->call_count) {
                cn_call_args args = {.training = CN_INHERIT};
                found all = read_call(g, l, json_array_get(l->calls, (size_t)l->made_count), &args);
                if (all == BROKEN)
                    return false;
                if (all == LATER) {
                    open = true;
                    break;
                }
                l->made[l->made_count] = cn_call_layer_many(l->layer, args);
                if (cn_failed())
                    return false;
                l->made_count++;
                moved = true;
            }
        }
    }
    return true;
}

/* [layer, call, output], a list of these, or an object of them. */
static bool read_ends(graph *g, const char *key, json_t *ends, cn_tensor **tensors)
{
    int count = 0;
    bool mask_operation, single = json_is_string(json_array_get(ends, 0));
    size_t size = single ? 1 : json_is_object(ends) ? json_object_size(ends) : json_array_size(ends);
    if (size == 0 || size > CN_MAX_TENSORS)
        return cn_fail(CN_FORMAT, "%s: %s are not 1 to %d", g->name, key, CN_MAX_TENSORS);
    void *iterator = json_is_object(ends) ? json_object_iter(ends) : NULL;
    for (size_t i = 0; i < size; i++) {
        json_t *end = single ? ends : iterator ? json_object_iter_value(iterator) : json_array_get(ends, i);
        iterator = iterator ? json_object_iter_next(ends, iterator) : NULL;
        if (!(tensors[count++] = find_tensor(g, end, true, &mask_operation)))
            return cn_fail(CN_FORMAT, "%s: %s name what no layer gives", g->name, key);
    }
    return true;
}

static cn_model *read_functional(json_t *arguments)
{
    const char *name = json_string_value(json_object_get(arguments, "name"));
    graph g = {.name = name ? name : "Functional"};
    json_t *list = layers_of(g.name, json_object_get(arguments, "layers")), *config;
    cn_model_args made = {.name = name};
    if (!list)
        return NULL;
    g.layer = cn_allocate(json_array_size(list) + 1, sizeof *g.layer);
    g.index = json_object();
    bool done = g.layer && g.index;
    size_t index;
    json_array_foreach(list, index, config) done = done && read_graph_layer(&g, config);
    done = done && make_calls(&g) &&
           read_ends(&g, "input_layers", json_object_get(arguments, "input_layers"), made.inputs) &&
           read_ends(&g, "output_layers", json_object_get(arguments, "output_layers"), made.outputs);
    cn_model *model = done ? cn_model_with(made) : NULL;
    for (int i = 0; i < g.count; i++)
        cn_release(g.layer[i].made);
    cn_release(g.layer);
    json_decref(g.index);
    return model;
}

cn_model *cn_model_from_config(json_t *config)
{
    const char *class = json_string_value(json_object_get(config, "class_name"));
    json_t *arguments = json_object_get(config, "config");
    if (cn_failed())
        return NULL;
    if (!class || !(json_is_object(arguments) || json_is_array(arguments))) {
        cn_fail(CN_FORMAT, "model: its config has no class_name or no config");
        return NULL;
    }
    if (!cn_is_model_class(class)) {
        cn_fail(CN_UNSUPPORTED, "model: a %.80s cannot be made from its config; Sequential and Functional can", class);
        return NULL;
    }
    cn_model *model = strcmp(class, "Sequential") == 0 ? read_sequential(arguments) : read_functional(arguments);
    if (model && json_is_false(json_object_get(arguments, "trainable")))
        cn_model_layer(model)->trainable = false;
    return model;
}
