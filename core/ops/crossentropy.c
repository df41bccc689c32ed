#include "core/ops/crossentropy.h"
#include "core/kernels/elementwise.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/reduction.h"
#include "core/ops/rows.h"
#include "core/ops/shaping.h"
#include "core/ops/softmax.h"

/* The losses have the logits z, p = softmax(z) and the target as inputs, and give the gradient to z alone; the gradient
 * of that gradient goes to p, and by way of it to z. */

static cn_shape without_last(const cn_shape *shape)
{
    cn_shape rows = *shape;
    rows.rank -= rows.rank > 0;
    return rows;
}

static bool loss_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *z = entry->input[0], *p = entry->input[1], *t = entry->input[2];
    const cn_shape rows = without_last(&z->shape);
    if (z->shape.rank < 1 || !cn_shape_equal(z->shape, p->shape) ||
        !cn_shape_equal(t->shape, t->dtype == CN_I32 ? rows : z->shape))
        return cn_entry_fail(entry, CN_SHAPES, "logits, probabilities and target do not fit");
    if (z->dtype == CN_I32 || z->dtype != p->dtype || (t->dtype != CN_I32 && t->dtype != z->dtype))
        return cn_entry_fail(entry, CN_TYPE, "logits, probabilities and target are of different types");
    *output = (cn_type){z->dtype, rows};
    return true;
}

static bool grad_infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, entry->input[0]->shape};
    return true;
}

#define PREPARE(name, layout)                                                                                   \
    static bool name##_prepare(const cn_entry *entry, cn_preparation *preparation)                              \
    {                                                                                                           \
        const cn_shape *shape = &entry->input[0]->shape;                                                        \
        return cn_prepare_rows(entry, preparation, CN_ROW_##name, shape, shape->rank - 1, shape->rank, layout); \
    }
PREPARE(crossentropy, "nmmm")
PREPARE(crossentropy_grad, "mmmn")
PREPARE(sparse_crossentropy, "nmml")
PREPARE(sparse_crossentropy_grad, "mmln")

static cn_tensor *sum_last(cn_tensor *x, bool keepdims)
{
    return cn_sum(x, .axis = -1, .keepdims = keepdims);
}

/* (p sum t - t) dy */
static bool crossentropy_grad_vjp(const cn_entry *e, cn_tensor *const *dg, cn_tensor **dx)
{
    cn_tensor *p = e->input[0], *t = e->input[1], *dy = cn_expand_dims(e->input[2], -1), *u = dg[0];
    cn_tensor *total = sum_last(t, true);
    if (e->needed[0])
        dx[0] = cn_mul(u, cn_mul(total, dy));
    if (e->needed[1])
        dx[1] = cn_mul(dy, cn_sub(sum_last(cn_mul(u, p), true), u));
    if (e->needed[2])
        dx[2] = sum_last(cn_mul(u, cn_sub(cn_mul(p, total), t)), false);
    return !cn_failed();
}

static const cn_operation crossentropy_grad = {.name = "softmax_crossentropy_grad",
                                               .infer = grad_infer,
                                               .prepare = crossentropy_grad_prepare,
                                               .vjp = crossentropy_grad_vjp};

static bool crossentropy_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *inputs[] = {e->input[1], e->input[2], dy[0]};
    if (e->needed[0])
        dx[0] = cn_record(&crossentropy_grad, NULL, inputs, 3);
    if (e->needed[2])
        dx[2] = cn_negative(cn_mul(cn_log_softmax(e->input[0]), cn_expand_dims(dy[0], -1)));
    return !cn_failed();
}

static const cn_operation crossentropy = {
    .name = "softmax_crossentropy_of", .infer = loss_infer, .prepare = crossentropy_prepare, .vjp = crossentropy_vjp};

static const cn_operation sparse_grad;

/* (p - 1 at the label) dy */
static bool sparse_grad_vjp(const cn_entry *e, cn_tensor *const *dg, cn_tensor **dx)
{
    cn_tensor *dy = e->input[2];
    if (e->needed[0])
        dx[0] = cn_mul(dg[0], cn_expand_dims(dy, -1));
    if (e->needed[2]) {
        cn_tensor *inputs[] = {e->input[0], e->input[1], cn_ones_like(dy)};
        dx[2] = sum_last(cn_mul(dg[0], cn_record(&sparse_grad, NULL, inputs, 3)), false);
    }
    return !cn_failed();
}

