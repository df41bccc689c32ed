/* Private: the functions of rowwise.c for one type, which includes this file once for float and once for double. No
 * include guard, for that reason. */
#define FN(name) CN_PASTE(name, SUFFIX)
#define MATH(name) CN_PASTE(cn_##name, SUFFIX)

/* Blocks of lanes: block i of input k is at in[k] + i * step, but the last one, if there is a tail, in tail[k]. With
 * `joined` all lanes of all blocks are one row, else each lane is a row. */
typedef struct FN(blocks) {
    int64_t count, step;
    bool joined, has_tail;
    const REAL *in[MAX_INPUTS];
    REAL *out;
    REAL tail[MAX_INPUTS][LANES], out_tail[LANES];
} FN(blocks);
typedef void FN(body)(FN(blocks) * b);

#define IN(k) (b->has_tail && i == b->count - 1 ? b->tail[k] : b->in[k] + i * b->step)
#define OUT (b->has_tail && i == b->count - 1 ? b->out_tail : b->out + i * b->step)
#define ALL_BLOCKS for (int64_t i = 0; i < b->count; i++)

CN_INLINE void FN(join_sum)(const FN(blocks) * b, REAL *sum)
{
    if (!b->joined)
        return;
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            sum[lane] += sum[lane + half];
    const REAL total = sum[0];
    ALL_LANES sum[lane] = total;
}

CN_INLINE void FN(largest)(const FN(blocks) * b, int input, REAL *max)
{
    ALL_LANES max[lane] = -(REAL)INFINITY;
    ALL_BLOCKS
    {
        const REAL *x = IN(input);
        ALL_LANES max[lane] = x[lane] > max[lane] ? x[lane] : max[lane];
    }
    if (!b->joined)
        return;
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            max[lane] = max[lane + half] > max[lane] ? max[lane + half] : max[lane];
    const REAL largest = max[0];
    ALL_LANES max[lane] = largest;
}

CN_INLINE void FN(softmax_body)(FN(blocks) * b)
{
    REAL max[LANES], sum[LANES] = {0};
    FN(largest)(b, 0, max);
    ALL_BLOCKS
    {
        const REAL *x = IN(0);
        REAL *y = OUT, e[LANES];
        ALL_LANES e[lane] = MATH(exp)(x[lane] - max[lane]);
        ALL_LANES sum[lane] += e[lane];
        ALL_LANES y[lane] = e[lane];
    }
    FN(join_sum)(b, sum);
    ALL_BLOCKS
    {
        REAL *y = OUT;
        ALL_LANES y[lane] /= sum[lane];
    }
}

/* max x and log sum exp(x - max x) */
CN_INLINE void FN(shifted_logsumexp)(const FN(blocks) * b, REAL *max, REAL *log)
{
    REAL sum[LANES] = {0};
    FN(largest)(b, 0, max);
    ALL_LANES max[lane] = MATH(absolute)(max[lane]) < (REAL)INFINITY ? max[lane] : 0;
    ALL_BLOCKS
    {
        const REAL *x = IN(0);
        REAL e[LANES];
        ALL_LANES e[lane] = MATH(exp)(x[lane] - max[lane]);
        ALL_LANES sum[lane] += e[lane];
    }
    FN(join_sum)(b, sum);
    ALL_LANES log[lane] = MATH(log)(sum[lane]);
}

CN_INLINE void FN(log_softmax_body)(FN(blocks) * b)
{
    REAL max[LANES], log[LANES];
    FN(shifted_logsumexp)(b, max, log);
    ALL_BLOCKS
    {
        const REAL *x = IN(0);
        REAL *y = OUT;
        ALL_LANES y[lane] = x[lane] - max[lane] - log[lane];
    }
}

/* One number a row, in block 0 of the output. */
CN_INLINE void FN(logsumexp_body)(FN(blocks) * b)
{
    REAL max[LANES], log[LANES];
    FN(shifted_logsumexp)(b, max, log);
    ALL_LANES b->out_tail[lane] = max[lane] + log[lane];
}

CN_INLINE void FN(softmax_grad_body)(FN(blocks) * b)
{
    REAL sum[LANES] = {0};
    ALL_BLOCKS
    {
        const REAL *y = IN(0), *dy = IN(1);
        ALL_LANES sum[lane] += y[lane] * dy[lane];
    }
    FN(join_sum)(b, sum);
    ALL_BLOCKS
    {
        const REAL *y = IN(0), *dy = IN(1);
        REAL *dx = OUT;
        ALL_LANES dx[lane] = y[lane] * (dy[lane] - sum[lane]);
    }
}

CN_INLINE void FN(log_softmax_grad_body)(FN(blocks) * b)
{
    REAL sum[LANES] = {0};
    ALL_BLOCKS
    {
        const REAL *dy = IN(1);
        ALL_LANES sum[lane] += dy[lane];
    }
    FN(join_sum)(b, sum);
    ALL_BLOCKS
    {
        const REAL *y = IN(0), *dy = IN(1);
        REAL *dx = OUT;
        ALL_LANES dx[lane] = dy[lane] - MATH(exp)(y[lane]) * sum[lane];
    }
}

