#include "layers/sequence.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/joining.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/graph.h"
#include <string.h>

/* The states before */

static bool check_state(const cn_sequence *s, int index, const cn_tensor *state)
{
    return cn_check_state(s->layer, s->x, index, state, s->state[index]);
}

/* All or none. */
static bool make_kept(const cn_sequence *s)
{
    cn_kept_states made = {.count = 0};
    while (made.count < s->state_count) {
        cn_tensor *variable = cn_variable_new(s->state[made.count], .dtype = cn_dtype_of(s->x), .name = s->layer->name);
        if (!variable) {
            cn_kept_free(&made);
            return false;
        }
        made.variable[made.count++] = variable;
    }
    *s->kept = made;
    return true;
}

static bool recall(cn_sequence *s)
{
    if (s->kept->count == 0 && !make_kept(s))
        return false;
    for (int i = 0; i < s->state_count; i++) {
        cn_shape kept = cn_shape_of(s->kept->variable[i]);
        char is[CN_SHAPE_TEXT], now[CN_SHAPE_TEXT];
        if (kept.dim[0] != s->batch)
            return cn_fail(CN_SHAPES, "%s: is stateful for batches of %lld, got one of %lld", s->layer->name,
                           (long long)kept.dim[0], (long long)s->batch);
        if (!cn_shape_equal(kept, s->state[i]))
            return cn_fail(CN_SHAPES, "%s: is stateful with states of shape %s, now they would be %s", s->layer->name,
                           cn_shape_text(kept, is, sizeof is), cn_shape_text(s->state[i], now, sizeof now));
    }
    for (int i = 0; i < s->state_count && s->states.count < s->state_count; i++)
        if (!(s->states.item[s->states.count++] = cn_read(s->tape, s->kept->variable[i])))
            return false;
    return true;
}

bool cn_sequence_begin(cn_sequence *s, cn_layer *layer, const cn_layer_call *call, cn_sequence_options options,
                       const cn_shape *state, int state_count, cn_kept_states *kept)
{
    cn_shape shape = cn_shape_of(call->inputs.item[0]), of_mask = cn_shape_of(call->mask[0]);
    char text[CN_SHAPE_TEXT];
    *s = (cn_sequence){.layer = layer,
                       .options = options,
                       .tape = call->tape,
                       .x = call->inputs.item[0],
                       .mask = call->mask[0],
                       .training = call->training,
                       .batch = shape.dim[0],
                       .time = shape.dim[1],
                       .states = call->states,
                       .state_count = state_count,
                       .kept = kept};
    if (call->states.count != 0 && call->states.count != state_count)
        return cn_fail(CN_ARGUMENT, "%s: takes %d initial state%s or none, got %d", layer->name, state_count,
                       state_count == 1 ? "" : "s", call->states.count);
    if (s->time < 1 || s->time > INT32_MAX)
        return cn_fail(CN_SHAPES, "%s: its input has %lld time steps", layer->name, (long long)s->time);
    if (s->mask && (of_mask.rank != 2 || of_mask.dim[0] != s->batch || of_mask.dim[1] != s->time))
        return cn_fail(CN_SHAPES, "%s: its mask is of shape (%lld, %lld), not %s", layer->name, (long long)s->batch,
                       (long long)s->time, cn_shape_text(of_mask, text, sizeof text));
    for (int i = 0; i < state_count; i++) {
        s->state[i] = (cn_shape){.rank = state[i].rank + 1, .dim = {s->batch}};
        memcpy(s->state[i].dim + 1, state[i].dim, (size_t)state[i].rank * sizeof *state[i].dim);
    }
    for (int i = 0; i < call->states.count; i++)
        if (!check_state(s, i, call->states.item[i]))
            return false;
    return !options.stateful || s->tape->kind == CN_SHAPES_ONLY || recall(s);
}

/* Time steps */

/* A mask (batch, 1) as something that broadcasts with x. */
static cn_tensor *mask_beside(cn_tensor *mask, const cn_tensor *x)
{
    cn_shape shape = cn_shape_of(x);
    for (int d = 1; d < shape.rank; d++)
        shape.dim[d] = 1;
    return shape.rank == 2 || !mask ? mask : cn_reshape(mask, shape);
}

static bool check_step(const cn_sequence *s, const cn_tensors *states)
{
    for (int i = 0; i < s->state_count; i++)
        if (!states->item[i] || !check_state(s, i, states->item[i]))
            return false;
    return !cn_failed();
}

/* What a masked step puts out before any other: the first state, if it is of the output's kind. */
static cn_tensor *first_output(const cn_sequence *s, const cn_tensor *output)
{
    cn_shape shape = cn_shape_of(output);
    bool alike = s->state_count > 0 && cn_shape_equal(s->state[0], shape);
    return alike ? s->states.item[0] : cn_zeros(s->tape, shape, .dtype = cn_dtype_of(output));
}

