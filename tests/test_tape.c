/* Tapes: recording, variables and their reads, gradients, and what is refused. */
#include "core/engine.h"
#include "expect.h"
#include <limits.h>
#include "counting_allocator.h"

static void expect_floats(cn_tensor *got, int count, const float *wanted)
{
    float values[16];
    cr_assert(cn_values(got, cn_array(values, count)), "%s", cn_error_message());
    for (int i = 0; i < count; i++)
        cr_expect_float_eq(values[i], wanted[i], 1e-5, "element %d is %g, not %g", i, (double)values[i],
                           (double)wanted[i]);
}
#define FLOATS(...)                                                        \
    (int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), (const float[]) \
    {                                                                      \
        __VA_ARGS__                                                        \
    }

static cn_tensor *variable_of(const char *name, float a, float b)
{
    cn_tensor *w = cn_variable_new(CN_SHAPE(2), .name = name);
    cn_variable_set(w, cn_array(((float[]){a, b}), 2));
    return w;
}

Test(tape, eager_operation_has_its_value_at_once)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 2, 3}), 3));
    expect_floats(cn_mul(cn_add(x, x), cn_scalar(tape, 0.5)), FLOATS(1, 2, 3));
    cn_tape_free(tape);
}

Test(tape, deferred_tensor_has_no_value)
{
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *y = cn_negative(cn_feed(tape, CN_SHAPE(2)));
    expect_error(isnan(cn_item(cn_sum(y))), "values: the tensor has no value; it was recorded, not computed");
    cn_tape_free(tape);
}

Test(tape, reset_keeps_the_memory)
{
    counting_start(LONG_MAX);
    cn_tape *tape = cn_tape_new();
    for (int i = 0; i < 3; i++) {
        cn_tape_reset(tape);
        long before = counting.calls;
        cn_tensor *x = cn_zeros(tape, CN_SHAPE(100, 100));
        for (int j = 0; j < 20; j++)
            x = cn_add(x, cn_scalar(tape, 1));
        cr_expect_eq(cn_item(cn_mean(x)), 20);
        if (i > 0)
            cr_expect_eq(counting.calls, before);
    }
    cn_tape_free(tape);
    cr_expect_eq(counting.live, 0);
}

Test(tape, operands_of_two_tapes_are_refused)
{
    cn_tape *a = cn_tape_new(), *b = cn_tape_new();
    expect_error(!cn_add(cn_scalar(a, 1), cn_scalar(b, 1)), "add: its inputs are on different tapes");
    cn_tape_free(a);
    cn_tape_free(b);
}

Test(tape, variables_alone_are_refused)
{
    cn_tensor *w = variable_of("w", 1, 2);
    expect_error(!cn_add(w, w), "add: no input is on a tape; cn_read puts a variable on one");
    cn_variable_free(w);
}

Test(tape, first_error_stays_and_null_flows_through)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *a = cn_zeros(tape, CN_SHAPE(2, 3)), *b = cn_zeros(tape, CN_SHAPE(4, 5));
    cn_tensor *y = cn_relu(cn_add(cn_matmul(a, b), cn_scalar(tape, 1)));
    cr_expect_null(cn_mul(a, a), "while an error is set, everything fails");
    expect_error(!y, "matmul: inner sizes differ: (2, 3) x (4, 5)");
    cr_expect_not_null(cn_mul(a, a));
    cn_tape_free(tape);
}

Test(tape, two_float_types_are_refused)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *a = cn_zeros(tape, CN_SHAPE(2)), *b = cn_zeros(tape, CN_SHAPE(2), .dtype = CN_F64);
    cn_add(a, b);
    cr_expect_eq(cn_error_code(), CN_TYPE);
    cn_error_clear();
    cn_tape_free(tape);
}

/* Variables */

Test(tape, read_is_the_value_at_that_moment)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *w = variable_of("w", 1, 2);
    cn_tensor *before = cn_read(tape, w);
    cr_assert(cn_assign(w, cn_mul(before, cn_scalar(tape, 10))));
    expect_floats(before, FLOATS(1, 2));
    expect_floats(cn_read(tape, w), FLOATS(10, 20));
    expect_floats(w, FLOATS(10, 20));
    cn_tape_free(tape);
    cn_variable_free(w);
}

