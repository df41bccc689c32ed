#include "core/ops/arithmetic.h"
#include "core/engine.h"
#include "core/kernels/elementwise.h"
#include "core/ops/creation.h"
#include "core/ops/reduction.h"

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

static cn_tensor *binary(const cn_operation *operation, cn_tensor *a, cn_tensor *b)
{
    cn_tensor *inputs[] = {a, b};
    return agree(operation->name, &inputs[0], &inputs[1]) ? cn_record(operation, NULL, inputs, 2) : NULL;
}

/* The gradient of a broadcast operand is summed over what it was repeated along. */
static bool reduce_to_inputs(const cn_entry *entry, cn_tensor *const *full, cn_tensor **dx)
{
    for (int i = 0; i < entry->input_count; i++)
        if (full[i] && !(dx[i] = cn_sum_to(full[i], entry->input[i]->shape)))
            return false;
    return true;
}

static bool add_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return reduce_to_inputs(e, (cn_tensor *[]){e->needed[0] ? dy[0] : NULL, e->needed[1] ? dy[0] : NULL}, dx);
}

static bool subtract_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return reduce_to_inputs(e, (cn_tensor *[]){e->needed[0] ? dy[0] : NULL, e->needed[1] ? cn_negative(dy[0]) : NULL},
                            dx);
}

static bool multiply_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return reduce_to_inputs(e,
                            (cn_tensor *[]){e->needed[0] ? cn_mul(dy[0], e->input[1]) : NULL,
                                            e->needed[1] ? cn_mul(dy[0], e->input[0]) : NULL},
                            dx);
}

static bool divide_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *quotient = cn_div(dy[0], e->input[1]);
    return reduce_to_inputs(e,
                            (cn_tensor *[]){e->needed[0] ? quotient : NULL,
                                            e->needed[1] ? cn_negative(cn_mul(quotient, e->output[0])) : NULL},
                            dx);
}

static bool negative_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    (void)e;
    dx[0] = cn_negative(dy[0]);
    return dx[0] != NULL;
}

static const cn_operation add = {.name = "add", .loop = CN_LOOP_add, .vjp = add_vjp};
static const cn_operation subtract = {.name = "subtract", .loop = CN_LOOP_subtract, .vjp = subtract_vjp};
static const cn_operation multiply = {.name = "multiply", .loop = CN_LOOP_multiply, .vjp = multiply_vjp};
static const cn_operation divide = {.name = "divide", .loop = CN_LOOP_divide, .vjp = divide_vjp};
static const cn_operation negative = {.name = "negative", .loop = CN_LOOP_negative, .vjp = negative_vjp};

cn_tensor *cn_add(cn_tensor *a, cn_tensor *b)
{
    return binary(&add, a, b);
}

cn_tensor *cn_sub(cn_tensor *a, cn_tensor *b)
{
    return binary(&subtract, a, b);
}

cn_tensor *cn_mul(cn_tensor *a, cn_tensor *b)
{
    return binary(&multiply, a, b);
}

cn_tensor *cn_div(cn_tensor *a, cn_tensor *b)
{
    return binary(&divide, a, b);
}

cn_tensor *cn_negative(cn_tensor *x)
{
    return cn_record(&negative, NULL, &x, 1);
}

cn_tensor *cn_square(cn_tensor *x)
{
    return cn_mul(x, x);
}

cn_tensor *cn_cast(cn_tensor *x, cn_dtype dtype)
{
    if (x && x->dtype == dtype)
        return x;
    cn_fail(CN_UNSUPPORTED, "cast");
    return NULL;
}

static bool copy_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    (void)e;
    dx[0] = dy[0];
    return true;
}

const cn_operation cn_copy_operation = {.name = "copy", .loop = CN_LOOP_copy, .vjp = copy_vjp};

extern const cn_operation *const cn_arithmetic_operations[];
const cn_operation *const cn_arithmetic_operations[] = {&add,      &subtract,          &multiply, &divide,
                                                        &negative, &cn_copy_operation, NULL};
