/* Private: the functions of normalization.c for one type, which includes this file once for float and once for double.
 * No include guard, for that reason. */
#define FN(name) CN_PASTE(name, SUFFIX)
#define LANES ((int64_t)(VECTOR_BYTES / sizeof(REAL)))

typedef REAL FN(vector) __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL FN(block) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR FN(vector)
#define LOAD(x) ((VECTOR) * (const FN(block) *)(x))

CN_INLINE REAL FN(join)(VECTOR a)
{
    REAL sum = 0;
    for (int lane = 0; lane < LANES; lane++)
        sum += a[lane];
    return sum;
}

/* Rows */

CN_INLINE REAL FN(sum)(int64_t n, const REAL *x)
{
    VECTOR a = {0}, b = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        a += LOAD(x + i);
        b += LOAD(x + i + LANES);
    }
    REAL sum = FN(join)(a + b);
    for (; i < n; i++)
        sum += x[i];
    return sum;
}

CN_INLINE REAL FN(sum_of_squares)(int64_t n, const REAL *x, REAL mean)
{
    VECTOR a = {0}, b = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        const VECTOR p = LOAD(x + i) - mean, q = LOAD(x + i + LANES) - mean;
        a += p * p;
        b += q * q;
    }
    REAL sum = FN(join)(a + b);
    for (; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum;
}

static void FN(rows)(const cn_rows_normalization *r)
{
    const int64_t n = r->n;
    const REAL *const gamma = r->gamma, *const beta = r->beta;
    for (int64_t row = 0; row < r->rows; row++) {
        const REAL *const x = (const REAL *)r->x + row * n;
        REAL *const y = (REAL *)r->y + row * n;
        const REAL mean = r->mean ? FN(sum)(n, x) / (REAL)n : 0;
        const REAL variance = FN(sum_of_squares)(n, x, mean) / (REAL)n;
        const REAL rstd = (REAL)(1 / sqrt((double)variance + r->epsilon));
        CN_INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * rstd * (gamma ? gamma[i] : 1) + (beta ? beta[i] : 0);
        ((REAL *)r->rstd)[row] = rstd;
        if (r->mean)
            ((REAL *)r->mean)[row] = mean;
    }
}

/* Σ dy gamma and Σ dy gamma xhat of a row. */
CN_INLINE void FN(row_sums)(int64_t n, const REAL *x, const REAL *dy, const REAL *gamma, REAL mean, REAL rstd,
                            REAL *sum, REAL *product)
{
    VECTOR a = {0}, b = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const VECTOR d = gamma ? LOAD(dy + i) * LOAD(gamma + i) : LOAD(dy + i);
        a += d;
        b += d * ((LOAD(x + i) - mean) * rstd);
    }
    *sum = FN(join)(a);
    *product = FN(join)(b);
    for (; i < n; i++) {
        const REAL d = gamma ? dy[i] * gamma[i] : dy[i];
        *sum += d;
        *product += d * ((x[i] - mean) * rstd);
    }
}

/* With xhat = (x - mean) rstd: dx = rstd (g - mean g - xhat mean(g xhat)) of g = dy gamma. */
static void FN(rows_back)(const cn_rows_normalization_back *r)
{
    const int64_t n = r->n;
    const REAL *const gamma = r->gamma;
    REAL *const dgamma = r->dgamma, *const dbeta = r->dbeta;
    for (int64_t row = 0; row < r->rows; row++) {
        const REAL *const x = (const REAL *)r->x + row * n, *const dy = (const REAL *)r->dy + row * n;
        const REAL rstd = ((const REAL *)r->rstd)[row], mean = r->mean ? ((const REAL *)r->mean)[row] : 0;
        if (r->dx) {
            REAL *const dx = (REAL *)r->dx + row * n, sum, product;
            FN(row_sums)(n, x, dy, gamma, mean, rstd, &sum, &product);
            sum = r->mean ? sum / (REAL)n : 0;
            product /= (REAL)n;
            CN_INDEPENDENT
            for (int64_t i = 0; i < n; i++)
                dx[i] = ((gamma ? dy[i] * gamma[i] : dy[i]) - sum - (x[i] - mean) * rstd * product) * rstd;
        }
        if (dgamma) {
            CN_INDEPENDENT
            for (int64_t i = 0; i < n; i++)
                dgamma[i] += dy[i] * ((x[i] - mean) * rstd);
        }
        if (dbeta) {
            CN_INDEPENDENT
            for (int64_t i = 0; i < n; i++)
                dbeta[i] += dy[i];
        }
    }
}

/* Columns */

/* Four runs of rows are added up before they meet the sums in memory. */
enum { FN(together) = 4 };

