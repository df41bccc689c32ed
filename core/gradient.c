/* Reverse-mode differentiation: walking the tape backwards records more operations on it. */
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include <string.h>

/* Marks what depends on the tensors asked about; only these entries are walked, so dead gradients are never recorded.
 */
static void mark(cn_tensor *tensor, uint64_t pass)
{
    if (tensor->pass != pass) {
        tensor->pass = pass;
        tensor->marked = false;
        tensor->adjoint = NULL;
    }
}

static bool is_marked(const cn_tensor *tensor, uint64_t pass)
{
    return tensor->pass == pass && tensor->marked;
}

static void mark_dependants(cn_tape *tape, uint64_t pass, int from, int to)
{
    for (int i = from; i <= to; i++) {
        cn_entry *entry = tape->entry[i];
        bool depends = false;
        for (int j = 0; j < entry->input_count && !(entry->operation->flags & CN_LEAF); j++)
            depends = depends || is_marked(entry->input[j], pass);
        for (int j = 0; j < entry->output_count && depends; j++) {
            mark(entry->output[j], pass);
            entry->output[j]->marked = entry->output[j]->dtype != CN_I32;
        }
    }
}

static bool add_adjoint(cn_tensor *tensor, cn_tensor *gradient, uint64_t pass)
{
    mark(tensor, pass);
    tensor->adjoint = tensor->adjoint ? cn_add(tensor->adjoint, gradient) : gradient;
    return tensor->adjoint != NULL;
}

static bool differentiate(cn_entry *entry, uint64_t pass)
{
    enum { FEW = 16 };
    cn_tensor *few_dy[FEW], *few_dx[FEW], **dy = few_dy, **dx = few_dx;
    bool few_needed[FEW], *needed = few_needed, done = false, wanted = false;
    int inputs = entry->input_count, outputs = entry->output_count;
    if (inputs > FEW || outputs > FEW) {
        dy = cn_allocate((size_t)outputs, sizeof *dy);
        dx = cn_allocate((size_t)inputs, sizeof *dx);
        needed = cn_allocate((size_t)inputs, sizeof *needed);
        if (!dy || !dx || !needed)
            goto out;
    }
    bool reached = false, leaf = entry->operation->flags & CN_LEAF;
    for (int i = 0; i < outputs; i++) {
        dy[i] = entry->output[i]->pass == pass ? entry->output[i]->adjoint : NULL;
        reached = reached || dy[i];
    }
    for (int i = 0; i < inputs; i++) {
        dx[i] = NULL;
        needed[i] = !leaf && is_marked(entry->input[i], pass);
        wanted = wanted || needed[i];
    }
    done = true;
    if (!reached || !wanted)
        goto out;
    if (!entry->operation->vjp) {
        done = cn_fail(CN_GRADIENT,
                       "%s: has no gradient; a fused operation has one on a tape made with .second_order = true",
                       entry->operation->name);
        goto out;
    }
    entry->needed = needed;
    done = entry->operation->vjp(entry, dy, dx) && !cn_failed();
    entry->needed = NULL;
    for (int i = 0; i < inputs && done; i++) {
        if (!needed[i] || !dx[i])
            continue;
        if (dx[i]->dtype != entry->input[i]->dtype || !cn_shape_equal(dx[i]->shape, entry->input[i]->shape)) {
            char text[CN_SHAPE_TEXT];
            done = cn_entry_fail(entry, CN_SHAPES, "the gradient of input %d is %s of shape %s", i,
                                 cn_dtype_name(dx[i]->dtype), cn_shape_text(dx[i]->shape, text, sizeof text));
            break;
        }
        done = add_adjoint(entry->input[i], dx[i], pass);
    }
out:
    if (dy != few_dy)
        cn_release(dy);
    if (dx != few_dx)
        cn_release(dx);
    if (needed != few_needed)
        cn_release(needed);
    return done;
}

static bool check_gradient_call(cn_tensor *const *outputs, int output_count, cn_tensor *const *targets, int count)
{
    if (cn_failed())
        return false;
    if (output_count < 1)
        return cn_fail(CN_ARGUMENT, "gradient: of nothing");
    for (int i = 0; i < output_count; i++) {
        if (!outputs[i] || !outputs[i]->tape || outputs[i]->tape->kind == CN_SYMBOLIC)
            return cn_fail(CN_TAPE, "gradient: output %d is not on a tape", i);
        if (outputs[i]->tape != outputs[0]->tape)
            return cn_fail(CN_TAPE, "gradient: the outputs are on different tapes");
        if (outputs[i]->dtype == CN_I32)
            return cn_fail(CN_TYPE, "gradient: integers have none");
    }
    for (int i = 0; i < count; i++)
        if (!targets[i] || (targets[i]->tape && targets[i]->tape != outputs[0]->tape))
            return cn_fail(CN_TAPE, "gradient: tensor %d is not on the tape of the loss", i);
    return true;
}

