/* Private: exp, log, tanh and the like, inline, written so that compilers turn loops over them into vector code.
 *
 * Every function is free of branches and of calls, its special cases are selects, and it gives the same bits in a
 * vector as alone. Each exists for float (cn_exp_f32) and for double (cn_exp_f64); the algorithms, in
 * vector_math_real.h, are shared, the polynomials are not. Denormals count as zero, in arguments and results, as
 * they do in the mode that kernels run in. */
#ifndef CN_CORE_KERNELS_VECTOR_MATH_H
#define CN_CORE_KERNELS_VECTOR_MATH_H
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "core/kernels/isa.h"

#define CN_INLINE static inline __attribute__((always_inline))
#define CN_PASTE_(a, b) a##_##b
#define CN_PASTE(a, b) CN_PASTE_(a, b)

/* The polynomial with the coefficients c, the constant first. */
#define CN_HORNER_FOR(real, suffix)                                                  \
    CN_INLINE real CN_PASTE(cn_horner, suffix)(real x, const real *c, int count)     \
    {                                                                                \
        real sum = c[count - 1];                                                     \
        CN_UNROLLED for (int i = count - 2; i >= 0; i--) sum = CN_FMA(sum, x, c[i]); \
        return sum;                                                                  \
    }
CN_HORNER_FOR(float, f32)
CN_HORNER_FOR(double, f64)

#define CN_POLYNOMIAL(real, suffix, name, ...)                                 \
    CN_INLINE real CN_PASTE(name, suffix)(real x)                              \
    {                                                                          \
        static const real c[] = {__VA_ARGS__};                                 \
        return CN_PASTE(cn_horner, suffix)(x, c, (int)(sizeof c / sizeof *c)); \
    }

/* Minimax polynomials (Remez):
 * exp_tail   (exp(r) - 1 - r) / r^2 where |r| <= ln 2 / 2; error of exp 2^-26 and 2^-61
 * log_tail   of s^2 where s = f / (2 + f): log(1 + f) = f - f^2/2 + s (f^2/2 + s^2 log_tail(s^2)), as FreeBSD's msun
 * erf_small  of x^2: erf(x) / x - 1 where |x| <= 1
 * erfcx_tail of t - 1: exp(t^2) erfc(t) where 1 <= t up to where erf rounds to 1
 * area       of v = 2 x^2 / 5.5^2 - 1, the even powers and the odd ones: erf(x / sqrt(2)) / (2 x) where |x| <= 5.5;
 * error 2^-25 / x. A chain of one value takes half as long where it is split. */
CN_POLYNOMIAL(float, f32, cn_exp_tail, 0.500000006f, 0.166665418f, 0.0416662785f, 0.00836674313f, 0.00139467234f)
CN_POLYNOMIAL(double, f64, cn_exp_tail, 0x1.0p-1, 0x1.5555555555559p-3, 0x1.555555555555ap-5, 0x1.111111110f635p-7,
              0x1.6c16c16c143aap-10, 0x1.a01a01b01d692p-13, 0x1.a01a01b0ecbc5p-16, 0x1.71ddf7b416f9ep-19,
              0x1.27e4c52b0bd7ap-22, 0x1.af5ff12a19423p-26, 0x1.1f961cd173386p-29)

CN_POLYNOMIAL(float, f32, cn_log_tail, 0xaaaaaa.0p-24f, 0xccce13.0p-25f, 0x91e9ee.0p-25f, 0xf89e26.0p-26f)
CN_POLYNOMIAL(double, f64, cn_log_tail, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
              2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860510658591e-01)

CN_POLYNOMIAL(float, f32, cn_erf_small, 0.128379166f, -0.376126271f, 0.112836002f, -0.0268544447f, 0.00518953548f,
              -0.000802084233f, 7.88912254e-5f)
CN_POLYNOMIAL(double, f64, cn_erf_small, 0x1.06eba8214db69p-3, -0x1.812746b0379e6p-2, 0x1.ce2f21a042b34p-4,
              -0x1.b82ce31284f37p-6, 0x1.565bcd0dbd8fcp-8, -0x1.c02db3db4924fp-11, 0x1.f9a321e4b1c7dp-14,
              -0x1.f4d1e4346e34ap-17, 0x1.b9df305aebaa6p-20, -0x1.5f1f40fc3a56dp-23, 0x1.f7b99e24dcf1bp-27,
              -0x1.38ac263ee2ecbp-30, 0x1.062767a863fadp-34)

CN_POLYNOMIAL(float, f32, cn_erfcx_tail, 0.42758354f, -0.273207563f, 0.154286475f, -0.0786351075f, 0.0356086443f,
              -0.0131338398f, 0.00328285364f, -0.000388866262f)
CN_POLYNOMIAL(double, f64, cn_erfcx_tail, 0x1.b5d8780f956b0p-2, -0x1.17c4e3f17bcb4p-2, 0x1.3c27283c1547dp-3,
              -0x1.44837f8325528p-4, 0x1.33cad053713c5p-5, -0x1.10fce8004434ep-6, 0x1.c8caca97395d5p-8,
              -0x1.6aeca36a8b329p-9, 0x1.133427d5c557bp-10, -0x1.8f95d6f8c72c8p-12, 0x1.15915e9874516p-13,
              -0x1.6e150125b22bfp-15, 0x1.c19b9e044ab7ep-17, -0x1.f1dd122557611p-19, 0x1.dc18b107eac86p-21,
              -0x1.75abf1683b87ap-23, 0x1.c586543b9eaa6p-26, -0x1.8993bd0508cacp-29, 0x1.ae4d7deebc16bp-33,
              -0x1.ba2cbc40db910p-38)

CN_POLYNOMIAL(float, f32, cn_area_even, 0.12855193f, 0.0477374755f, 0.0320731588f, 0.0203441978f, 0.0102948593f,
              0.00451012561f, 0.0008112301f, 0.000602643471f)
CN_POLYNOMIAL(float, f32, cn_area_odd, -0.0641723499f, -0.0387923755f, -0.026054021f, -0.0149646914f, -0.00692209508f,
              -0.00225988659f, -0.000652340183f, -0.000198777387f)

#define REAL float
#define UINT uint32_t
#define SUFFIX f32
#define FRACTION_BITS 23
#define EXPONENT_BIAS 127
#define REAL_MIN FLT_MIN
#define EXP_OVERFLOWS 88.72283f  /* exp of the largest argument with a finite result */
#define EXP_VANISHES -87.336544f /* exp of the smallest with a normal result */
#define EXPM1_SATURATES -20.0f
#define ERF_SATURATES 3.95f
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#include "core/kernels/vector_math_real.h"

#define REAL double
#define UINT uint64_t
#define SUFFIX f64
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1023
#define REAL_MIN DBL_MIN
#define EXP_OVERFLOWS 709.782712893384
#define EXP_VANISHES -708.396418532264
#define EXPM1_SATURATES -40.0
#define ERF_SATURATES 6.0
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#include "core/kernels/vector_math_real.h"

/* What the standard normal distribution has between 0 and x: erf(x / sqrt(2)) / 2. */
CN_INLINE float cn_normal_area_f32(float x)
{
    const float magnitude = cn_absolute_f32(x), t = magnitude > 5.498f ? 5.498f : magnitude;
    const float v = CN_FMA(t * t, 0.0661156997f, -1.0f);
    return cn_with_sign_f32(t * CN_FMA(v, cn_area_odd_f32(v * v), cn_area_even_f32(v * v)), x);
}

CN_INLINE double cn_normal_area_f64(double x)
{
    return 0.5 * cn_erf_f64(x * 0.70710678118654752440);
}
#endif
