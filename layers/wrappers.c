#include "layers/wrappers.h"
#include "core/arena.h"
#include "core/ops/arithmetic.h"
#include "core/ops/joining.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/fields.h"
#include "layers/graph.h"
#include <stdio.h>
#include <string.h>

/* Makes the error of a layer inside another one name both. */
static bool fail_inside(const cn_layer *wrapper, const cn_layer *inner)
{
    char text[1024];
    size_t length = strlen(inner->name);
    const char *message = cn_error_message();
    bool named = strncmp(message, inner->name, length) == 0 && message[length] == ':';
    snprintf(text, sizeof text, "%s%s%s", named ? "" : inner->name, named ? "" : ": ", message);
    cn_code code = cn_error_code();
    cn_error_clear();
    return cn_fail(code, "%s: %s", wrapper->name, text);
}

static bool prepare_inside(const cn_layer *wrapper, cn_layer *inner, cn_shape input)
{
    return cn_layer_prepare(inner, &input, 1) || fail_inside(wrapper, inner);
}

static bool call_inside(const cn_layer *wrapper, cn_layer *inner, cn_call_args args, cn_tensors *outputs)
{
    if (cn_failed())
        return false;
    *outputs = cn_call_layer_many(inner, args);
    return outputs->count > 0 || fail_inside(wrapper, inner);
}

/* TimeDistributed */

typedef struct time_distributed {
    cn_layer base;
    cn_time_distributed_args args;
} time_distributed;

static bool time_distributed_init(cn_layer *layer)
{
    return ((time_distributed *)layer)->args.layer || cn_fail(CN_ARGUMENT, "%s: needs a layer", layer->name);
}

static cn_shape without_time(cn_shape shape)
{
    cn_shape step = {.rank = shape.rank - 1, .dim = {shape.dim[0]}};
    for (int d = 1; d < step.rank; d++)
        step.dim[d] = shape.dim[d + 1];
    return step;
}

static bool time_distributed_build(cn_layer *layer, const cn_shape *in)
{
    return prepare_inside(layer, ((time_distributed *)layer)->args.layer, without_time(*in));
}

/* Whether a batch of all steps may give other numbers than the steps one after the other. */
static bool goes_by_step(cn_layer *layer)
{
    const bool *stateful = cn_layer_flag(layer, "stateful");
    bool does = layer->type->mixes_samples || layer->activity_regularizer.name || (stateful && *stateful);
    for (int i = 0; i < layer->weight_count; i++)
        does = does || !layer->weight[i].trainable;
    for (int i = 0; i < layer->sublayer_count; i++)
        does = does || goes_by_step(layer->sublayer[i]);
    return does;
}

/* One call. */
typedef struct distribution {
    cn_layer *wrapper, *inner;
    cn_tensor *x, *mask;
    int64_t batch, time;
} distribution;

static bool check_batch(const distribution *d, const cn_tensor *output, int64_t batch)
{
    cn_shape shape = cn_shape_of(output);
    char text[CN_SHAPE_TEXT];
    return (shape.rank > 0 && shape.dim[0] == batch) ||
           cn_fail(CN_SHAPES, "%s: %s made a batch of %lld into %s", d->wrapper->name, d->inner->name, (long long)batch,
                   cn_shape_text(shape, text, sizeof text));
}

/* (batch, time, ...) as (batch * time, ...), and back. */
static cn_tensor *join_steps(const distribution *d, cn_tensor *x)
{
    cn_shape shape = x ? without_time(cn_shape_of(x)) : CN_SHAPE();
    shape.dim[0] = d->batch * d->time;
    return x ? cn_reshape(x, shape) : NULL;
}

static cn_tensor *part_steps(const distribution *d, cn_tensor *x)
{
    cn_shape all = cn_shape_of(x), shape = {.rank = all.rank + 1, .dim = {d->batch, d->time}};
    for (int i = 1; i < all.rank; i++)
        shape.dim[i + 1] = all.dim[i];
    return x ? cn_reshape(x, shape) : NULL;
}

