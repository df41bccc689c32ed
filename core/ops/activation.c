#include "core/ops/activation.h"
#include "core/engine.h"
#include "core/kernels/elementwise.h"
#include "core/ops/number.h"
#include "core/ops/pooling_gradient.h"

static const double selu_curvature = 1.0507009873554805 * 1.6732632423543772; /* at 0 from below */

/* Terms of gradients */

static cn_tensor *one_minus(cn_tensor *x)
{
    return cn_plus(cn_negative(x), 1);
}

static cn_tensor *zero(cn_tensor *x)
{
    return cn_scalar_beside(x, 0);
}

/* e^(rate x) where x < 0, else 0. */
static cn_tensor *exp_below_zero(cn_tensor *x, double rate)
{
    cn_tensor *exponent = cn_times(cn_minimum(x, zero(x)), rate);
    return cn_where(cn_less(x, zero(x)), cn_exp(exponent), zero(x));
}

/* A number where |x| < bound, else 0. */
static cn_tensor *where_within(cn_tensor *x, double bound, double number)
{
    return cn_where(cn_less(cn_absolute(x), cn_scalar_beside(x, bound)), cn_scalar_beside(x, number), zero(x));
}

/* sigmoid(x) (1 - sigmoid(x)) */
static cn_tensor *sigmoid_slope(cn_tensor *x)
{
    cn_tensor *s = cn_sigmoid(x);
    return cn_mul(s, one_minus(s));
}

/* Functions whose gradient is computed from the result
 *
 * X(name, slope): dx = dy * f'(y) is a row of its own, name_grad(y, dy); slope is the derivative of f' by y, NULL for
 * 0. */
#define BY_RESULT(X)         \
    X(tanh, cn_times(y, -2)) \
    X(sigmoid, cn_plus(cn_times(y, -2), 1))

/* Functions whose gradient is computed from the argument
 *
 * X(name, parameters, curvature): dx = dy * f'(x) is a row of its own, name_grad(x, dy), with the parameters p of the
 * function; curvature is f''(x), NULL for 0. */
#define BY_ARGUMENT(X)                                          \
    X(general_relu, 3, NULL)                                    \
    X(relu6, 0, NULL)                                           \
    X(leaky_relu, 1, NULL)                                      \
    X(elu, 1, cn_times(exp_below_zero(x, 1), p[0]))             \
    X(celu, 1, cn_times(exp_below_zero(x, 1 / p[0]), 1 / p[0])) \
    X(selu, 0, cn_times(exp_below_zero(x, 1), selu_curvature))  \
    X(gelu, 0, gelu_curvature(x))                               \
    X(gelu_approximate, 0, gelu_approximate_curvature(x))       \
    X(silu, 0, silu_curvature(x))                               \
    X(mish, 0, mish_curvature(x))                               \
    X(log_sigmoid, 0, cn_negative(sigmoid_slope(x)))            \
    X(hard_sigmoid, 0, NULL)                                    \
    X(hard_silu, 0, where_within(x, 3, 1.0 / 3))                \
    X(sparse_sigmoid, 0, NULL)                                  \
    X(hard_tanh, 0, NULL)                                       \
    X(tanh_shrink, 0, tanh_shrink_curvature(x))                 \
    X(softplus, 0, sigmoid_slope(x))                            \
    X(squareplus, 1, squareplus_curvature(x, p[0]))             \
    X(sparse_plus, 0, where_within(x, 1, 0.5))                  \
    X(softsign, 0, softsign_curvature(x))                       \
    X(soft_shrink, 1, NULL)                                     \
    X(hard_shrink, 1, NULL)                                     \
    X(threshold, 2, NULL)

/* (2 - x^2) times the density of the normal distribution */
static cn_tensor *gelu_curvature(cn_tensor *x)
{
    const double density_at_0 = 0.39894228040143267794;
    cn_tensor *square = cn_square(x);
    return cn_mul(cn_times(cn_exp(cn_times(square, -0.5)), density_at_0), cn_plus(cn_negative(square), 2));
}

/* With u = c (x + k x^3) and t = tanh(u): (1 - t^2) (u' + x u'' / 2 - x t u'^2) */
static cn_tensor *gelu_approximate_curvature(cn_tensor *x)
{
    const double c = 0.79788456080286535588, k = 0.044715;
    cn_tensor *square = cn_square(x), *t = cn_tanh(cn_mul(x, cn_plus(cn_times(square, c * k), c)));
    cn_tensor *slope = cn_plus(cn_times(square, 3 * c * k), c);
    cn_tensor *bend = cn_sub(cn_times(square, 3 * c * k), cn_mul(cn_mul(x, t), cn_square(slope)));
    return cn_mul(one_minus(cn_square(t)), cn_add(slope, bend));
}

