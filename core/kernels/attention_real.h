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

/* Its largest score, and the range that it sees: an empty one, all weights being the same, if it sees none. */
CN_INLINE void FN(prepare_row)(const cn_attention_tile *tile, cn_attention_range range, const int32_t *mask,
                               int64_t step, REAL *s, cn_attention_range *seen, REAL *max)
{
    const bool blind = !cn_attention_sees_any(mask, step, range);
    *seen = blind ? (cn_attention_range){0, 0} : range;
    *max = FN(scale_row)((REAL)tile->scale, *seen, mask, step, s);
    FN(fill_outside)(s, *seen, tile->keys, blind ? 1 / (REAL)tile->keys : 0);
}

/* x = exp(x - max); gives their sum. */
CN_INLINE REAL FN(exp_row)(cn_attention_range range, REAL max, REAL *x)
{
    REAL sum = 0;
#pragma omp simd reduction(+ : sum)
    AROUND(j, range)
    {
        const REAL e = MATH(exp)(x[j] - max);
        sum += e;
        x[j] = e;
    }
    return sum;
}

CN_INLINE void FN(multiply_row)(cn_attention_range range, REAL factor, REAL *x)
{
    AROUND(j, range) x[j] *= factor;
}

/* Each step for some rows, so that no row waits for the largest, or the sum, of the one before it. */
static void FN(weigh)(const cn_attention_tile *tile, void *scores, void *logsumexp)
{
    cn_attention_tile some = *tile;
    REAL *s = scores, *log = logsumexp;
    for (int64_t left = tile->queries; left > 0; left -= LANES, s += LANES * tile->row, log += LANES) {
        cn_attention_range seen[LANES];
        REAL max[LANES], sum[LANES], log_sum[LANES];
        some.queries = left < LANES ? left : LANES;
        FOR_EACH_ROW(&some, FN(prepare_row), s + i * tile->row, &seen[i], &max[i])
        for (int64_t i = 0; i < some.queries; i++)
            sum[i] = FN(exp_row)(seen[i], max[i], s + i * tile->row);
        for (int64_t i = some.queries; i < LANES; i++)
            sum[i] = 1;
        for (int64_t i = 0; i < LANES; i++)
            log_sum[i] = MATH(log)(sum[i]);
        for (int64_t i = 0; i < some.queries; i++) {
            FN(multiply_row)(seen[i], 1 / sum[i], s + i * tile->row);
            log[i] = seen[i].last > 0 ? max[i] + log_sum[i] : (REAL)INFINITY;
        }
        some.query += LANES;
        if (some.mask)
            some.mask += LANES * tile->mask_query;
    }
}

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

extern const cn_attention_kernels CN_ISA_NAME(FN(cn_attention));
const cn_attention_kernels CN_ISA_NAME(FN(cn_attention)) = {FN(weigh), FN(differentiate)};

#undef REAL
#undef SUFFIX
#undef FN
#undef MATH
#undef AROUND
