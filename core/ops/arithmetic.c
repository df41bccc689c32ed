#include "core/ops/arithmetic.h"
#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "core/ops/activation.h"
#include "core/ops/number.h"
#include "core/ops/reduction.h"
#include <string.h>

/* Element types */

static bool has_form(const cn_operation *operation, cn_dtype dtype)
{
    return cn_kernels_now()->elementwise->loop[operation->loop][dtype] != NULL;
}

/* Where the operation has no form for integers they become floats, of type `real`; where it has none for floats, truth
 * values. */
static cn_tensor *to_operand(const cn_operation *operation, cn_tensor *x, cn_dtype real)
{
    if (!x || !x->tape || has_form(operation, x->dtype))
        return x;
    return x->dtype == CN_I32 ? cn_cast(x, real) : cn_not_equal(x, cn_scalar_beside(x, 0));
}

cn_tensor *cn_record_unary(const cn_operation *operation, const void *attributes, cn_tensor *x)
{
    x = to_operand(operation, x, cn_default_dtype());
    return cn_record(operation, attributes, &x, 1);
}

/* Gives both operands one element type. */
static bool agree(const char *name, cn_tensor **a, cn_tensor **b)
{
    if (!*a || !*b || (*a)->dtype == (*b)->dtype)
        return true;
    cn_tensor **convert = (*a)->dtype == CN_I32 || ((*a)->weak && (*b)->dtype != CN_I32) ? a : b;
    cn_tensor *other = convert == a ? *b : *a;
    if ((*convert)->dtype != CN_I32 && !(*convert)->weak)
        return cn_fail(CN_TYPE, "%s: %s with %s; cn_cast converts", name, cn_dtype_name((*a)->dtype),
                       cn_dtype_name((*b)->dtype));
    *convert = cn_cast(*convert, other->dtype);
    return *convert != NULL;
}

static cn_tensor *record_binary(const cn_operation *operation, cn_tensor *a, cn_tensor *b)
{
    cn_tensor *inputs[] = {a, b};
    if (cn_read_operands(inputs, 2)) {
        cn_dtype real = a->dtype != CN_I32 ? a->dtype : b->dtype != CN_I32 ? b->dtype : cn_default_dtype();
        for (int i = 0; i < 2; i++)
            inputs[i] = to_operand(operation, inputs[i], real);
        if (!agree(operation->name, &inputs[0], &inputs[1]))
            return NULL;
    }
    return cn_record(operation, NULL, inputs, 2);
}

static bool infer_condition(const cn_entry *entry, cn_type *output)
{
    bool fits = cn_broadcast_types(entry, output);
    output->dtype = CN_I32;
    return fits;
}

/* Terms of gradients */

/* 1 - x^2, precise near 1 */
static cn_tensor *one_minus_square(cn_tensor *x)
{
    return cn_mul(cn_plus(cn_negative(x), 1), cn_plus(x, 1));
}

/* The gradient of the operand that won, half of it at a tie. */
static cn_tensor *won(cn_tensor *dy, cn_tensor *wins, cn_tensor *ties)
{
    return cn_where(wins, dy, cn_where(ties, cn_times(dy, 0.5), cn_scalar_beside(dy, 0)));
}

/* b - 1, the exponent in the gradient b a^(b - 1) of a^b. Where b is 0 any number but a negative one will do, so that
 * the gradient is 0 for a = 0 as well. */
static cn_tensor *lowered(cn_tensor *exponent)
{
    cn_tensor *zero = cn_scalar_beside(exponent, 0);
    return cn_where(cn_equal(exponent, zero), cn_scalar_beside(exponent, 1), cn_plus(exponent, -1));
}

/* log x, and 0 where there is none. */
static cn_tensor *log_or_zero(cn_tensor *x)
{
    return cn_log(cn_where(cn_greater(x, cn_scalar_beside(x, 0)), x, cn_scalar_beside(x, 1)));
}

/* The gradient of a broadcast operand is summed over what it was repeated along. */
static bool reduce_to_input(const cn_entry *entry, int input, cn_tensor *full, cn_tensor **dx)
{
    dx[input] = full ? cn_sum_to(full, entry->input[input]->shape) : NULL;
    return dx[input] != NULL;
}

