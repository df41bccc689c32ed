/* The kernels of convolutions for one element type REAL, with names that end in SUFFIX. */

#define NAME_(name, suffix) name##_##suffix
#define NAME__(name, suffix) NAME_(name, suffix)
#define NAME(name) NAME__(name, SUFFIX)

static inline void NAME(clear)(REAL *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = 0;
}

static inline void NAME(copy)(REAL *restrict to, const REAL *restrict from, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
}

/* The first layers of networks have few channels: their runs are copied by loops of a constant length. */
static inline void NAME(copy_runs)(int64_t places, int64_t run, const REAL *restrict from, int64_t from_step,
                                   REAL *restrict to, int64_t to_step)
{
#define RUN(length)                                                                          \
    case length:                                                                             \
        for (int64_t p = 0; p < places; p++)                                                 \
            memcpy(to + p * to_step, from + p * from_step, (size_t)(length) * sizeof(REAL)); \
        break
    switch (run) {
        RUN(1);
        RUN(3);
        RUN(5);
        RUN(7);
        RUN(9);
        RUN(15);
        RUN(21);
        RUN(48);
    default:
        for (int64_t p = 0; p < places; p++)
            NAME(copy)(to + p * to_step, from + p * from_step, run);
    }
#undef RUN
}

/* The whole patches of `places` neighbours along the last axis, of which every tap there lies within the input. */
static void NAME(gather_inside)(const cn_patches *p, const REAL *in, const int64_t *first, int64_t places, int64_t run,
                                int64_t runs, REAL *to, int64_t out_row)
{
    const int64_t step = p->step[2] * p->stride;
    for (int64_t u0 = 0; u0 < p->taps[0]; u0++)
        for (int64_t u1 = 0; u1 < p->taps[1]; u1++) {
            const int64_t i0 = first[0] + u0 * p->offset_step[0], i1 = first[1] + u1 * p->offset_step[1];
            const bool inside = i0 >= 0 && i0 < p->size[0] && i1 >= 0 && i1 < p->size[1];
            const int64_t from = ((i0 * p->size[1] + i1) * p->size[2] + first[2]) * p->stride;
            for (int64_t u2 = 0; u2 < runs; u2++, to += run)
                if (inside)
                    NAME(copy_runs)(places, run, in + from + u2 * p->offset_step[2] * p->stride, step, to, out_row);
                else
                    for (int64_t place = 0; place < places; place++)
                        NAME(clear)(to + place * out_row, run);
        }
}

/* Taps that are neighbours along the last axis, all their channels included, are copied in one run. */
static void NAME(gather)(const cn_patches *p, const void *in_, int64_t first, int64_t rows, int64_t column,
                         int64_t columns, void *out_, int64_t out_row)
{
    const REAL *in = in_;
    REAL *out = out_;
    const bool joined = p->offset_step[2] == 1 && p->channels == p->stride;
    const int64_t run = (joined ? p->taps[2] : 1) * p->channels, last = joined ? 1 : p->taps[2];
    const int64_t begin = column / run, skipped = column - begin * run;
    const int64_t begin2 = begin % last, begin1 = begin / last % p->taps[1], begin0 = begin / last / p->taps[1];
    int64_t t2 = first % p->count[2], rest = first / p->count[2];
    int64_t t1 = rest % p->count[1], t0 = rest / p->count[1] % p->count[0];
    int64_t sample = rest / p->count[1] / p->count[0];
    /* The places along the last axis of which every tap lies within the input. */
    const bool whole = columns == p->taps[0] * p->taps[1] * p->taps[2] * p->channels;
    const int64_t room = p->size[2] - 1 - (p->taps[2] - 1) * p->offset_step[2] - p->offset[2];
    const int64_t inside = p->offset[2] < 0 ? (p->step[2] - 1 - p->offset[2]) / p->step[2] : 0;
    const int64_t outside = room < 0 ? 0 : room / p->step[2] + 1 < p->count[2] ? room / p->step[2] + 1 : p->count[2];
    for (int64_t row = 0; row < rows; row++) {
        REAL *to = out + row * out_row;
        int64_t u0 = begin0, u1 = begin1, u2 = begin2, from = skipped, left = columns;
        if (whole && t2 >= inside && t2 < outside) {
            const int64_t places = outside - t2 < rows - row ? outside - t2 : rows - row;
            const int64_t at[] = {t0 * p->step[0] + p->offset[0], t1 * p->step[1] + p->offset[1],
                                  t2 * p->step[2] + p->offset[2]};
            NAME(gather_inside)
            (p, in + sample * p->size[0] * p->size[1] * p->size[2] * p->stride, at, places, run, last, to, out_row);
            row += places - 1;
            t2 += places - 1;
            left = 0;
        }
        while (left > 0) {
            const int64_t end = run - from < left ? run : from + left;
            const int64_t i0 = t0 * p->step[0] + p->offset[0] + u0 * p->offset_step[0];
            const int64_t i1 = t1 * p->step[1] + p->offset[1] + u1 * p->offset_step[1];
            const int64_t i2 = t2 * p->step[2] + p->offset[2] + u2 * p->offset_step[2];
            /* Elements [low, high) of the run lie within the input. */
            int64_t low = i2 < 0 ? -i2 * p->channels : 0, high = (p->size[2] - i2) * p->channels;
            if (i0 < 0 || i0 >= p->size[0] || i1 < 0 || i1 >= p->size[1])
                high = 0;
            high = high > end ? end : high;
            low = low < from ? from : low;
            low = low > end ? end : low;
            high = high < low ? low : high;
            NAME(clear)(to, low - from);
            if (high > low) {
                const int64_t at = ((sample * p->size[0] + i0) * p->size[1] + i1) * p->size[2] + i2;
                NAME(copy)(to + (low - from), in + (at * p->stride + low), high - low);
            }
            NAME(clear)(to + (high - from), end - high);
            to += end - from;
            left -= end - from;
            from = 0;
            if (++u2 == last) {
                u2 = 0;
                if (++u1 == p->taps[1]) {
                    u1 = 0;
                    u0++;
                }
            }
        }
        if (++t2 == p->count[2]) {
            t2 = 0;
            if (++t1 == p->count[1]) {
                t1 = 0;
                if (++t0 == p->count[0]) {
                    t0 = 0;
                    sample++;
                }
            }
        }
    }
}

