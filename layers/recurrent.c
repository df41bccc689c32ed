#include "layers/recurrent.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/joining.h"
#include "core/ops/product.h"
#include "core/ops/random.h"
#include "core/ops/recurrent.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include <string.h>

enum { GATES = 4, STATES = 2 };

typedef struct lstm {
    cn_layer base;
    cn_lstm_args args;
    cn_tensor *kernel, *recurrent, *bias;
    cn_tensor *kept[STATES]; /* variables: what a stateful layer ended with */
} lstm;

static bool lstm_init(cn_layer *layer)
{
    const cn_lstm_args *args = &((lstm *)layer)->args;
    if (args->units < 1)
        return cn_fail(CN_ARGUMENT, "%s: units must be positive, not %lld", layer->name, (long long)args->units);
    if (!(args->dropout >= 0 && args->dropout <= 1 && args->recurrent_dropout >= 0 && args->recurrent_dropout <= 1))
        return cn_fail(CN_ARGUMENT, "%s: dropout must be from 0 to 1", layer->name);
    return true;
}

/* The block of f begins with ones (Jozefowicz et al. 2015). */
static bool open_forget_gate(cn_tensor *bias, int64_t units)
{
    double *values = cn_allocate((size_t)(GATES * units), sizeof *values);
    bool done = values && cn_values(bias, cn_array(values, GATES * units));
    for (int64_t i = units; i < 2 * units && done; i++)
        values[i] = 1;
    done = done && cn_variable_set(bias, cn_array(values, GATES * units));
    cn_release(values);
    return done;
}

static bool lstm_build(cn_layer *layer, const cn_shape *in)
{
    lstm *l = (lstm *)layer;
    const cn_lstm_args *args = &l->args;
    int64_t features = in->dim[2], u = args->units;
    char text[CN_SHAPE_TEXT];
    if (features < 0)
        return cn_fail(CN_SHAPES, "%s: the last dimension of its input must be known, got %s", layer->name,
                       cn_shape_text(*in, text, sizeof text));
    l->kernel =
        cn_add_weight(layer, "lstm_cell/kernel", CN_SHAPE(features, GATES * u), .initializer = args->kernel_initializer,
                      .regularizer = args->kernel_regularizer, .constraint = args->kernel_constraint);
    l->recurrent = cn_add_weight(layer, "lstm_cell/recurrent_kernel", CN_SHAPE(u, GATES * u),
                                 .initializer = cn_or_else(args->recurrent_initializer, cn_init_orthogonal()),
                                 .regularizer = args->recurrent_regularizer, .constraint = args->recurrent_constraint);
    if (args->use_bias) {
        l->bias = cn_add_weight(layer, "lstm_cell/bias", CN_SHAPE(GATES * u),
                                .initializer = cn_or_else(args->bias_initializer, cn_init_zeros()),
                                .regularizer = args->bias_regularizer, .constraint = args->bias_constraint);
        if (l->bias && args->unit_forget_bias && !open_forget_gate(l->bias, u))
            return false;
    }
    return !cn_failed();
}

/* One call, as both forms see it. */
typedef struct run {
    lstm *layer;
    cn_tape *tape;
    int64_t batch, time, features;
    cn_tensor *x, *mask;
    cn_tensor *h, *c; /* the states: before the first step, then after the last; NULL: zeros */
    bool training;
} run;

static bool drops_in_recurrence(const run *r)
{
    return r->training && r->layer->args.recurrent_dropout > 0;
}

static bool drops_by_gate(const run *r)
{
    return r->layer->args.implementation == 1 || r->layer->args.recurrent_dropout > 0;
}

static cn_tensor *dropout_mask(const run *r, cn_shape shape, double rate)
{
    return cn_dropout_mask(r->tape, shape, rate, .seed = r->layer->args.seed, .dtype = r->x->dtype);
}

