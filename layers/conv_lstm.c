#include "layers/conv_lstm.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/convolution.h"
#include "core/ops/creation.h"
#include "core/ops/joining.h"
#include "core/ops/random.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/spatial.h"
#include "layers/window.h"
#include <string.h>

enum { GATES = 4, STATES = 2, BATCH_AND_TIME = 2 };

typedef struct conv_lstm {
    cn_layer base;
    cn_conv_lstm_args args;
    cn_tensor *kernel, *recurrent, *bias;
    cn_tensor *kept[STATES]; /* variables: what a stateful layer ended with */
} conv_lstm;

static bool conv_lstm_init(cn_layer *layer)
{
    const cn_conv_lstm_args *args = &((conv_lstm *)layer)->args;
    const cn_window w = CN_WINDOW_OF(args, BATCH_AND_TIME);
    if (!cn_check_positive(layer, "filters", args->filters) || !cn_check_window(layer, &w))
        return false;
    if (args->padding == CN_CAUSAL)
        return cn_fail(CN_ARGUMENT, "%s: padding must be valid or same", layer->name);
    if (!(args->dropout >= 0 && args->dropout <= 1 && args->recurrent_dropout >= 0 && args->recurrent_dropout <= 1))
        return cn_fail(CN_ARGUMENT, "%s: dropout must be from 0 to 1", layer->name);
    return true;
}

/* The block of f begins with ones (Jozefowicz et al. 2015). */
static bool open_forget_gate(cn_tensor *bias, int64_t filters)
{
    double *values = cn_allocate((size_t)(GATES * filters), sizeof *values);
    bool done = values && cn_values(bias, cn_array(values, GATES * filters));
    for (int64_t i = filters; i < 2 * filters && done; i++)
        values[i] = 1;
    done = done && cn_variable_set(bias, cn_array(values, GATES * filters));
    cn_release(values);
    return done;
}

static bool conv_lstm_build(cn_layer *layer, const cn_shape *in)
{
    conv_lstm *l = (conv_lstm *)layer;
    const cn_conv_lstm_args *args = &l->args;
    const cn_window w = CN_WINDOW_OF(args, BATCH_AND_TIME);
    int64_t channels = cn_window_channels(layer, &w, in), f = args->filters;
    if (channels == 0)
        return false;
    l->kernel = cn_add_weight(layer, "kernel", cn_window_kernel(layer, &w, channels, GATES * f),
                              .initializer = args->kernel_initializer, .regularizer = args->kernel_regularizer,
                              .constraint = args->kernel_constraint);
    l->recurrent = cn_add_weight(layer, "recurrent_kernel", cn_window_kernel(layer, &w, f, GATES * f),
                                 .initializer = cn_or_else(args->recurrent_initializer, cn_init_orthogonal()),
                                 .regularizer = args->recurrent_regularizer, .constraint = args->recurrent_constraint);
    if (args->use_bias) {
        l->bias = cn_add_weight(layer, "bias", CN_SHAPE(GATES * f),
                                .initializer = cn_or_else(args->bias_initializer, cn_init_zeros()),
                                .regularizer = args->bias_regularizer, .constraint = args->bias_constraint);
        if (l->bias && args->unit_forget_bias && !open_forget_gate(l->bias, f))
            return false;
    }
    return !cn_failed();
}

/* One call. Everything in it has its channels last. */
typedef struct run {
    conv_lstm *layer;
    cn_tape *tape;
    int64_t batch, time;
    cn_tensor *x, *mask;
    cn_tensor *h, *c; /* the states: before the first step, then after the last; NULL: zeros */
    bool training;
} run;

static cn_tensor *dropout_mask(const run *r, cn_shape shape, double rate)
{
    return cn_dropout_mask(r->tape, shape, rate, .seed = r->layer->args.seed, .dtype = r->x->dtype);
}