/* s += Σ a and q += Σ a (x - shift) over `runs` runs, where a is dy, or x - shift without it. */
CN_INLINE void FN(add_runs)(int64_t width, int64_t stride, int runs, const REAL *x, const REAL *dy, const REAL *shift,
                            REAL *s, REAL *q)
{
    CN_INDEPENDENT
    for (int64_t j = 0; j < width; j++) {
        REAL sum = 0, product = 0;
        CN_UNROLLED
        for (int run = 0; run < runs; run++) {
            const REAL d = x[run * stride + j] - shift[j], a = dy ? dy[run * stride + j] : d;
            sum += a;
            product += a * d;
        }
        s[j] += sum;
        q[j] += product;
    }
}

/* room: shift, then s and q, whose first `channels` elements get the sums over all rows. */
CN_INLINE void FN(add_rows)(const cn_columns *c, const REAL *x, const REAL *dy, REAL *room)
{
    const int64_t width = c->width, channels = c->channels, size = c->rows * channels;
    const REAL *const shift = room;
    REAL *const s = room + width, *const q = s + width;
    for (int64_t j = 0; j < width; j++)
        s[j] = q[j] = 0;
    int64_t i = 0;
    for (; i + FN(together) * width <= size; i += FN(together) * width)
        FN(add_runs)(width, width, FN(together), x + i, dy ? dy + i : NULL, shift, s, q);
    for (; i < size; i += width)
        FN(add_runs)(size - i < width ? size - i : width, 0, 1, x + i, dy ? dy + i : NULL, shift, s, q);
    for (int64_t j = channels; j < width; j += channels)
        for (int64_t k = 0; k < channels; k++) {
            s[k] += s[j + k];
            q[k] += q[j + k];
        }
}

/* What lies in the first `channels` of each of `parts` parts of `width` is repeated in the rest of it. */
CN_INLINE void FN(spread)(const cn_columns *c, int parts, REAL *part)
{
    for (const REAL *end = part + parts * c->width; part < end; part += c->width)
        for (int64_t j = c->channels; j < c->width; j++)
            part[j] = part[j - c->channels];
}

/* One pass, of differences to the mean of the first sixteenth of the rows: as these are among the rows, that mean is at
 * most four standard deviations from theirs, and Σd² - (Σd)² / n loses at most four bits. */
static void FN(moments)(const cn_columns *c, const void *from, void *into)
{
    const REAL *const x = from;
    const int64_t channels = c->channels, first = (c->rows + 15) / 16;
    REAL *const mean = into, *const s = mean + c->width, *const q = s + c->width;
    for (int64_t k = 0; k < channels; k++)
        mean[k] = x[k];
    for (int64_t r = 1; r < first; r++)
        for (int64_t k = 0; k < channels; k++)
            mean[k] += x[r * channels + k];
    for (int64_t k = 0; k < channels; k++)
        mean[k] /= (REAL)first;
    FN(spread)(c, 1, mean);
    FN(add_rows)(c, x, NULL, mean);
    for (int64_t k = 0; k < channels; k++) {
        const REAL off = s[k] / (REAL)c->rows, squares = q[k] - s[k] * off;
        mean[k] += off;
        q[k] = squares < 0 ? 0 : squares;
    }
}

static void FN(sums)(const cn_columns *c, const void *x, const void *dy, const void *mean, void *room)
{
    REAL *const shift = room;
    for (int64_t k = 0; k < c->channels; k++)
        shift[k] = ((const REAL *)mean)[k];
    FN(spread)(c, 1, shift);
    FN(add_rows)(c, x, dy, shift);
}

/* Channels that are joined at once. */
enum { FN(some) = 8 };

static void FN(join_moments)(const cn_columns *c, int64_t pieces, int64_t rows_a_piece, const void *room, void *mean,
                             void *variance)
{
    const REAL *const part = room;
    const int64_t step = 3 * c->width;
    const double rows = (double)c->rows, last = (double)(c->rows - (pieces - 1) * rows_a_piece);
    for (int64_t k = 0; k < c->channels; k += FN(some)) {
        const int64_t count = c->channels - k < FN(some) ? c->channels - k : FN(some);
        double sum[FN(some)] = {0}, squares[FN(some)] = {0};
        for (int64_t p = 0; p < pieces; p++)
            for (int64_t i = 0; i < count; i++)
                sum[i] += (p < pieces - 1 ? (double)rows_a_piece : last) * (double)part[p * step + k + i];
        for (int64_t i = 0; i < count; i++)
            sum[i] /= rows;
        for (int64_t p = 0; p < pieces; p++)
            for (int64_t i = 0; i < count; i++) {
                const double off = (double)part[p * step + k + i] - sum[i];
                const double squares_off = (p < pieces - 1 ? (double)rows_a_piece : last) * off * off;
                squares[i] += (double)part[p * step + 2 * c->width + k + i] + squares_off;
            }
        for (int64_t i = 0; i < count; i++) {
            ((REAL *)mean)[k + i] = (REAL)sum[i];
            ((REAL *)variance)[k + i] = (REAL)(squares[i] / rows);
        }
    }
}