/* logsumexp z = max z - log max p, as p = exp(z - logsumexp z). A target of zero weighs an infinite loss not at all. */
CN_INLINE void FN(crossentropy_body)(FN(blocks) * b)
{
    REAL z_max[LANES], p_max[LANES], sum[LANES] = {0};
    FN(largest)(b, 0, z_max);
    FN(largest)(b, 1, p_max);
    ALL_LANES z_max[lane] -= MATH(log)(p_max[lane]);
    ALL_BLOCKS
    {
        const REAL *z = IN(0), *t = IN(2);
        ALL_LANES sum[lane] += t[lane] == 0 ? 0 : t[lane] * (z_max[lane] - z[lane]);
    }
    FN(join_sum)(b, sum);
    ALL_LANES b->out_tail[lane] = sum[lane];
}

/* dy lies in tail 2. */
CN_INLINE void FN(crossentropy_grad_body)(FN(blocks) * b)
{
    REAL sum[LANES] = {0};
    ALL_BLOCKS
    {
        const REAL *t = IN(1);
        ALL_LANES sum[lane] += t[lane];
    }
    FN(join_sum)(b, sum);
    ALL_BLOCKS
    {
        const REAL *p = IN(0), *t = IN(1);
        REAL *dz = OUT;
        ALL_LANES dz[lane] = (p[lane] * sum[lane] - t[lane]) * b->tail[2][lane];
    }
}

/* What is done for each row: to rows that lie one behind the other, each `joined` from blocks, or to many whose lanes
 * lie `apart`. There are `matrices` inputs as large as the rows and, after them, a number a row if `numbers`; the
 * output is as large as the rows, or a number a row if `reduces`. `fill` is what fills up input 0. */
typedef struct FN(row_work) {
    FN(body) * joined, *apart;
    int matrices;
    bool numbers, reduces;
    REAL fill;
} FN(row_work);

static void FN(each_row)(const FN(row_work) * work, int64_t rows, int64_t row_step, int64_t n, int64_t step,
                         void *const *pointer)
{
    const int matrices = work->matrices;
    const bool numbers = work->numbers, reduces = work->reduces;
    const REAL fill = work->fill;
    FN(blocks) b;
    REAL *out = pointer[0];
    const REAL *const number = numbers ? pointer[1 + matrices] : NULL;
    if (row_step != 1 && n > CN_ROW_SHORT) {
        const int over = (int)(n % LANES);
        b.step = LANES;
        b.has_tail = over > 0;
        b.count = n / LANES + b.has_tail;
        for (int64_t r = 0; r < rows; r++) {
            for (int k = 0; k < matrices; k++) {
                b.in[k] = (const REAL *)pointer[1 + k] + r * row_step;
                ALL_LANES b.tail[k][lane] = lane < over ? b.in[k][n - over + lane] : k ? 0 : fill;
            }
            if (numbers)
                ALL_LANES b.tail[matrices][lane] = number[r];
            b.out = out + r * row_step;
            work->joined(&b);
            if (reduces)
                out[r] = b.out_tail[0];
            else
                for (int lane = 0; lane < over; lane++)
                    b.out[n - over + lane] = b.out_tail[lane];
        }
        return;
    }
    b.count = n;
    REAL gathered[MAX_INPUTS][CN_ROW_SHORT * LANES], scattered[CN_ROW_SHORT * LANES];
    for (int64_t r = 0; r < rows; r += LANES) {
        /* The last columns are worked on with some of those before, where there are some: the same bits again. */
        const bool direct = row_step == 1 && rows >= LANES;
        const int64_t first = direct && r > rows - LANES ? rows - LANES : r;
        const int some = rows - first < LANES ? (int)(rows - first) : LANES;
        b.step = direct ? step : LANES;
        b.out = direct ? out + first : scattered;
        for (int k = 0; k < matrices; k++) {
            const REAL *x = (const REAL *)pointer[1 + k] + first * row_step;
            b.in[k] = direct ? x : gathered[k];
            for (int64_t i = 0; i < n && !direct; i++)
                ALL_LANES gathered[k][i * LANES + lane] = lane < some ? x[lane * row_step + i * step] : 0;
        }
        if (numbers)
            for (int lane = 0; lane < some; lane++)
                b.tail[matrices][lane] = number[first + lane];
        work->apart(&b);
        if (reduces)
            for (int lane = 0; lane < some; lane++)
                out[first + lane] = b.out_tail[lane];
        else
            for (int64_t i = 0; i < n && !direct; i++)
                for (int lane = 0; lane < some; lane++)
                    out[(first + lane) * row_step + i * step] = scattered[i * LANES + lane];
    }
}

