/* What the tests of operations expect of tensors: values, errors, and gradients that agree with central differences. */
#ifndef CN_TESTS_EXPECT_H
#define CN_TESTS_EXPECT_H
#include "cornet.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

/* 0, 1, 2, ... in that shape, in float64. */
static inline cn_tensor *expect_counting(cn_tape *tape, cn_shape shape)
{
    return cn_reshape(cn_arange(tape, (double)cn_shape_size(shape), .dtype = CN_F64), shape);
}

static inline void expect_shape(const cn_tensor *got, cn_shape shape)
{
    char is[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
    cr_assert_not_null(got, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(got), shape), "shape %s, not %s",
              cn_shape_text(cn_shape_of(got), is, sizeof is), cn_shape_text(shape, wanted, sizeof wanted));
}

static inline void expect_tensor(cn_tensor *got, cn_shape shape, const double *values)
{
    expect_shape(got, shape);
    int64_t count = cn_shape_size(shape);
    double *all = calloc((size_t)count + 1, sizeof *all);
    cr_assert(cn_values(got, cn_array_with(all, CN_ARRAY_F64, true, shape)), "%s", cn_error_message());
    for (int64_t i = 0; i < count; i++)
        cr_assert(all[i] == values[i] || (isnan(all[i]) && isnan(values[i])), "element %lld is %g, not %g",
                  (long long)i, all[i], values[i]);
    free(all);
}
/* EXPECT(tensor, CN_SHAPE(2, 2), 1, 2, 3, 4) */
#define EXPECT(tensor, shape, ...) expect_tensor((tensor), (shape), (const double[]){__VA_ARGS__})

/* The call failed with that message; the error is cleared. */
static inline void expect_error(bool failed, const char *message)
{
    cr_assert(failed);
    cr_assert_str_eq(cn_error_message(), message);
    cn_error_clear();
}

static inline void expect_failure(bool failed, cn_code code, const char *message)
{
    cr_expect(failed, "%s", message);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect_str_eq(cn_error_message(), message);
    cn_error_clear();
}

/* The end of a test of layers: no error is left, and nothing of what it set. */
static inline void expect_clear(void)
{
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    cn_clear_session();
    cn_set_default_dtype(CN_F32);
    cn_set_threads(0);
}

/* Two tensors of one shape with the same values, but for a relative error (absolute below 1). */
static inline void expect_tensors_close(cn_tensor *got, cn_tensor *wanted, double tolerance)
{
    cr_assert(got && wanted, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(got), cn_shape_of(wanted)));
    int64_t count = cn_shape_size(cn_shape_of(got));
    double *a = calloc((size_t)count + 1, sizeof *a), *b = calloc((size_t)count + 1, sizeof *b);
    cr_assert(cn_values(got, cn_array_with(a, CN_ARRAY_F64, true, cn_shape_of(got))));
    cr_assert(cn_values(wanted, cn_array_with(b, CN_ARRAY_F64, true, cn_shape_of(got))));
    for (int64_t i = 0; i < count; i++)
        cr_assert(fabs(a[i] - b[i]) <= tolerance * (1 + fabs(b[i])), "element %lld is %g, not %g", (long long)i, a[i],
                  b[i]);
    free(a);
    free(b);
}

typedef cn_tensor *expect_function(cn_tensor *x);

/* The loss sum(i * f(x)[i]^2), its gradient and, if v is given, the product of its Hessian with v. */
static inline double expect_loss(expect_function *f, cn_shape shape, const double *x, const double *v, double *gradient,
                                 double *product)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *input = cn_constant_as(tape, cn_array_with(x, CN_ARRAY_F64, false, shape), CN_F64);
    cn_tensor *y = f(input);
    cr_assert_not_null(y, "%s", cn_error_message());
    cn_tensor *weights =
        cn_reshape(cn_arange(tape, 1, (double)cn_shape_size(cn_shape_of(y)) + 1, .dtype = CN_F64), cn_shape_of(y));
    cn_tensor *loss = cn_sum(cn_mul(weights, cn_square(y)));
    cn_tensor *slope = cn_grad(loss, input);
    cr_assert(cn_values(slope, cn_array_with(gradient, CN_ARRAY_F64, true, shape)), "%s", cn_error_message());
    if (v) {
        cn_tensor *along = cn_constant_as(tape, cn_array_with(v, CN_ARRAY_F64, false, shape), CN_F64);
        cn_tensor *curve = cn_grad(cn_sum(cn_mul(slope, along)), input);
        cr_assert(cn_values(curve, cn_array_with(product, CN_ARRAY_F64, true, shape)), "%s", cn_error_message());
    }
    double value = cn_item(loss);
    cn_tape_free(tape);
    return value;
}