/* Two operands. X(function, Keras' name, da, db): the gradients, from a, b, the output y and its gradient dy. */
#define DIFFERENTIABLE_BINARY(X)                                                                           \
    X(add, add, dy, dy)                                                                                    \
    X(sub, subtract, dy, cn_negative(dy))                                                                  \
    X(mul, multiply, cn_mul(dy, b), cn_mul(dy, a))                                                         \
    X(div, divide, cn_div(dy, b), cn_negative(cn_mul(cn_div(dy, b), y)))                                   \
    X(power, power, cn_mul(dy, cn_mul(b, cn_power(a, lowered(b)))), cn_mul(dy, cn_mul(y, log_or_zero(a)))) \
    X(maximum, maximum, won(dy, cn_greater(a, b), cn_equal(a, b)), won(dy, cn_less(a, b), cn_equal(a, b))) \
    X(minimum, minimum, won(dy, cn_less(a, b), cn_equal(a, b)), won(dy, cn_greater(a, b), cn_equal(a, b))) \
    X(mod, mod, dy, cn_negative(cn_mul(dy, cn_floor_divide(a, b))))                                        \
    X(arctan2, arctan2, cn_mul(dy, cn_div(b, cn_add(cn_square(a), cn_square(b)))),                         \
      cn_negative(cn_mul(dy, cn_div(a, cn_add(cn_square(a), cn_square(b))))))                              \
    X(logaddexp, logaddexp, cn_mul(dy, cn_sigmoid(cn_sub(a, b))), cn_mul(dy, cn_sigmoid(cn_sub(b, a))))

/* Those without a gradient. X(function, Keras' name, infer) */
#define CONSTANT_BINARY(X)                           \
    X(floor_divide, floor_divide, NULL)              \
    X(equal, equal, infer_condition)                 \
    X(not_equal, not_equal, infer_condition)         \
    X(less, less, infer_condition)                   \
    X(less_equal, less_equal, infer_condition)       \
    X(greater, greater, infer_condition)             \
    X(greater_equal, greater_equal, infer_condition) \
    X(logical_and, logical_and, infer_condition)     \
    X(logical_or, logical_or, infer_condition)

/* One operand. X(name, dx): the gradient, from x, the output y and its gradient dy. */
#define DIFFERENTIABLE_UNARY(X)                                                \
    X(negative, cn_negative(dy))                                               \
    X(absolute, cn_mul(dy, cn_sign(x)))                                        \
    X(square, cn_mul(dy, cn_times(x, 2)))                                      \
    X(sqrt, cn_div(cn_times(dy, 0.5), y))                                      \
    X(rsqrt, cn_mul(cn_times(dy, -0.5), cn_mul(y, cn_square(y))))              \
    X(reciprocal, cn_negative(cn_mul(dy, cn_square(y))))                       \
    X(exp, cn_mul(dy, y))                                                      \
    X(expm1, cn_mul(dy, cn_plus(y, 1)))                                        \
    X(log, cn_div(dy, x))                                                      \
    X(log1p, cn_div(dy, cn_plus(x, 1)))                                        \
    X(log2, cn_div(dy, cn_times(x, ln_2)))                                     \
    X(log10, cn_div(dy, cn_times(x, ln_10)))                                   \
    X(sin, cn_mul(dy, cn_cos(x)))                                              \
    X(cos, cn_negative(cn_mul(dy, cn_sin(x))))                                 \
    X(tan, cn_mul(dy, cn_plus(cn_square(y), 1)))                               \
    X(arcsin, cn_mul(dy, cn_rsqrt(one_minus_square(x))))                       \
    X(arccos, cn_negative(cn_mul(dy, cn_rsqrt(one_minus_square(x)))))          \
    X(arctan, cn_div(dy, cn_plus(cn_square(x), 1)))                            \
    X(sinh, cn_mul(dy, cn_cosh(x)))                                            \
    X(cosh, cn_mul(dy, cn_sinh(x)))                                            \
    X(arcsinh, cn_mul(dy, cn_rsqrt(cn_plus(cn_square(x), 1))))                 \
    X(arccosh, cn_mul(dy, cn_rsqrt(cn_negative(one_minus_square(x)))))         \
    X(arctanh, cn_div(dy, one_minus_square(x)))                                \
    X(erf, cn_mul(dy, cn_times(cn_exp(cn_negative(cn_square(x))), erf_slope))) \
    X(erfinv, cn_mul(dy, cn_times(cn_exp(cn_square(y)), 1 / erf_slope)))

