/* Included once per element type, with REAL, SQRT and NAME(name) defined. */

/* Outputs and inputs by number: an update may work in place, so nothing here is restrict. */
#define OUT(i) ((REAL *)pointer[i] + from)
#define IN(outputs, i) ((const REAL *)pointer[(outputs) + (i)] + from)

static void NAME(sgd)(int64_t from, int64_t n, void *const *pointer, const double *step, const double *constant)
{
    const REAL rate = (REAL)step[CN_STEP_RATE], decay = (REAL)(constant[0] * step[CN_STEP_DECAY]);
    const REAL *w = IN(1, 0), *g = IN(1, 1);
    REAL *new_w = OUT(0);
    CN_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        new_w[i] = w[i] - w[i] * decay - rate * g[i];
}

static void NAME(sgd_momentum)(int64_t from, int64_t n, void *const *pointer, const double *step,
                               const double *constant)
{
    const REAL rate = (REAL)step[CN_STEP_RATE], decay = (REAL)(constant[0] * step[CN_STEP_DECAY]);
    const REAL momentum = (REAL)constant[1];
    /* w += a m' - b g: m' itself, or Nesterov's look ahead. */
    const REAL a = constant[2] != 0 ? momentum : 1, b = constant[2] != 0 ? rate : 0;
    const REAL *w = IN(2, 0), *m = IN(2, 1), *g = IN(2, 2);
    REAL *new_w = OUT(0), *new_m = OUT(1);
    CN_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        REAL gradient = g[i], moved = momentum * m[i] - rate * gradient;
        new_w[i] = w[i] - w[i] * decay + (a * moved - b * gradient);
        new_m[i] = moved;
    }
}

static void NAME(adam)(int64_t from, int64_t n, void *const *pointer, const double *step, const double *constant)
{
    const REAL rate = (REAL)step[CN_STEP_RATE], decay = (REAL)(constant[0] * step[CN_STEP_DECAY]);
    const REAL c1 = (REAL)constant[1], c2 = (REAL)constant[2], epsilon = (REAL)constant[3];
    const REAL *w = IN(3, 0), *m = IN(3, 1), *v = IN(3, 2), *g = IN(3, 3);
    REAL *new_w = OUT(0), *new_m = OUT(1), *new_v = OUT(2);
    CN_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        REAL gradient = g[i];
        REAL mean = m[i] + (gradient - m[i]) * c1, square = v[i] + (gradient * gradient - v[i]) * c2;
        new_w[i] = w[i] - w[i] * decay - mean * rate / (SQRT(square) + epsilon);
        new_m[i] = mean;
        new_v[i] = square;
    }
}

static void NAME(adam_amsgrad)(int64_t from, int64_t n, void *const *pointer, const double *step,
                               const double *constant)
{
    const REAL rate = (REAL)step[CN_STEP_RATE], decay = (REAL)(constant[0] * step[CN_STEP_DECAY]);
    const REAL c1 = (REAL)constant[1], c2 = (REAL)constant[2], epsilon = (REAL)constant[3];
    const REAL *w = IN(4, 0), *m = IN(4, 1), *v = IN(4, 2), *v_hat = IN(4, 3), *g = IN(4, 4);
    REAL *new_w = OUT(0), *new_m = OUT(1), *new_v = OUT(2), *new_v_hat = OUT(3);
    CN_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        REAL gradient = g[i];
        REAL mean = m[i] + (gradient - m[i]) * c1, square = v[i] + (gradient * gradient - v[i]) * c2;
        REAL largest = v_hat[i] > square ? v_hat[i] : square;
        new_w[i] = w[i] - w[i] * decay - mean * rate / (SQRT(largest) + epsilon);
        new_m[i] = mean;
        new_v[i] = square;
        new_v_hat[i] = largest;
    }
}

static void NAME(rmsprop)(int64_t from, int64_t n, void *const *pointer, const double *step, const double *constant)
{
    const REAL rate = (REAL)step[CN_STEP_RATE], decay = (REAL)(constant[0] * step[CN_STEP_DECAY]);
    const REAL rho = (REAL)constant[1], rest = (REAL)(1 - constant[1]), epsilon = (REAL)constant[2];
    const REAL *w = IN(2, 0), *v = IN(2, 1), *g = IN(2, 2);
    REAL *new_w = OUT(0), *new_v = OUT(1);
    CN_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        REAL gradient = g[i], square = rho * v[i] + rest * (gradient * gradient);
        new_w[i] = w[i] - w[i] * decay - rate * gradient / SQRT(square + epsilon);
        new_v[i] = square;
    }
}

static void NAME(accumulate)(int64_t from, int64_t n, void *const *pointer, const double *step, const double *constant)
{
    const REAL keep = step[CN_STEP_APPLIES] != 0 ? 0 : 1, share = (REAL)(1 / constant[0]);
    const REAL *sum = IN(2, 0), *g = IN(2, 1);
    REAL *new_sum = OUT(0), *mean = OUT(1);
    CN_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        REAL total = sum[i] + g[i];
        new_sum[i] = keep != 0 ? total : 0;
        mean[i] = total * share;
    }
}

static void NAME(moving_average)(int64_t from, int64_t n, void *const *pointer, const double *step,
                                 const double *constant)
{
    (void)constant;
    const REAL momentum = (REAL)step[CN_STEP_EMA_MOMENTUM], rest = (REAL)(1 - step[CN_STEP_EMA_MOMENTUM]);
    const REAL overwrites = (REAL)step[CN_STEP_EMA_OVERWRITES];
    const REAL *average = IN(2, 0), *w = IN(2, 1);
    REAL *new_average = OUT(0), *new_w = OUT(1);
    CN_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        REAL value = w[i], mixed = momentum * average[i] + rest * value;
        new_average[i] = mixed;
        new_w[i] = overwrites != 0 ? mixed : value;
    }
}

#undef OUT
#undef IN
#undef REAL
#undef SQRT
#undef NAME
