/* Normalization of columns: batch normalization in training. */
#include "core/kernels/kernels.h"
#include "core/ops/arithmetic.h"
#include "core/ops/axis.h"
#include "core/ops/normalization_fused.h"
#include "core/pieces.h"
#include <string.h>

/* Inputs: x, then gamma and beta if they are there. Outputs: those of CN_BATCH_RESULTS. The gradient has the inputs x,
 * mean, variance, gamma if it is there, dy and the outputs dx, dgamma, dbeta, the latter if they are wanted. */
typedef struct columns_attributes {
    double epsilon;
    bool has_gamma, has_beta;
    bool wants_gamma, wants_beta; /* of the gradient */
} columns_attributes;

/* Elements of a piece, which lie in a core's cache together, and of the loops at least; a piece of few rows would spend
 * its time on the channels' sums. */
enum { PIECE = 1 << 14, WIDTH = 256, LEAST_ROWS = 32, MOST_PIECES = 256 };

typedef struct columns_plan {
    columns_attributes attributes;
    const cn_columns_kernels *kernels;
    cn_columns columns;
    int64_t element, rows_a_piece, pieces;
    int64_t part; /* bytes of `width` elements */
} columns_plan;

static columns_plan *prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_tensor *x = entry->input[0];
    columns_plan *plan = cn_prepared(preparation, sizeof *plan);
    if (!plan)
        return NULL;
    cn_columns *c = &plan->columns;
    plan->attributes = *(const columns_attributes *)entry->attributes;
    plan->kernels = &cn_kernels_now()->normalization[x->dtype]->columns;
    plan->element = (int64_t)cn_dtype_size(x->dtype);
    c->channels = x->shape.dim[x->shape.rank - 1];
    c->rows = cn_span(&x->shape, 0, x->shape.rank - 1);
    const int64_t channels = cn_most(c->channels, 1);
    c->repeat = cn_divide_up(WIDTH, channels);
    c->width = c->repeat * c->channels;
    plan->rows_a_piece = cn_most(cn_most(PIECE / channels, LEAST_ROWS), cn_divide_up(c->rows, MOST_PIECES));
    plan->pieces = cn_divide_up(c->rows, plan->rows_a_piece);
    plan->part = c->width * plan->element;
    return plan;
}

/* What the pieces work on. */
typedef struct columns_work {
    const columns_plan *plan;
    const unsigned char *x, *dy, *mean;
    unsigned char *y; /* or dx */
    unsigned char *room, *factors;
} columns_work;

static cn_columns columns_of_piece(const columns_plan *plan, int64_t piece)
{
    cn_columns c = plan->columns;
    c.rows = cn_least(c.rows - piece * plan->rows_a_piece, plan->rows_a_piece);
    return c;
}

static int64_t offset_of_piece(const columns_plan *plan, int64_t piece)
{
    return piece * plan->rows_a_piece * plan->columns.channels * plan->element;
}

static double nanoseconds(const columns_plan *plan)
{
    return 0.1 * (double)plan->columns.rows * (double)plan->columns.channels;
}

/* Forwards */

static void moments_piece(void *context, int64_t piece)
{
    const columns_work *w = context;
    const cn_columns c = columns_of_piece(w->plan, piece);
    w->plan->kernels->moments(&c, w->x + offset_of_piece(w->plan, piece), w->room + piece * 3 * w->plan->part);
}

static void apply_piece(void *context, int64_t piece)
{
    const columns_work *w = context;
    const cn_columns c = columns_of_piece(w->plan, piece);
    const int64_t offset = offset_of_piece(w->plan, piece);
    w->plan->kernels->apply(&c, w->x + offset, w->factors, w->y + offset);
}

static bool run_forward(void *const *pointer, const void *prepared)
{
    const columns_plan *plan = prepared;
    const columns_attributes *a = &plan->attributes;
    void *mean = pointer[CN_BATCH_MEAN], *variance = pointer[CN_BATCH_VARIANCE];
    void *const *input = pointer + CN_BATCH_RESULTS;
    columns_work work = {.plan = plan, .y = pointer[CN_NORMALIZED], .x = *input++};
    const void *gamma = a->has_gamma ? *input++ : NULL, *beta = a->has_beta ? *input++ : NULL;
    work.room = *input;
    work.factors = work.room + plan->pieces * 3 * plan->part;
    cn_parallel(plan->pieces, nanoseconds(plan), moments_piece, &work);
    plan->kernels->join_moments(&plan->columns, plan->pieces, plan->rows_a_piece, work.room, mean, variance);
    plan->kernels->factors(&plan->columns, a->epsilon, mean, variance, gamma, beta, work.factors);
    cn_parallel(plan->pieces, nanoseconds(plan), apply_piece, &work);
    return true;
}

static bool forward_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    const cn_type channels = {x->dtype, {.rank = 1, .dim = {x->shape.dim[x->shape.rank - 1]}}};
    output[CN_NORMALIZED] = (cn_type){x->dtype, x->shape};
    output[CN_BATCH_MEAN] = output[CN_BATCH_VARIANCE] = channels;
    return true;
}

static bool forward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const columns_plan *plan = prepare(entry, preparation);
    if (!plan)
        return false;
    preparation->kernel = run_forward;
    preparation->workspace = (size_t)((plan->pieces * 3 + 3) * plan->part);
    return true;
}

/* Backwards */

static void sums_piece(void *context, int64_t piece)
{
    const columns_work *w = context;
    const cn_columns c = columns_of_piece(w->plan, piece);
    const int64_t offset = offset_of_piece(w->plan, piece);
    w->plan->kernels->sums(&c, w->x + offset, w->dy + offset, w->mean, w->room + piece * 3 * w->plan->part);
}