/* What the inputs add to the gates: one convolution for the samples of all time steps. */
static cn_tensor *convolve_inputs(const run *r)
{
    const cn_conv_lstm_args *args = &r->layer->args;
    cn_tensor *x = r->x;
    cn_shape shape = x->shape, images = {.rank = shape.rank - 1, .dim = {r->batch * r->time}};
    if (r->training && args->dropout > 0) {
        cn_shape one_step = shape;
        one_step.dim[1] = 1;
        x = cn_mul(x, dropout_mask(r, one_step, args->dropout));
    }
    memcpy(images.dim + 1, shape.dim + 2, (size_t)(shape.rank - 2) * sizeof *shape.dim);
    cn_conv_args conv = {.x = cn_reshape(x, images), .kernel = r->layer->kernel, .padding = args->padding};
    memcpy(conv.strides, args->strides, sizeof conv.strides);
    memcpy(conv.dilation_rate, args->dilation_rate, sizeof conv.dilation_rate);
    cn_tensor *z = cn_conv_with(conv);
    z = r->layer->bias ? cn_add(z, r->layer->bias) : z;
    if (!z)
        return NULL;
    memcpy(shape.dim + 2, z->shape.dim + 1, (size_t)(shape.rank - 2) * sizeof *shape.dim);
    return cn_reshape(z, shape);
}

static bool step(run *r, cn_tensor *z, cn_tensor *drop, cn_tensor *mask)
{
    const cn_conv_lstm_args *args = &r->layer->args;
    cn_tensor *gate[GATES], *h = drop ? cn_mul(r->h, drop) : r->h;
    z = cn_add(z, cn_conv(h, r->layer->recurrent, .padding = CN_SAME));
    if (!z || !cn_split_many(z, -1, GATES, gate))
        return false;
    cn_tensor *i = cn_activate(args->recurrent_activation, gate[0]),
              *f = cn_activate(args->recurrent_activation, gate[1]);
    cn_tensor *g = cn_activate(args->activation, gate[2]), *o = cn_activate(args->recurrent_activation, gate[3]);
    cn_tensor *c = cn_add(cn_mul(f, r->c), cn_mul(i, g));
    h = cn_mul(o, cn_activate(args->activation, c));
    r->h = mask ? cn_where(mask, h, r->h) : h;
    r->c = mask ? cn_where(mask, c, r->c) : c;
    return r->h && r->c;
}

/* Step by step; gives the hidden states of all steps in the order in which they are computed. */
static bool run_steps(run *r, cn_tensor **step_z, cn_tensor **step_mask, cn_tensor **sequence)
{
    const cn_conv_lstm_args *args = &r->layer->args;
    int time = (int)r->time;
    cn_tensor *z = convolve_inputs(r), *drop = NULL;
    if (!z || !cn_unstack_many(z, 1, time, step_z))
        return false;
    cn_shape state = step_z[0]->shape;
    state.dim[state.rank - 1] = args->filters;
    if (r->mask) {
        cn_shape along = {.rank = state.rank + 1, .dim = {r->batch, r->time, 1, 1, 1, 1}};
        if (!cn_unstack_many(cn_reshape(r->mask, along), 1, time, step_mask))
            return false;
    }
    if (!r->h && !(r->h = r->c = cn_zeros(r->tape, state, .dtype = r->x->dtype)))
        return false;
    if (r->training && args->recurrent_dropout > 0)
        drop = dropout_mask(r, state, args->recurrent_dropout);
    for (int i = 0; i < time; i++) {
        int t = args->go_backwards ? time - 1 - i : i;
        if (!step(r, step_z[t], drop, r->mask ? step_mask[t] : NULL))
            return false;
        sequence[i] = r->h;
    }
    return true;
}

/* The states that the last call kept, made of zeros at the first. */
static bool recall_states(run *r, cn_shape shape)
{
    conv_lstm *l = r->layer;
    if (r->tape->kind == CN_SHAPES_ONLY)
        return true;
    for (int i = 0; i < STATES && !l->kept[i]; i++)
        l->kept[i] = cn_variable_new(shape, .dtype = r->x->dtype, .name = l->base.name);
    if (!l->kept[0] || !l->kept[1])
        return false;
    char kept[CN_SHAPE_TEXT], given[CN_SHAPE_TEXT];
    if (!cn_shape_equal(l->kept[0]->shape, shape))
        return cn_fail(CN_SHAPES, "%s: is stateful with states %s, now they would be %s", l->base.name,
                       cn_shape_text(l->kept[0]->shape, kept, sizeof kept), cn_shape_text(shape, given, sizeof given));
    return r->h || ((r->h = cn_read(r->tape, l->kept[0])) && (r->c = cn_read(r->tape, l->kept[1])));
}

static bool keep_states(const run *r)
{
    const conv_lstm *l = r->layer;
    return r->tape->kind == CN_SHAPES_ONLY || (cn_assign(l->kept[0], r->h) && cn_assign(l->kept[1], r->c));
}

