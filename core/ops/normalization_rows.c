/* Normalization of rows: layer, group and RMS normalization. */
#include "core/kernels/kernels.h"
#include "core/ops/axis.h"
#include "core/ops/normalization_fused.h"
#include "core/pieces.h"
#include <string.h>

/* Inputs: x, then gamma and beta if they are there. Outputs: y, rstd and, if centred, the mean. The gradient has the
 * inputs x, rstd, mean, gamma, dy and the outputs dx, dgamma, dbeta, each of them if it is there. */
typedef struct rows_attributes {
    double epsilon;
    int begin;
    bool centred, has_gamma, has_beta;
    bool wants_gamma, wants_beta; /* of the gradient */
} rows_attributes;

/* Pieces of a size, but no more than so many: each adds up gradients of gamma and beta of its own. */
enum { PIECE = 1 << 14, MOST_PIECES = 64 };

typedef struct rows_plan {
    rows_attributes attributes;
    cn_dtype dtype;
    int64_t rows, n, element;
    int64_t pieces;
    int64_t part; /* bytes of one piece's gradient of gamma, likewise of beta */
} rows_plan;

static rows_plan *prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_tensor *x = entry->input[0];
    rows_plan *plan = cn_prepared(preparation, sizeof *plan);
    if (!plan)
        return NULL;
    plan->attributes = *(const rows_attributes *)entry->attributes;
    plan->dtype = x->dtype;
    plan->element = (int64_t)cn_dtype_size(x->dtype);
    plan->rows = cn_span(&x->shape, 0, plan->attributes.begin);
    plan->n = cn_span(&x->shape, plan->attributes.begin, x->shape.rank);
    plan->pieces = cn_least(cn_divide_up(plan->rows * plan->n, PIECE), cn_least(plan->rows, MOST_PIECES));
    plan->part = cn_divide_up(plan->n * plan->element, 64) * 64;
    return plan;
}

/* NULL stays NULL. */
static void *at(const void *base, int64_t bytes)
{
    return base ? (unsigned char *)(uintptr_t)base + bytes : NULL;
}

/* Forwards */

typedef struct forward {
    const rows_plan *plan;
    cn_rows_normalization all;
} forward;

static void forward_piece(void *context, int64_t piece)
{
    const forward *f = context;
    const rows_plan *plan = f->plan;
    const cn_range rows = cn_part(plan->rows, plan->pieces, piece);
    const int64_t number = rows.first * plan->element, row = number * plan->n;
    cn_rows_normalization part = f->all;
    part.rows = rows.count;
    part.x = at(part.x, row);
    part.y = at(part.y, row);
    part.rstd = at(part.rstd, number);
    part.mean = at(part.mean, number);
    cn_kernels_now()->normalization[plan->dtype]->rows(&part);
}

static bool run_forward(void *const *pointer, const void *prepared)
{
    const rows_plan *plan = prepared;
    const rows_attributes *a = &plan->attributes;
    forward f = {plan, {.n = plan->n, .epsilon = a->epsilon}};
    f.all.y = *pointer++;
    f.all.rstd = *pointer++;
    f.all.mean = a->centred ? *pointer++ : NULL;
    f.all.x = *pointer++;
    f.all.gamma = a->has_gamma ? *pointer++ : NULL;
    f.all.beta = a->has_beta ? *pointer++ : NULL;
    cn_parallel(plan->pieces, 0.15 * (double)plan->rows * (double)plan->n, forward_piece, &f);
    return true;
}

static bool forward_infer(const cn_entry *entry, cn_type *output)
{
    const rows_attributes *a = entry->attributes;
    const cn_tensor *x = entry->input[0];
    cn_type row = {x->dtype, x->shape};
    row.shape.rank = a->begin;
    output[0] = (cn_type){x->dtype, x->shape};
    for (int i = 1; i < entry->output_count; i++)
        output[i] = row;
    return true;
}

static bool forward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    preparation->kernel = run_forward;
    return prepare(entry, preparation) != NULL;
}

/* Backwards */

typedef struct backward {
    const rows_plan *plan;
    cn_rows_normalization_back all;
    unsigned char *workspace;
} backward;

static void backward_piece(void *context, int64_t piece)
{
    const backward *b = context;
    const rows_plan *plan = b->plan;
    const cn_range rows = cn_part(plan->rows, plan->pieces, piece);
    const int64_t number = rows.first * plan->element, row = number * plan->n;
    unsigned char *room = b->workspace + piece * 2 * plan->part;
    cn_rows_normalization_back part = b->all;
    part.rows = rows.count;
    part.x = at(part.x, row);
    part.dy = at(part.dy, row);
    part.dx = at(part.dx, row);
    part.rstd = at(part.rstd, number);
    part.mean = at(part.mean, number);
    part.dgamma = part.dgamma ? memset(room, 0, (size_t)plan->part) : NULL;
    part.dbeta = part.dbeta ? memset(room + plan->part, 0, (size_t)plan->part) : NULL;
    cn_kernels_now()->normalization[plan->dtype]->rows_back(&part);
}

