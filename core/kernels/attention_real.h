/* Private: the functions of attention.c for one type, which includes this file once for float and once for double. No
 * include guard, for that reason. */
#define FN(name) CN_PASTE(name, SUFFIX)
#define MATH(name) CN_PASTE(cn_##name, SUFFIX)
#define SEEN(j) (!mask || mask[(j)*step] != 0)

CN_INLINE void FN(fill)(REAL *x, int64_t first, int64_t last, REAL value)
{
    for (int64_t j = first; j < last; j++)
        x[j] = value;
}

CN_INLINE void FN(weigh_row)(const cn_attention_tile *tile, cn_attention_range range, const int32_t *mask, int64_t step,
                             REAL *s, REAL *logsumexp)
{
    const REAL scale = (REAL)tile->scale;
    REAL max = -(REAL)INFINITY, sum = 0;
#pragma omp simd reduction(max : max)
    for (int64_t j = range.first; j < range.last; j++) {
        const REAL x = SEEN(j) ? s[j] * scale : -(REAL)INFINITY;
        max = x > max ? x : max;
        s[j] = x;
    }
    /* NaN is never the largest. */
    if (!(max > -(REAL)INFINITY) && !cn_attention_sees_any(mask, step, range)) {
        FN(fill)(s, 0, tile->keys, 1 / (REAL)tile->keys);
        *logsumexp = (REAL)INFINITY;
        return;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t j = range.first; j < range.last; j++) {
        const REAL e = MATH(exp)(s[j] - max);
        sum += e;
        s[j] = e;
    }
    const REAL part = 1 / sum;
    for (int64_t j = range.first; j < range.last; j++)
        s[j] *= part;
    FN(fill)(s, 0, range.first, 0);
    FN(fill)(s, range.last, tile->keys, 0);
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
        range.first = range.last = 0;
    FN(fill)(s, 0, range.first, 0);
    FN(fill)(s, range.last, tile->keys, blind ? 1 / (REAL)tile->keys : 0);
#pragma omp simd
    for (int64_t j = range.first; j < range.last; j++) {
        const REAL p = MATH(exp)(s[j] * scale - logsumexp);
        s[j] = SEEN(j) ? p : 0;
    }
    if (!g)
        return;
    FN(fill)(g, 0, range.first, 0);
    FN(fill)(g, range.last, tile->keys, 0);
#pragma omp simd reduction(+ : mean)
    for (int64_t j = range.first; j < range.last; j++)
        mean += s[j] * g[j];
#pragma omp simd
    for (int64_t j = range.first; j < range.last; j++)
        g[j] = s[j] * (g[j] - mean) * scale;
}

static void FN(differentiate)(const cn_attention_tile *tile, const void *logsumexp, void *scores, void *gradients)
{
    FOR_EACH_ROW(tile, FN(differentiate_row), ((const REAL *)logsumexp)[i], (REAL *)scores + i * tile->row,
                 gradients ? (REAL *)gradients + i * tile->row : NULL)
}

#undef FN
#undef MATH
#undef SEEN