/* The shape of a state for an input, with the channels last. */
static cn_shape state_shape(const cn_layer *layer, const cn_shape *in)
{
    const cn_conv_lstm_args *args = &((const conv_lstm *)layer)->args;
    const cn_window w = CN_WINDOW_OF(args, BATCH_AND_TIME);
    int first = args->data_format == CN_CHANNELS_FIRST ? 3 : 2, space = cn_window_space(layer, &w);
    cn_shape shape = {.rank = space + 2, .dim = {in->dim[0]}};
    for (int d = 0; d < space; d++)
        shape.dim[1 + d] = cn_window_count(&w, d, in->dim[first + d]);
    shape.dim[space + 1] = args->filters;
    return shape;
}

/* Channels from the axis where the layer's tensors have them to the last one, and back. */
static cn_tensor *channels_last(const run *r, cn_tensor *x, int axis)
{
    return r->layer->args.data_format == CN_CHANNELS_FIRST && x ? cn_moveaxis(x, axis, -1) : x;
}

static cn_tensor *as_given(const run *r, cn_tensor *x, int axis)
{
    return r->layer->args.data_format == CN_CHANNELS_FIRST && x ? cn_moveaxis(x, -1, axis) : x;
}

static bool run_sequence(run *r, cn_tensor **sequence)
{
    cn_tensor **room = cn_allocate((size_t)(3 * r->time), sizeof *room);
    if (!room)
        return false;
    bool done = run_steps(r, room, room + r->time, room + 2 * r->time);
    if (done && r->layer->args.return_sequences)
        done = (*sequence = cn_stack_many(room + 2 * r->time, (int)r->time, 1)) != NULL;
    cn_release(room);
    return done;
}

static bool conv_lstm_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    conv_lstm *l = (conv_lstm *)layer;
    cn_tensor *x = call->inputs.item[0], *sequence = NULL;
    const cn_window w = CN_WINDOW_OF(&l->args, BATCH_AND_TIME);
    run r = {.layer = l,
             .tape = call->tape,
             .batch = x->shape.dim[0],
             .time = x->shape.dim[1],
             .mask = call->mask[0],
             .training = call->training};
    if (!cn_check_window_input(layer, &w, x))
        return false;
    if (call->states.count != 0 && call->states.count != STATES)
        return cn_fail(CN_ARGUMENT, "%s: takes %d initial states or none, got %d", layer->name, STATES,
                       call->states.count);
    if (r.time < 1 || r.time > INT32_MAX)
        return cn_fail(CN_SHAPES, "%s: its input has %lld time steps", layer->name, (long long)r.time);
    cn_shape state = state_shape(layer, &x->shape);
    r.x = channels_last(&r, x, 2);
    if (call->states.count == STATES) {
        r.h = channels_last(&r, call->states.item[0], 1);
        r.c = channels_last(&r, call->states.item[1], 1);
        char text[CN_SHAPE_TEXT];
        if (r.h && r.c && !(cn_shape_equal(r.h->shape, state) && cn_shape_equal(r.c->shape, state)))
            return cn_fail(CN_SHAPES, "%s: its initial states must be %s, channels last", layer->name,
                           cn_shape_text(state, text, sizeof text));
    }
    if (!r.x || (l->args.stateful && !recall_states(&r, state)) || !run_sequence(&r, &sequence) ||
        (l->args.stateful && !keep_states(&r)))
        return false;
    outputs->item[outputs->count++] = sequence ? as_given(&r, sequence, 2) : as_given(&r, r.h, 1);
    if (l->args.return_state) {
        outputs->item[outputs->count++] = as_given(&r, r.h, 1);
        outputs->item[outputs->count++] = as_given(&r, r.c, 1);
    }
    if (sequence)
        cn_set_mask(outputs->item[0], r.mask);
    return !cn_failed();
}

static bool conv_lstm_output_shape(cn_layer *layer, const cn_shape *in, int count, cn_shape *out, int *out_count)
{
    const cn_conv_lstm_args *args = &((conv_lstm *)layer)->args;
    cn_shape state = state_shape(layer, in);
    (void)count;
    if (args->data_format == CN_CHANNELS_FIRST) {
        memmove(state.dim + 2, state.dim + 1, (size_t)(state.rank - 2) * sizeof *state.dim);
        state.dim[1] = args->filters;
    }
    out[0] = out[1] = out[2] = state;
    if (args->return_sequences) {
        out[0].rank++;
        out[0].dim[1] = in->dim[1];
        memcpy(out[0].dim + 2, state.dim + 1, (size_t)(state.rank - 1) * sizeof *state.dim);
    }
    *out_count = args->return_state ? 1 + STATES : 1;
    return true;
}

