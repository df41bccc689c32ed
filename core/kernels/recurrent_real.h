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
            const REAL *row = m + i * m_row + j;                      \
            s0 += *(const type *)row * x[i];                          \
            s1 += *(const type *)(row + m_row) * x[i + 1];            \
            s2 += *(const type *)(row + 2 * m_row) * x[i + 2];        \
            s3 += *(const type *)(row + 3 * m_row) * x[i + 3];        \
        }                                                             \
        for (; i < k; i++)                                            \
            s0 += *(const type *)(m + i * m_row + j) * x[i];          \
        *(type *)(y + j) = (s0 + s1) + (s2 + s3);                     \
    } while (0)

static void NAME(add_product)(int64_t rows, int64_t n, int64_t k, const void *from, int64_t x_row, const void *matrix,
                              int64_t m_row, void *to, int64_t y_row)
{
    const REAL *x = from, *m = matrix;
    REAL *y = to;
    for (int64_t r = 0; r < rows; r++, x += x_row, y += y_row) {
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

/* Steps. A row that the mask leaves out keeps its states; what its gates are does not matter. */

#define IS_MASKED(s, r) ((s)->mask && !(s)->mask[(r) * (s)->mask_row])
/* Row r of one of the step's matrices. */
#define ROW(s, member, r, width) ((REAL *)(s)->member + (r) * (width))
#define CONST_ROW(s, member, r, width) ((const REAL *)(s)->member + (r) * (width))

static void NAME(begin_simple)(const cn_recurrent_step *s)
{
    for (int64_t r = s->row; r < s->row + s->rows; r++)
        memcpy(ROW(s, gates, r, s->gates_row), CONST_ROW(s, z, r, s->z_row), (size_t)s->units * sizeof(REAL));
}

static void NAME(begin_lstm)(const cn_recurrent_step *s)
{
    for (int64_t r = s->row; r < s->row + s->rows; r++)
        memcpy(ROW(s, gates, r, s->gates_row), CONST_ROW(s, z, r, s->z_row), (size_t)(4 * s->units) * sizeof(REAL));
}

static void NAME(begin_gru)(const cn_recurrent_step *s)
{
    const size_t bytes = (size_t)(3 * s->units) * sizeof(REAL);
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        if (s->bias)
            memcpy(ROW(s, gates, r, s->gates_row), s->bias, bytes);
        else
            memset(ROW(s, gates, r, s->gates_row), 0, bytes);
    }
}

static void NAME(begin_gru_before)(const cn_recurrent_step *s)
{
    const int64_t u = s->units;
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        REAL *gates = ROW(s, gates, r, s->gates_row);
        const REAL *z = CONST_ROW(s, z, r, s->z_row);
        memcpy(gates, z, (size_t)(2 * u) * sizeof(REAL));
        memcpy(gates + 3 * u, z + 2 * u, (size_t)u * sizeof(REAL));
    }
}

static void NAME(reset)(const cn_recurrent_step *s)
{
    const int64_t u = s->units;
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        REAL *gates = ROW(s, gates, r, s->gates_row);
        const REAL *h = CONST_ROW(s, h_before, r, u);
        if (IS_MASKED(s, r)) {
            memset(gates, 0, (size_t)(3 * u) * sizeof(REAL));
            continue;
        }
        NAME(activate)(s->recurrent_activation, 2 * u, gates, gates);
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++) gates[2 * u + j] = gates[u + j] * h[j];
    }
}

static inline void NAME(keep)(const cn_recurrent_step *s, int64_t r)
{
    const int64_t u = s->units;
    memmove(ROW(s, h, r, u), CONST_ROW(s, h_before, r, u), (size_t)u * sizeof(REAL));
}

static inline void NAME(put_out)(const cn_recurrent_step *s, int64_t r)
{
    if (s->y)
        memcpy(ROW(s, y, r, s->y_row), ROW(s, h, r, s->units), (size_t)s->units * sizeof(REAL));
}

static void NAME(end_simple)(const cn_recurrent_step *s)
{
    const int64_t u = s->units;
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        REAL *gates = ROW(s, gates, r, s->gates_row);
        if (IS_MASKED(s, r)) {
            NAME(keep)(s, r);
        } else {
            NAME(activate)(s->activation, u, gates, gates);
            memcpy(ROW(s, h, r, u), gates, (size_t)u * sizeof(REAL));
        }
        NAME(put_out)(s, r);
    }
}

