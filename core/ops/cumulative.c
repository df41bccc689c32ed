/* Cumulative sums and products (declared in reduction.h).
 *
 * Their gradients are right where values are zero, and have gradients again, for they come from two operations whose
 * VJPs need nothing else. With < for "comes before" along the axes, either from the begin or from the end:
 *   exclusive product     p_i = product of x_j, j < i
 *   exclusive recurrence  r_i = b_j + a_j r_j, j the one before i; 0 for the first
 * The gradient of p is x̄_j = p_j t_j, t the recurrence of x and p̄ the other way round; that of r is b̄ = q, ā = r q,
 * q the recurrence of a and r̄ the other way round. A cumulative product is p x. */
#include "core/ops/cumulative.h"
#include "core/kernels/kernels.h"
#include "core/ops/arithmetic.h"
#include "core/ops/axes.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "core/pieces.h"

typedef struct scan_attributes {
    unsigned axes;
    bool reverse;
} scan_attributes;

enum { MAX_OPERANDS = 3, PIECE = 16384 };

/* The operands are dense and of one shape; places of the kept dimensions are independent. */
typedef struct scan_plan {
    cn_scan *scan;
    cn_accumulator start;
    cn_dimensions kept, along;
    int operands, element;
    bool reverse;
    int64_t places_a_piece;
} scan_plan;

typedef struct scan_work {
    const scan_plan *plan;
    unsigned char *operand[MAX_OPERANDS];
} scan_work;

static void scan_place(const scan_plan *plan, unsigned char *const *operand, int64_t place)
{
    const cn_dimensions *along = &plan->along;
    int64_t n = along->rank ? along->dim[along->rank - 1] : 1, step = along->rank ? along->stride[along->rank - 1] : 1;
    int64_t rounds = n ? along->size / n : 0, stride[MAX_OPERANDS];
    cn_accumulator carry = plan->start;
    for (int o = 0; o < plan->operands; o++)
        stride[o] = plan->reverse ? -step : step;
    for (int64_t round = 0; round < rounds; round++) {
        int64_t at = place + cn_place(along, 1, plan->reverse ? rounds - 1 - round : round);
        void *pointer[MAX_OPERANDS];
        for (int o = 0; o < plan->operands; o++)
            pointer[o] = operand[o] + (at + (plan->reverse ? (n - 1) * step : 0)) * plan->element;
        plan->scan(n, pointer, stride, &carry);
    }
}

static void scan_piece(void *context, int64_t piece)
{
    const scan_work *work = context;
    const scan_plan *plan = work->plan;
    int64_t index = piece * plan->places_a_piece, end = index + plan->places_a_piece;
    for (; index < end && index < plan->kept.size; index++)
        scan_place(plan, work->operand, cn_place(&plan->kept, 0, index));
}

static bool run_scan(void *const *pointer, const void *prepared)
{
    const scan_plan *plan = prepared;
    scan_work work = {.plan = plan};
    for (int o = 0; o < plan->operands; o++)
        work.operand[o] = pointer[o];
    cn_parallel((plan->kept.size + plan->places_a_piece - 1) / plan->places_a_piece,
                2 * (double)plan->kept.size * (double)plan->along.size, scan_piece, &work);
    return true;
}

static const cn_operation cumulative_sum, exclusive_product, exclusive_recurrence;

static bool scan_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const scan_attributes *attributes = entry->attributes;
    const cn_tensor *x = entry->input[0];
    int scan = entry->operation == &cumulative_sum      ? CN_SCAN_cumsum
               : entry->operation == &exclusive_product ? CN_SCAN_product
                                                        : CN_SCAN_recurrence;
    scan_plan *plan = cn_prepared(preparation, sizeof *plan);
    if (!plan)
        return false;
    unsigned all = (1u << x->shape.rank) - 1;
    *plan = (scan_plan){.scan = cn_kernels_now()->reduce->scan[scan][x->dtype],
                        .kept = cn_collapse(&x->shape, x->stride, all & ~attributes->axes),
                        .along = cn_collapse(&x->shape, x->stride, attributes->axes),
                        .operands = entry->input_count + 1,
                        .element = (int)cn_dtype_size(x->dtype),
                        .reverse = attributes->reverse};
    int64_t first = scan == CN_SCAN_product;
    plan->start = x->dtype == CN_I32 ? (cn_accumulator){.integer = first} : (cn_accumulator){.real = (double)first};
    plan->places_a_piece = plan->along.size > PIECE ? 1 : PIECE / (plan->along.size + 1) + 1;
    preparation->kernel = run_scan;
    return true;
}

