#include "layers/conv_lstm.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/convolution.h"
#include "core/ops/random.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/cell.h"
#include "layers/classes.h"
#include "layers/sequence.h"
#include "layers/spatial.h"
#include "layers/window.h"
#include <string.h>

enum { GATES = 4, STATES = 2, BATCH_AND_TIME = 2 };

typedef struct conv_lstm {
    cn_layer base;
    cn_conv_lstm_args args;
    cn_tensor *kernel, *recurrent, *bias;
    cn_kept_states kept;
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
        if (l->bias && args->unit_forget_bias && !cn_open_forget_gate(l->bias))
            return false;
    }
    return !cn_failed();
}

static cn_tensor *dropout_mask(const conv_lstm *l, const cn_tensor *x, cn_shape shape, double rate)
{
    return cn_dropout_mask(cn_tape_of(x), shape, rate, .seed = l->args.seed, .dtype = cn_dtype_of(x));
}

/* What the inputs add to the gates: one convolution for the samples of all time steps. */
static cn_tensor *convolve_inputs(const conv_lstm *l, cn_tensor *x, bool training)
{
    const cn_conv_lstm_args *args = &l->args;
    cn_shape shape = cn_shape_of(x), images = {.rank = shape.rank - 1, .dim = {shape.dim[0] * shape.dim[1]}};
    if (training && args->dropout > 0) {
        cn_shape one_step = shape;
        one_step.dim[1] = 1;
        x = cn_mul(x, dropout_mask(l, x, one_step, args->dropout));
    }
    memcpy(images.dim + 1, shape.dim + 2, (size_t)(shape.rank - 2) * sizeof *shape.dim);
    cn_conv_args conv = {.x = cn_reshape(x, images), .kernel = l->kernel, .padding = args->padding};
    memcpy(conv.strides, args->strides, sizeof conv.strides);
    memcpy(conv.dilation_rate, args->dilation_rate, sizeof conv.dilation_rate);
    cn_tensor *z = cn_conv_with(conv);
    z = l->bias ? cn_add(z, l->bias) : z;
    if (!z)
        return NULL;
    memcpy(shape.dim + 2, z->shape.dim + 1, (size_t)(shape.rank - 2) * sizeof *shape.dim);
    return cn_reshape(z, shape);
}

static bool step(const cn_sequence *s, cn_tensor *z, cn_tensors *states, cn_tensor **output)
{
    const conv_lstm *l = (const conv_lstm *)s->layer;
    const cn_conv_lstm_args *args = &l->args;
    cn_tensor *h = states->item[0];
    if (s->training && args->recurrent_dropout > 0)
        h = cn_mul(h, dropout_mask(l, h, cn_shape_of(h), args->recurrent_dropout));
    z = cn_add(z, cn_conv(h, l->recurrent, .padding = CN_SAME));
    bool done = cn_lstm_update(args->activation, args->recurrent_activation, z, states->item);
    *output = states->item[0];
    return done;
}

/* The shape of a state of one sample, with the channels last. */
static cn_shape state_shape(const cn_layer *layer, const cn_shape *in)
{
    const cn_conv_lstm_args *args = &((const conv_lstm *)layer)->args;
    const cn_window w = CN_WINDOW_OF(args, BATCH_AND_TIME);
    int first = args->data_format == CN_CHANNELS_FIRST ? 3 : 2, space = cn_window_space(layer, &w);
    cn_shape shape = {.rank = space + 1};
    for (int d = 0; d < space; d++)
        shape.dim[d] = cn_window_count(&w, d, in->dim[first + d]);
    shape.dim[space] = args->filters;
    return shape;
}

/* Channels from the axis where the layer's tensors have them to the last one, where everything here has them; and back.
 */
static cn_tensor *channels_last(const conv_lstm *l, cn_tensor *x, int axis)
{
    return l->args.data_format == CN_CHANNELS_FIRST && x ? cn_moveaxis(x, axis, -1) : x;
}

static cn_tensor *as_given(const conv_lstm *l, cn_tensor *x, int axis)
{
    return l->args.data_format == CN_CHANNELS_FIRST && x ? cn_moveaxis(x, -1, axis) : x;
}

static bool conv_lstm_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    conv_lstm *l = (conv_lstm *)layer;
    const cn_conv_lstm_args *args = &l->args;
    const cn_window w = CN_WINDOW_OF(args, BATCH_AND_TIME);
    cn_layer_call inner = *call;
    cn_sequence s;
    if (!cn_check_window_input(layer, &w, call->inputs.item[0]))
        return false;
    cn_shape state = state_shape(layer, &call->inputs.item[0]->shape);
    inner.inputs.item[0] = channels_last(l, call->inputs.item[0], 2);
    for (int i = 0; i < call->states.count; i++)
        inner.states.item[i] = channels_last(l, call->states.item[i], 1);
    if (cn_failed() ||
        !cn_sequence_begin(&s, layer, &inner, (cn_sequence_options)CN_SEQUENCE_OPTIONS(args, false),
                           (const cn_shape[STATES]){state, state}, STATES, &l->kept) ||
        !cn_sequence_run(&s, convolve_inputs(l, s.x, s.training), step) || !cn_sequence_end(&s, outputs))
        return false;
    for (int i = 0; i < outputs->count; i++)
        outputs->item[i] = as_given(l, outputs->item[i], i == 0 && args->return_sequences ? 2 : 1);
    if (args->return_sequences)
        cn_set_mask(outputs->item[0], s.mask);
    return !cn_failed();
}

/* With every axis open, the outputs of the sizes that are probed would be too large. */
static bool conv_lstm_output_shape(cn_layer *layer, const cn_shape *in, int count, cn_shape *out, int *out_count)
{
    const cn_conv_lstm_args *args = &((conv_lstm *)layer)->args;
    cn_shape one = state_shape(layer, in);
    const int first = args->data_format == CN_CHANNELS_FIRST;
    cn_shape state = {.rank = one.rank + 1, .dim = {in->dim[0]}};
    (void)count;
    memcpy(state.dim + 1 + first, one.dim, (size_t)(one.rank - first) * sizeof *one.dim);
    if (first)
        state.dim[1] = args->filters;
    out[0] = out[1] = out[2] = state;
    if (args->return_sequences) {
        out[0].rank++;
        out[0].dim[1] = in->dim[1];
        memcpy(out[0].dim + 2, state.dim + 1, (size_t)(state.rank - 1) * sizeof *state.dim);
    }
    *out_count = args->return_state ? 1 + STATES : 1;
    return true;
}

static cn_tensor *conv_lstm_kept_state(cn_layer *layer, int index)
{
    return cn_kept_state(&((conv_lstm *)layer)->kept, index);
}

static void conv_lstm_free(cn_layer *layer)
{
    cn_kept_free(&((conv_lstm *)layer)->kept);
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
        .kept_state = conv_lstm_kept_state,                                                                     \
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
