#include "layers/recurrent.h"
#include "core/engine.h"
#include "core/ops/recurrent.h"
#include "layers/cell.h"
#include "layers/classes.h"
#include "layers/sequence.h"
#include <string.h>

#define SEQUENCE_FIELDS(X)    \
    X(BOOL, return_sequences) \
    X(BOOL, return_state)     \
    X(BOOL, go_backwards)     \
    X(BOOL, stateful)         \
    X(BOOL, unroll)           \
    X(BOOL, zero_output_for_mask)

/* SimpleRNN, LSTM and GRU */

typedef struct recurrent {
    cn_layer base;
    cn_recurrent_args args;
    cn_cell *cell;
    cn_kept_states kept;
} recurrent;

/* A class row, and what the rest knows of the class. */
typedef struct kind {
    cn_layer_class type;
    cn_cell_kind cell;
    cn_recurrence fused;
} kind;

static const kind *kind_of(const cn_layer *layer)
{
    return (const kind *)(const void *)layer->type;
}

static bool recurrent_init(cn_layer *layer)
{
    recurrent *l = (recurrent *)layer;
    const cn_recurrent_args *args = &l->args;
#define TAKE_OVER(type, name) .name = args->name,
    cn_cell_args cell = {CN_GATED_FIELDS_(TAKE_OVER).unit_forget_bias = args->unit_forget_bias,
                         .reset_after = args->reset_after};
#undef TAKE_OVER
    return (l->cell = cn_cell_new(kind_of(layer)->cell, cell)) && cn_add_sublayer(layer, &l->cell->base);
}

static bool recurrent_build(cn_layer *layer, const cn_shape *in)
{
    cn_layer *cell = &((recurrent *)layer)->cell->base;
    cell->dtype = layer->dtype;
    return cn_build(cell, CN_SHAPE(in->dim[0], in->dim[2]));
}

static bool step_cell(const cn_sequence *s, cn_tensor *z, cn_tensors *states, cn_tensor **output)
{
    const recurrent *l = (const recurrent *)s->layer;
    bool done = cn_cell_step(l->cell, z, s->training, states->item);
    *output = states->item[0];
    return done;
}

/* Whether the fused operations know an activation. */
static bool is_gate(cn_activation *activation, cn_gate *gate)
{
    static cn_activation *const known[] = {[CN_GATE_LINEAR] = cn_linear,
                                           [CN_GATE_TANH] = cn_tanh,
                                           [CN_GATE_SIGMOID] = cn_sigmoid,
                                           [CN_GATE_RELU] = cn_relu,
                                           [CN_GATE_HARD_SIGMOID] = cn_hard_sigmoid};
    *gate = CN_GATE_LINEAR;
    for (int i = 0; activation && i < (int)(sizeof known / sizeof *known); i++) {
        *gate = (cn_gate)i;
        if (known[i] == activation)
            return true;
    }
    return !activation;
}

/* Runs the whole sequence as one operation, if there is one for it; else leaves `fused` false. */
static bool fuse(cn_sequence *s, const cn_cell *cell, cn_tensor *z, bool *fused)
{
    const cn_cell_args *cell_args = &cell->args;
    cn_recurrent_sequence_args args = {.kind = kind_of(s->layer)->fused,
                                       .z = z,
                                       .recurrent = cell->recurrent,
                                       .h = s->states.count ? s->states.item[0] : NULL,
                                       .c = s->states.count > 1 ? s->states.item[1] : NULL,
                                       .mask = s->mask,
                                       .backwards = s->options.go_backwards};
    cn_recurrent_results results;
    *fused = !s->tape->second_order && !(s->training && cell_args->recurrent_dropout > 0) &&
             is_gate(cell_args->activation, &args.activation) &&
             is_gate(cell_args->recurrent_activation, &args.recurrent_activation);
    if (!*fused)
        return true;
    if (args.kind == CN_GRU_SEQUENCE && !cell_args->reset_after)
        args.kind = CN_GRU_BEFORE_SEQUENCE;
    if (args.kind == CN_GRU_SEQUENCE && cell->bias && !(args.bias = cn_cell_state_bias(cell, s->tape)))
        return false;
    if (!cn_recurrent_sequence(args, &results))
        return false;
    s->outputs = results.sequence;
    s->states = (cn_tensors){.item = {results.h, results.c}, .count = s->state_count};
    s->output = results.h;
    return true;
}

static bool recurrent_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    recurrent *l = (recurrent *)layer;
    const cn_shape units = CN_SHAPE(l->args.units), state[2] = {units, units};
    cn_sequence s;
    if (!cn_sequence_begin(&s, layer, call,
                           (cn_sequence_options)CN_SEQUENCE_OPTIONS(&l->args, l->args.zero_output_for_mask), state,
                           cn_cell_state_count(l->cell), &l->kept))
        return false;
    cn_tensor *z = cn_cell_project(l->cell, s.x, s.training);
    bool fused;
    return z && fuse(&s, l->cell, z, &fused) && (fused || cn_sequence_run(&s, z, step_cell)) &&
           cn_sequence_end(&s, outputs);
}

static cn_tensor *recurrent_kept_state(cn_layer *layer, int index)
{
    return cn_kept_state(&((recurrent *)layer)->kept, index);
}

static void recurrent_free(cn_layer *layer)
{
    cn_kept_free(&((recurrent *)layer)->kept);
}