static bool run_at_once(const distribution *d, cn_tensors *outputs, cn_tensor **masks)
{
    cn_tensors all;
    if (!call_inside(d->wrapper, d->inner,
                     (cn_call_args){.inputs = {join_steps(d, d->x)}, .mask = {join_steps(d, d->mask)}}, &all))
        return false;
    for (int i = 0; i < all.count; i++) {
        if (!check_batch(d, all.item[i], d->batch * d->time))
            return false;
        outputs->item[outputs->count++] = part_steps(d, all.item[i]);
        masks[i] = part_steps(d, cn_mask_of(all.item[i]));
    }
    return !cn_failed();
}

/* The numbered output of all steps; its mask, if they have masks. */
static cn_tensor *stack_steps(const distribution *d, const cn_tensors *step, int number, cn_tensor **room,
                              cn_tensor **mask)
{
    bool masked = true;
    for (int64_t t = 0; t < d->time; t++) {
        room[t] = cn_mask_of(step[t].item[number]);
        masked = masked && room[t];
    }
    *mask = masked ? cn_stack_many(room, (int)d->time, 1) : NULL;
    for (int64_t t = 0; t < d->time; t++)
        room[t] = step[t].item[number];
    return cn_stack_many(room, (int)d->time, 1);
}

static bool run_steps(const distribution *d, cn_tensors *step, cn_tensor **x, cn_tensor **mask)
{
    if (!cn_unstack_many(d->x, 1, (int)d->time, x) || (d->mask && !cn_unstack_many(d->mask, 1, (int)d->time, mask)))
        return false;
    for (int64_t t = 0; t < d->time; t++) {
        if (!call_inside(d->wrapper, d->inner, (cn_call_args){.inputs = {x[t]}, .mask = {mask[t]}}, &step[t]))
            return false;
        for (int i = 0; i < step[t].count; i++)
            if (!check_batch(d, step[t].item[i], d->batch))
                return false;
    }
    return true;
}

static bool run_by_step(const distribution *d, cn_tensors *outputs, cn_tensor **masks)
{
    cn_tensors *step = cn_allocate((size_t)d->time, sizeof *step);
    cn_tensor **room = cn_allocate((size_t)d->time, 2 * sizeof *room);
    bool done = step && room && run_steps(d, step, room, room + d->time);
    for (int i = 0; done && i < step[0].count; i++)
        outputs->item[outputs->count++] = stack_steps(d, step, i, room, &masks[i]);
    cn_release(step);
    cn_release(room);
    return done && !cn_failed();
}

static bool check_mask(const distribution *d)
{
    cn_shape mask = cn_shape_of(d->mask);
    char text[CN_SHAPE_TEXT];
    return !d->mask || (mask.rank >= 2 && mask.dim[0] == d->batch && mask.dim[1] == d->time) ||
           cn_fail(CN_SHAPES, "%s: its mask begins with batch and time, (%lld, %lld), not as %s", d->wrapper->name,
                   (long long)d->batch, (long long)d->time, cn_shape_text(mask, text, sizeof text));
}

static bool time_distributed_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    cn_tensor *x = call->inputs.item[0], *masks[CN_MAX_TENSORS] = {0};
    cn_shape shape = cn_shape_of(x);
    distribution d = {.wrapper = layer,
                      .inner = ((time_distributed *)layer)->args.layer,
                      .x = x,
                      .mask = call->mask[0],
                      .batch = shape.dim[0],
                      .time = shape.dim[1]};
    if (d.time < 1 || d.time > INT32_MAX)
        return cn_fail(CN_SHAPES, "%s: its input has %lld time steps", layer->name, (long long)d.time);
    if (!check_mask(&d) || !prepare_inside(layer, d.inner, without_time(shape)) ||
        !(goes_by_step(d.inner) ? run_by_step : run_at_once)(&d, outputs, masks))
        return false;
    cn_tensor *given = d.mask;
    while (given && cn_shape_of(given).rank > 2)
        given = cn_any(given, .axis = -1);
    for (int i = 0; i < outputs->count; i++)
        cn_set_mask(outputs->item[i], masks[i] ? masks[i] : given);
    return !cn_failed();
}

static const cn_layer_class time_distributed_class = {.name = "TimeDistributed",
                                                      .size = sizeof(time_distributed),
                                                      .init = time_distributed_init,
                                                      .build = time_distributed_build,
                                                      .call_many = time_distributed_call,
                                                      .mask = CN_MASK_MAKES,
                                                      .inputs = 1,
                                                      .min_rank = 3,
                                                      .fields = {CN_ARGUMENT_FIELD(time_distributed, LAYER, layer)}};