/* An LSTM with the usual activations and whole blocks of units: everything of a unit in one go. */
static inline bool NAME(is_usual_lstm)(int64_t u, cn_gate activation, cn_gate recurrent_activation)
{
    return u % 8 == 0 && activation == CN_GATE_TANH && recurrent_activation == CN_GATE_SIGMOID;
}

CN_INLINE void NAME(lstm_units)(int64_t count, int64_t u, REAL *gates, const REAL *c_before, REAL *c, REAL *h)
{
    CN_INDEPENDENT for (int64_t j = 0; j < count; j++)
    {
        const REAL i = NAME(cn_sigmoid)(gates[j]), f = NAME(cn_sigmoid)(gates[u + j]);
        const REAL g = NAME(cn_tanh)(gates[2 * u + j]), o = NAME(cn_sigmoid)(gates[3 * u + j]);
        const REAL cell = f * c_before[j] + i * g, activated = NAME(cn_tanh)(cell);
        gates[j] = i;
        gates[u + j] = f;
        gates[2 * u + j] = g;
        gates[3 * u + j] = o;
        c[j] = cell;
        h[j] = o * activated;
    }
}

static void NAME(end_lstm)(const cn_recurrent_step *s)
{
    const int64_t u = s->units;
    const bool usual = NAME(is_usual_lstm)(u, s->activation, s->recurrent_activation);
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        REAL *gates = ROW(s, gates, r, s->gates_row), *h = ROW(s, h, r, u), *c = ROW(s, c, r, u);
        const REAL *c_before = CONST_ROW(s, c_before, r, u);
        if (IS_MASKED(s, r)) {
            NAME(keep)(s, r);
            memmove(c, c_before, (size_t)u * sizeof(REAL));
        } else if (usual) {
            int64_t j = 0;
            for (; j + 16 <= u; j += 16)
                NAME(lstm_units)(16, u, gates + j, c_before + j, c + j, h + j);
            if (j < u)
                NAME(lstm_units)(8, u, gates + j, c_before + j, c + j, h + j);
        } else {
            NAME(activate)(s->recurrent_activation, 2 * u, gates, gates);
            NAME(activate)(s->activation, u, gates + 2 * u, gates + 2 * u);
            NAME(activate)(s->recurrent_activation, u, gates + 3 * u, gates + 3 * u);
            CN_INDEPENDENT for (int64_t j = 0; j < u; j++) c[j] =
                gates[u + j] * c_before[j] + gates[j] * gates[2 * u + j];
            NAME(activate)(s->activation, u, h, c);
            CN_INDEPENDENT for (int64_t j = 0; j < u; j++) h[j] = gates[3 * u + j] * h[j];
        }
        NAME(put_out)(s, r);
    }
}

/* h = z h + (1 - z) candidate, the candidate's sum being in the fourth block of the gates. */
static inline void NAME(mix)(const cn_recurrent_step *s, int64_t r, REAL *gates)
{
    const int64_t u = s->units;
    const REAL *h_before = CONST_ROW(s, h_before, r, u);
    REAL *h = ROW(s, h, r, u);
    NAME(activate)(s->activation, u, gates + 3 * u, gates + 3 * u);
    CN_INDEPENDENT for (int64_t j = 0; j < u; j++) h[j] = gates[j] * h_before[j] + (1 - gates[j]) * gates[3 * u + j];
}

static void NAME(end_gru)(const cn_recurrent_step *s)
{
    const int64_t u = s->units;
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        REAL *gates = ROW(s, gates, r, s->gates_row);
        const REAL *z = CONST_ROW(s, z, r, s->z_row);
        if (IS_MASKED(s, r)) {
            NAME(keep)(s, r);
        } else {
            CN_INDEPENDENT for (int64_t j = 0; j < 2 * u; j++) gates[j] += z[j];
            NAME(activate)(s->recurrent_activation, 2 * u, gates, gates);
            CN_INDEPENDENT for (int64_t j = 0; j < u; j++) gates[3 * u + j] =
                z[2 * u + j] + gates[u + j] * gates[2 * u + j];
            NAME(mix)(s, r, gates);
        }
        NAME(put_out)(s, r);
    }
}