static inline double expect_loss_at(expect_function *f, cn_shape shape, double *x, int64_t i, double value)
{
    double kept = x[i], *unused = calloc((size_t)cn_shape_size(shape), sizeof *unused);
    x[i] = value;
    double loss = expect_loss(f, shape, x, NULL, unused, NULL);
    x[i] = kept;
    free(unused);
    return loss;
}

/* First and second derivatives of f, at a point where all elements differ, against central differences. f may be of
 * second degree in each element: for the loss, of fourth degree, a difference of five points is exact. */
static inline void expect_derivatives(const char *name, expect_function *f, cn_shape shape)
{
    enum { MOST = 64 };
    const double h = 1e-3;
    int64_t count = cn_shape_size(shape);
    double x[MOST], v[MOST], moved[MOST], gradient[MOST], product[MOST], above[MOST], below[MOST];
    cr_assert(count <= MOST);
    for (int64_t i = 0; i < count; i++) {
        x[i] = 0.5 + fmod((double)(i * 7919 % 101) * 0.37, 5);
        v[i] = 1 - fmod((double)(i * 31 % 17) * 0.23, 2);
    }
    expect_loss(f, shape, x, v, gradient, product);
    for (int64_t i = 0; i < count; i++) {
        double near = expect_loss_at(f, shape, x, i, x[i] + h) - expect_loss_at(f, shape, x, i, x[i] - h);
        double far = expect_loss_at(f, shape, x, i, x[i] + 2 * h) - expect_loss_at(f, shape, x, i, x[i] - 2 * h);
        double slope = (8 * near - far) / (12 * h);
        cr_assert(fabs(gradient[i] - slope) <= 1e-6 * fmax(1, fabs(slope)), "%s: gradient %lld is %.9g, not %.9g", name,
                  (long long)i, gradient[i], slope);
    }
    for (int64_t i = 0; i < count; i++)
        moved[i] = x[i] + h * v[i];
    expect_loss(f, shape, moved, NULL, above, NULL);
    for (int64_t i = 0; i < count; i++)
        moved[i] = x[i] - h * v[i];
    expect_loss(f, shape, moved, NULL, below, NULL);
    for (int64_t i = 0; i < count; i++) {
        double curve = (above[i] - below[i]) / (2 * h);
        cr_assert(fabs(product[i] - curve) <= 1e-4 * fmax(1, fabs(curve)), "%s: second derivative %lld is %g, not %g",
                  name, (long long)i, product[i], curve);
    }
}

/* Value and gradient of sum(f(x)^2) are the same bits, eager and planned. */
static inline void expect_planned(const char *name, expect_function *f, cn_shape shape)
{
    enum { MOST = 64 };
    int64_t count = cn_shape_size(shape);
    double x[MOST], eager[1 + MOST], planned[1 + MOST];
    cr_assert(count <= MOST);
    for (int64_t i = 0; i < count; i++)
        x[i] = sin((double)(3 * i));
    cn_view in = cn_array_with(x, CN_ARRAY_F64, false, shape);
    for (int deferred = 0; deferred < 2; deferred++) {
        double *out = deferred ? planned : eager;
        cn_view loss_out = cn_array(out, 1), gradient_out = cn_array_with(out + 1, CN_ARRAY_F64, true, shape);
        cn_tape *tape = cn_tape_new(.deferred = deferred != 0);
        cn_tensor *input = deferred ? cn_feed(tape, shape, .dtype = CN_F64) : cn_constant_as(tape, in, CN_F64);
        cn_tensor *loss = cn_sum(cn_square(f(input))), *gradient = cn_grad(loss, input);
        if (deferred) {
            cn_plan *plan = cn_plan_new(tape, {loss, gradient});
            cn_run(plan, {in}, {loss_out, gradient_out});
            cn_plan_free(plan);
        } else {
            cn_values(loss, loss_out);
            cn_values(gradient, gradient_out);
        }
        cr_assert_not(cn_failed(), "%s: %s", name, cn_error_message());
        cn_tape_free(tape);
    }
    for (int64_t i = 0; i <= count; i++)
        cr_assert(eager[i] == planned[i], "%s: number %lld is %.17g planned, %.17g eager", name, (long long)i,
                  planned[i], eager[i]);
}
#endif