cn_layer *cn_time_distributed_with(cn_time_distributed_args args)
{
    return cn_layer_like(&time_distributed_class, &(time_distributed){.base = CN_BASE_OF(args), .args = args});
}

/* Bidirectional */

enum { FORWARD, BACKWARD, DIRECTIONS };
static const char *const prefix[DIRECTIONS] = {"forward_", "backward_"};

typedef struct bidirectional {
    cn_layer base;
    cn_bidirectional_args args;
    cn_layer *given[DIRECTIONS]; /* what the directions are copies of; held, but not as parts of this layer */
    cn_layer *direction[DIRECTIONS];
    bool sequences;
} bidirectional;

/* The flag of a direction; false for a class that has none. */
static bool has_flag(cn_layer *layer, const char *name)
{
    const bool *flag = cn_layer_flag(layer, name);
    return flag && *flag;
}

static bool check_directions(const cn_layer *layer, cn_layer *const *direction)
{
    static const char *const needed[] = {"go_backwards", "return_sequences"}, *const shared[] = {"return_sequences",
                                                                                                 "return_state",
                                                                                                 "stateful"};
    for (int i = 0; i < DIRECTIONS; i++)
        for (size_t n = 0; n < sizeof needed / sizeof *needed; n++)
            if (!cn_layer_flag(direction[i], needed[n]))
                return cn_fail(CN_ARGUMENT, "%s: %s has no argument %s", layer->name, direction[i]->name, needed[n]);
    const cn_layer *forward = direction[FORWARD], *backward = direction[BACKWARD];
    if (has_flag(direction[FORWARD], "go_backwards") == has_flag(direction[BACKWARD], "go_backwards"))
        return cn_fail(CN_ARGUMENT, "%s: %s and %s must differ in go_backwards", layer->name, forward->name,
                       backward->name);
    for (size_t n = 0; n < sizeof shared / sizeof *shared; n++)
        if (has_flag(direction[FORWARD], shared[n]) != has_flag(direction[BACKWARD], shared[n]))
            return cn_fail(CN_ARGUMENT, "%s: %s and %s must agree in %s", layer->name, forward->name, backward->name,
                           shared[n]);
    return true;
}

static cn_layer *copy_for(int direction, const cn_layer *layer)
{
    char name[256];
    size_t length = strlen(prefix[direction]);
    const char *bare = strncmp(layer->name, prefix[direction], length) == 0 ? layer->name + length : layer->name;
    snprintf(name, sizeof name, "%s%s", prefix[direction], bare);
    return cn_layer_copy(layer, name);
}

static bool bidirectional_init(cn_layer *layer)
{
    bidirectional *b = (bidirectional *)layer;
    cn_layer *forward = b->args.layer, *backward = b->args.backward_layer;
    /* Layers in fields have become sublayers; the copies take their place. */
    for (int i = 0; i < layer->sublayer_count; i++)
        b->given[i] = layer->sublayer[i];
    layer->sublayer_count = 0;
    if (!forward)
        return cn_fail(CN_ARGUMENT, "%s: needs a layer", layer->name);
    if (b->args.merge_mode < CN_MERGE_CONCAT || b->args.merge_mode > CN_MERGE_NONE)
        return cn_fail(CN_ARGUMENT, "%s: %d is no merge_mode", layer->name, (int)b->args.merge_mode);
    for (int i = 0; i < DIRECTIONS; i++) {
        b->direction[i] = copy_for(i, i == BACKWARD && backward ? backward : forward);
        if (!b->direction[i] || !cn_add_sublayer(layer, b->direction[i]))
            return false;
    }
    bool *backwards = cn_layer_flag(b->direction[BACKWARD], "go_backwards");
    if (backwards && !backward)
        *backwards = !*backwards;
    if (!check_directions(layer, b->direction))
        return false;
    b->sequences = has_flag(b->direction[FORWARD], "return_sequences");
    for (int i = 0; i < DIRECTIONS; i++) {
        bool *zeroes = cn_layer_flag(b->direction[i], "zero_output_for_mask");
        if (zeroes)
            *zeroes = b->sequences;
    }
    return true;
}

