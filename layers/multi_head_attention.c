#include "layers/multi_head_attention.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/attention_unfused.h"
#include "core/ops/product.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/regularization.h"
#include "layers/softmax.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The order of the inputs, and that of the projections, which is the order of their weights. */
enum { QUERY_INPUT, VALUE_INPUT, KEY_INPUT, MOST_INPUTS };
enum { QUERY, KEY, GATE, VALUE, OUTPUT, PROJECTIONS };
static const char *const projection_names[] = {"query", "key", "gate", "value", "attention_output"};

/* Arguments that both classes have. */
#define COMMON_ARGUMENTS(X)                            \
    X(FLOAT, double, dropout)                          \
    X(BOOL, bool, use_bias)                            \
    X(OPTIONAL, int64_t, sliding_window)               \
    X(BOOL, bool, flash_attention)                     \
    X(INITIALIZER, cn_initializer, kernel_initializer) \
    X(INITIALIZER, cn_initializer, bias_initializer)   \
    X(REGULARIZER, cn_regularizer, kernel_regularizer) \
    X(REGULARIZER, cn_regularizer, bias_regularizer)   \
    X(CONSTRAINT, cn_constraint, kernel_constraint)    \
    X(CONSTRAINT, cn_constraint, bias_constraint)      \
    X(BOOL, bool, use_gate)                            \
    X(INT, int64_t, seed)

typedef struct projection {
    cn_tensor *kernel, *bias;
} projection;

/* What the structs of both classes begin with. */
typedef struct attention_heads {
    cn_layer base;
    int64_t heads, groups, size, width; /* of queries, of keys and values; numbers of a key, of a value */
    cn_shape output_shape, axes;        /* as the arguments of MultiHeadAttention */
#define MEMBER(kind, type, name) type name;
    COMMON_ARGUMENTS(MEMBER)
#undef MEMBER
    projection projection[PROJECTIONS];
    cn_layer *softmax, *dropout_layer;
} attention_heads;

/* Making */

static bool check_arguments(const attention_heads *a)
{
    const char *name = a->base.name;
    if (a->dropout < 0 || a->dropout > 1)
        return cn_fail(CN_ARGUMENT, "%s: dropout must be from 0 to 1, not %g", name, a->dropout);
    if (a->sliding_window != CN_NONE && a->sliding_window < 1)
        return cn_fail(CN_ARGUMENT, "%s: sliding_window must be positive, not %lld", name,
                       (long long)a->sliding_window);
    if (a->flash_attention && a->dropout > 0)
        return cn_fail(CN_ARGUMENT, "%s: flash_attention does not go with dropout", name);
    for (int d = 0; d < a->output_shape.rank; d++)
        if (a->output_shape.dim[d] < 1)
            return cn_fail(CN_ARGUMENT, "%s: output_shape must be positive, not %lld", name,
                           (long long)a->output_shape.dim[d]);
    return true;
}

static bool positive(const cn_layer *layer, const char *name, int64_t value)
{
    return value > 0 || cn_fail(CN_ARGUMENT, "%s: %s must be positive, not %lld", layer->name, name, (long long)value);
}

/* What the inputs are made of: the axes that are attended come last, before the features. */
typedef struct arrangement {
    int rank, free, attended; /* free: without the batch */
    cn_axes order, back;      /* of an input's axes; of the axes of what an input is made to */
} arrangement;

/* Finds the arrangement; false with the error set if attention_axes are not axes of places. */
static bool arrange(const attention_heads *a, int rank, arrangement *to)
{
    unsigned attended = 0;
    *to = (arrangement){.rank = rank, .attended = a->axes.rank > 0 ? a->axes.rank : rank - 2};
    int at = to->free = rank - 2 - to->attended;
    to->order.count = to->back.count = rank;
    for (int i = 0; i < to->attended; i++) {
        int64_t axis = a->axes.rank == 0 ? i + 1 : a->axes.dim[i] < 0 ? a->axes.dim[i] + rank : a->axes.dim[i];
        if (axis < 1 || axis > rank - 2 || (attended >> axis & 1))
            return cn_fail(CN_ARGUMENT, "%s: attention_axes: %lld is not an axis of places, or named twice",
                           a->base.name, (long long)a->axes.dim[i]);
        attended |= 1U << axis;
        to->order.axis[++at] = (int)axis;
    }
    at = 0;
    for (int d = 1; d < rank - 1; d++)
        if (!(attended >> d & 1))
            to->order.axis[++at] = d;
    to->order.axis[rank - 1] = rank - 1;
    for (int d = 0; d < rank; d++)
        to->back.axis[to->order.axis[d]] = d;
    return true;
}