Test(tape, read_of_a_variable_assigned_elsewhere_is_refused_by_name)
{
    cn_tape *a = cn_tape_new(), *b = cn_tape_new();
    cn_tensor *w = variable_of("kernel", 1, 2);
    cn_tensor *read = cn_read(a, w);
    cr_assert(cn_assign(w, cn_add(w, cn_scalar(b, 1))));
    expect_error(!cn_negative(read), "kernel has been assigned since this tape read it");
    expect_error(isnan(cn_item(cn_sum(read))), "kernel has been assigned since this tape read it");
    float values[2];
    expect_error(!cn_values(read, cn_array(values, 2)), "kernel has been assigned since this tape read it");
    expect_error(!cn_assign(w, read), "kernel has been assigned since this tape read it");
    cn_tape_free(a);
    cn_tape_free(b);
    cn_variable_free(w);
}

Test(tape, assignment_checks_shape_and_type)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *w = variable_of("w", 1, 2);
    expect_error(!cn_assign(w, cn_zeros(tape, CN_SHAPE(3))),
                 "assign: float32 of shape (3,) is given to w, float32 of shape (2,)");
    expect_floats(w, FLOATS(1, 2));
    cn_tape_free(tape);
    cn_variable_free(w);
}

/* Gradients */

Test(tape, shared_expressions_accumulate)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 2}), 2));
    cn_tensor *y = cn_mul(x, x);
    /* d/dx sum(x^2 + x^2 * x) = 2x + 3x^2 */
    expect_floats(cn_grad(cn_sum(cn_add(y, cn_mul(y, x))), x), FLOATS(5, 16));
    cn_tape_free(tape);
}

Test(tape, gradient_of_a_variable_sums_over_its_reads)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *w = variable_of("w", 1, 2);
    cn_tensor *first = cn_read(tape, w);
    cr_assert(cn_assign(w, cn_add(first, cn_scalar(tape, 10))));
    /* The value assigned is a leaf: d/d(first) of 2 * first, and d/d(second) of second^2 at 11 and 12. */
    cn_tensor *loss = cn_add(cn_sum(cn_mul(first, cn_scalar(tape, 2))), cn_sum(cn_square(cn_read(tape, w))));
    expect_floats(cn_grad(loss, w), FLOATS(2 + 22, 2 + 24));
    cn_tape_free(tape);
    cn_variable_free(w);
}

Test(tape, gradient_is_zero_where_the_loss_does_not_depend)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *w = variable_of("w", 1, 2), *x = cn_zeros(tape, CN_SHAPE(2));
    expect_floats(cn_grad(cn_sum(x), w), FLOATS(0, 0));
    cn_tape_free(tape);
    cn_variable_free(w);
}

Test(tape, gradient_stops)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){3, 4}), 2));
    expect_floats(cn_grad(cn_sum(cn_mul(x, cn_stop_gradient(x))), x), FLOATS(3, 4));
    cn_tape_free(tape);
}

Test(tape, third_derivative)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){0.5f, 2}), 2));
    cn_tensor *cube = cn_mul(x, cn_square(cn_square(x))); /* x^5 */
    for (int i = 0; i < 3; i++)
        cube = cn_grad(cn_sum(cube), x);
    expect_floats(cube, FLOATS(15, 240)); /* 60 x^2 */
    cn_tape_free(tape);
}

Test(tape, upstream_gradient_is_taken)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 2}), 2)), *dx = NULL;
    cn_tensor *y = cn_square(x), *dy = cn_constant(tape, cn_array(((float[]){10, 100}), 2));
    cr_assert(cn_vjp(&y, &dy, 1, &x, 1, &dx), "%s", cn_error_message());
    expect_floats(dx, FLOATS(20, 400));
    cn_tape_free(tape);
}

Test(tape, loss_must_be_one_number)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_zeros(tape, CN_SHAPE(2, 3));
    expect_error(!cn_grad(x, x), "gradients: the loss has shape (2, 3); it must be one number");
    cn_tape_free(tape);
}