/* x w, or with a dropout mask for each gate each block of w with an x of its own. */
static cn_tensor *project(const run *r, cn_tensor *x, cn_tensor *w, cn_tensor *const *masks, int mask_count)
{
    if (mask_count < GATES)
        return cn_matmul(mask_count ? cn_mul(x, masks[0]) : x, w);
    cn_tensor *block[GATES], *part[GATES];
    if (!w->tape && !(w = cn_read(r->tape, w)))
        return NULL;
    if (!cn_split_many(w, 1, GATES, block))
        return NULL;
    for (int g = 0; g < GATES; g++)
        part[g] = cn_matmul(cn_mul(x, masks[g]), block[g]);
    return cn_failed() ? NULL : cn_concatenate_many(part, GATES, -1);
}

/* What the inputs add to the gates, of all time steps at once. */
static cn_tensor *project_inputs(const run *r)
{
    const cn_lstm_args *args = &r->layer->args;
    cn_tensor *masks[GATES];
    int count = r->training && args->dropout > 0 ? drops_by_gate(r) ? GATES : 1 : 0;
    for (int g = 0; g < count; g++)
        masks[g] = dropout_mask(r, CN_SHAPE(r->batch, 1, r->features), args->dropout);
    cn_tensor *z = project(r, r->x, r->layer->kernel, masks, count);
    return r->layer->bias ? cn_add(z, r->layer->bias) : z;
}

static cn_tensor *zero_state(const run *r)
{
    return cn_zeros(r->tape, CN_SHAPE(r->batch, r->layer->args.units), .dtype = r->x->dtype);
}

/* One step of the unfused form. */
static bool step(run *r, cn_tensor *z, cn_tensor *const *drop, cn_tensor *mask)
{
    const cn_lstm_args *args = &r->layer->args;
    cn_tensor *gate[GATES];
    z = cn_add(z, project(r, r->h, r->layer->recurrent, drop, drops_in_recurrence(r) ? GATES : 0));
    if (!z || !cn_split_many(z, 1, GATES, gate))
        return false;
    cn_tensor *i = cn_activate(args->recurrent_activation, gate[0]),
              *f = cn_activate(args->recurrent_activation, gate[1]);
    cn_tensor *g = cn_activate(args->activation, gate[2]), *o = cn_activate(args->recurrent_activation, gate[3]);
    cn_tensor *c = cn_add(cn_mul(f, r->c), cn_mul(i, g));
    cn_tensor *h = cn_mul(o, cn_activate(args->activation, c));
    r->h = mask ? cn_where(mask, h, r->h) : h;
    r->c = mask ? cn_where(mask, c, r->c) : c;
    return r->h && r->c;
}

/* Step by step; gives the hidden states of all steps in the order in which they are computed. */
static bool run_steps(run *r, cn_tensor *z, cn_tensor **step_z, cn_tensor **step_mask, cn_tensor **sequence)
{
    int time = (int)r->time;
    cn_tensor *drop[GATES] = {0};
    if (!z || !cn_unstack_many(z, 1, time, step_z))
        return false;
    if (r->mask && !cn_unstack_many(cn_expand_dims(r->mask, -1), 1, time, step_mask))
        return false;
    if (!r->h && !(r->h = r->c = zero_state(r)))
        return false;
    for (int g = 0; g < GATES && drops_in_recurrence(r); g++)
        drop[g] = dropout_mask(r, CN_SHAPE(r->batch, r->layer->args.units), r->layer->args.recurrent_dropout);
    bool backwards = r->layer->args.go_backwards;
    for (int i = 0; i < time; i++) {
        int t = backwards ? time - 1 - i : i;
        if (!step(r, step_z[t], drop, r->mask ? step_mask[t] : NULL))
            return false;
        sequence[i] = r->h;
    }
    return true;
}

static bool run_unfused(run *r, cn_tensor *z, cn_tensor **hidden)
{
    cn_tensor **room = cn_allocate((size_t)(3 * r->time), sizeof *room);
    if (!room)
        return false;
    bool done = run_steps(r, z, room, room + r->time, room + 2 * r->time);
    if (done && r->layer->args.return_sequences)
        done = (*hidden = cn_stack_many(room + 2 * r->time, (int)r->time, 1)) != NULL;
    cn_release(room);
    return done;
}

/* Whether the fused operation knows an activation. */
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