static void FN(join_sums)(const cn_columns *c, int64_t pieces, const void *room, void *into)
{
    const REAL *const part = room;
    REAL *const total = into;
    for (int64_t at = c->width; at <= 2 * c->width; at += c->width)
        for (int64_t k = 0; k < c->channels; k += FN(some)) {
            const int64_t count = c->channels - k < FN(some) ? c->channels - k : FN(some);
            double sum[FN(some)] = {0};
            for (int64_t p = 0; p < pieces; p++)
                for (int64_t i = 0; i < count; i++)
                    sum[i] += (double)part[p * 3 * c->width + at + k + i];
            for (int64_t i = 0; i < count; i++)
                total[at + k + i] = (REAL)sum[i];
        }
}

static void FN(factors)(const cn_columns *c, double epsilon, const void *mean, const void *variance, const void *gamma,
                        const void *beta, void *factors)
{
    REAL *const f = factors;
    for (int64_t k = 0; k < c->channels; k++) {
        const REAL rstd = (REAL)(1 / sqrt((double)((const REAL *)variance)[k] + epsilon));
        f[k] = ((const REAL *)mean)[k];
        f[c->width + k] = gamma ? rstd * ((const REAL *)gamma)[k] : rstd;
        f[2 * c->width + k] = beta ? ((const REAL *)beta)[k] : 0;
    }
    FN(spread)(c, 3, f);
}

static void FN(apply)(const cn_columns *c, const void *from, const void *factors, void *to)
{
    const REAL *const mean = factors, *const scale = mean + c->width, *const offset = scale + c->width;
    const int64_t size = c->rows * c->channels;
    for (int64_t i = 0; i < size; i += c->width) {
        const REAL *const x = (const REAL *)from + i;
        REAL *const y = (REAL *)to + i;
        const int64_t count = size - i < c->width ? size - i : c->width;
        CN_INDEPENDENT
        for (int64_t j = 0; j < count; j++)
            y[j] = (x[j] - mean[j]) * scale[j] + offset[j];
    }
}

static void FN(back_factors)(const cn_columns *c, double epsilon, const void *mean, const void *variance,
                             const void *gamma, void *total, void *factors)
{
    REAL *const f = factors, *const sum = (REAL *)total + c->width, *const product = sum + c->width;
    const REAL rows = (REAL)c->rows;
    for (int64_t k = 0; k < c->channels; k++) {
        const REAL rstd = (REAL)(1 / sqrt((double)((const REAL *)variance)[k] + epsilon));
        const REAL scale = gamma ? rstd * ((const REAL *)gamma)[k] : rstd;
        product[k] *= rstd;
        f[k] = ((const REAL *)mean)[k];
        f[c->width + k] = scale;
        f[2 * c->width + k] = -sum[k] / rows * scale;
        f[3 * c->width + k] = -product[k] / rows * rstd * scale;
    }
    FN(spread)(c, 4, f);
}

static void FN(apply_back)(const cn_columns *c, const void *x_from, const void *dy_from, const void *factors, void *to)
{
    const REAL *const mean = factors, *const scale = mean + c->width, *const offset = scale + c->width;
    const REAL *const slope = offset + c->width;
    const int64_t size = c->rows * c->channels;
    for (int64_t i = 0; i < size; i += c->width) {
        const REAL *const x = (const REAL *)x_from + i, *const dy = (const REAL *)dy_from + i;
        REAL *const dx = (REAL *)to + i;
        const int64_t count = size - i < c->width ? size - i : c->width;
        CN_INDEPENDENT
        for (int64_t j = 0; j < count; j++)
            dx[j] = dy[j] * scale[j] + ((x[j] - mean[j]) * slope[j] + offset[j]);
    }
}

extern const cn_normalization_kernels CN_ISA_NAME(FN(cn_normalization));
const cn_normalization_kernels CN_ISA_NAME(FN(cn_normalization)) = {
    .rows = FN(rows),
    .rows_back = FN(rows_back),
    .columns = {FN(moments), FN(join_moments), FN(sums), FN(join_sums), FN(factors), FN(apply), FN(back_factors),
                FN(apply_back)},
};

#undef FN
#undef LANES
#undef VECTOR
#undef LOAD
#undef REAL
#undef SUFFIX