/* A vector of elements that may lie anywhere. */
typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
enum { NAME(WIDTH) = VECTOR_BYTES / sizeof(REAL) };
#define VECTOR NAME(vector)
#define AT(p, i) (*(VECTOR *)((p) + (i)))
#define CONST_AT(p, i) (*(const VECTOR *)((const REAL *)(p) + (i)))

static void NAME(sum)(int64_t places, int64_t channels, int taps, const void *const *a, int64_t a_step,
                      const void *const *b, void *to_, int64_t to_step, bool accumulate)
{
    REAL *to = to_;
    for (int64_t place = 0; place < places; place++, to += to_step) {
        const int64_t moved = place * a_step;
        int64_t c = 0;
        for (; c + 2 * NAME(WIDTH) <= channels; c += 2 * NAME(WIDTH)) {
            VECTOR sum0 = {0}, sum1 = {0};
            for (int u = 0; u < taps; u++) {
                sum0 += CONST_AT(a[u], moved + c) * CONST_AT(b[u], c);
                sum1 += CONST_AT(a[u], moved + c + NAME(WIDTH)) * CONST_AT(b[u], c + NAME(WIDTH));
            }
            if (accumulate) {
                sum0 += AT(to, c);
                sum1 += AT(to, c + NAME(WIDTH));
            }
            AT(to, c) = sum0;
            AT(to, c + NAME(WIDTH)) = sum1;
        }
        for (; c < channels; c++) {
            REAL sum = 0;
            for (int u = 0; u < taps; u++)
                sum += ((const REAL *)a[u])[moved + c] * ((const REAL *)b[u])[c];
            to[c] = accumulate ? to[c] + sum : sum;
        }
    }
}

static void NAME(correlate)(int64_t places, int64_t channels, const void *a, int64_t a_step, const void *b,
                            int64_t b_step, void *to_)
{
    REAL *to = to_;
    int64_t c = 0;
    for (; c + 2 * NAME(WIDTH) <= channels; c += 2 * NAME(WIDTH)) {
        VECTOR sum0 = {0}, sum1 = {0};
        for (int64_t p = 0; p < places; p++) {
            sum0 += CONST_AT(a, p * a_step + c) * CONST_AT(b, p * b_step + c);
            sum1 += CONST_AT(a, p * a_step + c + NAME(WIDTH)) * CONST_AT(b, p * b_step + c + NAME(WIDTH));
        }
        AT(to, c) += sum0;
        AT(to, c + NAME(WIDTH)) += sum1;
    }
    for (; c < channels; c++) {
        REAL sum = 0;
        for (int64_t p = 0; p < places; p++)
            sum += ((const REAL *)a)[p * a_step + c] * ((const REAL *)b)[p * b_step + c];
        to[c] += sum;
    }
}

#undef VECTOR
#undef AT
#undef CONST_AT
#undef NAME_
#undef NAME__
#undef NAME
