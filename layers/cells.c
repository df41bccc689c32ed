#include "layers/cells.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/joining.h"
#include "core/ops/product.h"
#include "core/ops/random.h"
#include "core/ops/shaping.h"
#include "layers/cell.h"
#include "layers/classes.h"
#include <string.h>

enum { MOST_GATES = 4 };

/* A class row, and what the rest of this file knows of the class. */
typedef struct kind {
    cn_layer_class type;
    int gates, states;
    bool (*step)(const cn_cell *cell, cn_tensor *z, double dropout, cn_tensor **states);
} kind;

static const kind *kind_of(const cn_layer *layer)
{
    return (const kind *)(const void *)layer->type;
}

/* Making */

static bool check_rate(const cn_layer *layer, const char *what, double rate)
{
    return (rate >= 0 && rate <= 1) ||
           cn_fail(CN_ARGUMENT, "%s: %s must be from 0 to 1, not %g", layer->name, what, rate);
}

static bool refuse(const cn_layer *layer, bool given, const char *what)
{
    return !given || cn_fail(CN_ARGUMENT, "%s: there is no argument %s", layer->name, what);
}

static bool cell_init(cn_layer *layer)
{
    const cn_cell_args *args = &((cn_cell *)layer)->args;
    int gates = kind_of(layer)->gates;
    if (args->units < 1 || args->units > INT32_MAX)
        return cn_fail(CN_ARGUMENT, "%s: units must be positive, not %lld", layer->name, (long long)args->units);
    return check_rate(layer, "dropout", args->dropout) &&
           check_rate(layer, "recurrent_dropout", args->recurrent_dropout) &&
           refuse(layer, gates == 1 && args->recurrent_activation, "recurrent_activation") &&
           refuse(layer, gates != 4 && args->unit_forget_bias, "unit_forget_bias") &&
           refuse(layer, gates != 3 && args->reset_after, "reset_after");
}

bool cn_open_forget_gate(cn_tensor *bias)
{
    int64_t count = cn_shape_size(cn_shape_of(bias)), units = count / 4;
    double *values = cn_allocate((size_t)count, sizeof *values);
    bool done = values && cn_values(bias, cn_array(values, count));
    for (int64_t i = units; i < 2 * units && done; i++)
        values[i] = 1;
    done = done && cn_variable_set(bias, cn_array(values, count));
    cn_release(values);
    return done;
}

static bool cell_build(cn_layer *layer, const cn_shape *in)
{
    cn_cell *cell = (cn_cell *)layer;
    const cn_cell_args *args = &cell->args;
    int64_t features = in->dim[in->rank - 1], u = args->units, width = kind_of(layer)->gates * u;
    char text[CN_SHAPE_TEXT];
    if (features < 0)
        return cn_fail(CN_SHAPES, "%s: the last dimension of its input must be known, got %s", layer->name,
                       cn_shape_text(*in, text, sizeof text));
    cell->kernel = cn_add_weight(layer, "kernel", CN_SHAPE(features, width), .initializer = args->kernel_initializer,
                                 .regularizer = args->kernel_regularizer, .constraint = args->kernel_constraint);
    cell->recurrent =
        cn_add_weight(layer, "recurrent_kernel", CN_SHAPE(u, width),
                      .initializer = cn_or_else(args->recurrent_initializer, cn_init_orthogonal()),
                      .regularizer = args->recurrent_regularizer, .constraint = args->recurrent_constraint);
    if (args->use_bias) {
        cell->bias = cn_add_weight(layer, "bias", args->reset_after ? CN_SHAPE(2, width) : CN_SHAPE(width),
                                   .initializer = cn_or_else(args->bias_initializer, cn_init_zeros()),
                                   .regularizer = args->bias_regularizer, .constraint = args->bias_constraint);
        if (cell->bias && args->unit_forget_bias && !cn_open_forget_gate(cell->bias))
            return false;
    }
    return !cn_failed();
}

/* Steps */

static cn_tensor *dropout_mask(const cn_cell *cell, cn_tensor *x, double rate)
{
    cn_shape shape = cn_shape_of(x);
    if (shape.rank == 3)
        shape.dim[1] = 1;
    return cn_dropout_mask(cn_tape_of(x), shape, rate, .seed = cell->args.seed, .dtype = cn_dtype_of(x));
}

