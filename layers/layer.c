#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "layers/fields.h"
#include "layers/graph.h"
#include "layers/initializer.h"
#include <pthread.h>
#include <string.h>

/* Owning */

static void destroy(cn_layer *layer)
{
    if (layer->type->free)
        layer->type->free(layer);
    for (int i = 0; i < layer->weight_count; i++)
        cn_variable_free(layer->weight[i].variable);
    for (int i = 0; i < layer->sublayer_count; i++)
        cn_layer_release(layer->sublayer[i]);
    cn_release(layer->weight);
    cn_release(layer->sublayer);
    cn_release(layer->name);
    cn_release(layer);
}

void cn_layer_release(cn_layer *layer)
{
    if (layer && __atomic_sub_fetch(&layer->references, 1, __ATOMIC_ACQ_REL) == 0)
        destroy(layer);
}

static void release_held(void *layer)
{
    cn_layer_release(layer);
}

void cn_layer_take(cn_layer *layer)
{
    __atomic_add_fetch(&layer->references, 1, __ATOMIC_RELAXED);
    cn_session_drop(layer, &layer->session);
}

void cn_layer_free(cn_layer *layer)
{
    if (layer)
        cn_session_drop(layer, &layer->session);
}

/* Making */

static void stem_of(const cn_layer_class *type, char *stem, size_t size)
{
    cn_snake_case(type->base ? type->base : type->name, stem, size);
}

static bool counts_from_one(const cn_layer_class *type)
{
    return strcmp(type->name, "InputLayer") == 0;
}

static bool set_name(cn_layer *layer, const char *name)
{
    if (!name[0] || strchr(name, '/'))
        return cn_fail(CN_ARGUMENT, "%s: \"%s\" is not a name for a layer", layer->type->name, name);
    char *copy = cn_copy_string(name);
    if (!copy || !cn_observe_name(name)) {
        cn_release(copy);
        return false;
    }
    cn_release(layer->name);
    layer->name = copy;
    layer->named = true;
    return true;
}

static bool set_first_name(cn_layer *layer, const char *name)
{
    if (name)
        return set_name(layer, name);
    char stem[CN_NAME_TEXT];
    stem_of(layer->type, stem, sizeof stem);
    return (layer->name = cn_automatic_name(stem, counts_from_one(layer->type))) != NULL;
}

static bool begin(cn_layer *layer, const char *name)
{
    if (!set_first_name(layer, name))
        return false;
    for (const cn_field *field = layer->type->fields; field->type != CN_FIELD_END_; field++) {
        void *value = (char *)layer + field->offset;
        const cn_shape *numbers = value;
        if (field->type == CN_FIELD_TYPE_INTS && (numbers->rank < 0 || numbers->rank > CN_MAX_RANK))
            return cn_fail(CN_SHAPES, "%s: %s must be a CN_SHAPE(...) of up to %d numbers", layer->name, field->name,
                           CN_MAX_RANK);
        cn_layer *const *sublayer = value;
        for (int i = 0; i < cn_field_layers(field) && sublayer[i]; i++)
            if (!cn_add_sublayer(layer, sublayer[i]))
                return false;
    }
    if (layer->type->init && !layer->type->init(layer))
        return cn_fail(CN_ARGUMENT, "%s: its arguments were refused", layer->name);
    return !cn_failed();
}

cn_layer *cn_layer_like(const cn_layer_class *type, const void *values)
{
    if (cn_failed())
        return NULL;
    if (!type || !type->name || type->size < sizeof(cn_layer) || !(type->call || type->call_many) || !values) {
        cn_fail(CN_ARGUMENT, "layer_like: a class needs a name, a size and a call, and a layer its values");
        return NULL;
    }
    cn_layer *layer = cn_allocate(1, type->size);
    if (!layer)
        return NULL;
    const cn_layer *given = values;
    memcpy(layer, values, type->size);
    *layer = (cn_layer){.type = type,
                        .references = 1,
                        .trainable = true,
                        .dtype = cn_default_dtype(),
                        .fixed_axis = type->fixed_axis,
                        .activity_regularizer = given->activity_regularizer};
    if (!begin(layer, given->name) || !cn_session_hold(layer, &layer->session, release_held)) {
        cn_layer_release(layer);
        return NULL;
    }
    return layer;
}

