/* Element-wise arithmetic. Shapes broadcast as NumPy's do; int32 beside a float type becomes that type, a cn_scalar
 * takes the float type beside it, and two different float types are an error (CN_TYPE). What has no meaning for
 * integers converts them to the default float type. Integers wrap around where a result does not fit; their quotient
 * and remainder by 0 are 0, and a negative power is rounded towards 0. Everything with a gradient has one of every
 * order. */
#ifndef CN_CORE_OPS_ARITHMETIC_H
#define CN_CORE_OPS_ARITHMETIC_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Two operands */
CN_API cn_tensor *cn_add(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_sub(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_mul(cn_tensor *a, cn_tensor *b);
/* The true quotient, a float also for integers. */
CN_API cn_tensor *cn_div(cn_tensor *a, cn_tensor *b);
/* a to the power b. The gradient of b is 0 where a is not above 0, that of a is 0 where b is 0. */
CN_API cn_tensor *cn_power(cn_tensor *a, cn_tensor *b);
/* The larger and the smaller one; where they are equal each gets half of the gradient. */
CN_API cn_tensor *cn_maximum(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_minimum(cn_tensor *a, cn_tensor *b);
/* The quotient rounded down, without a gradient, and what remains of a, which has the sign of b. */
CN_API cn_tensor *cn_floor_divide(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_mod(cn_tensor *a, cn_tensor *b);
/* The angle of the point (b, a), from -pi to pi. */
CN_API cn_tensor *cn_arctan2(cn_tensor *a, cn_tensor *b);
/* log(exp(a) + exp(b)) without overflow. */
CN_API cn_tensor *cn_logaddexp(cn_tensor *a, cn_tensor *b);

/* One operand. These keep int32: */
CN_API cn_tensor *cn_negative(cn_tensor *x);
/* Gradient 0 at 0. */
CN_API cn_tensor *cn_absolute(cn_tensor *x);
/* -1, 0 or 1; no gradient. */
CN_API cn_tensor *cn_sign(cn_tensor *x);
CN_API cn_tensor *cn_square(cn_tensor *x);
/* and these make it a float: */
CN_API cn_tensor *cn_sqrt(cn_tensor *x);
/* 1 / sqrt(x), 1 / x */
CN_API cn_tensor *cn_rsqrt(cn_tensor *x);
CN_API cn_tensor *cn_reciprocal(cn_tensor *x);
CN_API cn_tensor *cn_exp(cn_tensor *x);
/* exp(x) - 1 and log(1 + x), precise near 0 */
CN_API cn_tensor *cn_expm1(cn_tensor *x);
CN_API cn_tensor *cn_log1p(cn_tensor *x);
CN_API cn_tensor *cn_log(cn_tensor *x);
CN_API cn_tensor *cn_log2(cn_tensor *x);
CN_API cn_tensor *cn_log10(cn_tensor *x);
CN_API cn_tensor *cn_sin(cn_tensor *x);
CN_API cn_tensor *cn_cos(cn_tensor *x);
CN_API cn_tensor *cn_tan(cn_tensor *x);
CN_API cn_tensor *cn_arcsin(cn_tensor *x);
CN_API cn_tensor *cn_arccos(cn_tensor *x);
CN_API cn_tensor *cn_arctan(cn_tensor *x);
CN_API cn_tensor *cn_sinh(cn_tensor *x);
CN_API cn_tensor *cn_cosh(cn_tensor *x);
CN_API cn_tensor *cn_arcsinh(cn_tensor *x);
CN_API cn_tensor *cn_arccosh(cn_tensor *x);
CN_API cn_tensor *cn_arctanh(cn_tensor *x);
CN_API cn_tensor *cn_erf(cn_tensor *x);
CN_API cn_tensor *cn_erfinv(cn_tensor *x);
/* To whole numbers: down, up, to the nearest (halves to the even one), towards 0. No gradient. */
CN_API cn_tensor *cn_floor(cn_tensor *x);
CN_API cn_tensor *cn_ceil(cn_tensor *x);
CN_API cn_tensor *cn_round(cn_tensor *x);
CN_API cn_tensor *cn_trunc(cn_tensor *x);

/* Comparisons and logic: int32, 1 where it holds and 0 elsewhere; no gradient. Anything but 0 counts as true. */
CN_API cn_tensor *cn_equal(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_not_equal(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_less(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_less_equal(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_greater(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_greater_equal(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_logical_and(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_logical_or(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_logical_not(cn_tensor *x);
CN_API cn_tensor *cn_isfinite(cn_tensor *x);
CN_API cn_tensor *cn_isnan(cn_tensor *x);
CN_API cn_tensor *cn_isinf(cn_tensor *x);

/* a where the condition holds, b elsewhere; all three broadcast. */
CN_API cn_tensor *cn_where(cn_tensor *condition, cn_tensor *a, cn_tensor *b);
/* x, but not below min nor above max, which wins. The gradient is 1 from min to max, both included. */
CN_API cn_tensor *cn_clip(cn_tensor *x, double min, double max);
/* Converts the element type; floats to integers by truncation, without a gradient: what does not fit
 * becomes the nearest int32, NaN 0. */
CN_API cn_tensor *cn_cast(cn_tensor *x, cn_dtype dtype);
/* x, as a constant to gradients. A view. */
CN_API cn_tensor *cn_stop_gradient(cn_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