/* x w; with dropout of x, by one mask or by one for each block of w. */
static cn_tensor *project(const cn_cell *cell, cn_tensor *x, cn_tensor *w, double rate, bool by_block)
{
    int gates = kind_of(&cell->base)->gates;
    cn_tensor *block[MOST_GATES], *part[MOST_GATES];
    if (rate <= 0 || !x)
        return cn_matmul(x, w);
    if (!by_block || gates == 1)
        return cn_matmul(cn_mul(x, dropout_mask(cell, x, rate)), w);
    if (!cn_split_many(cn_read(cn_tape_of(x), w), 1, gates, block))
        return NULL;
    for (int g = 0; g < gates; g++)
        part[g] = cn_matmul(cn_mul(x, dropout_mask(cell, x, rate)), block[g]);
    return cn_failed() ? NULL : cn_concatenate_many(part, gates, -1);
}

static cn_tensor *bias_row(const cn_cell *cell, cn_tape *tape, int row)
{
    cn_tensor *bias = cn_slice(cn_read(tape, cell->bias), CN_SHAPE(row, 0), CN_SHAPE(1, -1));
    return cn_reshape(bias, CN_SHAPE(-1));
}

cn_tensor *cn_cell_state_bias(const cn_cell *cell, cn_tape *tape)
{
    return bias_row(cell, tape, 1);
}

/* Row 0 of a bias with two: what is added to the projected inputs; row 1: to the projected state. */
static cn_tensor *add_bias(const cn_cell *cell, cn_tensor *z, int row)
{
    if (!cell->bias || !z)
        return z;
    if (cn_shape_of(cell->bias).rank == 1)
        return row == 0 ? cn_add(z, cell->bias) : z;
    return cn_add(z, bias_row(cell, cn_tape_of(z), row));
}

cn_tensor *cn_cell_project(const cn_cell *cell, cn_tensor *x, bool training)
{
    const cn_cell_args *args = &cell->args;
    bool by_block = args->implementation == 1 || args->recurrent_dropout > 0;
    return add_bias(cell, project(cell, x, cell->kernel, training ? args->dropout : 0, by_block), 0);
}

static bool simple_rnn_step(const cn_cell *cell, cn_tensor *z, double dropout, cn_tensor **states)
{
    z = cn_add(z, project(cell, states[0], cell->recurrent, dropout, false));
    return (states[0] = cn_activate(cell->args.activation, z)) != NULL;
}

bool cn_lstm_update(cn_activation *activation, cn_activation *recurrent_activation, cn_tensor *z, cn_tensor **states)
{
    cn_activation *a = activation, *r = recurrent_activation;
    cn_tensor *gate[4];
    if (!z || !cn_split_many(z, -1, 4, gate))
        return false;
    cn_tensor *i = cn_activate(r, gate[0]), *f = cn_activate(r, gate[1]);
    cn_tensor *c = cn_add(cn_mul(f, states[1]), cn_mul(i, cn_activate(a, gate[2])));
    states[0] = cn_mul(cn_activate(r, gate[3]), cn_activate(a, c));
    states[1] = c;
    return states[0] && states[1];
}

static bool lstm_step(const cn_cell *cell, cn_tensor *z, double dropout, cn_tensor **states)
{
    z = cn_add(z, project(cell, states[0], cell->recurrent, dropout, true));
    return cn_lstm_update(cell->args.activation, cell->args.recurrent_activation, z, states);
}

/* The projected state, of which the reset gate takes the last block; h itself is multiplied if it comes first. */
static bool gru_step(const cn_cell *cell, cn_tensor *x, double dropout, cn_tensor **states)
{
    cn_activation *a = cell->args.activation, *r = cell->args.recurrent_activation;
    cn_tensor *in[3], *block[3], *inner[3], *h = states[0], *last;
    if (!x || !cn_split_many(x, 1, 3, in))
        return false;
    if (cell->args.reset_after) {
        cn_tensor *all = add_bias(cell, project(cell, h, cell->recurrent, dropout, true), 1);
        if (!all || !cn_split_many(all, 1, 3, inner))
            return false;
    } else {
        if (!cn_split_many(cn_read(cn_tape_of(x), cell->recurrent), 1, 3, block))
            return false;
        for (int g = 0; g < 3; g++)
            inner[g] = dropout > 0 ? cn_mul(h, dropout_mask(cell, h, dropout)) : h;
        inner[0] = cn_matmul(inner[0], block[0]);
        inner[1] = cn_matmul(inner[1], block[1]);
    }
    cn_tensor *z = cn_activate(r, cn_add(in[0], inner[0])), *reset = cn_activate(r, cn_add(in[1], inner[1]));
    last = cn_mul(reset, inner[2]);
    if (!cell->args.reset_after)
        last = cn_matmul(last, block[2]);
    cn_tensor *candidate = cn_activate(a, cn_add(in[2], last));
    if (!z || !candidate)
        return false;
    states[0] = cn_add(cn_mul(z, h), cn_mul(cn_sub(cn_scalar(z, 1), z), candidate));
    return states[0] != NULL;
}

