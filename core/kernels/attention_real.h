/* Private: the functions of attention.c for one type, which includes this file once for float and once for double. No
 * include guard, for that reason. */
#define FN(name) CN_PASTE(name, SUFFIX)
#define MATH(name) CN_PASTE(cn_##name, SUFFIX)

/* What takes long runs over whole vectors around what a row sees; what is in them beside it has weight 0. */
#define AROUND(j, range) for (int64_t j = (range).first / LANES * LANES; j < ROUNDED_UP((range).last); j++)

CN_INLINE void FN(fill)(REAL *x, int64_t first, int64_t last, REAL value)
{
    for (int64_t j = first; j < last; j++)
        x[j] = value;
}

/* Sets what AROUND runs over beside the range. */
CN_INLINE void FN(pad)(REAL *x, cn_attention_range range, REAL value)
{
    FN(fill)(x, range.first / LANES * LANES, range.first, value);
    FN(fill)(x, range.last, ROUNDED_UP(range.last), value);
}

/* Sets what it does not run over. */
CN_INLINE void FN(fill_outside)(REAL *x, cn_attention_range range, int64_t keys, REAL value)
{
    FN(fill)(x, 0, range.first / LANES * LANES, value);
    FN(fill)(x, ROUNDED_UP(range.last), keys, value);
}

/* s = scale s where it is seen, else minus infinity; gives the largest. */
CN_INLINE REAL FN(scale_row)(REAL scale, cn_attention_range range, const int32_t *mask, int64_t step, REAL *s)
{
    REAL max = -(REAL)INFINITY;
#pragma omp simd reduction(max : max)
    for (int64_t j = range.first; j < range.last; j++) {
        const REAL x = !mask || mask[j * step] != 0 ? s[j] * scale : -(REAL)INFINITY;
        max = x > max ? x : max;
        s[j] = x;
    }
    FN(pad)(s, range, -(REAL)INFINITY);
    return max;
}

CN_INLINE void FN(weigh_row)(const cn_attention_tile *tile, cn_attention_range range, const int32_t *mask, int64_t step,
                             REAL *s, REAL *logsumexp)
{
    if (!cn_attention_sees_any(mask, step, range)) {
        FN(fill)(s, 0, tile->keys, 1 / (REAL)tile->keys);
        *logsumexp = (REAL)INFINITY;
        return;
    }
    const REAL max = FN(scale_row)((REAL)tile->scale, range, mask, step, s);
    REAL sum = 0;
#pragma omp simd reduction(+ : sum)
    AROUND(j, range)
    {
        const REAL e = MATH(exp)(s[j] - max);
        sum += e;
        s[j] = e;
    }
    const REAL part = 1 / sum;
    AROUND(j, range) s[j] *= part;
    FN(fill_outside)(s, range, tile->keys, 0);
    *logsumexp = max + MATH(log)(sum);
}

static void FN(weigh)(const cn_attention_tile *tile, void *scores, void *logsumexp){
    FOR_EACH_ROW(tile, FN(weigh_row), (REAL *)scores + i * tile->row, (REAL *)logsumexp + i)}

CN_INLINE void FN(differentiate_row)(const cn_attention_tile *tile, cn_attention_range range, const int32_t *mask,
                                     int64_t step, REAL logsumexp, REAL *s, REAL *g)
{
    const REAL scale = (REAL)tile->scale;
    const bool blind = logsumexp == (REAL)INFINITY;
    REAL mean = 0;
    if (blind)
        range = (cn_attention_range){0, 0};
    FN(scale_row)(scale, range, mask, step, s);
#pragma omp simd
    AROUND(j, range) s[j] = MATH(exp)(s[j] - logsumexp);
    FN(fill_outside)(s, range, tile->keys, blind ? 1 / (REAL)tile->keys : 0);
    if (!g)
        return;
    FN(pad)(g, range, 0);
#pragma omp simd reduction(+ : mean)
    AROUND(j, range) mean += s[j] * g[j];
#pragma omp simd
    AROUND(j, range) g[j] = s[j] * (g[j] - mean) * scale;
    FN(fill_outside)(g, range, tile->keys, 0);
}

static void FN(differentiate)(const cn_attention_tile *tile, const void *logsumexp, void *scores, void *gradients)
{
    FOR_EACH_ROW(tile, FN(differentiate_row), ((const REAL *)logsumexp)[i], (REAL *)scores + i * tile->row,
                 gradients ? (REAL *)gradients + i * tile->row : NULL)
}

#undef FN
#undef MATH
#undef AROUND
