#include "models/structure.h"
#include "models/step.h"
#include <string.h>

const char *cn_model_name(const cn_model *model)
{
    return model->base.name ? model->base.name : "model";
}

cn_layer *cn_model_layer(const cn_model *model)
{
    return model ? (cn_layer *)(uintptr_t)&model->base : NULL;
}

static bool model_init(cn_layer *layer)
{
    cn_model *model = (cn_model *)layer;
    pthread_mutex_init(&model->lock, NULL);
    return true;
}

static void model_free(cn_layer *layer)
{
    cn_model *model = (cn_model *)layer;
    cn_model_forget_steps(model);
    cn_model_forget_compile(model);
    cn_arena_free(&model->texts);
    cn_topology_free(&model->topology);
    if (model->input_layer)
        cn_layer_release(model->input_layer);
    if (model->history)
        model->free_history(model->history);
    pthread_mutex_destroy(&model->lock);
}

static bool model_build(cn_layer *layer, const cn_shape *in)
{
    return cn_model_build((cn_model *)layer, in[0]);
}

static bool model_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const cn_topology *topology = &((cn_model *)layer)->topology;
    if (call->inputs.count != topology->input_count)
        return cn_fail(CN_ARGUMENT, "%s: has %d inputs, %d are given", layer->name, topology->input_count,
                       call->inputs.count);
    outputs->count = topology->output_count;
    return cn_topology_run(topology, call->tape, call->inputs.item, outputs->item);
}

static const cn_layer_class functional_class = {.name = "Functional",
                                                .base = "model",
                                                .size = sizeof(cn_model),
                                                .init = model_init,
                                                .call_many = model_call,
                                                .mask = CN_MASK_MAKES,
                                                .free = model_free};
static const cn_layer_class sequential_class = {.name = "Sequential",
                                                .size = sizeof(cn_model),
                                                .init = model_init,
                                                .build = model_build,
                                                .call_many = model_call,
                                                .mask = CN_MASK_MAKES,
                                                .free = model_free};

cn_model *cn_layer_model(cn_layer *layer)
{
    return layer && (layer->type == &functional_class || layer->type == &sequential_class) ? (cn_model *)layer : NULL;
}

cn_tensor *cn_call_model(cn_model *model, cn_tensor *x)
{
    return cn_call_layer(cn_model_layer(model), x);
}

cn_tensors cn_call_model_many(cn_model *model, cn_call_args args)
{
    return cn_call_layer_many(cn_model_layer(model), args);
}

/* The block of the weights: counted, since models may share layers. */

typedef struct weight_block {
    int references;
    unsigned char *memory;
} weight_block;