static void bidirectional_free(cn_layer *layer)
{
    for (int i = 0; i < DIRECTIONS; i++)
        cn_layer_release(((bidirectional *)layer)->given[i]);
}

static bool set_weights(const cn_layer *layer, const cn_view *values)
{
    int given = 0, count = cn_weight_count(layer);
    while (given < CN_MAX_TENSORS && values[given].data)
        given++;
    if (given > 0 && given != count)
        return cn_fail(CN_ARGUMENT, "%s: has %d weights, %d arrays are given", layer->name, count, given);
    for (int i = 0; i < given; i++)
        if (!cn_variable_set(cn_weight(layer, i), values[i]))
            return false;
    return true;
}

static bool bidirectional_build(cn_layer *layer, const cn_shape *in)
{
    bidirectional *b = (bidirectional *)layer;
    for (int i = 0; i < DIRECTIONS; i++)
        if (!prepare_inside(layer, b->direction[i], *in))
            return false;
    return set_weights(layer, b->args.weights);
}

/* Of y, forward, and z, backward, in the same order of time. */
static void merge(cn_merge_mode mode, cn_tensor *y, cn_tensor *z, cn_tensors *outputs)
{
    cn_tensor *merged = NULL;
    switch (mode) {
    case CN_MERGE_CONCAT:
        merged = cn_concatenate({y, z}, .axis = -1);
        break;
    case CN_MERGE_SUM:
        merged = cn_add(y, z);
        break;
    case CN_MERGE_MUL:
        merged = cn_mul(y, z);
        break;
    case CN_MERGE_AVE:
        merged = cn_add(y, z);
        merged = cn_mul(merged, cn_scalar(merged, 0.5));
        break;
    case CN_MERGE_NONE:
        outputs->item[outputs->count++] = y;
        merged = z;
        break;
    }
    outputs->item[outputs->count++] = merged;
}

static bool bidirectional_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const bidirectional *b = (bidirectional *)layer;
    cn_tensors made[DIRECTIONS];
    int half = call->states.count / DIRECTIONS;
    if (call->states.count % DIRECTIONS != 0)
        return cn_fail(CN_ARGUMENT, "%s: takes as many initial states for each direction, got %d in all", layer->name,
                       call->states.count);
    for (int i = 0; i < DIRECTIONS; i++) {
        cn_call_args args = {.inputs = {call->inputs.item[0]}, .mask = {call->mask[0]}};
        memcpy(args.states, call->states.item + i * half, (size_t)half * sizeof *args.states);
        if (!call_inside(layer, b->direction[i], args, &made[i]))
            return false;
    }
    cn_tensor *z = made[BACKWARD].item[0];
    merge(b->args.merge_mode, made[FORWARD].item[0], b->sequences ? cn_flip(z, .axis = 1) : z, outputs);
    for (int i = 0; i < outputs->count; i++)
        cn_set_mask(outputs->item[i], b->sequences ? call->mask[0] : NULL);
    for (int i = 0; i < DIRECTIONS; i++)
        for (int s = 1; s < made[i].count; s++)
            outputs->item[outputs->count++] = made[i].item[s];
    return !cn_failed();
}

static const char *const merge_modes[] = {"concat", "sum", "mul", "ave", "None", NULL};

static const cn_layer_class bidirectional_class = {
    .name = "Bidirectional",
    .size = sizeof(bidirectional),
    .init = bidirectional_init,
    .build = bidirectional_build,
    .call_many = bidirectional_call,
    .free = bidirectional_free,
    .mask = CN_MASK_MAKES,
    .takes_states = true,
    .inputs = 1,
    .min_rank = 3,
    .fields = {CN_ARGUMENT_FIELD(bidirectional, LAYER, layer),
               CN_ARGUMENT_CHOICE(bidirectional, merge_mode, merge_modes),
               CN_ARGUMENT_FIELD(bidirectional, LAYER, backward_layer)}};

cn_layer *cn_bidirectional_with(cn_bidirectional_args args)
{
    return cn_layer_like(&bidirectional_class, &(bidirectional){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_wrapper_classes[] = {&time_distributed_class, &bidirectional_class, NULL};