Test(tape, fused_operation_says_how_to_get_second_derivatives)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *lstm = cn_lstm(2);
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 2));
    cn_tensor *dx = cn_grad(cn_sum(cn_call(lstm, x)), x);
    expect_error(!cn_grad(cn_sum(cn_square(dx)), x),
                 "recurrent_sequence_grad: has no gradient; a fused operation has one on a tape made with "
                 ".second_order = true");
    cn_tape_free(tape);
    tape = cn_tape_new(.second_order = true);
    x = cn_ones(tape, CN_SHAPE(1, 2, 2));
    dx = cn_grad(cn_sum(cn_call(lstm, x)), x);
    cr_expect_not_null(cn_grad(cn_sum(cn_square(dx)), x), "%s", cn_error_message());
    cn_tape_free(tape);
    cn_clear_session();
}

Test(tape, a_scalar_of_int32_is_a_whole_number)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *three = cn_scalar_typed(tape, -3, CN_I32);
    cr_assert_not_null(three, "%s", cn_error_message());
    cr_expect_eq(cn_dtype_of(three), CN_I32);
    cr_expect_eq(cn_item(three), -3);
    cr_assert_null(cn_scalar_typed(tape, 0.5, CN_I32));
    cr_expect_str_eq(cn_error_message(), "scalar: 0.5 is no int32");
    cn_error_clear();
    cn_tape_free(tape);
}

Test(tape, read_outlives_the_variable)
{
    cn_tape *tape = cn_tape_new();
    const float start[2] = {3, 4};
    float value[2];
    cn_tensor *w = cn_variable_new(CN_SHAPE(2));
    cn_variable_set(w, cn_array(start, 2));
    cn_tensor *read = cn_read(tape, w);
    cn_variable_free(w);
    cr_assert(cn_values(read, cn_array(value, 2)), "%s", cn_error_message());
    cr_expect_eq(value[1], 4);
    cn_tape_free(tape);
}

Test(tape, int64_values_beyond_int32_are_refused)
{
    cn_tape *tape = cn_tape_new();
    const int64_t labels[3] = {7, INT32_MIN, (int64_t)INT32_MAX + 1};
    cr_expect_not_null(cn_constant(tape, cn_array(labels, 2)));
    cr_expect_null(cn_constant(tape, cn_array(labels, 3)));
    cr_expect_eq(cn_error_code(), CN_VALUE);
    cr_expect_str_eq(cn_error_message(), "2147483648 at index 2 of an array is not in the range of int32");
    cn_error_clear();
    cn_tape_free(tape);
}

Test(tape, what_is_no_element_type_is_refused)
{
    const cn_dtype none = (cn_dtype)7;
    cn_tape *eager = cn_tape_new(), *deferred = cn_tape_new(.deferred = true);
    const float x = 1;
    cr_expect_null(cn_variable_new(CN_SHAPE(2), .dtype = none));
    cn_error_clear();
    cr_expect_null(cn_feed(deferred, CN_SHAPE(2), .dtype = none));
    cn_error_clear();
    cr_expect_null(cn_constant_as(eager, cn_array(&x, 1), none));
    cn_error_clear();
    cr_expect_null(cn_zeros(eager, CN_SHAPE(2), .dtype = none));
    cr_expect_str_eq(cn_error_message(), "full: 7 is not an element type");
    cn_error_clear();
    cn_tape_free(deferred);
    cn_tape_free(eager);
}

Test(tape, operations_that_do_nothing_fail_while_an_error_is_set)
{
    cn_tape *tape = cn_tape_new();
    const float values[2] = {1, 2};
    cn_tensor *x = cn_constant(tape, cn_array(values, 2));
    cn_reshape(x, CN_SHAPE(3));
    cr_assert(cn_failed());
    cr_expect_null(cn_linear(x));
    cr_expect_null(cn_cast(x, CN_F32));
    cr_expect_null(cn_broadcast_to(x, CN_SHAPE(2)));
    cn_error_clear();
    cn_tape_free(tape);
}