static void NAME(end_gru_before)(const cn_recurrent_step *s)
{
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        if (IS_MASKED(s, r))
            NAME(keep)(s, r);
        else
            NAME(mix)(s, r, ROW(s, gates, r, s->gates_row));
        NAME(put_out)(s, r);
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

/* Adds what comes from the output; true if the row is masked, and its gradients zero. */
static inline bool NAME(begin_back)(const cn_recurrent_back *s, int64_t r, int64_t width)
{
    const int64_t u = s->units;
    REAL *dh = ROW(s, dh, r, u);
    const REAL *dy = CONST_ROW(s, dy, r, s->dy_row);
    if (s->dy)
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++) dh[j] += dy[j];
    if (!IS_MASKED(s, r))
        return false;
    memset(ROW(s, inner, r, width), 0, (size_t)width * sizeof(REAL));
    if (s->dz)
        memset(ROW(s, dz, r, s->dz_row), 0, (size_t)width * sizeof(REAL));
    return true;
}

/* The gradient of z where it is that of the products. */
static inline void NAME(copy_back)(const cn_recurrent_back *s, int64_t r, int64_t first, int64_t count, int64_t width)
{
    if (s->dz)
        memcpy(ROW(s, dz, r, s->dz_row) + first, ROW(s, inner, r, width) + first, (size_t)count * sizeof(REAL));
}

static void NAME(back_simple)(const cn_recurrent_back *s)
{
    const int64_t u = s->units;
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        if (NAME(begin_back)(s, r, u))
            continue;
        REAL *dh = ROW(s, dh, r, u), *inner = ROW(s, inner, r, u);
        memcpy(inner, dh, (size_t)u * sizeof(REAL));
        memset(dh, 0, (size_t)u * sizeof(REAL));
        NAME(derive)(s->activation, u, inner, CONST_ROW(s, gates, r, s->gates_row));
        NAME(copy_back)(s, r, 0, u, u);
    }
}

/* The same steps as below, unit by unit. */
CN_INLINE void NAME(lstm_units_back)(int64_t count, int64_t u, const REAL *gates, const REAL *c_before, const REAL *c,
                                     REAL *dh, REAL *dc, REAL *inner)
{
    CN_INDEPENDENT for (int64_t j = 0; j < count; j++)
    {
        const REAL i = gates[j], f = gates[u + j], g = gates[2 * u + j], o = gates[3 * u + j];
        const REAL activated = NAME(cn_tanh)(c[j]);
        const REAL d = dc[j] + dh[j] * o * (1 - activated * activated);
        inner[j] = d * g * (i * (1 - i));
        inner[u + j] = d * c_before[j] * (f * (1 - f));
        inner[2 * u + j] = d * i * (1 - g * g);
        inner[3 * u + j] = dh[j] * activated * (o * (1 - o));
        dc[j] = d * f;
        dh[j] = 0;
    }
}

static void NAME(back_lstm)(const cn_recurrent_back *s)
{
    const int64_t u = s->units;
    const bool usual = NAME(is_usual_lstm)(u, s->activation, s->recurrent_activation);
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        if (NAME(begin_back)(s, r, 4 * u))
            continue;
        const REAL *gates = CONST_ROW(s, gates, r, s->gates_row), *c_before = CONST_ROW(s, c_before, r, u);
        const REAL *f = gates + u, *g = gates + 2 * u, *o = gates + 3 * u, *c = CONST_ROW(s, c, r, u);
        REAL *dh = ROW(s, dh, r, u), *dc = ROW(s, dc, r, u), *inner = ROW(s, inner, r, 4 * u);
        if (usual) {
            int64_t j = 0;
            for (; j + 16 <= u; j += 16)
                NAME(lstm_units_back)(16, u, gates + j, c_before + j, c + j, dh + j, dc + j, inner + j);
            if (j < u)
                NAME(lstm_units_back)(8, u, gates + j, c_before + j, c + j, dh + j, dc + j, inner + j);
            NAME(copy_back)(s, r, 0, 4 * u, 4 * u);
            continue;
        }
        /* First the gradients of the activated gates; that of c is gathered in the second quarter, the activated c for
         * the time being in the third. */
        const REAL *activated = inner + 2 * u;
        NAME(activate)(s->activation, u, inner + 2 * u, c);
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++)
        {
            inner[u + j] = dh[j] * o[j];
            inner[3 * u + j] = dh[j] * activated[j];
            dh[j] = 0;
        }
        NAME(derive)(s->activation, u, inner + u, activated);
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++)
        {
            const REAL d = dc[j] + inner[u + j];
            inner[j] = d * g[j];
            inner[u + j] = d * c_before[j];
            inner[2 * u + j] = d * gates[j];
            dc[j] = d * f[j];
        }
        NAME(derive)(s->recurrent_activation, 2 * u, inner, gates);
        NAME(derive)(s->activation, u, inner + 2 * u, g);
        NAME(derive)(s->recurrent_activation, u, inner + 3 * u, o);
        NAME(copy_back)(s, r, 0, 4 * u, 4 * u);
    }
}

