/* Private: the loops of elementwise.c for one floating type; it includes this file once for float and once for double.
 * No include guard, for that reason. */
#define FN(name) CN_PASTE(cn_##name, SUFFIX) /* of vector_math.h */
#define OWN(name) CN_PASTE(name##_of, SUFFIX)
#define NAME(name) CN_PASTE(name, SUFFIX)
#define R(constant) ((REAL)(constant))
#define PARAMETER(name, index) const REAL name = (REAL)scalar[index]

#define SHORT(name, value) LOOP_1(NAME(name), REAL, REAL, x, , value)
#define UNARY(name, value) VECTORS_1(NAME(name), REAL, REAL, x, , value)
#define UNARY_WITH(name, parameters, value) VECTORS_1(NAME(name), REAL, REAL, x, parameters, value)
#define CALL(name, value) CALLS_1(NAME(name), REAL, REAL, x, , value)
#define TEST(name, value) VECTORS_1(NAME(name), int32_t, REAL, x, , value)
#define ARITHMETIC(name, value) SCALAR_2(NAME(name), REAL, REAL, a, b, , value)
#define BINARY(name, value) VECTORS_2(NAME(name), REAL, REAL, a, b, , value)
#define CALL_2(name, value) CALLS_2(NAME(name), REAL, REAL, a, b, , value)
#define GRADIENT(name, value) VECTORS_2(NAME(name), REAL, REAL, x, dy, , value)
#define GRADIENT_WITH(name, parameters, value) VECTORS_2(NAME(name), REAL, REAL, x, dy, parameters, value)
#define GRADIENT_BY_OUTPUT(name, value) LOOP_2(NAME(name), REAL, REAL, y, dy, , value)

CN_INLINE REAL OWN(clip)(REAL x, REAL low, REAL high)
{
    const REAL raised = x < low ? low : x;
    return raised > high ? high : raised;
}

/* Python's a % b and a // b; what Python refuses is as in NumPy. */
CN_INLINE REAL OWN(mod)(REAL a, REAL b)
{
    const REAL rest = fmod(a, b);
    return ((rest != 0) & ((rest < 0) != (b < 0))) ? rest + b : rest;
}

CN_INLINE REAL OWN(floor_divide)(REAL a, REAL b)
{
    const REAL rest = fmod(a, b);
    const REAL quotient = rint((a - rest) / b);
    return b == 0 ? a / b : ((rest != 0) & ((rest < 0) != (b < 0))) ? quotient - 1 : quotient;
}

CN_INLINE REAL OWN(logaddexp)(REAL a, REAL b)
{
    const REAL distance = a == b ? 0 : FN(absolute)(a - b);
    return (a > b ? a : b) + FN(softplus)(-distance);
}

/* Giles' approximation to single precision (Approximating the erfinv function, GPU Computing Gems, 2011), and two of
 * Halley's steps in double, on erfc where 1 - erf would cancel. */
CN_INLINE REAL OWN(erfinv)(REAL argument)
{
    const double y = argument, magnitude = fabs(y);
    if (!(magnitude < 1))
        return magnitude == 1 ? (REAL)copysign((double)INFINITY, y) : (REAL)NAN;
    double w = -log((1 - y) * (1 + y)), x;
    if (w < 5) {
        static const double c[] = {1.50140941,     0.246640727,   -0.00417768164, -0.00125372503, 0.00021858087,
                                   -4.39150654e-6, -3.5233877e-6, 3.43273939e-7,  2.81022636e-8};
        x = magnitude * cn_horner_f64(w - 2.5, c, 9);
    } else {
        static const double c[] = {2.83297682,     1.00167406,    0.00943887047,  -0.0076224613,  0.00573950773,
                                   -0.00367342844, 0.00134934322, 0.000100950558, -0.000200214257};
        x = magnitude * cn_horner_f64(sqrt(w) - 3, c, 9);
    }
    for (int step = 0; step < 2; step++) {
        const double excess = magnitude < 0.5 ? erf(x) - magnitude : (1 - magnitude) - erfc(x);
        const double newton = excess / (1.12837916709551257390 * exp(-x * x));
        x -= newton / (1 + x * newton);
    }
    return (REAL)copysign(x, y);
}

ARITHMETIC(add, a + b)
ARITHMETIC(subtract, a - b)
ARITHMETIC(multiply, a *b)
ARITHMETIC(divide, a / b)
ARITHMETIC(maximum, ((a > b) | (a != a)) ? a : b)
ARITHMETIC(minimum, ((a < b) | (a != a)) ? a : b)
CALL_2(power, pow(a, b))
CALL_2(mod, OWN(mod)(a, b))
CALL_2(floor_divide, OWN(floor_divide)(a, b))
CALL_2(arctan2, atan2(a, b))
BINARY(logaddexp, OWN(logaddexp)(a, b))