static bool run_sequence(run *r, cn_tensor **hidden)
{
    const cn_lstm_args *args = &r->layer->args;
    cn_gate activation, recurrent_activation;
    cn_tensor *z = project_inputs(r), *results[CN_LSTM_RESULTS];
    if (drops_in_recurrence(r) || r->tape->second_order || !is_gate(args->activation, &activation) ||
        !is_gate(args->recurrent_activation, &recurrent_activation))
        return run_unfused(r, z, hidden);
    if (!cn_lstm_sequence((cn_lstm_sequence_args){.z = z,
                                                  .recurrent = r->layer->recurrent,
                                                  .h = r->h,
                                                  .c = r->c,
                                                  .mask = r->mask,
                                                  .activation = activation,
                                                  .recurrent_activation = recurrent_activation,
                                                  .backwards = args->go_backwards},
                          results))
        return false;
    *hidden = results[CN_LSTM_SEQUENCE];
    r->h = results[CN_LSTM_H];
    r->c = results[CN_LSTM_C];
    return true;
}

/* The states that the last call kept, made of zeros at the first. */
static bool recall_states(run *r)
{
    lstm *l = r->layer;
    cn_shape shape = CN_SHAPE(r->batch, l->args.units);
    if (r->tape->kind == CN_SHAPES_ONLY)
        return true;
    for (int i = 0; i < STATES && !l->kept[i]; i++)
        l->kept[i] = cn_variable_new(shape, .dtype = r->x->dtype, .name = l->base.name);
    if (!l->kept[0] || !l->kept[1])
        return false;
    if (l->kept[0]->shape.dim[0] != r->batch)
        return cn_fail(CN_SHAPES, "%s: is stateful for batches of %lld, got one of %lld", l->base.name,
                       (long long)l->kept[0]->shape.dim[0], (long long)r->batch);
    return r->h || ((r->h = cn_read(r->tape, l->kept[0])) && (r->c = cn_read(r->tape, l->kept[1])));
}

static bool keep_states(const run *r)
{
    const lstm *l = r->layer;
    return r->tape->kind == CN_SHAPES_ONLY || (cn_assign(l->kept[0], r->h) && cn_assign(l->kept[1], r->c));
}

/* The outputs where the mask is 0 become 0; without sequences it is the mask of the last step computed. */
static cn_tensor *zero_masked(const run *r, cn_tensor *output)
{
    const cn_lstm_args *args = &r->layer->args;
    cn_tensor *mask = r->mask;
    if (args->return_sequences)
        mask = cn_expand_dims(args->go_backwards ? cn_flip(mask, .axis = 1) : mask, -1);
    else if (args->go_backwards)
        mask = cn_slice(mask, CN_SHAPE(0, 0), CN_SHAPE(-1, 1));
    else
        mask = cn_slice(mask, CN_SHAPE(0, r->time - 1), CN_SHAPE(-1, 1));
    return cn_mul(output, cn_cast(mask, r->x->dtype));
}

static bool lstm_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    lstm *l = (lstm *)layer;
    cn_tensor *x = call->inputs.item[0];
    run r = {.layer = l,
             .tape = call->tape,
             .batch = x->shape.dim[0],
             .time = x->shape.dim[1],
             .features = x->shape.dim[2],
             .x = x,
             .mask = call->mask[0],
             .training = call->training};
    if (call->states.count != 0 && call->states.count != STATES)
        return cn_fail(CN_ARGUMENT, "%s: takes %d initial states or none, got %d", layer->name, STATES,
                       call->states.count);
    if (r.time < 1 || r.time > INT32_MAX)
        return cn_fail(CN_SHAPES, "%s: its input has %lld time steps", layer->name, (long long)r.time);
    if (call->states.count == STATES) {
        r.h = call->states.item[0];
        r.c = call->states.item[1];
    }
    cn_tensor *hidden = NULL;
    if ((l->args.stateful && !recall_states(&r)) || !run_sequence(&r, &hidden) ||
        (l->args.stateful && !keep_states(&r)))
        return false;
    cn_tensor *output = l->args.return_sequences ? hidden : r.h;
    bool zeroed = r.mask && l->args.zero_output_for_mask;
    outputs->item[outputs->count++] = zeroed ? zero_masked(&r, output) : output;
    if (l->args.return_state) {
        outputs->item[outputs->count++] = r.h;
        outputs->item[outputs->count++] = r.c;
    }
    if (l->args.return_sequences)
        cn_set_mask(outputs->item[0], r.mask);
    return !cn_failed();
}