static bool fit(int64_t a, int64_t b)
{
    return a == b || a < 0 || b < 0;
}

static bool check_inputs(const attention_heads *a, const cn_shape *in, int count)
{
    char query[CN_SHAPE_TEXT], key[CN_SHAPE_TEXT], value[CN_SHAPE_TEXT];
    arrangement order;
    if (count != 2 && count != 3)
        return cn_fail(CN_ARGUMENT, "%s: takes a query, a value and maybe a key, got %d input%s", a->base.name, count,
                       count == 1 ? "" : "s");
    const cn_shape *q = &in[QUERY_INPUT], *v = &in[VALUE_INPUT], *k = &in[count == 3 ? KEY_INPUT : VALUE_INPUT];
    bool valid = q->rank >= 3 && v->rank == q->rank && k->rank == q->rank && fit(q->dim[0], v->dim[0]);
    for (int d = 0; valid && d < q->rank - 1; d++)
        valid = fit(k->dim[d], v->dim[d]);
    if (!valid)
        return cn_fail(
            CN_SHAPES,
            "%s: needs a query (batch, queries, features), a value (batch, keys, features) and a key (batch, "
            "keys, features), got %s, %s and %s",
            a->base.name, cn_shape_text(*q, query, sizeof query), cn_shape_text(*v, value, sizeof value),
            cn_shape_text(*k, key, sizeof key));
    if (!arrange(a, q->rank, &order))
        return false;
    if (order.free + 2 + 2 * order.attended > CN_MAX_RANK)
        return cn_fail(CN_SHAPES, "%s: attends along more axes of %s than there is room for", a->base.name,
                       cn_shape_text(*q, query, sizeof query));
    for (int i = 0; i <= order.free; i++)
        if (!fit(q->dim[order.order.axis[i]], v->dim[order.order.axis[i]]))
            return cn_fail(CN_SHAPES, "%s: query %s and value %s differ in an axis that is not attended", a->base.name,
                           cn_shape_text(*q, query, sizeof query), cn_shape_text(*v, value, sizeof value));
    for (int i = 0; i < count; i++)
        if (in[i].dim[in[i].rank - 1] < 0)
            return cn_fail(CN_SHAPES, "%s: the last dimension of its inputs must be known", a->base.name);
    return true;
}

/* A projection of the last `summed` axes of the kernel's first ones to the others, which have a bias each. */
static bool add_projection(attention_heads *a, int which, cn_shape kernel, int summed)
{
    cn_layer *layer = &a->base;
    projection *to = &a->projection[which];
    char name[CN_NAME_BYTES];
    cn_shape bias = {.rank = kernel.rank - summed}, fans = CN_SHAPE(1, 1);
    memcpy(bias.dim, kernel.dim + summed, (size_t)bias.rank * sizeof *bias.dim);
    for (int d = 0; d < kernel.rank; d++)
        fans.dim[d >= summed] *= kernel.dim[d];
    snprintf(name, sizeof name, "%s/kernel", projection_names[which]);
    to->kernel = cn_add_weight(layer, name, kernel, .initializer = a->kernel_initializer, .fans = fans,
                               .regularizer = a->kernel_regularizer, .constraint = a->kernel_constraint);
    snprintf(name, sizeof name, "%s/bias", projection_names[which]);
    to->bias = NULL;
    if (a->use_bias)
        to->bias = cn_add_weight(layer, name, bias, .initializer = cn_or_else(a->bias_initializer, cn_init_zeros()),
                                 .regularizer = a->bias_regularizer, .constraint = a->bias_constraint);
    return !cn_failed();
}