SHORT(negative, -x)
SHORT(absolute, FN(absolute)(x))
UNARY(sign, x != x ? x : x > 0 ? R(1) : x < 0 ? R(-1) : R(0))
SHORT(square, x *x)
SHORT(sqrt, sqrt(x))
UNARY(rsqrt, 1 / sqrt(x))
UNARY(reciprocal, 1 / x)
UNARY(exp, FN(exp)(x))
UNARY(expm1, FN(expm1)(x))
UNARY(log, FN(log)(x))
UNARY(log1p, FN(log1p)(x))
CALL(log2, log2(x))
CALL(log10, log10(x))
CALL(sin, sin(x))
CALL(cos, cos(x))
CALL(tan, tan(x))
CALL(arcsin, asin(x))
CALL(arccos, acos(x))
CALL(arctan, atan(x))
CALL(sinh, sinh(x))
CALL(cosh, cosh(x))
UNARY(tanh, FN(tanh)(x))
CALL(arcsinh, asinh(x))
CALL(arccosh, acosh(x))
CALL(arctanh, atanh(x))
UNARY(erf, FN(erf)(x))
CALL(erfinv, OWN(erfinv)(x))
UNARY(floor, floor(x))
UNARY(ceil, ceil(x))
UNARY(round, rint(x))
UNARY(trunc, trunc(x))
TEST(isfinite, FN(absolute)(x) <= REAL_MAX)
TEST(isnan, x != x)
TEST(isinf, FN(absolute)(x) > REAL_MAX)
UNARY_WITH(clip, PARAMETER(low, 0); PARAMETER(high, 1), OWN(clip)(x, low, high))
GRADIENT_WITH(clip_grad, PARAMETER(low, 0); PARAMETER(high, 1), ((x >= low) & (x <= high)) ? dy : 0)

SHORT(relu, x <= 0 ? 0 : x)
GRADIENT_BY_OUTPUT(relu_grad, y > 0 ? dy : 0)
UNARY(relu6, OWN(clip)(x, 0, 6))
GRADIENT(relu6_grad, ((x > 0) & (x < 6)) ? dy : 0)
UNARY_WITH(leaky_relu, PARAMETER(slope, 0), x > 0 ? x : slope * x)
GRADIENT_WITH(leaky_relu_grad, PARAMETER(slope, 0), x > 0 ? dy : slope * dy)

CN_INLINE REAL OWN(general_relu)(REAL x, REAL slope, REAL highest, REAL threshold)
{
    /* A slope of 0 gives 0 for an infinite x too. */
    const REAL below = ((slope == 0) & (x == x)) ? 0 : slope * (x - threshold);
    return x > threshold ? (x >= highest ? highest : x) : below;
}
#define RELU_PARAMETERS    \
    PARAMETER(slope, 0);   \
    PARAMETER(highest, 1); \
    PARAMETER(threshold, 2)
UNARY_WITH(general_relu, RELU_PARAMETERS, OWN(general_relu)(x, slope, highest, threshold))
GRADIENT_WITH(general_relu_grad, RELU_PARAMETERS, x > threshold ? (x >= highest ? 0 : dy) : slope * dy)
#undef RELU_PARAMETERS

UNARY_WITH(elu, PARAMETER(alpha, 0), x > 0 ? x : alpha * FN(expm1)(x))
GRADIENT_WITH(elu_grad, PARAMETER(alpha, 0), x > 0 ? dy : alpha * FN(exp)(x) * dy)
UNARY_WITH(celu, PARAMETER(alpha, 0), x > 0 ? x : alpha * FN(expm1)(x / alpha))
GRADIENT_WITH(celu_grad, PARAMETER(alpha, 0), x > 0 ? dy : FN(exp)(x / alpha) * dy)
#define SELU_SCALE R(1.0507009873554805)
#define SELU_SCALE_ALPHA R(1.0507009873554805 * 1.6732632423543772)
UNARY(selu, x > 0 ? SELU_SCALE * x : SELU_SCALE_ALPHA * FN(expm1)(x))
GRADIENT(selu_grad, x > 0 ? SELU_SCALE * dy : SELU_SCALE_ALPHA * FN(exp)(x) * dy)
#undef SELU_SCALE
#undef SELU_SCALE_ALPHA

CN_INLINE REAL OWN(gelu_derivative)(REAL x)
{
    const REAL density = R(0.39894228040143267794) * FN(exp)(R(-0.5) * x * x);
    return R(0.5) + FN(normal_area)(x) + x * density;
}
UNARY(gelu, x *(R(0.5) + FN(normal_area)(x)))
GRADIENT(gelu_grad, OWN(gelu_derivative)(x) * dy)

#define SQRT_2_BY_PI R(0.79788456080286535588)
#define CUBIC R(0.044715)
CN_INLINE REAL OWN(gelu_approximate_derivative)(REAL x)
{
    /* Beyond 10 the derivative is 0 or 1, and x * x could overflow. */
    const REAL c = OWN(clip)(x, -10, 10);
    const REAL t = FN(tanh)(SQRT_2_BY_PI * c * (1 + CUBIC * c * c));
    const REAL slope = SQRT_2_BY_PI * (1 + 3 * CUBIC * c * c);
    return R(0.5) * (1 + t) + R(0.5) * c * (1 - t * t) * slope;
}
UNARY(gelu_approximate, R(0.5) * x * (1 + FN(tanh)(SQRT_2_BY_PI * x * (1 + CUBIC * x * x))))
GRADIENT(gelu_approximate_grad, OWN(gelu_approximate_derivative)(x) * dy)
#undef SQRT_2_BY_PI
#undef CUBIC

