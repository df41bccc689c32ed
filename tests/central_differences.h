/* Gradients against central differences in float64: of any order, the gradient of order n being that of the weighted
 * sum of the gradients of order n - 1. */
#ifndef CN_TESTS_CENTRAL_DIFFERENCES_H
#define CN_TESTS_CENTRAL_DIFFERENCES_H
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <math.h>

enum { MOST_ELEMENTS = 64, MOST_INPUTS = 3 };

/* What is differentiated: a function of one to three tensors. */
typedef cn_tensor *tested_function(cn_tensor *const *x);

typedef struct tested_inputs {
    int count;
    cn_shape shape[MOST_INPUTS];
    double value[MOST_INPUTS][MOST_ELEMENTS];
} tested_inputs;

static inline cn_tensor *weighted_sum(cn_tensor *x)
{
    double weight[MOST_ELEMENTS];
    for (int i = 0; i < MOST_ELEMENTS; i++)
        weight[i] = 0.5 + 0.25 * (i % 5) - 0.125 * (i % 3);
    cn_view view = cn_array(weight, 0);
    view.shape = cn_shape_of(x);
    return cn_sum(cn_mul(x, cn_constant_as(cn_tape_of(x), view, CN_F64)));
}

static inline cn_tensor *scalar_of_order(tested_function *function, int order, cn_tensor *const *x, int count)
{
    if (order == 1)
        return weighted_sum(function(x));
    cn_tensor *gradient[MOST_INPUTS] = {NULL}, *sum = NULL;
    cn_gradients(scalar_of_order(function, order - 1, x, count), x, count, gradient);
    for (int i = 0; i < count && !cn_failed(); i++)
        sum = sum ? cn_add(sum, weighted_sum(gradient[i])) : weighted_sum(gradient[i]);
    return sum;
}

/* The scalar whose gradient is of the given order, and if gradient is not NULL, that gradient. */
static inline double evaluate(tested_function *function, int order, const tested_inputs *inputs,
                              double (*gradient)[MOST_ELEMENTS])
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x[MOST_INPUTS] = {NULL}, *dx[MOST_INPUTS] = {NULL};
    for (int i = 0; i < inputs->count; i++) {
        cn_view view = cn_array(inputs->value[i], 0);
        view.shape = inputs->shape[i];
        x[i] = cn_constant_as(tape, view, CN_F64);
    }
    cn_tensor *scalar = scalar_of_order(function, order, x, inputs->count);
    double value = cn_item(scalar);
    if (gradient) {
        cn_gradients(scalar, x, inputs->count, dx);
        for (int i = 0; i < inputs->count && !cn_failed(); i++) {
            cn_view view = cn_array(gradient[i], 0);
            view.shape = inputs->shape[i];
            cn_values(dx[i], view);
        }
    }
    cn_tape_free(tape);
    return value;
}

static inline void expect_gradients(const char *name, tested_function *function, int orders, tested_inputs inputs)
{
    const double step = 1e-5;
    for (int order = 1; order <= orders; order++) {
        double gradient[MOST_INPUTS][MOST_ELEMENTS];
        evaluate(function, order, &inputs, gradient);
        cr_assert(!cn_failed(), "%s, order %d: %s", name, order, cn_error_message());
        for (int i = 0; i < inputs.count; i++)
            for (int j = 0; j < (int)cn_shape_size(inputs.shape[i]); j++) {
                double *at = &inputs.value[i][j], here = *at;
                *at = here + step;
                double above = evaluate(function, order, &inputs, NULL);
                *at = here - step;
                double below = evaluate(function, order, &inputs, NULL);
                *at = here;
                double expected = (above - below) / (2 * step), error = fabs(gradient[i][j] - expected);
                cr_expect(error <= 1e-6 * fmax(1, fabs(expected)),
                          "%s, order %d, input %d at %g: %.12g instead of %.12g", name, order, i, here, gradient[i][j],
                          expected);
            }
    }
}
#endif
