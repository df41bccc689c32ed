/* Private: the kernels of recurrent.c for one element type. Included twice, so without a guard. REAL, SUFFIX. */

#define NAME(name) CN_PASTE(name, SUFFIX)
#define VECTOR NAME(vector)
#define HALF NAME(half)
#define WIDTH ((int64_t)(CN_VECTOR_BYTES / sizeof(REAL)))

typedef REAL VECTOR __attribute__((vector_size(CN_VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL HALF __attribute__((vector_size(CN_VECTOR_BYTES / 2), aligned(sizeof(REAL)), may_alias));

/* One block of columns of y += x m. Four partial sums, so that the additions do not wait for each other. */
#define ADD_BLOCK(type)                                               \
    do {                                                              \
        type s0 = *(type *)(y + j), s1 = (type){0}, s2 = s1, s3 = s1; \
        int64_t i = 0;                                                \
        for (; i + 4 <= k; i += 4) {                                  \
            const REAL *row = m + i * n + j;                          \
            s0 += *(const type *)row * x[i];                          \
            s1 += *(const type *)(row + n) * x[i + 1];                \
            s2 += *(const type *)(row + 2 * n) * x[i + 2];            \
            s3 += *(const type *)(row + 3 * n) * x[i + 3];            \
        }                                                             \
        for (; i < k; i++)                                            \
            s0 += *(const type *)(m + i * n + j) * x[i];              \
        *(type *)(y + j) = (s0 + s1) + (s2 + s3);                     \
    } while (0)

/* y += x m, where m is (k, n) row-major. */
static inline void NAME(add_row_product)(int64_t n, int64_t k, REAL *y, const REAL *x, const REAL *m)
{
    int64_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH)
        ADD_BLOCK(VECTOR);
    if (j + WIDTH / 2 <= n) {
        ADD_BLOCK(HALF);
        j += WIDTH / 2;
    }
    for (; j < n; j++)
        ADD_BLOCK(REAL);
}
#undef ADD_BLOCK

CN_INLINE REAL NAME(hard_sigmoid)(REAL x)
{
    const REAL line = x / 6 + (REAL)0.5;
    const REAL high = line < 1 ? line : 1;
    return high > 0 ? high : 0;
}

/* Whole vectors, then blocks of eight, then the rest in a block of eight of its own: every loop over a function has a
 * length that the compiler knows, and so becomes vector code, however few the units. */
#define ACTIVATE_BLOCK(count, value)                     \
    CN_INDEPENDENT for (int64_t i = 0; i < (count); i++) \
    {                                                    \
        const REAL x = from[i];                          \
        to[i] = value;                                   \
    }
#define ACTIVATE(value)                                \
    do {                                               \
        for (; n >= 16; n -= 16, from += 16, to += 16) \
            ACTIVATE_BLOCK(16, value)                  \
        for (; n >= 8; n -= 8, from += 8, to += 8)     \
            ACTIVATE_BLOCK(8, value)                   \
        if (n > 0) {                                   \
            REAL block[8] = {0}, *end = to;            \
            for (int64_t i = 0; i < n; i++)            \
                block[i] = from[i];                    \
            from = to = block;                         \
            ACTIVATE_BLOCK(8, value)                   \
            for (int64_t i = 0; i < n; i++)            \
                end[i] = block[i];                     \
        }                                              \
    } while (0)

static inline void NAME(activate)(cn_gate gate, int64_t n, REAL *to, const REAL *from)
{
    switch (gate) {
    case CN_GATE_TANH:
        ACTIVATE(NAME(cn_tanh)(x));
        break;
    case CN_GATE_SIGMOID:
        ACTIVATE(NAME(cn_sigmoid)(x));
        break;
    case CN_GATE_RELU:
        ACTIVATE(x > 0 ? x : 0);
        break;
    case CN_GATE_HARD_SIGMOID:
        ACTIVATE(NAME(hard_sigmoid)(x));
        break;
    default:
        if (to != from)
            memcpy(to, from, (size_t)n * sizeof(REAL));
    }
}
#undef ACTIVATE_BLOCK
#undef ACTIVATE

static void NAME(step)(const cn_lstm_step *s)
{
    const int64_t u = s->units;
    for (int64_t r = 0; r < s->rows; r++) {
        REAL *gates = (REAL *)s->gates + r * 5 * u, *h = (REAL *)s->h + r * u, *c = (REAL *)s->c + r * u;
        const REAL *h_before = (const REAL *)s->h_before + r * u, *c_before = (const REAL *)s->c_before + r * u;
        if (s->z)
            memcpy(gates, (const REAL *)s->z + r * s->z_row, (size_t)(4 * u) * sizeof(REAL));
        if (s->recurrent)
            NAME(add_row_product)(4 * u, u, gates, h_before, s->recurrent);
        NAME(activate)(s->recurrent_activation, 2 * u, gates, gates);
        NAME(activate)(s->activation, u, gates + 2 * u, gates + 2 * u);
        NAME(activate)(s->recurrent_activation, u, gates + 3 * u, gates + 3 * u);
        if (s->mask && !s->mask[r * s->mask_row]) {
            memmove(c, c_before, (size_t)u * sizeof(REAL));
            memmove(h, h_before, (size_t)u * sizeof(REAL));
        } else {
            CN_INDEPENDENT for (int64_t j = 0; j < u; j++) c[j] =
                gates[u + j] * c_before[j] + gates[j] * gates[2 * u + j];
            NAME(activate)(s->activation, u, gates + 4 * u, c);
            CN_INDEPENDENT for (int64_t j = 0; j < u; j++) h[j] = gates[3 * u + j] * gates[4 * u + j];
        }
        if (s->y)
            memcpy((REAL *)s->y + r * s->y_row, h, (size_t)u * sizeof(REAL));
    }
}

/* d = d * derivative of the activation that gave y */
static inline void NAME(derive)(cn_gate gate, int64_t n, REAL *d, const REAL *y)
{
#define DERIVE(value) CN_INDEPENDENT for (int64_t i = 0; i < n; i++) d[i] *= (value);
    switch (gate) {
    case CN_GATE_TANH:
        DERIVE(1 - y[i] * y[i])
        break;
    case CN_GATE_SIGMOID:
        DERIVE(y[i] * (1 - y[i]))
        break;
    case CN_GATE_RELU:
        DERIVE(y[i] > 0 ? 1 : 0)
        break;
    case CN_GATE_HARD_SIGMOID:
        DERIVE(y[i] > 0 && y[i] < 1 ? (REAL)1 / 6 : 0)
        break;
    default:
        break;
    }
#undef DERIVE
}

static void NAME(back)(const cn_lstm_back *s)
{
    const int64_t u = s->units;
    for (int64_t r = 0; r < s->rows; r++) {
        const REAL *gates = (const REAL *)s->gates + r * 5 * u, *c_before = (const REAL *)s->c_before + r * u;
        REAL *dh = (REAL *)s->dh + r * u, *dc = (REAL *)s->dc + r * u, *dz = (REAL *)s->dz + r * 4 * u;
        const REAL *dy = s->dy ? (const REAL *)s->dy + r * s->dy_row : NULL;
        REAL *copy = s->dz_copy ? (REAL *)s->dz_copy + r * s->dz_copy_row : NULL;
        const REAL *f = gates + u, *g = gates + 2 * u, *o = gates + 3 * u, *activated = gates + 4 * u;
        if (dy)
            CN_INDEPENDENT for (int64_t j = 0; j < u; j++) dh[j] += dy[j];
        if (s->mask && !s->mask[r * s->mask_row]) {
            memset(dz, 0, (size_t)(4 * u) * sizeof(REAL));
            if (copy)
                memset(copy, 0, (size_t)(4 * u) * sizeof(REAL));
            continue;
        }
        /* dz first holds the gradients of the activated gates; that of c is gathered in its second quarter. */
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++)
        {
            dz[u + j] = dh[j] * o[j];
            dz[3 * u + j] = dh[j] * activated[j];
        }
        NAME(derive)(s->activation, u, dz + u, activated);
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++)
        {
            const REAL d = dc[j] + dz[u + j];
            dz[j] = d * g[j];
            dz[u + j] = d * c_before[j];
            dz[2 * u + j] = d * gates[j];
            dc[j] = d * f[j];
        }
        NAME(derive)(s->recurrent_activation, 2 * u, dz, gates);
        NAME(derive)(s->activation, u, dz + 2 * u, g);
        NAME(derive)(s->recurrent_activation, u, dz + 3 * u, o);
        if (copy)
            memcpy(copy, dz, (size_t)(4 * u) * sizeof(REAL));
        memset(dh, 0, (size_t)u * sizeof(REAL));
        if (s->turned)
            NAME(add_row_product)(u, 4 * u, dh, dz, s->turned);
    }
}

#undef NAME
#undef VECTOR
#undef HALF
#undef WIDTH
