/* Private: the functions of vector_math.h for one type, which includes this file once for float and once for double. No
 * include guard, for that reason. */
#define FN(name) CN_PASTE(cn_##name, SUFFIX)

CN_INLINE UINT FN(bits)(REAL x)
{
    UINT bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

CN_INLINE REAL FN(from_bits)(UINT bits)
{
    REAL x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

CN_INLINE REAL FN(absolute)(REAL x)
{
    return FN(from_bits)(FN(bits)(x) & ~(UINT)0 >> 1);
}

/* The magnitude of x with the sign of `sign`. */
CN_INLINE REAL FN(with_sign)(REAL x, REAL sign)
{
    const UINT mask = ~(UINT)0 >> 1;
    return FN(from_bits)((FN(bits)(x) & mask) | (FN(bits)(sign) & ~mask));
}

/* x = n ln 2 + r with |r| <= ln 2 / 2. Gives r, and n as it stands in the low bits of a sum with a number so large that
 * its last place is 1: shifted left by FRACTION_BITS it is n in an exponent's place. */
CN_INLINE REAL FN(exp_reduce)(REAL x, UINT *n)
{
    const REAL shift = (REAL)1.5 * (REAL)((UINT)1 << FRACTION_BITS);
    const REAL sum = CN_FMA(x, (REAL)1.44269504088896340736, shift);
    const REAL whole = sum - shift;
    *n = FN(bits)(sum);
    return CN_FMA(whole, -(REAL)LN2_LOW, CN_FMA(whole, -(REAL)LN2_HIGH, x));
}

CN_INLINE REAL FN(exp)(REAL x)
{
    UINT n;
    const REAL r = FN(exp_reduce)(x, &n);
    const REAL power = CN_FMA(r * r, FN(exp_tail)(r), r) + 1;
    REAL y = FN(from_bits)(FN(bits)(power) + (n << FRACTION_BITS));
    y = x > EXP_OVERFLOWS ? (REAL)INFINITY : y;
    y = x < EXP_VANISHES ? 0 : y;
    return x != x ? x : y;
}

CN_INLINE REAL FN(expm1)(REAL x)
{
    UINT n;
    REAL clamped = x < EXPM1_SATURATES ? EXPM1_SATURATES : x;
    clamped = clamped > EXP_OVERFLOWS ? EXP_OVERFLOWS : clamped;
    const REAL r = FN(exp_reduce)(clamped, &n);
    /* Half of the scale, for the whole of it may be one power of 2 too large. */
    const REAL half = FN(from_bits)((n + EXPONENT_BIAS - 1) << FRACTION_BITS);
    const REAL y = 2 * CN_FMA(half, CN_FMA(r * r, FN(exp_tail)(r), r), half - (REAL)0.5);
    return x > EXP_OVERFLOWS ? (REAL)INFINITY : x == 0 ? x : y;
}

/* For a normal x > 0: x = 2^k m, m from sqrt(1/2) to sqrt(2). Gives m, k and 2^-k. */
CN_INLINE REAL FN(log_reduce)(REAL x, REAL *k, REAL *scale)
{
    const UINT least = FN(bits)((REAL)0.70710678118654752440);
    const UINT one = (UINT)EXPONENT_BIAS << FRACTION_BITS;
    /* k + bias, so that it is not negative, and as a number by way of the last places of 2^FRACTION_BITS. */
    const UINT biased = (FN(bits)(x) - least + one) >> FRACTION_BITS;
    const REAL two_power = (REAL)((UINT)1 << FRACTION_BITS);
    *k = FN(from_bits)(FN(bits)(two_power) | biased) - (two_power + EXPONENT_BIAS);
    const UINT shifted = (biased << FRACTION_BITS) - one;
    *scale = FN(from_bits)(one - shifted);
    return FN(from_bits)(FN(bits)(x) - shifted);
}

/* k ln 2 + log(1 + f). */
CN_INLINE REAL FN(log_sum)(REAL f, REAL k)
{
    const REAL s = f / (2 + f);
    const REAL z = s * s;
    const REAL half_square = (REAL)0.5 * f * f;
    const REAL tail = CN_FMA(s, CN_FMA(z, FN(log_tail)(z), half_square), k * (REAL)LN2_LOW);
    return k * (REAL)LN2_HIGH - ((half_square - tail) - f);
}

/* log's values outside the normal positive numbers; y elsewhere. */
CN_INLINE REAL FN(log_edges)(REAL x, REAL y)
{
    y = x < REAL_MIN ? -(REAL)INFINITY : y;
    y = x <= -REAL_MIN ? (REAL)NAN : y;
    y = x == (REAL)INFINITY ? x : y;
    return x != x ? x : y;
}

CN_INLINE REAL FN(log)(REAL x)
{
    REAL k, scale;
    const REAL m = FN(log_reduce)(x, &k, &scale);
    return FN(log_edges)(x, FN(log_sum)(m - 1, k));
}

CN_INLINE REAL FN(log1p)(REAL x)
{
    const REAL sum = 1 + x;
    const REAL lost = x - (sum - 1);
    REAL k, scale;
    const REAL m = FN(log_reduce)(sum, &k, &scale);
    /* The largest numbers' 2^-k is no normal number, and there the 1 is lost on the result anyway. */
    scale = x > (REAL)((UINT)1 << FRACTION_BITS) ? 0 : scale;
    const REAL y = FN(log_edges)(sum, FN(log_sum)(CN_FMA(lost, scale, m - 1), k));
    return x == 0 ? x : y;
}

/* exp(x) = scale (1 + p), p small, for arguments whose exponential is a normal number. */
CN_INLINE REAL FN(exp_parts)(REAL x, REAL *scale)
{
    UINT n;
    const REAL r = FN(exp_reduce)(x, &n);
    *scale = FN(from_bits)((n + EXPONENT_BIAS) << FRACTION_BITS);
    return CN_FMA(r * r, FN(exp_tail)(r), r);
}

/* Both are quotients of exp(..) + 1. What is outside the range of exp_parts is put right at the end, where it delays
 * nothing; a NaN comes through. */
CN_INLINE REAL FN(sigmoid)(REAL x)
{
    REAL scale;
    const REAL p = FN(exp_parts)(-x, &scale);
    REAL y = 1 / CN_FMA(scale, p, scale + 1);
    y = x < EXP_VANISHES ? 0 : y;
    return x > -EXP_VANISHES ? 1 : y;
}

CN_INLINE REAL FN(tanh)(REAL x)
{
    REAL scale;
    const REAL p = FN(exp_parts)(-2 * FN(absolute)(x), &scale);
    const REAL y = CN_FMA(scale, p, scale - 1) / CN_FMA(scale, p, scale + 1);
    return FN(with_sign)(FN(absolute)(x) > -EXPM1_SATURATES / 2 ? 1 : y, x);
}

/* log(1 + exp(x)) */
CN_INLINE REAL FN(softplus)(REAL x)
{
    /* exp(-|x|) is from 0 to 1: log1p without its edges. */
    const REAL e = FN(exp)(-FN(absolute)(x));
    const REAL sum = 1 + e;
    REAL k, scale;
    const REAL m = FN(log_reduce)(sum, &k, &scale);
    const REAL y = FN(log_sum)(CN_FMA(e - (sum - 1), scale, m - 1), k);
    return x != x ? x : (x > 0 ? x : 0) + y;
}

CN_INLINE REAL FN(erf)(REAL x)
{
    const REAL magnitude = FN(absolute)(x);
    const REAL small = CN_FMA(x, FN(erf_small)(x * x), x);
    const REAL t = magnitude > ERF_SATURATES ? ERF_SATURATES : magnitude;
    const REAL large = 1 - FN(exp)(-t * t) * FN(erfcx_tail)(t - 1);
    return magnitude < 1 ? small : x != x ? x : FN(with_sign)(large, x);
}

#undef FN
#undef REAL
#undef UINT
#undef SUFFIX
#undef FRACTION_BITS
#undef EXPONENT_BIAS
#undef REAL_MIN
#undef EXP_OVERFLOWS
#undef EXP_VANISHES
#undef EXPM1_SATURATES
#undef ERF_SATURATES
#undef LN2_HIGH
#undef LN2_LOW