static bool lstm_output_shape(cn_layer *layer, const cn_shape *in, int count, cn_shape *out, int *out_count)
{
    const cn_lstm_args *args = &((lstm *)layer)->args;
    cn_shape state = CN_SHAPE(in->dim[0], args->units);
    (void)count;
    out[0] = args->return_sequences ? CN_SHAPE(in->dim[0], in->dim[1], args->units) : state;
    out[1] = out[2] = state;
    *out_count = args->return_state ? 1 + STATES : 1;
    return true;
}

static void lstm_reset(cn_layer *layer)
{
    lstm *l = (lstm *)layer;
    for (int i = 0; i < STATES; i++) {
        if (l->kept[i]) {
            memset(l->kept[i]->variable->storage, 0,
                   (size_t)cn_shape_size(l->kept[i]->shape) * cn_dtype_size(l->kept[i]->dtype));
            l->kept[i]->variable->version++;
        }
    }
}

static void lstm_free(cn_layer *layer)
{
    lstm *l = (lstm *)layer;
    for (int i = 0; i < STATES; i++)
        cn_variable_free(l->kept[i]);
}

static const cn_layer_class lstm_class = {.name = "LSTM",
                                          .size = sizeof(lstm),
                                          .init = lstm_init,
                                          .build = lstm_build,
                                          .call_many = lstm_call,
                                          .output_shape = lstm_output_shape,
                                          .reset_states = lstm_reset,
                                          .free = lstm_free,
                                          .mask = CN_MASK_MAKES,
                                          .takes_states = true,
                                          .inputs = 1,
                                          .rank = 3,
                                          .fixed_axis = -1,
                                          .values = &(const lstm){.args = {CN_LSTM_DEFAULTS}},
                                          .fields = {CN_ARGUMENT_FIELD(lstm, INT, units),
                                                     CN_ARGUMENT_FIELD(lstm, ACTIVATION, activation),
                                                     CN_ARGUMENT_FIELD(lstm, ACTIVATION, recurrent_activation),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, use_bias),
                                                     CN_ARGUMENT_FIELD(lstm, INITIALIZER, kernel_initializer),
                                                     CN_ARGUMENT_FIELD(lstm, INITIALIZER, recurrent_initializer),
                                                     CN_ARGUMENT_FIELD(lstm, INITIALIZER, bias_initializer),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, unit_forget_bias),
                                                     CN_ARGUMENT_FIELD(lstm, REGULARIZER, kernel_regularizer),
                                                     CN_ARGUMENT_FIELD(lstm, REGULARIZER, recurrent_regularizer),
                                                     CN_ARGUMENT_FIELD(lstm, REGULARIZER, bias_regularizer),
                                                     CN_ARGUMENT_FIELD(lstm, CONSTRAINT, kernel_constraint),
                                                     CN_ARGUMENT_FIELD(lstm, CONSTRAINT, recurrent_constraint),
                                                     CN_ARGUMENT_FIELD(lstm, CONSTRAINT, bias_constraint),
                                                     CN_ARGUMENT_FIELD(lstm, FLOAT, dropout),
                                                     CN_ARGUMENT_FIELD(lstm, FLOAT, recurrent_dropout),
                                                     CN_ARGUMENT_FIELD(lstm, INT, seed),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, return_sequences),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, return_state),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, go_backwards),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, stateful),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, zero_output_for_mask),
                                                     CN_ARGUMENT_FIELD(lstm, INT, implementation),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, unroll),
                                                     CN_ARGUMENT_FIELD(lstm, BOOL, use_cudnn)}};

cn_layer *cn_lstm_with(cn_lstm_args args)
{
    return cn_layer_like(&lstm_class, &(lstm){.base = CN_BASE_OF(args), .args = args});
}

cn_lstm_args cn_lstm_defaults(void)
{
    return (cn_lstm_args){CN_LSTM_DEFAULTS};
}

const cn_layer_class *const cn_recurrent_classes[] = {&lstm_class, NULL};