/* X(name, infer) */
#define CONSTANT_UNARY(X)           \
    X(sign, NULL)                   \
    X(floor, NULL)                  \
    X(ceil, NULL)                   \
    X(round, NULL)                  \
    X(trunc, NULL)                  \
    X(logical_not, infer_condition) \
    X(isfinite, infer_condition)    \
    X(isnan, infer_condition)       \
    X(isinf, infer_condition)

static const double ln_2 = 0.69314718055994530942, ln_10 = 2.30258509299404568402;
static const double erf_slope = 1.12837916709551257390; /* 2 / sqrt(pi) */

/* The rows. `e` is the entry. */
#define BINARY_ROW(function, row, da, db)                                                                            \
    static bool row##_vjp(const cn_entry *e, cn_tensor *const *upstream, cn_tensor **dx)                             \
    {                                                                                                                \
        cn_tensor *a = e->input[0], *b = e->input[1], *y = e->output[0], *dy = upstream[0];                          \
        (void)a, (void)b, (void)y;                                                                                   \
        return (!e->needed[0] || reduce_to_input(e, 0, da, dx)) && (!e->needed[1] || reduce_to_input(e, 1, db, dx)); \
    }                                                                                                                \
    static const cn_operation row##_row = {.name = #row, .loop = CN_LOOP_##row, .vjp = row##_vjp};
#define UNARY_ROW(row, gradient)                                                         \
    static bool row##_vjp(const cn_entry *e, cn_tensor *const *upstream, cn_tensor **dx) \
    {                                                                                    \
        cn_tensor *x = e->input[0], *y = e->output[0], *dy = upstream[0];                \
        (void)x, (void)y;                                                                \
        return (dx[0] = gradient) != NULL;                                               \
    }                                                                                    \
    static const cn_operation row##_row = {.name = #row, .loop = CN_LOOP_##row, .vjp = row##_vjp};
#define CONSTANT_ROW(row, infer_) \
    static const cn_operation row##_row = {.name = #row, .flags = CN_LEAF, .loop = CN_LOOP_##row, .infer = infer_};
#define CONSTANT_BINARY_ROW(function, row, infer) CONSTANT_ROW(row, infer)
DIFFERENTIABLE_BINARY(BINARY_ROW)
CONSTANT_BINARY(CONSTANT_BINARY_ROW)
DIFFERENTIABLE_UNARY(UNARY_ROW)
CONSTANT_UNARY(CONSTANT_ROW)

#define BINARY_FUNCTION(function, row, ...)              \
    cn_tensor *cn_##function(cn_tensor *a, cn_tensor *b) \
    {                                                    \
        return record_binary(&row##_row, a, b);          \
    }
#define UNARY_FUNCTION(row, ...)                     \
    cn_tensor *cn_##row(cn_tensor *x)                \
    {                                                \
        return cn_record_unary(&row##_row, NULL, x); \
    }
DIFFERENTIABLE_BINARY(BINARY_FUNCTION)
CONSTANT_BINARY(BINARY_FUNCTION)
DIFFERENTIABLE_UNARY(UNARY_FUNCTION)
CONSTANT_UNARY(UNARY_FUNCTION)

/* Selections */

static bool where_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *condition = e->input[0], *zero = cn_scalar_beside(dy[0], 0);
    return (!e->needed[1] || reduce_to_input(e, 1, cn_where(condition, dy[0], zero), dx)) &&
           (!e->needed[2] || reduce_to_input(e, 2, cn_where(condition, zero, dy[0]), dx));
}

static const cn_operation where_row = {.name = "where", .loop = CN_LOOP_where, .vjp = where_vjp};

cn_tensor *cn_where(cn_tensor *condition, cn_tensor *a, cn_tensor *b)
{
    cn_tensor *inputs[] = {condition, a, b};
    if (cn_read_operands(inputs, 3)) {
        inputs[0] = to_operand(&logical_not_row, inputs[0], CN_F32);
        if (!agree("where", &inputs[1], &inputs[2]))
            return NULL;
    }
    return cn_record(&where_row, NULL, inputs, 3);
}

typedef struct clip_attributes {
    double min, max;
} clip_attributes;

/* clip_grad(x, dy) is constant in x and linear in dy. */
static bool clip_grad_vjp(const cn_entry *e, cn_tensor *const *upstream, cn_tensor **dx)
{
    cn_tensor *inputs[] = {e->input[0], upstream[0]};
    return !e->needed[1] || (dx[1] = cn_record(e->operation, e->attributes, inputs, 2));
}

static const cn_operation clip_grad_row = {
    .name = "clip_grad", .attributes = sizeof(clip_attributes), .loop = CN_LOOP_clip_grad, .vjp = clip_grad_vjp};

static bool clip_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *inputs[] = {e->input[0], dy[0]};
    return (dx[0] = cn_record(&clip_grad_row, e->attributes, inputs, 2)) != NULL;
}