/* The gradients of the sums of the update gate and of the candidate, and the state's through the former. */
static inline void NAME(unmix)(const cn_recurrent_back *s, int64_t r)
{
    const int64_t u = s->units;
    const REAL *z = CONST_ROW(s, gates, r, s->gates_row), *candidate = z + 3 * u,
               *h_before = CONST_ROW(s, h_before, r, u);
    REAL *dh = ROW(s, dh, r, u), *inner = ROW(s, inner, r, 3 * u);
    CN_INDEPENDENT for (int64_t j = 0; j < u; j++)
    {
        inner[j] = dh[j] * (h_before[j] - candidate[j]);
        inner[2 * u + j] = dh[j] * (1 - z[j]);
        dh[j] *= z[j];
    }
    NAME(derive)(s->recurrent_activation, u, inner, z);
    NAME(derive)(s->activation, u, inner + 2 * u, candidate);
}

static void NAME(back_gru)(const cn_recurrent_back *s)
{
    const int64_t u = s->units;
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        if (NAME(begin_back)(s, r, 3 * u))
            continue;
        const REAL *gates = CONST_ROW(s, gates, r, s->gates_row), *reset = gates + u, *projected = gates + 2 * u;
        REAL *inner = ROW(s, inner, r, 3 * u);
        NAME(unmix)(s, r);
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++) inner[u + j] = inner[2 * u + j] * projected[j];
        NAME(derive)(s->recurrent_activation, u, inner + u, reset);
        NAME(copy_back)(s, r, 0, 3 * u, 3 * u);
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++) inner[2 * u + j] *= reset[j];
    }
}

static void NAME(back_gru_before)(const cn_recurrent_back *s)
{
    for (int64_t r = s->row; r < s->row + s->rows; r++)
        if (!NAME(begin_back)(s, r, 3 * s->units))
            NAME(unmix)(s, r);
}

static void NAME(back_reset)(const cn_recurrent_back *s)
{
    const int64_t u = s->units;
    for (int64_t r = s->row; r < s->row + s->rows; r++) {
        if (IS_MASKED(s, r))
            continue;
        const REAL *reset = CONST_ROW(s, gates, r, s->gates_row) + u, *h_before = CONST_ROW(s, h_before, r, u);
        const REAL *d_reset = CONST_ROW(s, d_reset, r, u);
        REAL *dh = ROW(s, dh, r, u), *inner = ROW(s, inner, r, 3 * u);
        CN_INDEPENDENT for (int64_t j = 0; j < u; j++)
        {
            inner[u + j] = d_reset[j] * h_before[j];
            dh[j] += d_reset[j] * reset[j];
        }
        NAME(derive)(s->recurrent_activation, u, inner + u, reset);
        NAME(copy_back)(s, r, 0, 3 * u, 3 * u);
    }
}

extern const cn_recurrent_kernels CN_ISA_NAME(NAME(cn_recurrent));
const cn_recurrent_kernels CN_ISA_NAME(NAME(cn_recurrent)) = {
    .begin = {NAME(begin_simple), NAME(begin_lstm), NAME(begin_gru), NAME(begin_gru_before)},
    .reset = NAME(reset),
    .end = {NAME(end_simple), NAME(end_lstm), NAME(end_gru), NAME(end_gru_before)},
    .back = {NAME(back_simple), NAME(back_lstm), NAME(back_gru), NAME(back_gru_before)},
    .back_reset = NAME(back_reset),
    .add_product = NAME(add_product)};

#undef REAL
#undef SUFFIX
#undef IS_MASKED
#undef ROW
#undef CONST_ROW
#undef NAME
#undef VECTOR
#undef HALF
#undef WIDTH