/* With s = sigmoid(x): s (1 - s) (2 + x (1 - 2 s)) */
static cn_tensor *silu_curvature(cn_tensor *x)
{
    cn_tensor *s = cn_sigmoid(x);
    return cn_mul(cn_mul(s, one_minus(s)), cn_plus(cn_mul(x, cn_plus(cn_times(s, -2), 1)), 2));
}

/* With s = sigmoid(x) and t = tanh(softplus(x)): (1 - t^2) s (2 + x (1 - s - 2 t s)) */
static cn_tensor *mish_curvature(cn_tensor *x)
{
    cn_tensor *s = cn_sigmoid(x), *t = cn_tanh(cn_softplus(x));
    cn_tensor *bend = cn_mul(x, cn_sub(one_minus(s), cn_times(cn_mul(t, s), 2)));
    return cn_mul(cn_mul(one_minus(cn_square(t)), s), cn_plus(bend, 2));
}

/* 2 t (1 - t^2) with t = tanh(x) */
static cn_tensor *tanh_shrink_curvature(cn_tensor *x)
{
    cn_tensor *t = cn_tanh(x);
    return cn_mul(cn_times(t, 2), one_minus(cn_square(t)));
}

/* b / 2 / (x^2 + b)^(3/2) */
static cn_tensor *squareplus_curvature(cn_tensor *x, double b)
{
    cn_tensor *r = cn_rsqrt(cn_plus(cn_square(x), b));
    return cn_times(cn_mul(r, cn_square(r)), b / 2);
}

/* -2 sign(x) / (1 + |x|)^3 */
static cn_tensor *softsign_curvature(cn_tensor *x)
{
    cn_tensor *r = cn_reciprocal(cn_plus(cn_absolute(x), 1));
    return cn_mul(cn_times(cn_sign(x), -2), cn_mul(r, cn_square(r)));
}

/* The vector-Jacobian product of a row f_grad(z, dy) = dy * g(z), which is linear in dy: f_grad(z, upstream) for dy,
 * and upstream * dy * g'(z) for z. */
static bool gradient_row_vjp(const cn_entry *e, cn_tensor *upstream, cn_tensor *slope, cn_tensor **dx)
{
    if (e->needed[0] && slope && !(dx[0] = cn_mul(cn_mul(upstream, e->input[1]), slope)))
        return false;
    cn_tensor *inputs[] = {e->input[0], upstream};
    return !e->needed[1] || (dx[1] = cn_record(e->operation, e->attributes, inputs, 2));
}

#define GRADIENT_ROW(row, parameters, variable, slope)                                        \
    static bool row##_grad_vjp(const cn_entry *e, cn_tensor *const *upstream, cn_tensor **dx) \
    {                                                                                         \
        cn_tensor *variable = e->input[0];                                                    \
        const double *p = e->attributes;                                                      \
        (void)variable, (void)p;                                                              \
        return gradient_row_vjp(e, upstream[0], e->needed[0] ? slope : NULL, dx);             \
    }                                                                                         \
    static const cn_operation row##_grad_row = {.name = #row "_grad",                         \
                                                .attributes = (parameters) * sizeof(double),  \
                                                .loop = CN_LOOP_##row##_grad,                 \
                                                .vjp = row##_grad_vjp};
