/* The kernels for rows that fit one vector, for columns that fill none and for few units, held against float64. All
 * arrays have just the size that they need. */
#include "cornet.h"
#include "core/chain.h"
#include "core/kernels/kernels.h"
#include "core/program.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const isas[] = {"baseline", "avx2", "avx512"};
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define EACH_ISA(kernels)                             \
    for (size_t isa_ = 0; isa_ < COUNT(isas); isa_++) \
        for (const cn_kernels *kernels = cn_kernels_named(isas[isa_]); kernels; kernels = NULL)

/* Numbers between -2 and 2 without a pattern. */
static float *numbers(int64_t count, double phase)
{
    float *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(2 * sin((double)i * 1.7 + phase + (double)(i % 7)));
    return x;
}

static void expect_near(double seen, double wanted, const char *what)
{
    cr_assert(fabs(seen - wanted) <= 2e-6 * (1 + fabs(wanted)), "%s: %g, not %g", what, seen, wanted);
}

/* z, p = softmax(z) and t of some rows, and what comes out. */
typedef struct classes {
    int64_t rows, n;
    float *z, *p, *t, *dy, *out;
} classes;

static classes classes_of(int64_t rows, int64_t n)
{
    return (classes){rows,
                     n,
                     numbers(rows * n, 0),
                     numbers(rows * n, 1),
                     numbers(rows * n, 2),
                     numbers(rows, 3),
                     numbers(rows * n, 4)};
}

static void classes_free(classes *c)
{
    float *all[] = {c->z, c->p, c->t, c->dy, c->out};
    for (size_t i = 0; i < COUNT(all); i++)
        free(all[i]);
}

static void check_softmax(const cn_short_row_kernels *kernels, classes *c)
{
    kernels->row[CN_ROW_softmax](c->rows, c->n, c->n, 1, (void *[]){c->p, c->z});
    kernels->row[CN_ROW_softmax_grad](c->rows, c->n, c->n, 1, (void *[]){c->out, c->p, c->t});
    for (int64_t r = 0; r < c->rows; r++) {
        const float *z = c->z + r * c->n, *p = c->p + r * c->n, *t = c->t + r * c->n;
        double sum = 0, product = 0;
        for (int64_t i = 0; i < c->n; i++) {
            sum += exp((double)z[i]);
            product += (double)p[i] * (double)t[i];
        }
        for (int64_t i = 0; i < c->n; i++) {
            expect_near((double)p[i], exp((double)z[i]) / sum, "softmax");
            expect_near((double)c->out[r * c->n + i], (double)p[i] * ((double)t[i] - product), "softmax_grad");
        }
    }
}

static void check_crossentropy(const cn_short_row_kernels *kernels, classes *c)
{
    float *loss = numbers(c->rows, 0);
    c->t[0] = 0;
    kernels->row[CN_ROW_crossentropy](c->rows, c->n, c->n, 1, (void *[]){loss, c->z, c->p, c->t});
    kernels->row[CN_ROW_crossentropy_grad](c->rows, c->n, c->n, 1, (void *[]){c->out, c->p, c->t, c->dy});
    for (int64_t r = 0; r < c->rows; r++) {
        const float *z = c->z + r * c->n, *p = c->p + r * c->n, *t = c->t + r * c->n;
        double sum = 0, targets = 0, wanted = 0;
        for (int64_t i = 0; i < c->n; i++) {
            sum += exp((double)z[i]);
            targets += (double)t[i];
        }
        for (int64_t i = 0; i < c->n; i++) {
            wanted += (double)t[i] * (log(sum) - (double)z[i]);
            expect_near((double)c->out[r * c->n + i], ((double)p[i] * targets - (double)t[i]) * (double)c->dy[r],
                        "crossentropy_grad");
        }
        cr_assert(fabs((double)loss[r] - wanted) <= 2e-5, "crossentropy: %g, not %g", (double)loss[r], wanted);
    }
    free(loss);
}

Test(small_kernels, rows_of_every_length_that_fits)
{
    EACH_ISA(kernels)
    {
        for (int64_t n = 1; n <= kernels->short_rows->most; n++)
            for (int64_t rows = 1; rows < 70; rows += rows < 7 ? 3 : 31) {
                classes c = classes_of(rows, n);
                check_softmax(kernels->short_rows, &c);
                check_crossentropy(kernels->short_rows, &c);
                classes_free(&c);
            }
    }
}