cn_layer *cn_add_sublayer(cn_layer *layer, cn_layer *sublayer)
{
    if (cn_failed())
        return NULL;
    if (!layer || !sublayer || layer == sublayer) {
        cn_fail(CN_ARGUMENT, "add_sublayer: needs a layer and another one");
        return NULL;
    }
    if (layer->built) {
        cn_fail(CN_STATE, "add_sublayer: %s: a layer takes others in init or build", layer->name);
        return NULL;
    }
    if (!cn_grow((void **)&layer->sublayer, layer->sublayer_count, &layer->sublayer_capacity, sizeof(cn_layer *)))
        return NULL;
    cn_layer_take(sublayer);
    return layer->sublayer[layer->sublayer_count++] = sublayer;
}

/* Building */

static pthread_mutex_t building;
static pthread_once_t building_once = PTHREAD_ONCE_INIT;
static cn_layer *last_built;
static int buildings; /* begun and not ended */

/* Building a layer builds those inside it. */
static void make_building(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&building, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static bool is_ready(const cn_layer *layer)
{
    return __atomic_load_n(&layer->ready, __ATOMIC_ACQUIRE);
}

static void unbuild(cn_layer *layer, int weights, int sublayers)
{
    while (layer->weight_count > weights)
        cn_variable_free(layer->weight[--layer->weight_count].variable);
    while (layer->sublayer_count > sublayers)
        cn_layer_release(layer->sublayer[--layer->sublayer_count]);
    layer->built = false;
    layer->node_count = 0;
}

cn_layer *cn_building_begin(void)
{
    pthread_once(&building_once, make_building);
    pthread_mutex_lock(&building);
    buildings++;
    return last_built;
}

bool cn_building_end(cn_layer *mark, bool done)
{
    while (last_built != mark && (!done || buildings == 1)) {
        cn_layer *layer = last_built;
        last_built = layer->built_before;
        if (done)
            __atomic_store_n(&layer->ready, true, __ATOMIC_RELEASE);
        else
            unbuild(layer, layer->weights_before, layer->sublayers_before);
        cn_layer_release(layer);
    }
    buildings--;
    pthread_mutex_unlock(&building);
    return done;
}

void cn_layer_set_built(cn_layer *layer, int weights, int sublayers)
{
    layer->built = true;
    layer->weights_before = weights;
    layer->sublayers_before = sublayers;
    layer->built_before = last_built;
    last_built = layer;
    __atomic_add_fetch(&layer->references, 1, __ATOMIC_RELAXED);
}

static bool check_rank(const cn_layer *layer, cn_shape input)
{
    const cn_layer_class *type = layer->type;
    char text[CN_SHAPE_TEXT];
    if (type->rank > 0 && input.rank != type->rank)
        return cn_fail(CN_SHAPES, "%s: expected an input of rank %d, got %s", layer->name, type->rank,
                       cn_shape_text(input, text, sizeof text));
    if (input.rank < type->min_rank)
        return cn_fail(CN_SHAPES, "%s: expected an input of rank %d or more, got %s", layer->name, type->min_rank,
                       cn_shape_text(input, text, sizeof text));
    return true;
}

/* Counted from the last axis if it is below zero. */
static int64_t size_along(cn_shape shape, int axis)
{
    int from_first = axis < 0 ? shape.rank + axis : axis;
    return from_first >= 0 && from_first < shape.rank ? shape.dim[from_first] : -1;
}

static bool check_inputs(const cn_layer *layer, const cn_shape *inputs, int count)
{
    const cn_layer_class *type = layer->type;
    int wanted = type->call_many ? type->inputs : 1;
    if (wanted > 0 && count != wanted)
        return cn_fail(CN_ARGUMENT, "%s: takes %d input%s, got %d", layer->name, wanted, wanted == 1 ? "" : "s", count);
    for (int i = 0; i < count; i++)
        if (!check_rank(layer, inputs[i]))
            return false;
    return true;
}

/* Along the axis that must not change. */
static bool check_size(const cn_layer *layer, cn_shape input)
{
    int axis = layer->fixed_axis;
    char text[CN_SHAPE_TEXT];
    int64_t wanted = axis ? size_along(layer->input_shape, axis) : -1, size = size_along(input, axis);
    return wanted < 0 || size < 0 || size == wanted ||
           cn_fail(CN_SHAPES, "%s: expected an input of size %lld along axis %d, got %s", layer->name,
                   (long long)wanted, axis, cn_shape_text(input, text, sizeof text));
}

static bool build(cn_layer *layer, const cn_shape *inputs, int count)
{
    cn_shape in[CN_MAX_TENSORS];
    for (int i = 0; i < count; i++) {
        in[i] = inputs[i];
        if (in[i].rank > 0)
            in[i].dim[0] = -1;
    }
    int weights = layer->weight_count, sublayers = layer->sublayer_count;
    layer->input_shape = inputs[0]; /* while building with its batch, for a layer that has weights along that */
    layer->input_count = count;
    if (layer->type->build && !cn_build_within(layer, in)) {
        unbuild(layer, weights, sublayers);
        return cn_fail(CN_ARGUMENT, "%s: build failed", layer->name);
    }
    layer->input_shape = in[0];
    if (!layer->built)
        cn_layer_set_built(layer, weights, sublayers);
    return true;
}

bool cn_layer_prepare(cn_layer *layer, const cn_shape *inputs, int count)
{
    if (!check_inputs(layer, inputs, count))
        return false;
    if (!is_ready(layer)) {
        cn_layer *mark = cn_building_begin();
        if (!cn_building_end(mark, layer->built || build(layer, inputs, count)))
            return false;
    }
    return check_size(layer, inputs[0]);
}

bool(cn_build)(cn_layer *layer, cn_shape input)
{
    if (cn_failed())
        return false;
    if (!layer)
        return cn_fail(CN_ARGUMENT, "build: the layer is NULL");
    return cn_layer_prepare(layer, &input, 1);
}

/* Calling */

static bool same_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    memcpy(stride, entry->input[0]->stride, sizeof entry->input[0]->stride);
    *offset = 0;
    return true;
}