CN_INLINE REAL OWN(silu_derivative)(REAL x)
{
    const REAL s = FN(sigmoid)(x);
    return s * (1 + x * (1 - s));
}
UNARY(silu, x *FN(sigmoid)(x))
GRADIENT(silu_grad, OWN(silu_derivative)(x) * dy)

/* With e = exp(x), tanh(log(1 + e)) = q / (q + 2) where q = e (e + 2). Beyond 40 it is 1. */
CN_INLINE REAL OWN(mish)(REAL x)
{
    const REAL e = FN(exp)(x > 40 ? 40 : x);
    const REAL q = e * (e + 2);
    return x * (q / (q + 2));
}
CN_INLINE REAL OWN(mish_derivative)(REAL x)
{
    const REAL c = x > 40 ? 40 : x;
    const REAL e = FN(exp)(c);
    const REAL q = e * (e + 2);
    return q / (q + 2) + c * (4 * (e / (q + 2)) * ((1 + e) / (q + 2)));
}
UNARY(mish, OWN(mish)(x))
GRADIENT(mish_grad, OWN(mish_derivative)(x) * dy)

UNARY(sigmoid, FN(sigmoid)(x))
GRADIENT_BY_OUTPUT(sigmoid_grad, dy *y *(1 - y))
GRADIENT_BY_OUTPUT(tanh_grad, dy *(1 - y * y))
UNARY(log_sigmoid, -FN(softplus)(-x))
GRADIENT(log_sigmoid_grad, FN(sigmoid)(-x) * dy)
UNARY(softplus, FN(softplus)(x))
GRADIENT(softplus_grad, FN(sigmoid)(x) * dy)

UNARY(hard_sigmoid, OWN(clip)(x *R(1.0 / 6) + R(0.5), 0, 1))
GRADIENT(hard_sigmoid_grad, ((x > -3) & (x < 3)) ? R(1.0 / 6) * dy : 0)
UNARY(hard_silu, x *OWN(clip)(x *R(1.0 / 6) + R(0.5), 0, 1))
GRADIENT(hard_silu_grad, x <= -3 ? 0 : x >= 3 ? dy : (x * R(1.0 / 3) + R(0.5)) * dy)
UNARY(hard_tanh, OWN(clip)(x, -1, 1))
GRADIENT(hard_tanh_grad, ((x > -1) & (x < 1)) ? dy : 0)
UNARY(tanh_shrink, x - FN(tanh)(x))
GRADIENT(tanh_shrink_grad, FN(tanh)(x) * FN(tanh)(x) * dy)

UNARY_WITH(squareplus, PARAMETER(b, 0), R(0.5) * (x + sqrt(x * x + b)))
GRADIENT_WITH(squareplus_grad, PARAMETER(b, 0), R(0.5) * (1 + x / sqrt(x * x + b)) * dy)
UNARY(sparse_plus, x <= -1 ? 0 : x >= 1 ? x : R(0.25) * (x + 1) * (x + 1))
GRADIENT(sparse_plus_grad, x <= -1 ? 0 : x >= 1 ? dy : R(0.5) * (x + 1) * dy)
UNARY(sparse_sigmoid, OWN(clip)(R(0.5) * (x + 1), 0, 1))
GRADIENT(sparse_sigmoid_grad, ((x > -1) & (x < 1)) ? R(0.5) * dy : 0)
UNARY(softsign, x / (1 + FN(absolute)(x)))
GRADIENT(softsign_grad, dy / ((1 + FN(absolute)(x)) * (1 + FN(absolute)(x))))
UNARY_WITH(soft_shrink, PARAMETER(threshold, 0), x > threshold ? x - threshold : x < -threshold ? x + threshold : x * 0)
GRADIENT_WITH(soft_shrink_grad, PARAMETER(threshold, 0), FN(absolute)(x) > threshold ? dy : 0)
UNARY_WITH(hard_shrink, PARAMETER(threshold, 0), FN(absolute)(x) <= threshold ? 0 : x)
GRADIENT_WITH(hard_shrink_grad, PARAMETER(threshold, 0), FN(absolute)(x) > threshold ? dy : 0)
UNARY_WITH(threshold, PARAMETER(threshold, 0); PARAMETER(otherwise, 1), x > threshold ? x : otherwise)
GRADIENT_WITH(threshold_grad, PARAMETER(threshold, 0), x > threshold ? dy : 0)

#undef FN
#undef OWN
#undef NAME
#undef R
#undef PARAMETER
#undef SHORT
#undef UNARY
#undef UNARY_WITH
#undef CALL
#undef TEST
#undef ARITHMETIC
#undef BINARY
#undef CALL_2
#undef GRADIENT
#undef GRADIENT_WITH
#undef GRADIENT_BY_OUTPUT
#undef REAL
#undef SUFFIX
#undef REAL_MAX