#define FUNCTION_ROW(row, parameters, of)                                                \
    static bool row##_vjp(const cn_entry *e, cn_tensor *const *upstream, cn_tensor **dx) \
    {                                                                                    \
        cn_tensor *inputs[] = {e->of[0], upstream[0]};                                   \
        dx[0] = cn_record(&row##_grad_row, e->attributes, inputs, 2);                    \
        return dx[0] != NULL;                                                            \
    }                                                                                    \
    static const cn_operation row##_row = {                                              \
        .name = #row, .attributes = (parameters) * sizeof(double), .loop = CN_LOOP_##row, .vjp = row##_vjp};
#define BY_RESULT_ROWS(row, slope) GRADIENT_ROW(row, 0, y, slope) FUNCTION_ROW(row, 0, output)
#define BY_ARGUMENT_ROWS(row, parameters, curvature) \
    GRADIENT_ROW(row, parameters, x, curvature) FUNCTION_ROW(row, parameters, input)
BY_RESULT(BY_RESULT_ROWS)
BY_ARGUMENT(BY_ARGUMENT_ROWS)

/* relu is by result, too. What pooling alone sees of it has the gradient 0 where the largest value is 0: there are
 * fewer of these than of elements, which then need not be kept. */
GRADIENT_ROW(relu, 0, y, NULL)
static bool relu_vjp(const cn_entry *e, cn_tensor *const *upstream, cn_tensor **dx)
{
    cn_tensor *inputs[] = {e->output[0], upstream[0]};
    bool pooled = cn_is_max_pool_gradient(e->output[0], upstream[0], inputs);
    dx[0] = cn_record(&relu_grad_row, NULL, inputs, 2);
    if (pooled)
        dx[0] = cn_max_pool_gradient(upstream[0], dx[0]);
    return dx[0] != NULL;
}
static const cn_operation relu_row = {.name = "relu", .loop = CN_LOOP_relu, .vjp = relu_vjp};

/* Functions without parameters */

#define PLAIN(X)      \
    X(relu6)          \
    X(selu)           \
    X(silu)           \
    X(mish)           \
    X(sigmoid)        \
    X(log_sigmoid)    \
    X(hard_sigmoid)   \
    X(hard_silu)      \
    X(sparse_sigmoid) \
    X(tanh)           \
    X(hard_tanh)      \
    X(tanh_shrink)    \
    X(softplus)       \
    X(sparse_plus)    \
    X(softsign)

#define PLAIN_FUNCTION(name)                          \
    cn_tensor *cn_##name(cn_tensor *x)                \
    {                                                 \
        return cn_record_unary(&name##_row, NULL, x); \
    }
PLAIN(PLAIN_FUNCTION)

cn_tensor *cn_linear(cn_tensor *x)
{
    return cn_failed() ? NULL : x;
}

cn_tensor *cn_exponential(cn_tensor *x)
{
    return cn_exp(x);
}

cn_tensor *cn_threshold(cn_tensor *x, double threshold, double default_value)
{
    return cn_record_unary(&threshold_row, (double[]){threshold, default_value}, x);
}

/* Functions with parameters: as an activation with Keras' defaults, and with the caller's. X(name, its arguments, the
 * parameter) */
#define ONE_PARAMETER(X)                              \
    X(leaky_relu, cn_leaky_relu_args, negative_slope) \
    X(elu, cn_elu_args, alpha)                        \
    X(celu, cn_elu_args, alpha)                       \
    X(squareplus, cn_squareplus_args, b)              \
    X(soft_shrink, cn_shrink_args, threshold)         \
    X(hard_shrink, cn_shrink_args, threshold)

#define ONE_PARAMETER_FUNCTION(name, arguments, parameter)            \
    cn_tensor *(cn_##name)(cn_tensor * x)                             \
    {                                                                 \
        return cn_##name(x);                                          \
    }                                                                 \
    cn_tensor *cn_##name##_with(arguments args)                       \
    {                                                                 \
        return cn_record_unary(&name##_row, &args.parameter, args.x); \
    }
ONE_PARAMETER(ONE_PARAMETER_FUNCTION)

cn_tensor *(cn_gelu)(cn_tensor *x)
{
    return cn_gelu(x);
}

cn_tensor *cn_gelu_with(cn_gelu_args args)
{
    return cn_record_unary(args.approximate ? &gelu_approximate_row : &gelu_row, NULL, args.x);
}

cn_tensor *(cn_relu)(cn_tensor *x)
{
    return cn_relu(x);
}

cn_tensor *cn_relu_with(cn_relu_args args)
{
    if (args.max_value < INFINITY || args.threshold != 0)
        return cn_record_unary(&general_relu_row, (double[]){args.negative_slope, args.max_value, args.threshold},
                               args.x);
    return args.negative_slope != 0 ? cn_leaky_relu(args.x, args.negative_slope)
                                    : cn_record_unary(&relu_row, NULL, args.x);
}

#define ENTRY(row, ...) &row##_row, &row##_grad_row,
extern const cn_operation *const cn_activation_operations[];
const cn_operation *const cn_activation_operations[] = {&relu_row, &relu_grad_row,
                                                        BY_RESULT(ENTRY) BY_ARGUMENT(ENTRY) NULL};