static void conv_lstm_reset(cn_layer *layer)
{
    conv_lstm *l = (conv_lstm *)layer;
    for (int i = 0; i < STATES; i++) {
        if (l->kept[i]) {
            memset(l->kept[i]->variable->storage, 0,
                   (size_t)cn_shape_size(l->kept[i]->shape) * cn_dtype_size(l->kept[i]->dtype));
            l->kept[i]->variable->version++;
        }
    }
}

static void conv_lstm_free(cn_layer *layer)
{
    conv_lstm *l = (conv_lstm *)layer;
    for (int i = 0; i < STATES; i++)
        cn_variable_free(l->kept[i]);
}

static const char *const paddings[] = {"valid", "same", NULL};

#define FIELD(type, name) CN_ARGUMENT_FIELD(conv_lstm, type, name)
#define SPATIAL(space, class_name)                                                                              \
    static const cn_layer_class conv_lstm##space##d_class = {                                                   \
        .name = class_name,                                                                                     \
        .size = sizeof(conv_lstm),                                                                              \
        .init = conv_lstm_init,                                                                                 \
        .build = conv_lstm_build,                                                                               \
        .call_many = conv_lstm_call,                                                                            \
        .output_shape = conv_lstm_output_shape,                                                                 \
        .reset_states = conv_lstm_reset,                                                                        \
        .free = conv_lstm_free,                                                                                 \
        .mask = CN_MASK_MAKES,                                                                                  \
        .takes_states = true,                                                                                   \
        .inputs = 1,                                                                                            \
        .rank = (space) + 3,                                                                                    \
        .values = &(const conv_lstm){.args = {CN_CONV_LSTM_DEFAULTS}},                                          \
        .fields = {FIELD(INT, filters),                                                                         \
                   FIELD(SIZES, kernel_size),                                                                   \
                   FIELD(SIZES, strides),                                                                       \
                   CN_ARGUMENT_CHOICE(conv_lstm, padding, paddings),                                            \
                   CN_ARGUMENT_CHOICE(conv_lstm, data_format, cn_data_formats),                                 \
                   FIELD(SIZES, dilation_rate),                                                                 \
                   FIELD(ACTIVATION, activation),                                                               \
                   FIELD(ACTIVATION, recurrent_activation),                                                     \
                   FIELD(BOOL, use_bias),                                                                       \
                   FIELD(INITIALIZER, kernel_initializer),                                                      \
                   FIELD(INITIALIZER, recurrent_initializer),                                                   \
                   FIELD(INITIALIZER, bias_initializer),                                                        \
                   FIELD(BOOL, unit_forget_bias),                                                               \
                   FIELD(REGULARIZER, kernel_regularizer),                                                      \
                   FIELD(REGULARIZER, recurrent_regularizer),                                                   \
                   FIELD(REGULARIZER, bias_regularizer),                                                        \
                   FIELD(CONSTRAINT, kernel_constraint),                                                        \
                   FIELD(CONSTRAINT, recurrent_constraint),                                                     \
                   FIELD(CONSTRAINT, bias_constraint),                                                          \
                   FIELD(FLOAT, dropout),                                                                       \
                   FIELD(FLOAT, recurrent_dropout),                                                             \
                   FIELD(INT, seed),                                                                            \
                   FIELD(BOOL, return_sequences),                                                               \
                   FIELD(BOOL, return_state),                                                                   \
                   FIELD(BOOL, go_backwards),                                                                   \
                   FIELD(BOOL, stateful)}};                                                                     \
    cn_layer *cn_conv_lstm##space##d_with(cn_conv_lstm_args args)                                               \
    {                                                                                                           \
        return cn_layer_like(&conv_lstm##space##d_class, &(conv_lstm){.base = CN_BASE_OF(args), .args = args}); \
    }
SPATIAL(1, "ConvLSTM1D")
SPATIAL(2, "ConvLSTM2D")
SPATIAL(3, "ConvLSTM3D")

cn_conv_lstm_args cn_conv_lstm_defaults(void)
{
    return (cn_conv_lstm_args){CN_CONV_LSTM_DEFAULTS};
}

const cn_layer_class *const cn_conv_lstm_classes[] = {&conv_lstm1d_class, &conv_lstm2d_class, &conv_lstm3d_class, NULL};
