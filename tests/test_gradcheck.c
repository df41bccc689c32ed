#include "core/engine.h"
#include "core/kernels/elementwise.h"
#include "expect.h"
#include <string.h>

static cn_tensor *smooth(cn_tape *tape, cn_tensor *const *x, void *context)
{
    cn_tensor *w = context;
    return cn_tanh(cn_add(cn_matmul(x[0], w), cn_mul(x[1], cn_scalar(tape, 2))));
}

Test(gradcheck, a_right_gradient_passes_and_variables_keep_their_values)
{
    cn_tensor *w = cn_variable_new(CN_SHAPE(3, 2), .dtype = CN_F64, .name = "w");
    const double values[] = {0.1, -0.2, 0.3, 0.5, 0.7, -1};
    cn_variable_set(w, cn_array(values, 3, 2));
    cn_gradient_report report;
    cr_assert(cn_gradient_check(&report, smooth, .context = w, .input_count = 2,
                                .inputs = {CN_SHAPE(4, 3), CN_SHAPE(2)}, .intervals = {[1] = {1, 3}}, .variables = &w,
                                .variable_count = 1),
              "%s", cn_error_message());
    cr_assert(report.passed && report.draws == 1);
    cr_assert(report.first_error > 0 && report.first_error < 1e-6 && report.second_error < 1e-4);
    double after[6];
    cr_assert(cn_values(w, cn_array(after, 3, 2)));
    cr_assert_arr_eq(after, values, sizeof values);
    cr_assert_eq(cn_default_dtype(), CN_F32);
    cn_variable_free(w);
}

/* x^2 with the gradient 3 x dy. */
static bool wrong_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = cn_mul(dy[0], cn_mul(e->input[0], cn_scalar(dy[0], 3)))) != NULL;
}

static cn_tensor *wrong(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)tape, (void)context;
    static const cn_operation row = {.name = "wrong", .loop = CN_LOOP_square, .vjp = wrong_vjp};
    return cn_record(&row, NULL, &x[0], 1);
}

Test(gradcheck, a_wrong_gradient_is_caught_and_named)
{
    cn_gradient_report report;
    cr_assert_not(
        cn_gradient_check(&report, wrong, .input_count = 1, .inputs = {CN_SHAPE(2, 2)}, .intervals = {[0] = {1, 2}}));
    cr_assert_eq(cn_error_code(), CN_GRADIENT);
    cr_assert_str_eq(cn_error_message(), report.text);
    cr_assert(!report.passed && report.order == 1 && report.draws == 1);
    cr_assert_float_eq(report.analytic / report.numeric, 1.5, 1e-6);
    cr_assert_float_eq(report.error, 1.0 / 3, 1e-6);
    cr_assert(strstr(report.text, "first derivative by input 0("), "%s", report.text);
    cn_error_clear();
}

/* One element of three is wrong, and the report finds it. */
static cn_tensor *partly_wrong(cn_tape *tape, cn_tensor *const *x, void *context)
{
    cn_tensor *tail = cn_slice(x[1], CN_SHAPE(2), CN_SHAPE(1));
    return cn_add(cn_mul(cn_slice(x[1], CN_SHAPE(0), CN_SHAPE(1)), wrong(tape, &tail, context)), cn_sum(x[0]));
}

Test(gradcheck, the_worst_element_is_named)
{
    cn_gradient_report report;
    cr_assert_not(cn_gradient_check(&report, partly_wrong, .order = 1, .input_count = 2,
                                    .inputs = {CN_SHAPE(2), CN_SHAPE(3)}, .intervals = {[1] = {1, 2}}));
    cr_assert_eq(report.tensor, 1);
    cr_assert_eq(report.element, 2);
    cr_assert(strstr(report.text, "input 1(2,)"), "%s", report.text);
    cn_error_clear();
}

/* x^2 with the right gradient, which itself has none. */
static bool once_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = cn_mul(dy[0], cn_mul(cn_stop_gradient(e->input[0]), cn_scalar(dy[0], 2)))) != NULL;
}

static cn_tensor *once(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)tape, (void)context;
    static const cn_operation row = {.name = "once", .loop = CN_LOOP_square, .vjp = once_vjp};
    return cn_record(&row, NULL, &x[0], 1);
}

Test(gradcheck, a_wrong_second_derivative_is_caught)
{
    cn_gradient_report report;
    cr_assert(cn_gradient_check(&report, once, .order = 1, .input_count = 1, .inputs = {CN_SHAPE(3)}));
    cr_assert_not(cn_gradient_check(&report, once, .input_count = 1, .inputs = {CN_SHAPE(3)}));
    cr_assert_eq(report.order, 2);
    cr_assert_float_eq(report.analytic, 0, 1e-12);
    cr_assert(fabs(report.numeric) > 0.1);
    cr_assert(strstr(report.text, "second derivative by input 0("), "%s", report.text);
    cn_error_clear();
}

static cn_tensor *kinked(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)tape, (void)context;
    return cn_relu(x[0]);
}

Test(gradcheck, points_next_to_a_kink_are_drawn_again)
{
    cn_gradient_report report;
    cr_assert(cn_gradient_check(&report, kinked, .draws = 100, .input_count = 1, .inputs = {CN_SHAPE(60)},
                                .intervals = {[0] = {-0.01, 0.01}}),
              "%s", cn_error_message());
    cr_assert_gt(report.draws, 1);
}

Test(gradcheck, a_kink_at_every_point_is_told)
{
    cn_gradient_report report;
    cr_assert_not(cn_gradient_check(&report, kinked, .input_count = 1, .inputs = {CN_SHAPE(5)},
                                    .intervals = {[0] = {-1e-5, 1e-5}}));
    cr_assert_eq(report.draws, 10);
    cr_assert(strstr(report.text, "a kink was near each point that was tried"), "%s", report.text);
    cn_error_clear();
}

static cn_tensor *noisy(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)context;
    cn_shape shape = cn_shape_of(x[0]);
    cn_tensor *dropped = cn_mul(cn_square(x[0]), cn_dropout_mask(tape, shape, 0.5));
    return cn_mul(dropped, cn_sample_normal(tape, shape, 2));
}

Test(gradcheck, random_operations_draw_the_same_numbers_each_time)
{
    cr_assert(cn_gradient_check(NULL, noisy, .input_count = 1, .inputs = {CN_SHAPE(3, 5)}), "%s", cn_error_message());
}

static cn_tensor *failing(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)tape, (void)context;
    return cn_matmul(x[0], x[0]);
}

Test(gradcheck, an_error_of_the_function_is_handed_on)
{
    cn_gradient_report report;
    cr_assert_not(cn_gradient_check(&report, failing, .input_count = 1, .inputs = {CN_SHAPE(2, 3)}));
    cr_assert_str_eq(report.text, "matmul: inner sizes differ: (2, 3) x (2, 3)");
    cn_error_clear();
}

Test(gradcheck, a_check_of_nothing_is_refused)
{
    cr_assert_not(cn_gradient_check(NULL, smooth));
    cr_assert_eq(cn_error_code(), CN_ARGUMENT);
    cn_error_clear();
}