static bool heads_build(cn_layer *layer, const cn_shape *in)
{
    attention_heads *a = (attention_heads *)layer;
    int count = layer->input_count;
    if (!check_inputs(a, in, count))
        return false;
    int last = in->rank - 1;
    int64_t query = in[QUERY_INPUT].dim[last], value = in[VALUE_INPUT].dim[last];
    int64_t key = in[count == 3 ? KEY_INPUT : VALUE_INPUT].dim[last];
    cn_shape output = CN_SHAPE(a->heads, a->width, query);
    if (a->output_shape.rank > 0) {
        output.rank = 2 + a->output_shape.rank;
        if (output.rank > CN_MAX_RANK || last + a->output_shape.rank > CN_MAX_RANK)
            return cn_fail(CN_SHAPES, "%s: output_shape has too many axes", layer->name);
        memcpy(output.dim + 2, a->output_shape.dim, (size_t)a->output_shape.rank * sizeof *output.dim);
    }
    cn_shape norm = {.rank = 1, .dim = {-1}};
    a->softmax = cn_softmax_layer(.axis = norm);
    a->dropout_layer = cn_dropout(a->dropout, .seed = a->seed);
    return cn_add_sublayer(layer, a->softmax) && cn_add_sublayer(layer, a->dropout_layer) &&
           add_projection(a, QUERY, CN_SHAPE(query, a->heads, a->size), 1) &&
           add_projection(a, KEY, CN_SHAPE(key, a->groups, a->size), 1) &&
           (!a->use_gate || add_projection(a, GATE, CN_SHAPE(query, a->heads, a->width), 1)) &&
           add_projection(a, VALUE, CN_SHAPE(value, a->groups, a->width), 1) && add_projection(a, OUTPUT, output, 2);
}

/* Calling */

/* x, whose last `summed` axes are the kernel's first, with the kernel's other axes in their place. */
static cn_tensor *project(attention_heads *a, int which, cn_tensor *x, int summed)
{
    const projection *by = &a->projection[which];
    if (!x)
        return NULL;
    cn_shape shape = cn_shape_of(x), kernel = cn_shape_of(by->kernel), flat = CN_SHAPE(1, 1), rows = shape;
    for (int d = 0; d < kernel.rank; d++)
        flat.dim[d >= summed] *= kernel.dim[d];
    rows.rank = shape.rank - summed + 1;
    rows.dim[rows.rank - 1] = flat.dim[0];
    shape.rank -= summed;
    memcpy(shape.dim + shape.rank, kernel.dim + summed, (size_t)(kernel.rank - summed) * sizeof *shape.dim);
    shape.rank += kernel.rank - summed;
    cn_tape *tape = cn_tape_of(x);
    cn_tensor *y = cn_matmul(cn_reshape(x, rows), cn_reshape(cn_read(tape, by->kernel), flat));
    if (by->bias)
        y = cn_add(y, cn_reshape(cn_read(tape, by->bias), CN_SHAPE(flat.dim[1])));
    y = cn_reshape(y, shape);
    /* The layer's own is of its output, the last projection. */
    const cn_regularizer *activity = &a->base.activity_regularizer;
    if (y && activity->name && which != OUTPUT) {
        cn_tensor *penalty = activity->penalty(activity, y);
        if (!penalty || !cn_add_loss(&a->base, cn_div(penalty, cn_scalar(penalty, (double)shape.dim[0]))))
            return NULL;
    }
    return y;
}

/* The product of the sizes of axes first to last of x, in the order of the arrangement. */
static int64_t span(const arrangement *order, const cn_shape *x, int first, int last)
{
    int64_t size = 1;
    for (int i = first; i < last; i++)
        size *= x->dim[order->order.axis[i]];
    return size;
}

/* What is projected, (batch, places ..., heads, size), as (batch and free axes, attended ones, heads, size). */
static cn_tensor *flatten(const arrangement *order, cn_tensor *x)
{
    if (!x)
        return NULL;
    cn_shape shape = cn_shape_of(x);
    int rank = order->rank;
    cn_axes axes = order->order;
    axes.axis[rank] = rank;
    axes.count = rank + 1;
    return cn_reshape(cn_transpose(x, .axes = axes),
                      CN_SHAPE(span(order, &shape, 0, order->free + 1), span(order, &shape, order->free + 1, rank - 1),
                               shape.dim[rank - 1], shape.dim[rank]));
}

/* The opposite, in the places of the query. */
static cn_tensor *unflatten(const arrangement *order, cn_tensor *x, const cn_shape *query)
{
    if (!x)
        return NULL;
    int rank = order->rank;
    cn_shape shape = {.rank = rank + 1}, flat = cn_shape_of(x);
    cn_axes axes = order->back;
    for (int i = 0; i < rank - 1; i++)
        shape.dim[i] = query->dim[order->order.axis[i]];
    shape.dim[rank - 1] = flat.dim[2];
    shape.dim[rank] = flat.dim[3];
    axes.axis[rank] = rank;
    axes.count = rank + 1;
    return cn_transpose(cn_reshape(x, shape), .axes = axes);
}

