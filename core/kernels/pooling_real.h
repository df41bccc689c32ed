/* Private: the functions of pooling.c for one type, which includes this file once for float and once for double. No
 * include guard, for that reason. */
#define FN(name) CN_PASTE(name, SUFFIX)

/* What is done with element k of a window of `size` elements, for all channels. */
typedef void FN(element)(int64_t channels, int64_t k, int64_t size, REAL *restrict pooled, int32_t *restrict index,
                         REAL *restrict whole);

/* The same for all elements of a window of four. */
typedef void FN(four)(int64_t channels, REAL *restrict pooled, int32_t *restrict index, REAL *const *whole);

/* Of the rows of windows, those elements that lie in the rows of elements, window after window. */
CN_INLINE void FN(each_element)(const cn_pooling *p, int64_t sample, range windows, range rows, REAL *pooled,
                                int32_t *index, REAL *whole, FN(element) * element, FN(four) * four)
{
    const cn_pool_axis *a = p->axis;
    int64_t at = (sample * a[0].out + windows.first) * a[1].out * a[2].out * p->channels;
    whole += sample * a[0].in * a[1].in * a[2].in * p->channels;
    for (int64_t i = windows.first; i < windows.past; i++) {
        const range x = window(&a[0], i), some = common(x, rows);
        if (some.first >= some.past) {
            at += a[1].out * a[2].out * p->channels;
            continue;
        }
        for (int64_t j = 0; j < a[1].out; j++) {
            const range y = window(&a[1], j);
            for (int64_t k = 0; k < a[2].out; k++, at += p->channels) {
                const range z = window(&a[2], k);
                const int64_t row = z.past - z.first, plane = (y.past - y.first) * row;
                if (four && (some.past - some.first) * plane == 4) {
                    REAL *from[4];
                    int n = 0;
                    for (int64_t u = some.first; u < some.past; u++)
                        for (int64_t v = y.first; v < y.past; v++)
                            for (int64_t w = z.first; w < z.past; w++)
                                from[n++] = whole + ((u * a[1].in + v) * a[2].in + w) * p->channels;
                    four(p->channels, pooled + at, index ? index + at : NULL, from);
                    continue;
                }
                for (int64_t u = some.first; u < some.past; u++)
                    for (int64_t v = y.first; v < y.past; v++) {
                        const int64_t number = (u - x.first) * plane + (v - y.first) * row;
                        REAL *from = whole + ((u * a[1].in + v) * a[2].in + z.first) * p->channels;
                        for (int64_t w = 0; w < row; w++)
                            element(p->channels, number + w, (x.past - x.first) * plane, pooled + at,
                                    index ? index + at : NULL, from + w * p->channels);
                    }
            }
        }
    }
}

/* Rows of windows, with all their elements. */
CN_INLINE void FN(pool)(const cn_pooling *p, int64_t sample, int64_t first, int64_t past, REAL *pooled, int32_t *index,
                        REAL *whole, FN(element) * element, FN(four) * four)
{
    FN(each_element)(p, sample, (range){first, past}, (range){0, p->axis[0].in}, pooled, index, whole, element, four);
}

/* Rows of elements, with all windows that they are in. */
CN_INLINE void FN(spread)(const cn_pooling *p, int64_t sample, int64_t first, int64_t past, REAL *pooled,
                          int32_t *index, REAL *whole, FN(element) * element)
{
    const int64_t row = p->axis[1].in * p->axis[2].in * p->channels;
    memset(whole + (sample * p->axis[0].in + first) * row, 0, (size_t)((past - first) * row) * sizeof *whole);
    FN(each_element)(p, sample, (range){0, p->axis[0].out}, (range){first, past}, pooled, index, whole, element, NULL);
}

CN_INLINE void FN(max_value)(int64_t channels, int64_t k, int64_t size, REAL *restrict y, int32_t *restrict index,
                             REAL *restrict x)
{
    (void)size, (void)index;
    if (k == 0)
        memcpy(y, x, (size_t)channels * sizeof *y);
    else
        EACH_CHANNEL y[c] = x[c] > y[c] || x[c] != x[c] ? x[c] : y[c];
}

CN_INLINE void FN(max_indexed)(int64_t channels, int64_t k, int64_t size, REAL *restrict y, int32_t *restrict index,
                               REAL *restrict x)
{
    (void)size;
    if (k == 0) {
        memcpy(y, x, (size_t)channels * sizeof *y);
        memset(index, 0, (size_t)channels * sizeof *index);
        return;
    }
    EACH_CHANNEL
    {
        const bool larger = x[c] > y[c] || x[c] != x[c];
        index[c] = larger ? (int32_t)k : index[c];
        y[c] = larger ? x[c] : y[c];
    }
}