bool cn_cell_step(const cn_cell *cell, cn_tensor *z, bool training, cn_tensor **states)
{
    return z && kind_of(&cell->base)->step(cell, z, training ? cell->args.recurrent_dropout : 0, states);
}

int cn_cell_state_count(const cn_cell *cell)
{
    return kind_of(&cell->base)->states;
}

static bool cell_states(cn_layer *layer, cn_shape *states, int *count)
{
    *count = kind_of(layer)->states;
    for (int i = 0; i < *count; i++)
        states[i] = CN_SHAPE(((cn_cell *)layer)->args.units);
    return true;
}

static bool cell_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const cn_cell *cell = (cn_cell *)layer;
    int count = kind_of(layer)->states;
    cn_tensor *states[2];
    memcpy(states, call->states.item, sizeof states);
    if (!cn_cell_step(cell, cn_cell_project(cell, call->inputs.item[0], call->training), call->training, states))
        return false;
    outputs->item[outputs->count++] = states[0];
    for (int i = 0; i < count; i++)
        outputs->item[outputs->count++] = states[i];
    return true;
}

/* Classes */

#define FIELD(type, name) CN_ARGUMENT_FIELD(cn_cell, type, name),
#define CELL(cell, class_name, gate_count, state_count, step_function, defaults, fields_of)          \
    static const kind cell##_kind = {.type = {.name = class_name,                                    \
                                              .size = sizeof(cn_cell),                               \
                                              .init = cell_init,                                     \
                                              .build = cell_build,                                   \
                                              .call_many = cell_call,                                \
                                              .states = cell_states,                                 \
                                              .inputs = 1,                                           \
                                              .rank = 2,                                             \
                                              .fixed_axis = -1,                                      \
                                              .values = &(const cn_cell){.args = {defaults}},        \
                                              .fields = {fields_of(FIELD)}},                         \
                                     .gates = gate_count,                                            \
                                     .states = state_count,                                          \
                                     .step = step_function};                                         \
    cn_layer *cn_##cell##_with(cn_cell_args args)                                                    \
    {                                                                                                \
        return cn_layer_like(&cell##_kind.type, &(cn_cell){.base = CN_BASE_OF(args), .args = args}); \
    }                                                                                                \
    cn_cell_args cn_##cell##_defaults(void)                                                          \
    {                                                                                                \
        return (cn_cell_args){defaults};                                                             \
    }
CELL(simple_rnn_cell, "SimpleRNNCell", 1, 1, simple_rnn_step, CN_SIMPLE_RNN_CELL_DEFAULTS, CN_CELL_FIELDS_)
CELL(lstm_cell, "LSTMCell", 4, 2, lstm_step, CN_LSTM_CELL_DEFAULTS, CN_LSTM_FIELDS_)
CELL(gru_cell, "GRUCell", 3, 1, gru_step, CN_GRU_CELL_DEFAULTS, CN_GRU_FIELDS_)

cn_cell *cn_cell_new(cn_cell_kind which, cn_cell_args args)
{
    static const struct {
        const kind *kind;
        const char *name;
    } parts[] = {[CN_SIMPLE_RNN] = {&simple_rnn_cell_kind, "simple_rnn_cell"},
                 [CN_LSTM] = {&lstm_cell_kind, "lstm_cell"},
                 [CN_GRU] = {&gru_cell_kind, "gru_cell"}};
    args.name = parts[which].name;
    return (cn_cell *)cn_layer_like(&parts[which].kind->type, &(cn_cell){.base = CN_BASE_OF(args), .args = args});
}

/* StackedRNNCells */

typedef struct stacked_rnn_cells {
    cn_layer base;
    cn_stacked_rnn_cells_args args;
} stacked_rnn_cells;

static bool stacked_states(cn_layer *layer, cn_shape *states, int *count)
{
    *count = 0;
    for (int i = 0; i < layer->sublayer_count; i++) {
        cn_shape own[CN_MAX_TENSORS];
        int own_count = 0;
        cn_layer *cell = layer->sublayer[i];
        if (!cell->type->states(cell, own, &own_count))
            return false;
        if (*count + own_count >= CN_MAX_TENSORS)
            return cn_fail(CN_ARGUMENT, "%s: its cells have more than %d states", layer->name, CN_MAX_TENSORS - 1);
        memcpy(states + *count, own, (size_t)own_count * sizeof *own);
        *count += own_count;
    }
    return true;
}

static bool stacked_init(cn_layer *layer)
{
    cn_shape states[CN_MAX_TENSORS];
    int count;
    if (layer->sublayer_count == 0)
        return cn_fail(CN_ARGUMENT, "%s: needs cells", layer->name);
    for (int i = 0; i < layer->sublayer_count; i++)
        if (!layer->sublayer[i]->type->states)
            return cn_fail(CN_ARGUMENT, "%s: %s is not a recurrent cell", layer->name, layer->sublayer[i]->name);
    return stacked_states(layer, states, &count);
}

/* Each cell is built for the output of the one before, which recording it shows. */
static bool build_cells(cn_layer *layer, cn_tensor *x)
{
    for (int i = 0; x && i < layer->sublayer_count; i++) {
        cn_shape shape = cn_shape_of(x);
        shape.dim[0] = -1;
        layer->sublayer[i]->dtype = layer->dtype;
        x = cn_build(layer->sublayer[i], shape)
                ? cn_call_layer_many(layer->sublayer[i], (cn_call_args){.inputs = {x}}).item[0]
                : NULL;
    }
    return x && !cn_failed();
}

static bool stacked_build(cn_layer *layer, const cn_shape *in)
{
    cn_shape shape = *in;
    shape.dim[0] = 1;
    cn_tape *tape = cn_shapes_tape(false);
    bool done = tape && build_cells(layer, cn_feed_with(tape, (cn_feed_args){shape, layer->dtype}));
    cn_tape_free(tape);
    return done;
}

static bool stacked_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    cn_tensor *x = call->inputs.item[0];
    int used = 0;
    outputs->count = 1;
    for (int i = 0; i < layer->sublayer_count; i++) {
        cn_shape shapes[CN_MAX_TENSORS];
        int count = 0;
        cn_layer *cell = layer->sublayer[i];
        cn_call_args args = {.inputs = {x}, .training = call->training ? CN_TRAINING : CN_INFERENCE};
        if (!cell->type->states(cell, shapes, &count))
            return false;
        memcpy(args.states, call->states.item + used, (size_t)count * sizeof *args.states);
        cn_tensors made = cn_call_layer_many(cell, args);
        if (made.count != 1 + count)
            return cn_fail(CN_ARGUMENT, "%s: gave %d tensors, not its output and %d states", cell->name, made.count,
                           count);
        memcpy(outputs->item + 1 + used, made.item + 1, (size_t)count * sizeof *made.item);
        used += count;
        x = made.item[0];
    }
    outputs->item[0] = x;
    outputs->count += used;
    return true;
}

static const cn_layer_class stacked_class = {.name = "StackedRNNCells",
                                             .size = sizeof(stacked_rnn_cells),
                                             .init = stacked_init,
                                             .build = stacked_build,
                                             .call_many = stacked_call,
                                             .states = stacked_states,
                                             .inputs = 1,
                                             .min_rank = 2,
                                             .base = "stacked_rnn_cells",
                                             .fields = {CN_ARGUMENT_FIELD(stacked_rnn_cells, LAYERS, cells)}};

cn_layer *cn_stacked_rnn_cells_with(cn_stacked_rnn_cells_args args)
{
    return cn_layer_like(&stacked_class, &(stacked_rnn_cells){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_cell_classes[] = {&simple_rnn_cell_kind.type, &lstm_cell_kind.type, &gru_cell_kind.type,
                                                 &stacked_class, NULL};