static const cn_operation sparse_grad = {.name = "sparse_softmax_crossentropy_grad",
                                         .flags = CN_CHECKS,
                                         .infer = grad_infer,
                                         .prepare = sparse_crossentropy_grad_prepare,
                                         .vjp = sparse_grad_vjp};

static bool sparse_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *inputs[] = {e->input[1], e->input[2], dy[0]};
    if (e->needed[0])
        dx[0] = cn_record(&sparse_grad, NULL, inputs, 3);
    return !cn_failed();
}

static const cn_operation sparse = {.name = "sparse_softmax_crossentropy_of",
                                    .flags = CN_CHECKS,
                                    .infer = loss_infer,
                                    .prepare = sparse_crossentropy_prepare,
                                    .vjp = sparse_vjp};

/* Inputs: logits, target and, if they have been computed, probabilities. */
static bool loss_expand(const cn_entry *e, const cn_operation *operation, cn_tensor *target, cn_tensor **y)
{
    cn_tensor *z = e->input[0];
    cn_tensor *inputs[] = {z, e->input_count > 2 ? e->input[2] : cn_softmax(z), target};
    *y = inputs[1] ? cn_record(operation, NULL, inputs, 3) : NULL;
    return *y != NULL;
}

static bool crossentropy_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    cn_tensor *t = e->input[1]->dtype == CN_I32 ? cn_cast(e->input[1], e->input[0]->dtype) : e->input[1];
    return t && loss_expand(e, &crossentropy, t, y);
}

static bool sparse_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    if (e->input[1]->dtype != CN_I32)
        return cn_entry_fail(e, CN_TYPE, "labels are int32, not %s", cn_dtype_name(e->input[1]->dtype));
    return loss_expand(e, &sparse, e->input[1], y);
}

static const cn_operation softmax_crossentropy = {.name = "softmax_crossentropy", .expand = crossentropy_expand};
static const cn_operation sparse_softmax_crossentropy = {.name = "sparse_softmax_crossentropy",
                                                         .expand = sparse_expand};

cn_tensor *cn_softmax_crossentropy(cn_tensor *logits, cn_tensor *probabilities, cn_tensor *target)
{
    return cn_record(&softmax_crossentropy, NULL, (cn_tensor *[]){logits, target, probabilities},
                     probabilities ? 3 : 2);
}

cn_tensor *cn_sparse_softmax_crossentropy(cn_tensor *logits, cn_tensor *probabilities, cn_tensor *labels)
{
    return cn_record(&sparse_softmax_crossentropy, NULL, (cn_tensor *[]){logits, labels, probabilities},
                     probabilities ? 3 : 2);
}

/* target softplus(-z) + (1 - target) softplus(z): terms that are never negative, so that nothing cancels, and smooth.
 */
static bool sigmoid_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    cn_tensor *z = e->input[0];
    if (!cn_shape_equal(z->shape, e->input[1]->shape))
        return cn_entry_fail(e, CN_SHAPES, "logits and target do not fit");
    cn_tensor *t = e->input[1]->dtype == CN_I32 ? cn_cast(e->input[1], z->dtype) : e->input[1];
    cn_tensor *if_true = cn_mul(t, cn_softplus(cn_negative(z)));
    cn_tensor *if_false = cn_mul(cn_sub(cn_ones_like(t), t), cn_softplus(z));
    *y = cn_add(if_true, if_false);
    return *y != NULL;
}

static const cn_operation sigmoid_crossentropy = {.name = "sigmoid_crossentropy", .expand = sigmoid_expand};

cn_tensor *cn_sigmoid_crossentropy(cn_tensor *logits, cn_tensor *target)
{
    return cn_record(&sigmoid_crossentropy, NULL, (cn_tensor *[]){logits, target}, 2);
}

cn_tensor *cn_sigmoid_logits(cn_tensor *p)
{
    return p && p->entry && p->entry->operation->loop == CN_LOOP_sigmoid ? p->entry->input[0] : NULL;
}

extern const cn_operation *const cn_crossentropy_operations[];
const cn_operation *const cn_crossentropy_operations[] = {&crossentropy,
                                                          &crossentropy_grad,
                                                          &sparse,
                                                          &sparse_grad,
                                                          &softmax_crossentropy,
                                                          &sparse_softmax_crossentropy,
                                                          &sigmoid_crossentropy,
                                                          NULL};