static bool run_step(cn_sequence *s, cn_sequence_step *step, cn_tensor *x, cn_tensor *mask)
{
    cn_tensors states = s->states;
    cn_tensor *output = NULL;
    if (!step(s, x, &states, &output) || !output || !check_step(s, &states))
        return false;
    for (int i = 0; mask && i < s->state_count; i++)
        states.item[i] = cn_where(mask_beside(mask, states.item[i]), states.item[i], s->states.item[i]);
    if (mask) {
        cn_tensor *before = s->output ? s->output : first_output(s, output);
        output = cn_where(mask_beside(mask, output), output, before);
    }
    s->states = states;
    s->output = output;
    return !cn_failed();
}

static bool run_steps(cn_sequence *s, cn_sequence_step *step, cn_tensor **x, cn_tensor **mask, cn_tensor **outputs)
{
    /* Random numbers go by the number of the draw: counted anew in each step they are the same in all. */
    int draws = s->tape->random_calls;
    for (int64_t i = 0; i < s->time; i++) {
        int64_t t = s->options.go_backwards ? s->time - 1 - i : i;
        s->tape->random_calls = draws;
        if (!run_step(s, step, x[t], s->mask ? mask[t] : NULL))
            return false;
        outputs[i] = s->output;
        /* Where only shapes are wanted, one step has them all. */
        if (s->tape->kind == CN_SHAPES_ONLY)
            break;
    }
    return true;
}

static cn_tensor *stack_outputs(const cn_sequence *s, cn_tensor **outputs)
{
    if (s->tape->kind != CN_SHAPES_ONLY)
        return cn_stack_many(outputs, (int)s->time, 1);
    cn_tensor *first = cn_expand_dims(outputs[0], 1);
    cn_shape shape = cn_shape_of(first);
    shape.dim[1] = s->time;
    return cn_broadcast_to(first, shape);
}

bool cn_sequence_run(cn_sequence *s, cn_tensor *inputs, cn_sequence_step *step)
{
    for (int i = 0; i < s->state_count && s->states.count < s->state_count; i++)
        if (!(s->states.item[s->states.count++] = cn_zeros(s->tape, s->state[i], .dtype = cn_dtype_of(s->x))))
            return false;
    size_t time = (size_t)s->time;
    cn_tensor **room = inputs ? cn_allocate(time, 3 * sizeof *room) : NULL;
    bool done = room && cn_unstack_many(inputs, 1, (int)s->time, room) &&
                (!s->mask || cn_unstack_many(cn_expand_dims(s->mask, -1), 1, (int)s->time, room + time)) &&
                run_steps(s, step, room, room + time, room + 2 * time);
    if (done && s->options.return_sequences)
        done = (s->outputs = stack_outputs(s, room + 2 * time)) != NULL;
    cn_release(room);
    return done;
}

/* What comes out */

/* Zeros where the mask is 0; without sequences it is the mask of the last step computed. */
static cn_tensor *zero_masked(const cn_sequence *s, cn_tensor *output)
{
    bool backwards = s->options.go_backwards;
    cn_tensor *mask = s->mask;
    if (!s->options.return_sequences)
        mask = cn_slice(mask, CN_SHAPE(0, backwards ? 0 : s->time - 1), CN_SHAPE(-1, 1));
    else if (backwards)
        mask = cn_flip(mask, .axis = 1);
    cn_shape shape = cn_shape_of(output);
    for (int d = s->options.return_sequences ? 2 : 1; d < shape.rank; d++)
        shape.dim[d] = 1;
    return cn_mul(output, cn_cast(cn_reshape(mask, shape), cn_dtype_of(output)));
}

bool cn_sequence_end(cn_sequence *s, cn_tensors *outputs)
{
    const cn_sequence_options *options = &s->options;
    cn_tensor *output = options->return_sequences ? s->outputs : s->output;
    if (s->mask && options->zero_output_for_mask)
        output = zero_masked(s, output);
    outputs->item[outputs->count++] = output;
    for (int i = 0; i < s->state_count && options->return_state; i++)
        outputs->item[outputs->count++] = s->states.item[i];
    if (options->return_sequences)
        cn_set_mask(output, s->mask);
    for (int i = 0; i < s->state_count && options->stateful && s->tape->kind != CN_SHAPES_ONLY; i++)
        cn_assign(s->kept->variable[i], s->states.item[i]);
    return !cn_failed();
}

cn_tensor *cn_kept_state(const cn_kept_states *kept, int index)
{
    return index < kept->count ? kept->variable[index] : NULL;
}

void cn_kept_free(cn_kept_states *kept)
{
    for (int i = 0; i < kept->count; i++)
        cn_variable_free(kept->variable[i]);
    kept->count = 0;
}