/* The adjoint of a target: of a variable, the sum over all reads. */
static bool collect(cn_tape *tape, cn_tensor *target, uint64_t pass, cn_tensor **gradient)
{
    *gradient = NULL;
    if (target->tape) {
        *gradient = target->pass == pass ? target->adjoint : NULL;
        return true;
    }
    cn_binding *binding = cn_tape_binding(tape, target, false);
    for (int i = 0; binding && i < binding->read_count; i++) {
        cn_tensor *read = binding->reads[i];
        cn_tensor *adjoint = read->pass == pass ? read->adjoint : NULL;
        if (adjoint && !(*gradient = *gradient ? cn_add(*gradient, adjoint) : adjoint))
            return false;
    }
    return true;
}

/* What the walk begins with: a constant for a loss, so that no plan has to compute it. */
static cn_tensor *ones_of(cn_tensor *output)
{
    const double one = 1;
    return output->shape.rank == 0 && output->dtype != CN_I32
               ? cn_constant_as(output->tape, cn_array_with(&one, CN_ARRAY_F64, false, output->shape), output->dtype)
               : cn_ones_like(output);
}

bool cn_vjp(cn_tensor *const *outputs, cn_tensor *const *upstream, int output_count, cn_tensor *const *targets,
            int count, cn_tensor **gradients)
{
    if (count > 0)
        memset(gradients, 0, (size_t)count * sizeof *gradients);
    if (!check_gradient_call(outputs, output_count, targets, count))
        return false;
    cn_tape *tape = outputs[0]->tape;
    uint64_t pass = ++tape->pass;
    int first = tape->count, last = -1;
    for (int i = 0; i < count; i++) {
        cn_binding *binding = targets[i]->tape ? NULL : cn_tape_binding(tape, targets[i], false);
        int reads = targets[i]->tape ? 1 : binding ? binding->read_count : 0;
        for (int j = 0; j < reads; j++) {
            cn_tensor *tensor = binding ? binding->reads[j] : targets[i];
            mark(tensor, pass);
            tensor->marked = true;
            if (tensor->entry->index < first)
                first = tensor->entry->index;
        }
    }
    for (int i = 0; i < output_count; i++)
        if (outputs[i]->entry->index > last)
            last = outputs[i]->entry->index;
    mark_dependants(tape, pass, first, last);
    for (int i = 0; i < output_count; i++) {
        cn_tensor *dy = upstream ? upstream[i] : ones_of(outputs[i]);
        if (dy && !cn_shape_equal(dy->shape, outputs[i]->shape))
            return cn_fail(CN_SHAPES, "gradient: upstream gradient %d has another shape than its output", i);
        if (!dy || !(dy->tape || (dy = cn_read(tape, dy))) || !add_adjoint(outputs[i], dy, pass))
            return cn_failed() ? false : cn_fail(CN_ARGUMENT, "gradient: upstream gradient %d is NULL", i);
    }
    for (int i = last; i >= first; i--)
        if (!differentiate(tape->entry[i], pass))
            return false;
    for (int i = 0; i < count; i++)
        if (!collect(tape, targets[i], pass, &gradients[i]))
            return false;
    return true;
}

bool cn_gradients(cn_tensor *loss, cn_tensor *const *targets, int count, cn_tensor **gradients)
{
    if (!cn_failed() && loss && cn_shape_size(loss->shape) != 1) {
        char text[CN_SHAPE_TEXT];
        return cn_fail(CN_SHAPES, "gradients: the loss has shape %s; it must be one number",
                       cn_shape_text(loss->shape, text, sizeof text));
    }
    if (!cn_vjp(&loss, NULL, 1, targets, count, gradients))
        return false;
    for (int i = 0; i < count; i++) {
        if (gradients[i])
            continue;
        cn_tensor *target = targets[i]->tape ? targets[i] : cn_read(loss->tape, targets[i]);
        if (!target || !(gradients[i] = cn_zeros_like(target)))
            return false;
    }
    return true;
}

cn_tensor *cn_grad(cn_tensor *loss, cn_tensor *target)
{
    cn_tensor *gradient = NULL;
    return cn_gradients(loss, &target, 1, &gradient) ? gradient : NULL;
}