Test(small_kernels, a_softmax_of_few_classes_takes_them)
{
    enum { ROWS = 5, CLASSES = 7 };
    const cn_short_row_kernels *kernels = cn_kernels_now()->short_rows;
    if (kernels->most < CLASSES)
        return;
    float *z = numbers(ROWS * CLASSES, 0), *p = numbers(ROWS * CLASSES, 1), seen[ROWS * CLASSES];
    cn_tape *tape = cn_tape_new();
    cn_tensor *softmax = cn_softmax(cn_constant(tape, cn_array(z, ROWS, CLASSES)));
    cr_assert(cn_values(softmax, cn_array(seen, ROWS, CLASSES)));
    kernels->row[CN_ROW_softmax](ROWS, CLASSES, CLASSES, 1, (void *[]){p, z});
    cr_expect_arr_eq(seen, p, sizeof seen);
    cn_tape_free(tape);
    free(z);
    free(p);
}

/* Rows at distances of their own, sums and means. */
Test(small_kernels, sums_along_and_across_short_rows)
{
    EACH_ISA(kernels)
    {
        const cn_short_row_kernels *short_rows = kernels->short_rows;
        for (int64_t n = 1; n <= short_rows->most; n++)
            for (int64_t rows = 1; rows < 70; rows += rows < 7 ? 3 : 31)
                for (int64_t step = n; step < n + 2; step++) {
                    const int64_t size = (rows - 1) * step + n;
                    float *x = numbers(size, 0), *along = numbers(rows, 1), *across = numbers(n, 2);
                    short_rows->mean_of_rows(rows, step, n, (double)n, x, along);
                    short_rows->mean_of_columns(rows, step, n, 1, x, across);
                    for (int64_t r = 0; r < rows; r++) {
                        double sum = 0;
                        for (int64_t i = 0; i < n; i++)
                            sum += (double)x[r * step + i];
                        expect_near((double)along[r], sum / (double)n, "mean of a row");
                    }
                    for (int64_t i = 0; i < n; i++) {
                        double sum = 0;
                        for (int64_t r = 0; r < rows; r++)
                            sum += (double)x[r * step + i];
                        expect_near((double)across[i], sum, "sum of a column");
                    }
                    free(x);
                    free(along);
                    free(across);
                }
    }
}

Test(small_kernels, sums_and_means_of_few_columns_take_them)
{
    enum { ROWS = 9, COLUMNS = 5 };
    const cn_short_row_kernels *kernels = cn_kernels_now()->short_rows;
    if (kernels->most < COLUMNS)
        return;
    float *x = numbers(ROWS * COLUMNS, 0), along[ROWS], across[COLUMNS], seen_along[ROWS], seen_across[COLUMNS];
    cn_tape *tape = cn_tape_new();
    cn_tensor *in = cn_constant(tape, cn_array(x, ROWS, COLUMNS));
    cn_tensor *mean = cn_mean(in, .axis = 1), *sum = cn_sum(in, .axis = 0);
    cr_assert(cn_values(mean, cn_array(seen_along, ROWS)) && cn_values(sum, cn_array(seen_across, COLUMNS)));
    kernels->mean_of_rows(ROWS, COLUMNS, COLUMNS, COLUMNS, x, along);
    kernels->mean_of_columns(ROWS, COLUMNS, COLUMNS, 1, x, across);
    cr_expect_arr_eq(seen_along, along, sizeof along);
    cr_expect_arr_eq(seen_across, across, sizeof across);
    cn_tape_free(tape);
    free(x);
}