#define ADD_PARTS(T, type)                                                                 \
    static void add_parts_##type(const rows_plan *plan, const unsigned char *part, T *sum) \
    {                                                                                      \
        memset(sum, 0, (size_t)(plan->n * plan->element));                                 \
        for (int64_t piece = 0; piece < plan->pieces; piece++, part += 2 * plan->part)     \
            for (int64_t i = 0; i < plan->n; i++)                                          \
                sum[i] += ((const T *)(const void *)part)[i];                              \
    }
ADD_PARTS(float, f32)
ADD_PARTS(double, f64)

static void add_parts(const rows_plan *plan, const unsigned char *part, void *sum)
{
    if (sum && plan->dtype == CN_F32)
        add_parts_f32(plan, part, sum);
    else if (sum)
        add_parts_f64(plan, part, sum);
}

static bool run_backward(void *const *pointer, const void *prepared)
{
    const rows_plan *plan = prepared;
    const rows_attributes *a = &plan->attributes;
    backward b = {plan, {.n = plan->n}, NULL};
    b.all.dx = *pointer++;
    b.all.dgamma = a->wants_gamma ? *pointer++ : NULL;
    b.all.dbeta = a->wants_beta ? *pointer++ : NULL;
    b.all.x = *pointer++;
    b.all.rstd = *pointer++;
    b.all.mean = a->centred ? *pointer++ : NULL;
    b.all.gamma = a->has_gamma ? *pointer++ : NULL;
    b.all.dy = *pointer++;
    b.workspace = *pointer;
    cn_parallel(plan->pieces, 0.3 * (double)plan->rows * (double)plan->n, backward_piece, &b);
    add_parts(plan, b.workspace, b.all.dgamma);
    add_parts(plan, b.workspace + plan->part, b.all.dbeta);
    return true;
}

static bool backward_infer(const cn_entry *entry, cn_type *output)
{
    const rows_attributes *a = entry->attributes;
    const cn_tensor *x = entry->input[0];
    cn_type factor = {x->dtype, {.rank = x->shape.rank - a->begin}};
    memcpy(factor.shape.dim, x->shape.dim + a->begin, (size_t)factor.shape.rank * sizeof *factor.shape.dim);
    output[0] = (cn_type){x->dtype, x->shape};
    for (int i = 1; i < entry->output_count; i++)
        output[i] = factor;
    return true;
}

static bool backward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const rows_plan *plan = prepare(entry, preparation);
    if (!plan)
        return false;
    preparation->kernel = run_backward;
    preparation->workspace = (size_t)(plan->pieces * 2 * plan->part);
    return true;
}

const cn_operation cn_normalize_rows_grad_operation = {.name = "normalize_rows_grad",
                                                       .attributes = sizeof(rows_attributes),
                                                       .flags = CN_OPTIONAL_OUTPUTS,
                                                       .infer = backward_infer,
                                                       .prepare = backward_prepare};

static bool forward_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    rows_attributes a = *(const rows_attributes *)e->attributes;
    const int gamma = 1, beta = a.has_gamma ? 2 : 1;
    a.wants_gamma = a.has_gamma && e->needed[gamma];
    a.wants_beta = a.has_beta && e->needed[beta];
    cn_tensor *inputs[5] = {e->input[0], e->output[1]}, *outputs[3];
    int count = 2;
    if (a.centred)
        inputs[count++] = e->output[2];
    if (a.has_gamma)
        inputs[count++] = e->input[gamma];
    inputs[count++] = dy[0];
    if (!cn_record_many(&cn_normalize_rows_grad_operation, &a, inputs, count, outputs,
                        1 + a.wants_gamma + a.wants_beta))
        return false;
    dx[0] = outputs[0];
    if (a.wants_gamma)
        dx[gamma] = outputs[1];
    if (a.wants_beta)
        dx[beta] = outputs[1 + a.wants_gamma];
    return true;
}

const cn_operation cn_normalize_rows_operation = {.name = "normalize_rows",
                                                  .attributes = sizeof(rows_attributes),
                                                  .infer = forward_infer,
                                                  .prepare = forward_prepare,
                                                  .vjp = forward_vjp};

cn_tensor *cn_normalize_rows(cn_tensor *x, cn_tensor *gamma, cn_tensor *beta, int begin, bool centred, double epsilon)
{
    rows_attributes attributes = {
        .epsilon = epsilon, .begin = begin, .centred = centred, .has_gamma = gamma, .has_beta = beta};
    cn_tensor *inputs[3] = {x}, *outputs[3];
    int count = 1;
    if (gamma)
        inputs[count++] = gamma;
    if (beta)
        inputs[count++] = beta;
    return cn_record_many(&cn_normalize_rows_operation, &attributes, inputs, count, outputs, centred ? 3 : 2)
               ? outputs[0]
               : NULL;
}