static cn_tensor *refuse_mask(const attention_heads *a, const char *which, const cn_tensor *mask)
{
    char text[CN_SHAPE_TEXT];
    cn_fail(CN_SHAPES, "%s: %s %s does not fit its inputs", a->base.name, which,
            cn_shape_text(cn_shape_of(mask), text, sizeof text));
    return NULL;
}

/* An attention mask (batch and free axes ..., [heads,] queries ..., keys ...), of which leading axes may be missing or
 * 1, as (batch and free axes, 1 or heads, queries, keys). */
static cn_tensor *flatten_mask(const attention_heads *a, const arrangement *order, cn_tensor *mask,
                               const cn_shape *query, const cn_shape *key)
{
    cn_shape given = cn_shape_of(mask), full = {.rank = order->free + 2};
    int leading = given.rank - 2 * order->attended;
    if (leading < 0 || leading > full.rank)
        return refuse_mask(a, "attention_mask", mask);
    for (int i = 0; i < order->attended; i++) {
        int axis = order->order.axis[order->free + 1 + i];
        if (given.dim[leading + i] != query->dim[axis] || given.dim[leading + order->attended + i] != key->dim[axis])
            return refuse_mask(a, "attention_mask", mask);
    }
    int64_t queries = span(order, query, order->free + 1, order->rank - 1);
    int64_t keys = span(order, key, order->free + 1, order->rank - 1), batch = span(order, query, 0, order->free + 1);
    for (int i = 0; i < full.rank; i++) {
        bool of_heads = i == order->free + 1;
        int64_t wanted = of_heads ? a->heads : query->dim[order->order.axis[i]];
        full.dim[i] = i < leading ? given.dim[i] : 1;
        if (full.dim[i] != 1 && full.dim[i] != wanted)
            return refuse_mask(a, "attention_mask", mask);
    }
    int64_t heads = full.dim[full.rank - 1];
    full.dim[full.rank] = queries;
    full.dim[full.rank + 1] = keys;
    full.rank += 2;
    mask = cn_reshape(mask, full);
    for (int i = 0; i <= order->free; i++)
        full.dim[i] = query->dim[order->order.axis[i]];
    return cn_reshape(cn_broadcast_to(mask, full), CN_SHAPE(batch, heads, queries, keys));
}

static cn_tensor *both(cn_tensor *a, cn_tensor *b)
{
    return a && b ? cn_logical_and(a, b) : a ? a : b;
}

/* The masks of the call as one, (batch, 1 or heads, queries, keys): *mask is NULL if there are none. */
static bool join_masks(const attention_heads *a, const arrangement *order, const cn_layer_call *call,
                       const cn_shape *query, const cn_shape *key, cn_tensor **mask)
{
    static const char *const names[MOST_INPUTS] = {"the query's mask", "the value's mask", "the key's mask"};
    *mask = NULL;
    if (call->attention_mask && !(*mask = flatten_mask(a, order, call->attention_mask, query, key)))
        return false;
    if (order->attended > 1 && (call->use_causal_mask || a->sliding_window != CN_NONE))
        return cn_fail(CN_UNSUPPORTED, "%s: %s needs a single attended axis", a->base.name,
                       call->use_causal_mask ? "use_causal_mask" : "sliding_window");
    for (int i = 0; i < call->inputs.count; i++) {
        cn_tensor *own = call->mask[i];
        if (!own)
            continue;
        const cn_shape *input = i == QUERY_INPUT ? query : key;
        cn_shape given = cn_shape_of(own), shape = CN_SHAPE(0, 1, 1, 1);
        bool valid = given.rank == order->rank - 1;
        for (int d = 0; valid && d < given.rank; d++)
            valid = given.dim[d] == input->dim[d];
        if (!valid)
            return refuse_mask(a, names[i], own) != NULL;
        shape.dim[0] = span(order, input, 0, order->free + 1);
        shape.dim[i == QUERY_INPUT ? 2 : 3] = span(order, input, order->free + 1, order->rank - 1);
        cn_axes axes = order->order;
        axes.count = given.rank;
        if (!(*mask = both(*mask, cn_reshape(cn_transpose(own, .axes = axes), shape))))
            return false;
    }
    return true;
}