static bool same_type(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, entry->input[0]->shape};
    return true;
}

static bool same_vjp(const cn_entry *entry, cn_tensor *const *dy, cn_tensor **dx)
{
    (void)entry;
    dx[0] = dy[0];
    return true;
}

static const cn_operation same = {.name = "same", .infer = same_type, .view = same_view, .vjp = same_vjp};

cn_tensor *cn_layer_own_tensor(cn_tensor *x)
{
    return cn_record(&same, NULL, &x, 1);
}

static bool pass_masks(const cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    if (layer->type->mask == CN_MASK_MAKES)
        return true;
    cn_tensor *mask = layer->type->mask == CN_MASK_PASSES ? call->mask[0] : NULL;
    for (int i = 0; i < outputs->count; i++) {
        cn_tensor **output = &outputs->item[i];
        bool is_input = false;
        for (int j = 0; j < call->inputs.count; j++)
            is_input = is_input || *output == call->inputs.item[j];
        if (is_input && (*output)->mask != mask && !(*output = cn_layer_own_tensor(*output)))
            return false;
        (*output)->mask = mask;
    }
    return true;
}

static bool add_activity_loss(const cn_layer *layer, cn_tape *tape, const cn_tensors *outputs)
{
    const cn_regularizer *regularizer = &layer->activity_regularizer;
    for (int i = 0; regularizer->name && i < outputs->count; i++) {
        cn_tensor *output = outputs->item[i];
        cn_tensor *penalty = regularizer->penalty(regularizer, output);
        double batch = output->shape.rank > 0 ? (double)output->shape.dim[0] : 1;
        penalty = penalty ? cn_div(penalty, cn_scalar(penalty, batch)) : NULL;
        if (!penalty || !cn_tape_add_loss(tape, penalty))
            return false;
    }
    return true;
}

static bool run_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    bool done;
    *outputs = (cn_tensors){.count = 0};
    if (layer->type->call_many) {
        done = layer->type->call_many(layer, call, outputs);
    } else {
        outputs->item[0] = layer->type->call(layer, call->inputs.item[0]);
        outputs->count = 1;
        done = outputs->item[0] != NULL;
    }
    for (int i = 0; i < outputs->count && done; i++)
        done = outputs->item[i] != NULL;
    if (!done || cn_failed() || outputs->count == 0)
        return cn_fail(CN_ARGUMENT, "%s: its call gave no output", layer->name);
    return pass_masks(layer, call, outputs) && add_activity_loss(layer, call->tape, outputs);
}