static void forget_block(void *opaque)
{
    weight_block *block = opaque;
    if (__atomic_sub_fetch(&block->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    cn_release(block->memory);
    cn_release(block);
}

static size_t padded_bytes(const cn_tensor *variable)
{
    size_t bytes = (size_t)cn_shape_size(variable->shape) * cn_dtype_size(variable->dtype);
    return (bytes + CN_ALIGNMENT - 1) / CN_ALIGNMENT * CN_ALIGNMENT;
}

/* Moves the weights that are in no model's block yet into one: those that are trained first, since these are what the
 * optimizer goes through. */
static bool gather_weights(cn_model *model)
{
    cn_weight_view *views = NULL;
    int count = 0;
    size_t bytes = 0, at = 0;
    if (!cn_layer_weights(&model->base, &views, &count))
        return false;
    for (int i = 0; i < count; i++)
        if (!views[i].weight->variable->variable->block)
            bytes += padded_bytes(views[i].weight->variable);
    weight_block *block = bytes ? cn_allocate(1, sizeof *block) : NULL;
    bool done = !bytes || (block && (block->memory = cn_allocate(bytes, 1)));
    for (int trained = 1; done && trained >= 0; trained--)
        for (int i = 0; i < count; i++) {
            cn_tensor *variable = views[i].weight->variable;
            if (variable->variable->block || views[i].weight->trainable != trained)
                continue;
            cn_variable_move(variable, block->memory + at, block, forget_block);
            block->references++;
            at += padded_bytes(variable);
        }
    if (!done)
        cn_release(block);
    cn_release(views);
    return done;
}

/* Making models */

/* A model is its maker's, not the session's. */
static cn_model *new_model(const cn_layer_class *type, const cn_model *values)
{
    cn_model *model = (cn_model *)cn_layer_like(type, values);
    if (model)
        cn_layer_take(&model->base);
    return model;
}

static bool add_layers(cn_model *model)
{
    const cn_topology *t = &model->topology;
    for (int i = 0; i < t->part_count; i++)
        if (t->part[i].layer && !cn_add_sublayer(&model->base, t->part[i].layer))
            return false;
    return true;
}

cn_model *cn_model_with(cn_model_args args)
{
    if (cn_failed())
        return NULL;
    cn_model *model = new_model(&functional_class, &(cn_model){.base = {.name = (char *)(uintptr_t)args.name}});
    if (!model)
        return NULL;
    if (!cn_topology_connect(&model->topology, cn_model_name(model), args.inputs, args.outputs) || !add_layers(model) ||
        !gather_weights(model)) {
        cn_model_free(model);
        return NULL;
    }
    model->base.built = model->base.ready = true;
    model->base.input_count = model->topology.input_count;
    return model;
}

static bool is_input_layer(const cn_layer *layer)
{
    return strcmp(layer->type->name, "InputLayer") == 0;
}

static bool connect_sequential(cn_model *model, cn_tensor *input)
{
    cn_tensor *x = input;
    cn_layer *first = model->base.sublayer_count ? model->base.sublayer[0] : NULL;
    if (!first)
        return cn_fail(CN_STATE, "%s: has no layers", cn_model_name(model));
    for (int i = 0; x && i < model->base.sublayer_count; i++)
        x = cn_call_layer(model->base.sublayer[i], x);
    if (!x)
        return false;
    cn_tensor *inputs[CN_MAX_TENSORS] = {input}, *outputs[CN_MAX_TENSORS] = {x};
    if (!cn_topology_connect(&model->topology, cn_model_name(model), inputs, outputs))
        return false;
    if (!gather_weights(model)) {
        cn_topology_free(&model->topology);
        return false;
    }
    cn_layer_set_built(&model->base, model->base.weight_count, model->base.sublayer_count);
    model->base.input_count = 1;
    return true;
}

/* What it was connected to by a call that failed afterwards. */
static void disconnect(cn_model *model)
{
    cn_topology_free(&model->topology);
    cn_layer_release(model->input_layer);
    model->input_layer = NULL;
}

static bool build_for(cn_model *model, cn_shape input)
{
    disconnect(model);
    if (model->base.sublayer_count == 0)
        return cn_fail(CN_STATE, "%s: has no layers", cn_model_name(model));
    char name[CN_NAME_BYTES + 8];
    cn_shape sample = {.rank = input.rank - 1};
    for (int d = 0; d < sample.rank; d++)
        sample.dim[d] = input.dim[d + 1];
    snprintf(name, sizeof name, "%s_input", cn_layer_name(model->base.sublayer[0]));
    cn_layer *layer = cn_input_layer_with((cn_input_args){.shape = sample, .dtype = cn_default_dtype(), .name = name});
    if (!layer)
        return false;
    cn_layer_take(layer);
    cn_tensor *x = cn_graph_input(layer);
    if (!x || !connect_sequential(model, x)) {
        cn_layer_release(layer);
        return false;
    }
    model->input_layer = layer;
    return true;
}

bool cn_model_build(cn_model *model, cn_shape input)
{
    if (cn_failed())
        return false;
    if (__atomic_load_n(&model->base.ready, __ATOMIC_ACQUIRE))
        return true;
    cn_layer *mark = cn_building_begin();
    return cn_building_end(mark, model->base.built || build_for(model, input));
}

bool cn_add_layer_to(cn_model *model, cn_layer *layer)
{
    if (cn_failed())
        return false;
    if (!model || !layer || !model->sequential)
        return cn_fail(CN_ARGUMENT, "add_layer_to: needs a sequential model and a layer");
    if (model->base.built)
        return cn_fail(CN_STATE, "%s: is built; a layer cannot be added any more", cn_model_name(model));
    if (is_input_layer(layer)) {
        if (model->input_layer || model->base.sublayer_count)
            return cn_fail(CN_ARGUMENT, "%s: an input layer comes first", cn_model_name(model));
        cn_layer_take(layer);
        model->input_layer = layer;
        return true;
    }
    return cn_add_sublayer(&model->base, layer) != NULL;
}

cn_model *cn_sequential_named(const char *name, cn_layer *const *layers, int count)
{
    if (cn_failed())
        return NULL;
    cn_model *model =
        new_model(&sequential_class, &(cn_model){.base = {.name = (char *)(uintptr_t)name}, .sequential = true});
    bool done = model != NULL;
    for (int i = 0; done && i < count; i++)
        done = cn_add_layer_to(model, layers[i]);
    if (done && model->input_layer) {
        cn_layer *mark = cn_building_begin();
        cn_tensor *x = cn_graph_input(model->input_layer);
        done = cn_building_end(mark, x && connect_sequential(model, x));
    }
    if (!done) {
        cn_model_free(model);
        return NULL;
    }
    return model;
}

cn_model *cn_sequential_of(cn_layer *const *layers, int count)
{
    return cn_sequential_named(NULL, layers, count);
}

void cn_model_free(cn_model *model)
{
    if (model)
        cn_layer_release(&model->base);
}

/* Asking */

int cn_layer_count(const cn_model *model)
{
    return model ? model->base.sublayer_count : 0;
}

cn_layer *cn_get_layer(const cn_model *model, int index)
{
    return model && index >= 0 && index < model->base.sublayer_count ? model->base.sublayer[index] : NULL;
}

cn_layer *cn_layer_by_name(const cn_model *model, const char *name)
{
    for (int i = 0; model && name && i < model->base.sublayer_count; i++)
        if (strcmp(cn_layer_name(model->base.sublayer[i]), name) == 0)
            return model->base.sublayer[i];
    if (model)
        cn_fail(CN_ARGUMENT, "%s: has no layer named %s", cn_model_name(model), name ? name : "NULL");
    return NULL;
}