/* (batch, queries, heads, width), and the weights if they are kept. */
static cn_tensor *attend(const attention_heads *a, const cn_layer_call *call, cn_tensor *const *x, cn_tensor *mask,
                         bool keeps, cn_tensor **weights)
{
    cn_tensor *query = x[QUERY], *key = x[KEY], *value = x[VALUE], *seen = NULL;
    int64_t window = a->sliding_window == CN_NONE ? 0 : a->sliding_window;
    if (!keeps)
        return cn_dot_product_attention(query, key, value, .mask = mask, .is_causal = call->use_causal_mask,
                                        .sliding_window = window);
    if (!query || !key ||
        !cn_attention_seen(call->tape, cn_shape_of(query).dim[1], cn_shape_of(key).dim[1], mask, call->use_causal_mask,
                           window, &seen))
        return NULL;
    cn_call_args args = {.inputs = {cn_attention_scores(query, key, 1 / sqrt((double)a->size))}, .mask = {seen}};
    *weights = cn_call_layer_many(a->softmax, args).item[0];
    cn_set_mask(*weights, NULL);
    args = (cn_call_args){.inputs = {*weights}};
    return *weights ? cn_attention_mix(cn_call_layer_many(a->dropout_layer, args).item[0], value) : NULL;
}

/* The weights with the places of query and key as they were: (batch, free axes ..., heads, queries ..., keys ...). */
static cn_tensor *unflatten_weights(const arrangement *order, cn_tensor *weights, const cn_shape *query,
                                    const cn_shape *key)
{
    if (!weights || order->rank == 3)
        return weights;
    cn_shape shape = {.rank = 0};
    for (int i = 0; i <= order->free; i++)
        shape.dim[shape.rank++] = query->dim[order->order.axis[i]];
    shape.dim[shape.rank++] = cn_shape_of(weights).dim[1];
    for (int i = order->free + 1; i < order->rank - 1; i++)
        shape.dim[shape.rank++] = query->dim[order->order.axis[i]];
    for (int i = order->free + 1; i < order->rank - 1; i++)
        shape.dim[shape.rank++] = key->dim[order->order.axis[i]];
    return cn_reshape(weights, shape);
}

static bool heads_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    attention_heads *a = (attention_heads *)layer;
    cn_tensor *const *in = call->inputs.item, *mask, *weights = NULL;
    int count = call->inputs.count,
        from[PROJECTIONS] = {QUERY_INPUT, count == 3 ? KEY_INPUT : VALUE_INPUT, QUERY_INPUT, VALUE_INPUT};
    cn_shape shapes[CN_MAX_TENSORS];
    arrangement order;
    for (int i = 0; i < count; i++)
        shapes[i] = cn_shape_of(in[i]);
    if (call->return_attention_scores && a->flash_attention)
        return cn_fail(CN_ARGUMENT, "%s: flash_attention gives no scores", layer->name);
    if (!check_inputs(a, shapes, count) || !arrange(a, shapes->rank, &order) ||
        !join_masks(a, &order, call, &shapes[QUERY_INPUT], &shapes[VALUE_INPUT], &mask))
        return false;
    cn_tensor *x[PROJECTIONS] = {NULL};
    for (int i = 0; i < OUTPUT; i++)
        if (a->projection[i].kernel)
            x[i] = flatten(&order, project(a, i, in[from[i]], 1));
    bool keeps = call->return_attention_scores || (call->training && a->dropout > 0);
    cn_tensor *y = attend(a, call, x, mask, keeps, &weights);
    if (a->use_gate && y)
        y = cn_mul(y, cn_sigmoid(x[GATE]));
    outputs->count = 1 + call->return_attention_scores;
    outputs->item[0] = project(a, OUTPUT, unflatten(&order, y, &shapes[QUERY_INPUT]), 2);
    outputs->item[1] = keeps ? unflatten_weights(&order, weights, &shapes[QUERY_INPUT], &shapes[VALUE_INPUT]) : NULL;
    cn_set_mask(outputs->item[0], call->mask[QUERY_INPUT]);
    return !cn_failed();
}

#define HEADS_CLASS(class_name, structure, init_function)                                                    \
    .name = (class_name), .size = sizeof(structure), .init = (init_function), .build = heads_build,          \
    .call_many = heads_call, .mask = CN_MASK_MAKES, .takes_attention_mask = true, .takes_causal_mask = true, \
    .takes_scores = true

/* MultiHeadAttention */

typedef struct multi_head_attention {
    attention_heads heads;
    cn_multi_head_attention_args args;
} multi_head_attention;

#define COPY(kind, type, name) a->name = args->name;