/* Finds the one tape of the tensors; variables have none. */
static bool join_tape(const cn_layer *layer, cn_tensor *const *tensors, int count, cn_tape **tape)
{
    for (int i = 0; i < count; i++) {
        if (!tensors[i] || !tensors[i]->tape)
            continue;
        if (*tape && tensors[i]->tape != *tape)
            return cn_fail(CN_TAPE, "%s: its inputs are on different tapes", layer->name);
        *tape = tensors[i]->tape;
    }
    return true;
}

static int leading(cn_tensor *const *tensors)
{
    int count = 0;
    while (count < CN_MAX_TENSORS && tensors[count])
        count++;
    return count;
}

static bool read_all(cn_tape *tape, cn_tensor *const *from, int count, cn_tensors *to)
{
    to->count = count;
    for (int i = 0; i < count; i++)
        if (!(to->item[i] = from[i]->tape ? from[i] : cn_read(tape, from[i])))
            return false;
    return true;
}

bool cn_check_state(const cn_layer *layer, const cn_tensor *x, int index, const cn_tensor *state, cn_shape wanted)
{
    char is[CN_SHAPE_TEXT], text[CN_SHAPE_TEXT];
    return (cn_shape_equal(state->shape, wanted) && state->dtype == x->dtype) ||
           cn_fail(CN_SHAPES, "%s: state %d must be %s of shape %s, not %s of shape %s", layer->name, index,
                   cn_dtype_name(x->dtype), cn_shape_text(wanted, text, sizeof text), cn_dtype_name(state->dtype),
                   cn_shape_text(state->shape, is, sizeof is));
}

/* The states of a cell: all of them, or zeros. */
static bool complete_states(cn_layer *cell, cn_layer_call *call)
{
    cn_shape shape[CN_MAX_TENSORS];
    int count = 0, given = call->states.count;
    cn_tensor *x = call->inputs.item[0];
    if (!cell->type->states(cell, shape, &count))
        return false;
    if (given != 0 && given != count)
        return cn_fail(CN_ARGUMENT, "%s: takes %d state%s, got %d", cell->name, count, count == 1 ? "" : "s", given);
    for (int i = 0; i < count; i++) {
        cn_shape all = {.rank = shape[i].rank + 1, .dim = {x->shape.dim[0]}};
        memcpy(all.dim + 1, shape[i].dim, (size_t)shape[i].rank * sizeof *all.dim);
        if (given == 0)
            call->states.item[call->states.count++] = cn_zeros(call->tape, all, .dtype = x->dtype);
        else if (!cn_check_state(cell, x, i, call->states.item[i], all))
            return false;
    }
    return !cn_failed();
}

static bool call_on_tape(cn_layer *layer, cn_tape *tape, const cn_call_args *args, cn_tensors *outputs)
{
    cn_layer_call call = {.tape = tape,
                          .attention_mask = args->attention_mask,
                          .use_causal_mask = args->use_causal_mask,
                          .return_attention_scores = args->return_attention_scores,
                          .reverse = args->reverse};
    cn_shape shapes[CN_MAX_TENSORS];
    if (!read_all(tape, args->inputs, leading(args->inputs), &call.inputs) ||
        !read_all(tape, args->states, leading(args->states), &call.states))
        return false;
    for (int i = 0; i < call.inputs.count; i++) {
        call.mask[i] = args->mask[i] ? args->mask[i] : call.inputs.item[i]->mask;
        shapes[i] = call.inputs.item[i]->shape;
    }
    if (!cn_layer_prepare(layer, shapes, call.inputs.count))
        return false;
    if (layer->type->states && !complete_states(layer, &call))
        return false;
    bool training = tape->training;
    uint64_t stream = tape->stream;
    call.training = args->training == CN_INHERIT ? training : args->training == CN_TRAINING;
    tape->training = call.training;
    tape->stream = cn_name_stream(stream, layer->name);
    bool done = run_call(layer, &call, outputs);
    tape->training = training;
    tape->stream = stream;
    return done;
}

/* What a call may have only if the class says so. */
static bool check_special(const cn_layer *layer, const cn_call_args *args)
{
    const cn_layer_class *type = layer->type;
    const struct {
        bool given, taken;
        const char *name;
    } special[] = {{args->states[0] != NULL, type->takes_states || type->states, "initial states"},
                   {args->attention_mask != NULL, type->takes_attention_mask, "attention_mask"},
                   {args->use_causal_mask, type->takes_causal_mask, "use_causal_mask"},
                   {args->return_attention_scores, type->takes_scores, "return_attention_scores"},
                   {args->reverse, type->takes_reverse, "reverse"}};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].given && !special[i].taken)
            return cn_fail(CN_ARGUMENT, "%s: takes no %s", layer->name, special[i].name);
    return true;
}