#define FIELD(type, name) CN_ARGUMENT_FIELD(recurrent, type, name),
#define RECURRENT(layer, class_name, which, fusion, defaults, fields_of)                                             \
    static const kind layer##_kind = {                                                                               \
        .type = {.name = class_name,                                                                                 \
                 .size = sizeof(recurrent),                                                                          \
                 .init = recurrent_init,                                                                             \
                 .build = recurrent_build,                                                                           \
                 .call_many = recurrent_call,                                                                        \
                 .kept_state = recurrent_kept_state,                                                                 \
                 .free = recurrent_free,                                                                             \
                 .mask = CN_MASK_MAKES,                                                                              \
                 .takes_states = true,                                                                               \
                 .fixed_axis = -1,                                                                                   \
                 .inputs = 1,                                                                                        \
                 .rank = 3,                                                                                          \
                 .values = &(const recurrent){.args = {defaults}},                                                   \
                 .fields = {fields_of(FIELD) SEQUENCE_FIELDS(FIELD) CN_ARGUMENT_FIELD(recurrent, BOOL, use_cudnn)}}, \
        .cell = which,                                                                                               \
        .fused = fusion};                                                                                            \
    cn_layer *cn_##layer##_with(cn_recurrent_args args)                                                              \
    {                                                                                                                \
        return cn_layer_like(&layer##_kind.type, &(recurrent){.base = CN_BASE_OF(args), .args = args});              \
    }                                                                                                                \
    cn_recurrent_args cn_##layer##_defaults(void)                                                                    \
    {                                                                                                                \
        return (cn_recurrent_args){defaults};                                                                        \
    }
RECURRENT(simple_rnn, "SimpleRNN", CN_SIMPLE_RNN, CN_SIMPLE_RNN_SEQUENCE, CN_SIMPLE_RNN_CELL_DEFAULTS, CN_CELL_FIELDS_)
RECURRENT(lstm, "LSTM", CN_LSTM, CN_LSTM_SEQUENCE, CN_LSTM_CELL_DEFAULTS, CN_LSTM_FIELDS_)
RECURRENT(gru, "GRU", CN_GRU, CN_GRU_SEQUENCE, CN_GRU_CELL_DEFAULTS, CN_GRU_FIELDS_)
#undef FIELD

/* RNN */

typedef struct rnn {
    cn_layer base;
    cn_rnn_args args;
    cn_kept_states kept;
} rnn;

static bool rnn_init(cn_layer *layer)
{
    const cn_layer *cell = ((rnn *)layer)->args.cell;
    if (!cell)
        return cn_fail(CN_ARGUMENT, "%s: needs a cell", layer->name);
    return cell->type->states || cn_fail(CN_ARGUMENT, "%s: %s is not a recurrent cell", layer->name, cell->name);
}

static cn_shape without_time(cn_shape shape)
{
    for (int d = 2; d < shape.rank; d++)
        shape.dim[d - 1] = shape.dim[d];
    shape.rank--;
    return shape;
}

static bool rnn_build(cn_layer *layer, const cn_shape *in)
{
    return cn_build(((rnn *)layer)->args.cell, without_time(*in));
}

static bool rnn_step(const cn_sequence *s, cn_tensor *x, cn_tensors *states, cn_tensor **output)
{
    cn_layer *cell = ((const rnn *)s->layer)->args.cell;
    cn_call_args args = {.inputs = {x}, .training = CN_INHERIT};
    memcpy(args.states, states->item, (size_t)states->count * sizeof *args.states);
    cn_tensors made = cn_call_layer_many(cell, args);
    if (made.count != 1 + s->state_count)
        return cn_fail(CN_ARGUMENT, "%s: gave %d tensors, not its output and %d states", cell->name, made.count,
                       s->state_count);
    *output = made.item[0];
    memcpy(states->item, made.item + 1, (size_t)s->state_count * sizeof *made.item);
    return true;
}

static bool rnn_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    rnn *l = (rnn *)layer;
    cn_shape state[CN_MAX_TENSORS];
    cn_sequence s;
    int count = 0;
    return l->args.cell->type->states(l->args.cell, state, &count) &&
           cn_sequence_begin(&s, layer, call,
                             (cn_sequence_options)CN_SEQUENCE_OPTIONS(&l->args, l->args.zero_output_for_mask), state,
                             count, &l->kept) &&
           cn_sequence_run(&s, s.x, rnn_step) && cn_sequence_end(&s, outputs);
}

static cn_tensor *rnn_kept_state(cn_layer *layer, int index)
{
    return cn_kept_state(&((rnn *)layer)->kept, index);
}

static void rnn_free(cn_layer *layer)
{
    cn_kept_free(&((rnn *)layer)->kept);
}

#define FIELD(type, name) CN_ARGUMENT_FIELD(rnn, type, name),
static const cn_layer_class rnn_class = {.name = "RNN",
                                         .size = sizeof(rnn),
                                         .init = rnn_init,
                                         .build = rnn_build,
                                         .call_many = rnn_call,
                                         .kept_state = rnn_kept_state,
                                         .free = rnn_free,
                                         .mask = CN_MASK_MAKES,
                                         .takes_states = true,
                                         .inputs = 1,
                                         .min_rank = 3,
                                         .fields = {FIELD(LAYER, cell) SEQUENCE_FIELDS(FIELD)}};
#undef FIELD

cn_layer *cn_rnn_with(cn_rnn_args args)
{
    return cn_layer_like(&rnn_class, &(rnn){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_recurrent_classes[] = {&simple_rnn_kind.type, &lstm_kind.type, &gru_kind.type,
                                                      &rnn_class, NULL};