static bool multi_head_init(cn_layer *layer)
{
    attention_heads *a = (attention_heads *)layer;
    const cn_multi_head_attention_args *args = &((multi_head_attention *)layer)->args;
    COMMON_ARGUMENTS(COPY)
    a->heads = a->groups = args->num_heads;
    a->size = args->key_dim;
    a->width = args->value_dim == CN_NONE ? args->key_dim : args->value_dim;
    a->output_shape = args->output_shape;
    a->axes = args->attention_axes;
    return positive(layer, "num_heads", a->heads) && positive(layer, "key_dim", a->size) &&
           positive(layer, "value_dim", a->width) && check_arguments(a);
}

#define MULTI_HEAD_FIELD(kind, type, name) CN_ARGUMENT_FIELD(multi_head_attention, kind, name),

static const cn_layer_class multi_head_attention_class = {
    HEADS_CLASS("MultiHeadAttention", multi_head_attention, multi_head_init), .min_rank = 3,
    .values = &(const multi_head_attention){.args = {CN_MULTI_HEAD_ATTENTION_DEFAULTS}},
    .fields = {COMMON_ARGUMENTS(MULTI_HEAD_FIELD) CN_ARGUMENT_FIELD(multi_head_attention, INT, num_heads),
               CN_ARGUMENT_FIELD(multi_head_attention, INT, key_dim),
               CN_ARGUMENT_FIELD(multi_head_attention, OPTIONAL, value_dim),
               CN_ARGUMENT_FIELD(multi_head_attention, INTS, output_shape),
               CN_ARGUMENT_FIELD(multi_head_attention, INTS, attention_axes)}};

cn_layer *cn_multi_head_attention_with(cn_multi_head_attention_args args)
{
    return cn_layer_like(&multi_head_attention_class,
                         &(multi_head_attention){.heads = {.base = CN_BASE_OF(args)}, .args = args});
}

cn_multi_head_attention_args cn_multi_head_attention_defaults(void)
{
    return (cn_multi_head_attention_args){CN_MULTI_HEAD_ATTENTION_DEFAULTS};
}

/* GroupQueryAttention */

typedef struct group_query_attention {
    attention_heads heads;
    cn_group_query_attention_args args;
} group_query_attention;

static bool group_query_init(cn_layer *layer)
{
    attention_heads *a = (attention_heads *)layer;
    const cn_group_query_attention_args *args = &((group_query_attention *)layer)->args;
    COMMON_ARGUMENTS(COPY)
    a->heads = args->num_query_heads;
    a->groups = args->num_key_value_heads;
    a->size = a->width = args->head_dim;
    if (!positive(layer, "head_dim", a->size) || !positive(layer, "num_query_heads", a->heads) ||
        !positive(layer, "num_key_value_heads", a->groups))
        return false;
    if (a->heads % a->groups != 0)
        return cn_fail(CN_ARGUMENT, "%s: num_query_heads, %lld, is not a multiple of num_key_value_heads, %lld",
                       layer->name, (long long)a->heads, (long long)a->groups);
    return check_arguments(a);
}

#define GROUP_QUERY_FIELD(kind, type, name) CN_ARGUMENT_FIELD(group_query_attention, kind, name),
/* Configs have the name of Keras' class, which is not the one that it is known by. */
static const cn_layer_class group_query_attention_class = {
    HEADS_CLASS("GroupedQueryAttention", group_query_attention, group_query_init), .alias = "GroupQueryAttention",
    .rank = 3, .values = &(const group_query_attention){.args = {CN_GROUP_QUERY_ATTENTION_DEFAULTS}},
    .fields = {COMMON_ARGUMENTS(GROUP_QUERY_FIELD) CN_ARGUMENT_FIELD(group_query_attention, INT, head_dim),
               CN_ARGUMENT_FIELD(group_query_attention, INT, num_query_heads),
               CN_ARGUMENT_FIELD(group_query_attention, INT, num_key_value_heads)}};

cn_layer *cn_group_query_attention_with(cn_group_query_attention_args args)
{
    return cn_layer_like(&group_query_attention_class,
                         &(group_query_attention){.heads = {.base = CN_BASE_OF(args)}, .args = args});
}

cn_group_query_attention_args cn_group_query_attention_defaults(void)
{
    return (cn_group_query_attention_args){CN_GROUP_QUERY_ATTENTION_DEFAULTS};
}

const cn_layer_class *const cn_multi_head_attention_classes[] = {&multi_head_attention_class,
                                                                 &group_query_attention_class, NULL};