/* Lists end where a tensor is missing, so that none may come after that. */
static bool check_lists(const cn_layer *layer, const cn_call_args *args)
{
    int inputs = leading(args->inputs), states = leading(args->states);
    for (int i = inputs; i < CN_MAX_TENSORS; i++)
        if (args->inputs[i] || i == 0)
            return cn_fail(CN_ARGUMENT, "%s: input %d is NULL", layer->name, inputs);
    for (int i = states; i < CN_MAX_TENSORS; i++)
        if (args->states[i])
            return cn_fail(CN_ARGUMENT, "%s: state %d is NULL", layer->name, states);
    return true;
}

cn_tensors cn_call_layer_many(cn_layer *layer, cn_call_args args)
{
    cn_tensors outputs = {.count = 0};
    if (cn_failed())
        return outputs;
    cn_tape *tape = NULL;
    bool done = true;
    if (!layer)
        done = cn_fail(CN_ARGUMENT, "call: the layer is NULL");
    else if (!check_lists(layer, &args) || !check_special(layer, &args))
        done = false;
    else if (join_tape(layer, args.inputs, CN_MAX_TENSORS, &tape) &&
             join_tape(layer, args.mask, CN_MAX_TENSORS, &tape) &&
             join_tape(layer, args.states, CN_MAX_TENSORS, &tape) && join_tape(layer, &args.attention_mask, 1, &tape))
        done = !tape ? cn_fail(CN_TAPE, "%s: no input is on a tape; cn_read puts a variable on one", layer->name)
               : tape->kind == CN_SYMBOLIC ? cn_graph_call(layer, &args, &outputs)
                                           : call_on_tape(layer, tape, &args, &outputs);
    if (!done || cn_failed())
        outputs.count = 0;
    return outputs;
}

cn_tensor *cn_call_layer(cn_layer *layer, cn_tensor *x)
{
    cn_tensors outputs = cn_call_layer_many(layer, (cn_call_args){.inputs = {x}});
    if (outputs.count > 1)
        cn_fail(CN_ARGUMENT, "%s: has %d outputs; cn_call_many gives them", layer->name, outputs.count);
    return outputs.count == 1 ? outputs.item[0] : NULL;
}

cn_tensor *cn_mask_of(const cn_tensor *tensor)
{
    return tensor ? tensor->mask : NULL;
}

void cn_set_mask(cn_tensor *output, cn_tensor *mask)
{
    if (output)
        output->mask = mask;
}

bool cn_add_loss(cn_layer *layer, cn_tensor *loss)
{
    if (cn_failed())
        return false;
    if (!layer || !loss || !loss->tape || loss->tape->kind == CN_SYMBOLIC)
        return cn_fail(CN_ARGUMENT, "add_loss: %s: a loss is a tensor on the tape of the call",
                       layer ? layer->name : "no layer");
    return cn_tape_add_loss(loss->tape, loss);
}

/* Asking */

const char *(cn_layer_name)(const cn_layer *layer)
{
    return layer ? layer->name : "";
}

cn_layer *cn_named(cn_layer *layer, const char *name)
{
    if (cn_failed())
        return NULL;
    if (!layer || !name) {
        cn_fail(CN_ARGUMENT, "named: needs a layer and a name");
        return NULL;
    }
    if (layer->built || layer->node_count > 0) {
        cn_fail(CN_STATE, "%s: cannot be renamed, it has been called", layer->name);
        return NULL;
    }
    if (!layer->named) {
        char stem[CN_NAME_TEXT];
        stem_of(layer->type, stem, sizeof stem);
        cn_forget_automatic_name(stem, layer->name);
    }
    return set_name(layer, name) ? layer : NULL;
}

void(cn_reset_states)(cn_layer *layer)
{
    if (!layer)
        return;
    cn_tensor *state;
    for (int i = 0; layer->type->kept_state && (state = layer->type->kept_state(layer, i)); i++) {
        memset(state->variable->storage, 0, (size_t)cn_shape_size(state->shape) * cn_dtype_size(state->dtype));
        state->variable->version++;
    }
    for (int i = 0; i < layer->sublayer_count; i++)
        cn_reset_states(layer->sublayer[i]);
}