Test(small_kernels, sums_of_columns_that_fill_no_vector)
{
    EACH_ISA(kernels)
    {
        for (int64_t columns = 1; columns < 20; columns++)
            for (int64_t rows = 0; rows < 12; rows++)
                for (int64_t stride = columns; stride < columns + 3; stride += 2) {
                    const int64_t size = rows ? (rows - 1) * stride + columns : 0;
                    float *x = numbers(size, 0);
                    cn_accumulator sum[20], largest[20];
                    for (int64_t j = 0; j < columns; j++) {
                        sum[j].real = 1;
                        largest[j].real = -INFINITY;
                    }
                    if (rows > 1)
                        x[stride] = NAN;
                    kernels->reduce->reduce[CN_REDUCE_sum][CN_F32](columns, 1, rows, stride, x, sum);
                    kernels->reduce->reduce[CN_REDUCE_max][CN_F32](columns, 1, rows, stride, x, largest);
                    for (int64_t j = 0; j < columns; j++) {
                        double total = 1, most = -INFINITY;
                        for (int64_t r = 0; r < rows; r++) {
                            total += (double)x[r * stride + j];
                            most = (double)x[r * stride + j] > most ? (double)x[r * stride + j] : most;
                        }
                        if (rows > 1 && j == 0)
                            cr_assert(isnan(sum[j].real) && isnan(largest[j].real));
                        else
                            cr_assert(sum[j].real == total && largest[j].real == most, "column %d of %d, %d rows",
                                      (int)j, (int)columns, (int)rows);
                    }
                    free(x);
                }
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Two rows of an LSTM's step; 24 units are a block of 16 and one of 8, 20 are no whole blocks. */
Test(small_kernels, the_units_of_an_lstm_forwards_and_backwards)
{
    enum { ROWS = 2 };
    EACH_ISA(kernels)
    {
        for (int64_t u = 8; u <= 24; u += 4) {
            float *sums = numbers(ROWS * 4 * u, 0), *gates = numbers(ROWS * 4 * u, 0), *before = numbers(ROWS * u, 1);
            float *c = numbers(ROWS * u, 2), *h = numbers(ROWS * u, 3), *dh = numbers(ROWS * u, 4);
            float *dc = numbers(ROWS * u, 5), *inner = numbers(ROWS * 4 * u, 6), *dh_after = numbers(ROWS * u, 4);
            float *dc_before = numbers(ROWS * u, 5);
            cn_recurrent_step step = {.rows = ROWS,
                                      .units = u,
                                      .activation = CN_GATE_TANH,
                                      .recurrent_activation = CN_GATE_SIGMOID,
                                      .c_before = before,
                                      .h_before = before,
                                      .gates = gates,
                                      .gates_row = 4 * u,
                                      .h = h,
                                      .c = c};
            kernels->recurrent[CN_F32]->end[CN_LSTM_SEQUENCE](&step);
            cn_recurrent_back back = {.rows = ROWS,
                                      .units = u,
                                      .activation = CN_GATE_TANH,
                                      .recurrent_activation = CN_GATE_SIGMOID,
                                      .gates = gates,
                                      .gates_row = 4 * u,
                                      .h_before = before,
                                      .c_before = before,
                                      .c = c,
                                      .dh = dh,
                                      .dc = dc_before,
                                      .inner = inner};
            kernels->recurrent[CN_F32]->back[CN_LSTM_SEQUENCE](&back);
            for (int64_t at = 0; at < ROWS * u; at++) {
                const float *z = sums + at / u * 4 * u + at % u, *d = inner + at / u * 4 * u + at % u;
                double i = sigmoid((double)z[0]), f = sigmoid((double)z[u]), g = tanh((double)z[2 * u]);
                double o = sigmoid((double)z[3 * u]), cell = f * (double)before[at] + i * g, a = tanh(cell);
                expect_near((double)c[at], cell, "c");
                expect_near((double)h[at], o * a, "h");
                double dcell = (double)dc[at] + (double)dh_after[at] * o * (1 - a * a);
                expect_near((double)d[0], dcell * g * i * (1 - i), "di");
                expect_near((double)d[u], dcell * (double)before[at] * f * (1 - f), "df");
                expect_near((double)d[2 * u], dcell * i * (1 - g * g), "dg");
                expect_near((double)d[3 * u], (double)dh_after[at] * a * o * (1 - o), "do");
                expect_near((double)dc_before[at], dcell * f, "dc");
                cr_assert_eq(dh[at], 0);
            }
            float *all[] = {sums, gates, before, c, h, dh, dc, inner, dh_after, dc_before};
            for (size_t i = 0; i < COUNT(all); i++)
                free(all[i]);
        }
    }
}

/* Rows of which the last one has no second, all steps kept and only the last. */
Test(small_kernels, the_steps_of_an_lstm_of_8_units)
{
    enum { U = 8, TIME = 3, MOST = 5, GATES = 4 * U };
    EACH_ISA(kernels)
    {
        for (int64_t rows = 1; kernels->lstm8->forward && rows <= MOST; rows++) {
            float *z = numbers(rows * TIME * GATES, 0), *w = numbers(U * GATES, 1), *y = numbers(rows * TIME * U, 2);
            float *h = numbers((TIME + 1) * rows * U, 3), *c = numbers((TIME + 1) * rows * U, 4);
            float *last_h = numbers(rows * U, 3), *last_c = numbers(rows * U, 4);
            float *gates = numbers(TIME * rows * GATES, 5), *dy = numbers(rows * TIME * U, 6);
            float *dh = numbers(rows * U, 7), *dc = numbers(rows * U, 8);
            float *inner = numbers(TIME * rows * GATES, 9), *dz = numbers(rows * TIME * GATES, 9);
            double dh_now[MOST][U], dc_now[MOST][U];
            for (int64_t i = 0; i < rows * U; i++) {
                dh_now[i / U][i % U] = (double)dh[i];
                dc_now[i / U][i % U] = (double)dc[i];
            }
            cn_lstm8 forward = {.rows = rows,
                                .time = TIME,
                                .recurrent = w,
                                .z = z,
                                .z_row = TIME * GATES,
                                .z_step = GATES,
                                .h = h,
                                .c = c,
                                .h_step = rows * U,
                                .c_step = rows * U,
                                .gates = gates,
                                .gates_step = rows * GATES,
                                .y = y,
                                .y_row = TIME * U};
            kernels->lstm8->forward(&forward, 0, rows);
            cn_lstm8 alone = {.rows = rows,
                              .time = TIME,
                              .recurrent = w,
                              .z = z,
                              .z_row = TIME * GATES,
                              .z_step = GATES,
                              .h = last_h,
                              .c = last_c};
            kernels->lstm8->forward(&alone, 0, rows / 2);
            kernels->lstm8->forward(&alone, rows / 2, rows - rows / 2);
            cr_expect_arr_eq(last_h, h + TIME * rows * U, (size_t)(rows * U) * sizeof *h);
            cr_expect_arr_eq(last_c, c + TIME * rows * U, (size_t)(rows * U) * sizeof *c);
            cn_lstm8_back backward = {.rows = rows,
                                      .time = TIME,
                                      .recurrent = w,
                                      .gates = gates + (TIME - 1) * rows * GATES,
                                      .c_before = c + (TIME - 1) * rows * U,
                                      .gates_step = rows * GATES,
                                      .c_step = rows * U,
                                      .dy = dy + (TIME - 1) * U,
                                      .dy_row = TIME * U,
                                      .dh = dh,
                                      .dc = dc,
                                      .inner = inner + (TIME - 1) * rows * GATES,
                                      .inner_step = rows * GATES,
                                      .dz = dz + (TIME - 1) * GATES,
                                      .dz_row = TIME * GATES,
                                      .dz_step = GATES};
            kernels->lstm8->backward(&backward, 0, rows);
            for (int64_t t = 0; t < TIME; t++)
                for (int64_t at = 0; at < rows * U; at++) {
                    const int64_t r = at / U, j = at % U, now = t * rows * U + at, next = now + rows * U;
                    const float *kept = gates + (t * rows + r) * GATES + j;
                    double gate[4];
                    for (int64_t q = 0; q < 4; q++) {
                        double sum = (double)z[(r * TIME + t) * GATES + q * U + j];
                        for (int64_t k = 0; k < U; k++)
                            sum += (double)h[now - j + k] * (double)w[k * GATES + q * U + j];
                        gate[q] = q == 2 ? tanh(sum) : sigmoid(sum);
                        expect_near((double)kept[q * U], gate[q], "gate");
                    }
                    const double cell = gate[1] * (double)c[now] + gate[0] * gate[2];
                    expect_near((double)c[next], cell, "c");
                    expect_near((double)h[next], gate[3] * tanh(cell), "h");
                    cr_assert_eq(y[(r * TIME + t) * U + j], h[next]);
                }
            for (int64_t t = TIME - 1; t >= 0; t--)
                for (int64_t r = 0; r < rows; r++) {
                    const float *d = inner + (t * rows + r) * GATES;
                    for (int64_t j = 0; j < U; j++) {
                        const float *kept = gates + (t * rows + r) * GATES + j;
                        const double i = (double)kept[0], f = (double)kept[U], g = (double)kept[2 * U];
                        const double o = (double)kept[3 * U], a = tanh((double)c[((t + 1) * rows + r) * U + j]);
                        const double state = dh_now[r][j] + (double)dy[(r * TIME + t) * U + j];
                        const double cell = dc_now[r][j] + state * o * (1 - a * a);
                        expect_near((double)d[j], cell * g * i * (1 - i), "di");
                        expect_near((double)d[U + j], cell * (double)c[(t * rows + r) * U + j] * f * (1 - f), "df");
                        expect_near((double)d[2 * U + j], cell * i * (1 - g * g), "dg");
                        expect_near((double)d[3 * U + j], state * a * o * (1 - o), "do");
                        dc_now[r][j] = cell * f;
                    }
                    for (int64_t j = 0; j < U; j++) {
                        dh_now[r][j] = 0;
                        for (int64_t k = 0; k < GATES; k++)
                            dh_now[r][j] += (double)d[k] * (double)w[j * GATES + k];
                    }
                    cr_assert_arr_eq(dz + (r * TIME + t) * GATES, d, GATES * sizeof *d);
                }
            for (int64_t i = 0; i < rows * U; i++) {
                expect_near((double)dh[i], dh_now[i / U][i % U], "dh");
                expect_near((double)dc[i], dc_now[i / U][i % U], "dc");
            }
            float *all[] = {z, w, y, h, c, last_h, last_c, gates, dy, dh, dc, inner, dz};
            for (size_t i = 0; i < COUNT(all); i++)
                free(all[i]);
        }
    }
}

/* 60 rows of 5 columns: more than are repeated at once. */
Test(small_kernels, a_bias_of_few_columns_in_a_plan)
{
    enum { ROWS = 60, INNER = 3, COLUMNS = 5 };
    float *x = numbers(ROWS * INNER, 0), *w = numbers(INNER * COLUMNS, 1), *b = numbers(COLUMNS, 2);
    float planned[ROWS * COLUMNS], eager[ROWS * COLUMNS];
    for (int deferred = 0; deferred < 2; deferred++) {
        cn_tape *tape = cn_tape_new(.deferred = deferred);
        cn_tensor *in = deferred ? cn_feed(tape, CN_SHAPE(ROWS, INNER)) : cn_constant(tape, cn_array(x, ROWS, INNER));
        cn_tensor *y = cn_relu(cn_add(cn_matmul(in, cn_constant(tape, cn_array(w, INNER, COLUMNS))),
                                      cn_constant(tape, cn_array(b, COLUMNS))));
        if (deferred) {
            cn_plan *plan = cn_plan_new(tape, {y});
            cr_assert(cn_run(plan, {cn_array(x, ROWS, INNER)}, {cn_array(planned, ROWS, COLUMNS)}), "%s",
                      cn_error_message());
            cr_expect_eq(cn_plan_describe(plan).kernels, 1);
            cn_plan_free(plan);
        } else {
            cr_assert(cn_values(y, cn_array(eager, ROWS, COLUMNS)));
        }
        cn_tape_free(tape);
    }
    cr_expect_arr_eq(planned, eager, sizeof eager);
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < COLUMNS; j++) {
            double sum = (double)b[j];
            for (int i = 0; i < INNER; i++)
                sum += (double)x[r * INNER + i] * (double)w[i * COLUMNS + j];
            cr_expect(fabs((double)planned[r * COLUMNS + j] - fmax(sum, 0)) < 1e-5);
        }
    free(x);
    free(w);
    free(b);
}

/* Rows of both operands and of the result at distances of their own, if there is a gap; the elements between them
 * stay. */
static void check_added_row(const cn_elementwise_kernels *e, cn_row_loop *loop, bool relu, int64_t n, int64_t gap)
{
    enum { ROWS = 11 };
    const int64_t dense[] = {1, 1, 1}, out_row = n + 2 * gap, x_row = n + gap;
    const int64_t sizes[] = {ROWS * out_row, ROWS * x_row, n};
    float *x = numbers(sizes[1], 0), *row = numbers(n, 1), *out = numbers(sizes[0], 2), *wanted = numbers(sizes[0], 2);
    x[0] = row[0] = -0.0f;
    x[x_row + n - 1] = NAN;
    x[2 * x_row + n / 2] = -INFINITY;
    for (int64_t r = 0; r < ROWS; r++) {
        float *to = wanted + r * out_row;
        e->loop[CN_LOOP_add][CN_F32](n, (void *[]){to, x + r * x_row, row}, dense, NULL);
        if (relu)
            e->loop[CN_LOOP_relu][CN_F32](n, (void *[]){to, to}, dense, NULL);
    }
    loop(ROWS, n, (void *[]){out, x, row},
         (int64_t[]){out_row * (int64_t)sizeof(float), x_row * (int64_t)sizeof(float)});
    cr_assert_eq(memcmp(out, wanted, (size_t)sizes[0] * sizeof *out), 0, "%d columns, gap %d, relu %d", (int)n,
                 (int)gap, relu);
    float *all[] = {x, row, out, wanted};
    for (size_t i = 0; i < COUNT(all); i++)
        free(all[i]);
}

Test(small_kernels, adding_a_row_gives_the_bits_of_the_loops)
{
    EACH_ISA(kernels)
    {
        const cn_elementwise_kernels *e = kernels->elementwise;
        const cn_short_row_kernels *short_rows = kernels->short_rows;
        for (int64_t gap = 0; gap < 2; gap++) {
            for (int64_t n = 1; n <= 140; n++) {
                check_added_row(e, e->add_row, false, n, gap);
                check_added_row(e, e->relu_of_sum, true, n, gap);
            }
            for (int64_t n = 1; n <= short_rows->most; n++) {
                check_added_row(e, short_rows->add_row, false, n, gap);
                check_added_row(e, short_rows->relu_of_sum, true, n, gap);
            }
        }
    }
}

static bool program_calls(const cn_plan *plan, cn_row_loop *loop)
{
    for (size_t at = 0; at + sizeof loop <= plan->program_bytes; at++)
        if (memcmp(plan->program + at, &loop, sizeof loop) == 0)
            return true;
    return false;
}

/* With a relu, without one, and with a sum that is read again behind the relu. */
static void check_bias(int64_t columns, cn_row_loop *add_row, cn_row_loop *relu_of_sum)
{
    enum { ROWS = 33, INNER = 7, MOST = 75, RELU = 0, NO_RELU = 1, READ_AGAIN = 2 };
    float *x = numbers(ROWS * INNER, 0), *w = numbers(INNER * columns, 1), *b = numbers(columns, 2);
    float planned[ROWS * MOST] = {0}, eager[ROWS * MOST] = {0};
    for (int kind = RELU; kind <= READ_AGAIN; kind++) {
        for (int deferred = 0; deferred < 2; deferred++) {
            cn_tape *tape = cn_tape_new(.deferred = deferred);
            cn_tensor *sum = cn_add(
                cn_matmul(cn_constant(tape, cn_array(x, ROWS, INNER)), cn_constant(tape, cn_array(w, INNER, columns))),
                cn_constant(tape, cn_array(b, columns)));
            cn_tensor *y = kind == NO_RELU ? cn_tanh(sum) : cn_relu(sum);
            if (kind == READ_AGAIN)
                y = cn_sub(y, sum);
            if (deferred) {
                cn_plan *plan = cn_plan_new(tape, {y});
                cr_assert(cn_run_with(plan, (cn_run_args){.out = {cn_array(planned, ROWS, columns)}}), "%s",
                          cn_error_message());
                cr_expect_eq(program_calls(plan, relu_of_sum), kind == RELU, "%d", kind);
                cr_expect_eq(program_calls(plan, add_row), kind != RELU, "%d", kind);
                cn_plan_free(plan);
            } else {
                cr_assert(cn_values(y, cn_array(eager, ROWS, columns)));
            }
            cn_tape_free(tape);
        }
        cr_expect_eq(memcmp(planned, eager, sizeof eager), 0, "%d", kind);
    }
    free(x);
    free(w);
    free(b);
}

Test(small_kernels, a_bias_of_many_columns_is_added_to_all_rows_at_once)
{
    const cn_elementwise_kernels *kernels = cn_kernels_now()->elementwise;
    check_bias(75, kernels->add_row, kernels->relu_of_sum);
    check_bias(32, kernels->add_row, kernels->relu_of_sum);
}

Test(small_kernels, a_bias_that_fits_a_vector_is_added_to_all_rows_at_once)
{
    const cn_short_row_kernels *kernels = cn_kernels_now()->short_rows;
    for (int64_t columns = 2; columns <= kernels->most; columns++)
        check_bias(columns, kernels->add_row, kernels->relu_of_sum);
}