CN_INLINE void FN(max_of_four)(int64_t channels, REAL *restrict y, int32_t *restrict index, REAL *const *x)
{
    const REAL *restrict x0 = x[0], *restrict x1 = x[1], *restrict x2 = x[2], *restrict x3 = x[3];
    (void)index;
    EACH_CHANNEL
    {
        REAL largest = x0[c];
        largest = x1[c] > largest || x1[c] != x1[c] ? x1[c] : largest;
        largest = x2[c] > largest || x2[c] != x2[c] ? x2[c] : largest;
        y[c] = x3[c] > largest || x3[c] != x3[c] ? x3[c] : largest;
    }
}

CN_INLINE void FN(max_indexed_of_four)(int64_t channels, REAL *restrict y, int32_t *restrict index, REAL *const *x)
{
    const REAL *restrict x0 = x[0], *restrict x1 = x[1], *restrict x2 = x[2], *restrict x3 = x[3];
    EACH_CHANNEL
    {
        REAL largest = x0[c];
        const bool larger1 = x1[c] > largest || x1[c] != x1[c];
        largest = larger1 ? x1[c] : largest;
        const bool larger2 = x2[c] > largest || x2[c] != x2[c];
        largest = larger2 ? x2[c] : largest;
        const bool larger3 = x3[c] > largest || x3[c] != x3[c];
        y[c] = larger3 ? x3[c] : largest;
        index[c] = larger3 ? 3 : larger2 ? 2 : larger1 ? 1 : 0;
    }
}

CN_INLINE void FN(pick_element)(int64_t channels, int64_t k, int64_t size, REAL *restrict y, int32_t *restrict index,
                                REAL *restrict x)
{
    (void)size;
    if (k == 0)
        memcpy(y, x, (size_t)channels * sizeof *y);
    else
        EACH_CHANNEL y[c] = index[c] == (int32_t)k ? x[c] : y[c];
}

CN_INLINE void FN(max_grad_element)(int64_t channels, int64_t k, int64_t size, REAL *restrict dy,
                                    int32_t *restrict index, REAL *restrict dx)
{
    (void)size;
    EACH_CHANNEL dx[c] += index[c] == (int32_t)k ? dy[c] : 0;
}

CN_INLINE void FN(average_element)(int64_t channels, int64_t k, int64_t size, REAL *restrict y, int32_t *restrict index,
                                   REAL *restrict x)
{
    (void)index;
    if (k == 0)
        memcpy(y, x, (size_t)channels * sizeof *y);
    else
        EACH_CHANNEL y[c] += x[c];
    if (k == size - 1)
        EACH_CHANNEL y[c] /= (REAL)size;
}

CN_INLINE void FN(average_grad_element)(int64_t channels, int64_t k, int64_t size, REAL *restrict dy,
                                        int32_t *restrict index, REAL *restrict dx)
{
    (void)k, (void)index;
    EACH_CHANNEL dx[c] += dy[c] / (REAL)size;
}

static void FN(max)(const cn_pooling *p, int64_t sample, int64_t first, int64_t past, void *const *pointer)
{
    if (pointer[1])
        FN(pool)(p, sample, first, past, pointer[0], pointer[1], pointer[2], FN(max_indexed), FN(max_indexed_of_four));
    else
        FN(pool)(p, sample, first, past, pointer[0], NULL, pointer[2], FN(max_value), FN(max_of_four));
}

static void FN(max_pick)(const cn_pooling *p, int64_t sample, int64_t first, int64_t past, void *const *pointer)
{
    FN(pool)(p, sample, first, past, pointer[0], pointer[2], pointer[1], FN(pick_element), NULL);
}

static void FN(max_grad)(const cn_pooling *p, int64_t sample, int64_t first, int64_t past, void *const *pointer)
{
    FN(spread)(p, sample, first, past, pointer[1], pointer[2], pointer[0], FN(max_grad_element));
}

static void FN(average)(const cn_pooling *p, int64_t sample, int64_t first, int64_t past, void *const *pointer)
{
    FN(pool)(p, sample, first, past, pointer[0], NULL, pointer[1], FN(average_element), NULL);
}

static void FN(average_grad)(const cn_pooling *p, int64_t sample, int64_t first, int64_t past, void *const *pointer)
{
    FN(spread)(p, sample, first, past, pointer[1], NULL, pointer[0], FN(average_grad_element));
}

extern const cn_pool_kernels CN_ISA_NAME(FN(cn_pool));
const cn_pool_kernels CN_ISA_NAME(FN(cn_pool)) = {.pool = {
#define POOL(name) [CN_POOL_##name] = FN(name),
                                                      CN_POOLS(POOL)}};

#undef POOL
#undef FN
#undef REAL
#undef SUFFIX