/* The body is compiled for each of the two, as it is faster without what it need not ask. */
#define EACH_ROW(name, matrices, numbers, reduces, fill)                                                          \
    static void FN(name##_joined)(FN(blocks) * b)                                                                 \
    {                                                                                                             \
        b->joined = true;                                                                                         \
        FN(name##_body)(b);                                                                                       \
    }                                                                                                             \
    static void FN(name##_apart)(FN(blocks) * b)                                                                  \
    {                                                                                                             \
        b->joined = b->has_tail = false;                                                                          \
        FN(name##_body)(b);                                                                                       \
    }                                                                                                             \
    static void FN(name)(int64_t rows, int64_t row_step, int64_t n, int64_t step, void *const *pointer)           \
    {                                                                                                             \
        static const FN(row_work) work = {FN(name##_joined), FN(name##_apart), matrices, numbers, reduces, fill}; \
        FN(each_row)(&work, rows, row_step, n, step, pointer);                                                    \
    }
EACH_ROW(softmax, 1, false, false, -(REAL)INFINITY)
EACH_ROW(log_softmax, 1, false, false, -(REAL)INFINITY)
EACH_ROW(logsumexp, 1, false, true, -(REAL)INFINITY)
EACH_ROW(softmax_grad, 2, false, false, 0)
EACH_ROW(log_softmax_grad, 2, false, false, 0)
EACH_ROW(crossentropy, 3, false, true, -(REAL)INFINITY)
EACH_ROW(crossentropy_grad, 2, true, false, 0)

/* The threshold tau with sum max(x - tau, 0) = 1, found as Michelot does: by leaving out what is below the threshold of
 * what is left until nothing is. */
static void FN(sparsemax)(int64_t rows, int64_t row_step, int64_t n, int64_t step, void *const *pointer)
{
    for (int64_t r = 0; r < rows; r++) {
        const REAL *x = (const REAL *)pointer[1] + r * row_step;
        REAL *y = (REAL *)pointer[0] + r * row_step;
        REAL tau = -(REAL)INFINITY;
        for (int64_t before = -1, count = n + 1; count != before;) {
            REAL sum = 0;
            before = count;
            count = 0;
            for (int64_t i = 0; i < n; i++) {
                sum += x[i * step] > tau ? x[i * step] : 0;
                count += x[i * step] > tau;
            }
            tau = (sum - 1) / (REAL)count;
        }
        for (int64_t i = 0; i < n; i++)
            y[i * step] = x[i * step] > tau ? x[i * step] - tau : 0;
    }
}

static void FN(sparsemax_grad)(int64_t rows, int64_t row_step, int64_t n, int64_t step, void *const *pointer)
{
    for (int64_t r = 0; r < rows; r++) {
        const REAL *y = (const REAL *)pointer[1] + r * row_step, *dy = (const REAL *)pointer[2] + r * row_step;
        REAL *dx = (REAL *)pointer[0] + r * row_step, sum = 0, count = 0;
        for (int64_t i = 0; i < n; i++) {
            sum += y[i * step] > 0 ? dy[i * step] : 0;
            count += y[i * step] > 0;
        }
        for (int64_t i = 0; i < n; i++)
            dx[i * step] = y[i * step] > 0 ? dy[i * step] - sum / count : 0;
    }
}

static void FN(sparse_crossentropy)(int64_t rows, int64_t row_step, int64_t n, int64_t step, void *const *pointer)
{
    REAL *loss = pointer[0];
    const int32_t *label = pointer[3];
    for (int64_t r = 0; r < rows; r++) {
        const REAL *z = (const REAL *)pointer[1] + r * row_step, *p = (const REAL *)pointer[2] + r * row_step;
        int64_t at = 0;
        for (int64_t i = 1; i < n; i++)
            at = p[i * step] > p[at * step] ? i : at;
        loss[r] = z[at * step] - MATH(log)(p[at * step]) - z[label[r] * step];
    }
}

static void FN(sparse_crossentropy_grad)(int64_t rows, int64_t row_step, int64_t n, int64_t step, void *const *pointer)
{
    const int32_t *label = pointer[2];
    const REAL *dy = pointer[3];
    for (int64_t r = 0; r < rows; r++) {
        const REAL *p = (const REAL *)pointer[1] + r * row_step;
        REAL *dz = (REAL *)pointer[0] + r * row_step;
        for (int64_t i = 0; i < n; i++)
            dz[i * step] = p[i * step] * dy[r];
        dz[label[r] * step] -= dy[r];
    }
}

extern const cn_rowwise_kernels CN_ISA_NAME(FN(cn_rowwise));
const cn_rowwise_kernels CN_ISA_NAME(FN(cn_rowwise)) = {.row = {
#define ROW(name) [CN_ROW_##name] = FN(name),
                                                            CN_ROWWISE(ROW)}};

#undef ROW
#undef EACH_ROW
#undef IN
#undef OUT
#undef ALL_BLOCKS
#undef MATH
#undef FN
#undef REAL
#undef SUFFIX