static void apply_back_piece(void *context, int64_t piece)
{
    const columns_work *w = context;
    const cn_columns c = columns_of_piece(w->plan, piece);
    const int64_t offset = offset_of_piece(w->plan, piece);
    w->plan->kernels->apply_back(&c, w->x + offset, w->dy + offset, w->factors, w->y + offset);
}

static void copy_channels(const columns_plan *plan, const void *from, void *to)
{
    if (to)
        memcpy(to, from, (size_t)(plan->columns.channels * plan->element));
}

static bool run_backward(void *const *pointer, const void *prepared)
{
    const columns_plan *plan = prepared;
    const columns_attributes *a = &plan->attributes;
    columns_work work = {.plan = plan, .y = *pointer++};
    void *dgamma = a->wants_gamma ? *pointer++ : NULL, *dbeta = a->wants_beta ? *pointer++ : NULL;
    work.x = *pointer++;
    work.mean = *pointer++;
    const void *variance = *pointer++, *gamma = a->has_gamma ? *pointer++ : NULL;
    work.dy = *pointer++;
    work.room = *pointer;
    unsigned char *total = work.room + plan->pieces * 3 * plan->part;
    work.factors = total + 3 * plan->part;
    cn_parallel(plan->pieces, 2 * nanoseconds(plan), sums_piece, &work);
    plan->kernels->join_sums(&plan->columns, plan->pieces, work.room, total);
    plan->kernels->back_factors(&plan->columns, a->epsilon, work.mean, variance, gamma, total, work.factors);
    copy_channels(plan, total + plan->part, dbeta);
    copy_channels(plan, total + 2 * plan->part, dgamma);
    if (work.y)
        cn_parallel(plan->pieces, 2 * nanoseconds(plan), apply_back_piece, &work);
    return true;
}

static bool backward_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    output[0] = (cn_type){x->dtype, x->shape};
    for (int i = 1; i < entry->output_count; i++)
        output[i] = (cn_type){x->dtype, entry->input[1]->shape};
    return true;
}

static bool backward_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const columns_plan *plan = prepare(entry, preparation);
    if (!plan)
        return false;
    preparation->kernel = run_backward;
    preparation->workspace = (size_t)((plan->pieces * 3 + 3 + 4) * plan->part);
    return true;
}

const cn_operation cn_normalize_columns_grad_operation = {.name = "normalize_columns_grad",
                                                          .attributes = sizeof(columns_attributes),
                                                          .flags = CN_OPTIONAL_OUTPUTS,
                                                          .infer = backward_infer,
                                                          .prepare = backward_prepare};

/* What the gradients of the mean and of the variance, mean (x - mean)², add to that of x. */
static cn_tensor *add_moments(const cn_entry *e, cn_tensor *const *dy, cn_tensor *dx)
{
    cn_tensor *x = e->input[0];
    const int64_t size = cn_shape_size(x->shape), channels = cn_shape_size(e->output[CN_BATCH_MEAN]->shape);
    cn_tensor *each = cn_scalar(x, size > 0 ? (double)channels / (double)size : 0), *added = NULL;
    if (dy[CN_BATCH_MEAN])
        added = cn_mul(dy[CN_BATCH_MEAN], each);
    if (dy[CN_BATCH_VARIANCE]) {
        cn_tensor *slope = cn_mul(dy[CN_BATCH_VARIANCE], cn_mul(each, cn_scalar(x, 2)));
        cn_tensor *product = cn_mul(cn_sub(x, e->output[CN_BATCH_MEAN]), slope);
        added = added ? cn_add(added, product) : product;
    }
    if (!added)
        return dx;
    return dx ? cn_add(dx, added) : cn_broadcast_to(added, x->shape);
}

static bool forward_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    columns_attributes a = *(const columns_attributes *)e->attributes;
    const int gamma = 1, beta = a.has_gamma ? 2 : 1;
    a.wants_gamma = a.has_gamma && e->needed[gamma];
    a.wants_beta = a.has_beta && e->needed[beta];
    if (dy[CN_NORMALIZED]) {
        cn_tensor *inputs[5] = {e->input[0], e->output[CN_BATCH_MEAN], e->output[CN_BATCH_VARIANCE]}, *outputs[3];
        int count = 3;
        if (a.has_gamma)
            inputs[count++] = e->input[gamma];
        inputs[count++] = dy[CN_NORMALIZED];
        if (!cn_record_many(&cn_normalize_columns_grad_operation, &a, inputs, count, outputs,
                            1 + a.wants_gamma + a.wants_beta))
            return false;
        dx[0] = outputs[0];
        if (a.wants_gamma)
            dx[gamma] = outputs[1];
        if (a.wants_beta)
            dx[beta] = outputs[1 + a.wants_gamma];
    }
    if (e->needed[0])
        dx[0] = add_moments(e, dy, dx[0]);
    return !cn_failed();
}

const cn_operation cn_normalize_columns_operation = {.name = "normalize_columns",
                                                     .attributes = sizeof(columns_attributes),
                                                     .infer = forward_infer,
                                                     .prepare = forward_prepare,
                                                     .vjp = forward_vjp};

bool cn_normalize_columns(cn_tensor *x, cn_tensor *gamma, cn_tensor *beta, double epsilon,
                          cn_tensor *results[CN_BATCH_RESULTS])
{
    columns_attributes attributes = {.epsilon = epsilon, .has_gamma = gamma, .has_beta = beta};
    cn_tensor *inputs[3] = {x};
    int count = 1;
    if (gamma)
        inputs[count++] = gamma;
    if (beta)
        inputs[count++] = beta;
    return cn_record_many(&cn_normalize_columns_operation, &attributes, inputs, count, results, CN_BATCH_RESULTS);
}