static bool scan_infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, entry->input[0]->shape};
    return true;
}

static scan_attributes other_way(const cn_entry *e)
{
    const scan_attributes *attributes = e->attributes;
    return (scan_attributes){attributes->axes, !attributes->reverse};
}

static bool sum_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    scan_attributes attributes = other_way(e);
    dx[0] = cn_record(&cumulative_sum, &attributes, dy, 1);
    return dx[0] != NULL;
}

static bool product_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    scan_attributes attributes = other_way(e);
    cn_tensor *inputs[] = {e->input[0], dy[0]};
    dx[0] = cn_mul(e->output[0], cn_record(&exclusive_recurrence, &attributes, inputs, 2));
    return dx[0] != NULL;
}

static bool recurrence_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    scan_attributes attributes = other_way(e);
    cn_tensor *inputs[] = {e->input[0], dy[0]};
    dx[1] = cn_record(&exclusive_recurrence, &attributes, inputs, 2);
    dx[0] = e->needed[0] ? cn_mul(e->output[0], dx[1]) : NULL;
    return dx[1] && (dx[0] || !e->needed[0]);
}

#define SCAN_ROW(row_name, row_vjp)                                                                            \
    {                                                                                                          \
        .name = row_name, .attributes = sizeof(scan_attributes), .infer = scan_infer, .prepare = scan_prepare, \
        .vjp = row_vjp                                                                                         \
    }
static const cn_operation cumulative_sum = SCAN_ROW("cumulative_sum", sum_vjp);
static const cn_operation exclusive_product = SCAN_ROW("exclusive_product", product_vjp);
static const cn_operation exclusive_recurrence = SCAN_ROW("exclusive_recurrence", recurrence_vjp);

cn_tensor *cn_exclusive_product(cn_tensor *x, unsigned axes, bool reverse)
{
    return cn_record(&exclusive_product, &(scan_attributes){axes, reverse}, &x, 1);
}

static const cn_operation cumsum, cumprod;

static bool cumulative_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    int axis = *(const int *)e->attributes;
    cn_tensor *x = axis == CN_NONE ? cn_reshape(e->input[0], CN_SHAPE(-1)) : e->input[0];
    scan_attributes attributes = {.axes = 1};
    if (!x || (axis != CN_NONE && !cn_axes_mask(e, axis, (cn_axes){0}, &attributes.axes)))
        return false;
    *y = e->operation == &cumsum ? cn_record(&cumulative_sum, &attributes, &x, 1)
                                 : cn_mul(cn_exclusive_product(x, attributes.axes, false), x);
    return *y != NULL;
}

static const cn_operation cumsum = {.name = "cumsum", .attributes = sizeof(int), .expand = cumulative_expand};
static const cn_operation cumprod = {.name = "cumprod", .attributes = sizeof(int), .expand = cumulative_expand};

cn_tensor *cn_cumsum_with(cn_cumulative_args args)
{
    return cn_record(&cumsum, &args.axis, &args.x, 1);
}

cn_tensor *cn_cumprod_with(cn_cumulative_args args)
{
    return cn_record(&cumprod, &args.axis, &args.x, 1);
}

extern const cn_operation *const cn_cumulative_operations[];
const cn_operation *const cn_cumulative_operations[] = {&cumulative_sum, &exclusive_product, &exclusive_recurrence,
                                                        &cumsum,         &cumprod,           NULL};