static const cn_operation clip_row = {
    .name = "clip", .attributes = sizeof(clip_attributes), .loop = CN_LOOP_clip, .vjp = clip_vjp};

cn_tensor *cn_clip(cn_tensor *x, double min, double max)
{
    return cn_record_unary(&clip_row, &(clip_attributes){min, max}, x);
}

/* Copies and conversions */

static bool copy_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    (void)e;
    dx[0] = dy[0];
    return true;
}

const cn_operation cn_copy_operation = {.name = "copy", .loop = CN_LOOP_copy, .vjp = copy_vjp};

static bool cast_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    dx[0] = cn_cast(dy[0], e->input[0]->dtype);
    return dx[0] != NULL;
}

/* An inner loop each. X(dtype, its short name) */
#define CASTS(X)   \
    X(CN_F32, f32) \
    X(CN_F64, f64) \
    X(CN_I32, i32)

#define CAST_ROW(dtype, short_name)                                                         \
    static bool infer_cast_to_##short_name(const cn_entry *entry, cn_type *output)          \
    {                                                                                       \
        *output = (cn_type){dtype, entry->input[0]->shape};                                 \
        return true;                                                                        \
    }                                                                                       \
    static const cn_operation cast_to_##short_name = {.name = "cast_to_" #short_name,       \
                                                      .loop = CN_LOOP_cast_to_##short_name, \
                                                      .infer = infer_cast_to_##short_name,  \
                                                      .vjp = cast_vjp};
CASTS(CAST_ROW)

typedef struct cast_attributes {
    cn_dtype dtype;
} cast_attributes;

static bool expand_cast(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
#define CAST_ENTRY(dtype, short_name) [dtype] = &cast_to_##short_name,
    static const cn_operation *const rows[] = {CASTS(CAST_ENTRY)};
    const cast_attributes *to = entry->attributes;
    if (!cn_is_dtype(to->dtype))
        return cn_entry_fail(entry, CN_TYPE, "%d is not an element type", (int)to->dtype);
    if (entry->input[0]->dtype == to->dtype) {
        *output = entry->input[0];
        return true;
    }
    return cn_record_on(tape, rows[to->dtype], NULL, entry->input, 1, output, 1);
}

static const cn_operation cast_row = {.name = "cast", .attributes = sizeof(cast_attributes), .expand = expand_cast};

cn_tensor *cn_cast(cn_tensor *x, cn_dtype dtype)
{
    return x && x->dtype == dtype && !cn_failed() ? x : cn_record(&cast_row, &(cast_attributes){dtype}, &x, 1);
}

static bool same_infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, entry->input[0]->shape};
    return true;
}

static bool same_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    memcpy(stride, entry->input[0]->stride, sizeof entry->input[0]->stride);
    *offset = 0;
    return true;
}

static const cn_operation stop_gradient_row = {
    .name = "stop_gradient", .flags = CN_LEAF, .infer = same_infer, .view = same_view};

cn_tensor *cn_stop_gradient(cn_tensor *x)
{
    return cn_record(&stop_gradient_row, NULL, &x, 1);
}

#define BINARY_ENTRY(function, row, ...) &row##_row,
#define UNARY_ENTRY(row, ...) &row##_row,
#define CAST_ADDRESS(dtype, short_name) &cast_to_##short_name,
extern const cn_operation *const cn_arithmetic_operations[];
const cn_operation *const cn_arithmetic_operations[] = {
    &where_row,
    &clip_row,
    &clip_grad_row,
    &cast_row,
    &cn_copy_operation,
    &stop_gradient_row,
    DIFFERENTIABLE_BINARY(BINARY_ENTRY) CONSTANT_BINARY(BINARY_ENTRY) DIFFERENTIABLE_UNARY(UNARY_ENTRY)
        CONSTANT_UNARY(UNARY_ENTRY) CASTS(CAST_ADDRESS) NULL};
