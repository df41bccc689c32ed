/* Each fast path in float32, forwards and backwards, against the plain form in float64: at shapes that enter it, which
 * a query shows, with sizes that fill no vector, and for every instruction set. */
#include "core/blas.h"
#include "core/convolution.h"
#include "core/engine.h"
#include "core/gathering.h"
#include "core/gemm.h"
#include "core/kernels/kernels.h"
#include "core/ops/recurrent.h"
#include "core/parallel.h"
#include "core/winograd.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Each test runs in a process of its own, so that the environment decides on the kernels. */
typedef struct isa {
    char name[16];
} isa;

static isa isas[] = {{"baseline"}, {"avx2"}, {"avx512"}};

#define EACH_ISA(test)                                                     \
    ParameterizedTestParameters(fast_paths, test)                          \
    {                                                                      \
        return cr_make_param_array(isa, isas, sizeof isas / sizeof *isas); \
    }                                                                      \
    ParameterizedTest(isa *kernels, fast_paths, test)

static bool use(const isa *kernels)
{
    setenv("CORNET_ISA", kernels->name, 1);
    return cn_kernels_named(kernels->name) != NULL;
}

/* What a tape shows of the ways that its entries take. */

static cn_convolution convolution_of(const cn_tensor *x, const cn_tensor *kernel, const cn_tensor *y)
{
    cn_convolution c = {.dtype = x->dtype,
                        .batch = x->shape.dim[0],
                        .channels = x->shape.dim[x->shape.rank - 1],
                        .filters = y->shape.dim[y->shape.rank - 1],
                        .in = {1, 1, 1},
                        .out = {1, 1, 1},
                        .kernel = {1, 1, 1},
                        .stride = {1, 1, 1},
                        .dilation = {1, 1, 1}};
    c.groups = c.channels / kernel->shape.dim[kernel->shape.rank - 2];
    for (int d = 1; d < x->shape.rank - 1; d++) {
        int to = CN_SPACE - x->shape.rank + 1 + d;
        c.in[to] = x->shape.dim[d];
        c.out[to] = y->shape.dim[d];
        c.kernel[to] = kernel->shape.dim[d - 1];
        c.stride[to] = c.in[to] / c.out[to];
        c.before[to] = ((c.out[to] - 1) * c.stride[to] + c.kernel[to] - c.in[to]) / 2;
    }
    return c;
}

typedef bool way(const cn_tape *tape);

static int convolutions_by(const cn_tape *tape, bool (*is)(const cn_convolution *c, cn_convolution_pass pass))
{
    int count = 0;
    for (int i = 0; i < tape->count; i++) {
        const cn_entry *e = tape->entry[i];
        const cn_tensor *a = e->input[0], *b = e->input[1], *result = e->output[0];
        const struct {
            const char *name;
            const cn_tensor *x, *kernel, *y;
        } passes[] = {[CN_CONVOLVE] = {"convolution", a, b, result},
                      [CN_CONVOLVE_INPUT] = {"convolution_input", result, b, a},
                      [CN_CONVOLVE_KERNEL] = {"convolution_kernel", a, result, b}};
        for (int p = 0; p < 3; p++)
            if (strcmp(e->operation->name, passes[p].name) == 0) {
                cn_convolution c = convolution_of(passes[p].x, passes[p].kernel, passes[p].y);
                count += is(&c, (cn_convolution_pass)p);
            }
    }
    return count;
}

static bool is_depthwise(const cn_convolution *c, cn_convolution_pass pass)
{
    (void)pass;
    return cn_is_depthwise(c);
}

static bool is_gathered(const cn_convolution *c, cn_convolution_pass pass)
{
    return !cn_is_depthwise(c) && !cn_is_winograd(c, pass);
}

/* All three passes. */
static bool by_winograd(const cn_tape *tape)
{
    return convolutions_by(tape, cn_is_winograd) == 3;
}

static bool by_depthwise(const cn_tape *tape)
{
    return convolutions_by(tape, is_depthwise) == 3;
}

static bool by_lines(const cn_tape *tape)
{
    return convolutions_by(tape, is_gathered) == 3 && convolutions_by(tape, cn_convolution_is_by_lines) == 3;
}

static bool by_gathering(const cn_tape *tape)
{
    return convolutions_by(tape, is_gathered) == 3 && convolutions_by(tape, cn_convolution_is_by_lines) == 0;
}

static bool has_product(const cn_tape *tape, cn_gemm_path wanted)
{
    bool found = false;
    for (int i = 0; i < tape->count; i++) {
        const cn_entry *e = tape->entry[i];
        if (strcmp(e->operation->name, "matmul") != 0)
            continue;
        const cn_tensor *a = e->input[0], *b = e->input[1];
        const cn_gemm g = {.dtype = a->dtype,
                           .batch = 1,
                           .m = a->shape.dim[0],
                           .n = b->shape.dim[1],
                           .k = a->shape.dim[1],
                           .a_row = a->stride[0],
                           .a_column = a->stride[1],
                           .b_row = b->stride[0],
                           .b_column = b->stride[1],
                           .ldc = b->shape.dim[1]};
        found = found || cn_gemm_path_of(&g) == wanted;
    }
    return found;
}

/* Whether these kernels leave a product of so many operations to OpenBLAS. */
static bool leave_to_openblas(double flops)
{
    return flops >= cn_kernels_now()->gemm->type[0]->blas_flops && cn_blas_at_hand();
}

static bool by_direct_tiles(const cn_tape *tape)
{
    return has_product(tape, CN_GEMM_DIRECT);
}

static bool by_packed_tiles(const cn_tape *tape)
{
    return has_product(tape, CN_GEMM_PACKED) || leave_to_openblas(30e6);
}

static bool by_openblas(const cn_tape *tape)
{
    return has_product(tape, CN_GEMM_BLAS) || !leave_to_openblas(2e9);
}

/* Of the only recurrent sequence. */
static cn_recurrent_way recurrent_way(const cn_tape *tape)
{
    for (int i = 0; i < tape->count; i++)
        if (strcmp(tape->entry[i]->operation->name, "recurrent_sequence") == 0)
            return cn_recurrent_way_of(tape->entry[i]);
    cr_expect_fail("no sequence is fused");
    return (cn_recurrent_way){.small = false};
}

static bool by_small_steps(const cn_tape *tape)
{
    cn_recurrent_way w = recurrent_way(tape);
    return w.small && !w.lstm8;
}

/* The plainest kernels have none. */
static bool by_lstm8(const cn_tape *tape)
{
    return recurrent_way(tape).lstm8 == (cn_kernels_now()->lstm8->forward != NULL);
}

static bool by_samples(const cn_tape *tape)
{
    cn_recurrent_way w = recurrent_way(tape);
    return !w.small && !w.shared && w.packed && w.pieces > 1;
}

static bool by_units(const cn_tape *tape)
{
    cn_recurrent_way w = recurrent_way(tape);
    return w.shared && w.packed;
}

static bool by_units_and_sums_of_steps(const cn_tape *tape)
{
    return by_units(tape) && recurrent_way(tape).sums > 1;
}

static bool by_weights_where_they_lie(const cn_tape *tape)
{
    cn_recurrent_way w = recurrent_way(tape);
    return !w.small && !w.packed;
}

/* The paths */

enum { MOST_INPUTS = 3 };
typedef struct path {
    const char *name;
    cn_layer *(*layer)(void);                         /* of input 0; or */
    cn_tensor *(*operation)(cn_tensor *const *input); /* of all */
    cn_shape input[MOST_INPUTS];                      /* rank 0: no more */
    way *enters;                                      /* how the float32 tape shows it: this, */
    const char *fused; /* or an operation that is on that tape, and on one of second order is not */
    double tolerance;  /* of the largest number; 0: 1e-5 */
} path;

#define LAYER(name, ...)                \
    static cn_layer *name##_layer(void) \
    {                                   \
        return __VA_ARGS__;             \
    }
LAYER(narrow, cn_dense(9, cn_tanh))
LAYER(wide, cn_dense(331, cn_relu))
LAYER(deep, cn_dense(300, cn_sigmoid))
LAYER(large, cn_dense(1100))
LAYER(winograd, cn_conv2d(48, {3, 3}, .padding = CN_SAME, .activation = cn_relu))
LAYER(winograd_inside, cn_conv2d(32, {3, 3}))
LAYER(gathered, cn_conv2d(33, {3, 3}, .padding = CN_SAME, .activation = cn_tanh))
LAYER(pointwise, cn_conv2d(35, {1, 1}))
LAYER(along_time, cn_conv1d(20, {5}, .padding = CN_CAUSAL))
LAYER(by_strides, cn_conv1d(24, {7}, .strides = {3}, .padding = CN_SAME, .activation = cn_relu))
LAYER(depthwise, cn_depthwise_conv2d({3, 3}, .padding = CN_SAME))
LAYER(small_lstm, cn_lstm(7, .return_sequences = true))
LAYER(lstm_of_8, cn_lstm(8, .return_sequences = true))
LAYER(backwards_lstm_of_8, cn_lstm(8, .go_backwards = true))
LAYER(small_gru, cn_gru(31))
LAYER(lstm_by_samples, cn_lstm(41, .return_sequences = true))
LAYER(gru_by_samples, cn_gru(65))
LAYER(lstm_by_units, cn_lstm(161))
LAYER(gru_by_units, cn_gru(190, .return_sequences = true))
LAYER(simple_by_units, cn_simple_rnn(333))
LAYER(short_lstm, cn_lstm(50))

static cn_tensor *product_with_aliased_rows(cn_tensor *const *x)
{
    return cn_matmul(x[0], cn_transpose(x[1]));
}

static cn_tensor *attend(cn_tensor *const *x)
{
    return cn_dot_product_attention(x[0], x[1], x[2]);
}

static cn_tensor *attend_causally(cn_tensor *const *x)
{
    return cn_dot_product_attention(x[0], x[1], x[2], .is_causal = true);
}

static cn_tensor *normalize_layer(cn_tensor *const *x)
{
    return cn_layer_normalize(x[0], .gamma = x[1], .beta = x[2]);
}

static cn_tensor *normalize_rms(cn_tensor *const *x)
{
    return cn_rms_normalize(x[0], .scale = x[1]);
}

static cn_tensor *normalize_group(cn_tensor *const *x)
{
    return cn_group_normalize(x[0], 3, .gamma = x[1], .beta = x[2]);
}

static cn_tensor *normalize_batch(cn_tensor *const *x)
{
    cn_tensor *results[CN_BATCH_RESULTS] = {NULL};
    cn_batch_normalize_training((cn_batch_normalize_training_args){x[0], -1, x[1], x[2], 1e-3}, results);
    return results[CN_NORMALIZED];
}

static cn_tensor *crossentropy(cn_tensor *const *x)
{
    return cn_softmax_crossentropy(x[0], NULL, cn_softmax(x[1]));
}

static cn_tensor *sparse_crossentropy(cn_tensor *const *x)
{
    cn_tensor *labels = cn_argmax(cn_square(x[0]), .axis = -1);
    return cn_sparse_softmax_crossentropy(x[0], NULL, labels);
}

static cn_tensor *biased_relu(cn_tensor *const *x)
{
    return cn_relu(cn_add(cn_matmul(x[0], x[1]), x[2]));
}

static cn_tensor *softmax(cn_tensor *const *x)
{
    return cn_softmax(x[0]);
}

static cn_tensor *log_softmax_of_columns(cn_tensor *const *x)
{
    return cn_log_softmax(x[0], .axis = 0);
}

static cn_tensor *logsumexp(cn_tensor *const *x)
{
    return cn_logsumexp(x[0], .axis = -1);
}

static cn_tensor *sparsemax(cn_tensor *const *x)
{
    return cn_sparsemax(x[0]);
}

static cn_tensor *pool_largest(cn_tensor *const *x)
{
    return cn_max_pool(x[0], {3, 3}, .strides = {2, 2}, .padding = CN_SAME);
}

static cn_tensor *pool_largest_of_four(cn_tensor *const *x)
{
    return cn_max_pool(x[0], {2, 2}, .padding = CN_SAME);
}

static cn_tensor *pool_average(cn_tensor *const *x)
{
    return cn_average_pool(x[0], {3, 2}, .strides = {2, 1}, .padding = CN_SAME);
}

static cn_tensor *reduce(cn_tensor *const *x)
{
    cn_tensor *rows = cn_add(cn_sum(x[0], .axis = 1), cn_max(x[0], .axis = 1));
    return cn_add(rows, cn_sum(cn_square(cn_min(x[0], .axis = 0))));
}

/* A chain of every kind of formula, over rows that fill no tile. */
static cn_tensor *chain(cn_tensor *const *x)
{
    cn_tensor *y = cn_mul(cn_gelu(cn_add(x[0], x[1])), cn_sigmoid(x[0]));
    return cn_sub(cn_tanh(y), cn_silu(cn_softplus(cn_mul(y, x[1]))));
}

static const path paths[] = {
    {.name = "product, direct", .layer = narrow_layer, .input = {{2, {13, 47}}}, .enters = by_direct_tiles},
    {.name = "product, B packed", .layer = wide_layer, .input = {{2, {150, 701}}}, .enters = by_packed_tiles},
    {.name = "product, rows on the same lines of L1",
     .operation = product_with_aliased_rows,
     .input = {{2, {77, 1024}}, {2, {333, 1024}}},
     .enters = by_packed_tiles},
    {.name = "product, blocks of depth", .layer = deep_layer, .input = {{2, {65, 1025}}}, .enters = by_packed_tiles},
    {.name = "product, OpenBLAS", .layer = large_layer, .input = {{2, {1030, 1050}}}, .enters = by_openblas},
    {.name = "Winograd",
     .layer = winograd_layer,
     .input = {{4, {3, 11, 14, 32}}},
     .enters = by_winograd,
     .tolerance = 2e-5},
    {.name = "Winograd, several blocks",
     .layer = winograd_inside_layer,
     .input = {{4, {9, 23, 21, 16}}},
     .enters = by_winograd,
     .tolerance = 2e-5},
    {.name = "gathered convolution", .layer = gathered_layer, .input = {{4, {7, 15, 13, 20}}}, .enters = by_gathering},
    {.name = "gathered convolution, few channels",
     .layer = gathered_layer,
     .input = {{4, {2, 19, 18, 3}}},
     .enters = by_gathering},
    {.name = "convolution 1x1", .layer = pointwise_layer, .input = {{4, {5, 17, 9, 37}}}, .enters = by_gathering},
    {.name = "convolution in time", .layer = along_time_layer, .input = {{3, {9, 171, 12}}}, .enters = by_lines},
    {.name = "convolution of a short time",
     .layer = along_time_layer,
     .input = {{3, {9, 31, 12}}},
     .enters = by_gathering},
    {.name = "convolution in time by strides",
     .layer = by_strides_layer,
     .input = {{3, {7, 261, 18}}},
     .enters = by_lines},
    {.name = "depthwise convolution",
     .layer = depthwise_layer,
     .input = {{4, {5, 13, 12, 37}}},
     .enters = by_depthwise},
    {.name = "LSTM, small", .layer = small_lstm_layer, .input = {{3, {67, 6, 3}}}, .enters = by_small_steps},
    {.name = "LSTM of 8 units", .layer = lstm_of_8_layer, .input = {{3, {67, 6, 3}}}, .enters = by_lstm8},
    {.name = "LSTM of 8 units, backwards",
     .layer = backwards_lstm_of_8_layer,
     .input = {{3, {5, 6, 3}}},
     .enters = by_lstm8},
    {.name = "GRU, small", .layer = small_gru_layer, .input = {{3, {5, 6, 3}}}, .enters = by_small_steps},
    {.name = "LSTM by samples", .layer = lstm_by_samples_layer, .input = {{3, {35, 6, 5}}}, .enters = by_samples},
    {.name = "GRU by samples", .layer = gru_by_samples_layer, .input = {{3, {35, 5, 5}}}, .enters = by_samples},
    {.name = "LSTM by units", .layer = lstm_by_units_layer, .input = {{3, {19, 5, 7}}}, .enters = by_units},
    {.name = "GRU by units", .layer = gru_by_units_layer, .input = {{3, {19, 5, 7}}}, .enters = by_units},
    {.name = "LSTM by units and sums of steps",
     .layer = lstm_by_units_layer,
     .input = {{3, {171, 7, 3}}},
     .enters = by_units_and_sums_of_steps},
    {.name = "GRU by units and sums of steps",
     .layer = gru_by_units_layer,
     .input = {{3, {171, 7, 3}}},
     .enters = by_units_and_sums_of_steps},
    {.name = "SimpleRNN by units", .layer = simple_by_units_layer, .input = {{3, {19, 5, 7}}}, .enters = by_units},
    {.name = "LSTM of a few steps",
     .layer = short_lstm_layer,
     .input = {{3, {19, 2, 7}}},
     .enters = by_weights_where_they_lie},
    {.name = "attention",
     .operation = attend,
     .input = {{4, {2, 150, 4, 17}}, {4, {2, 131, 2, 17}}, {4, {2, 131, 2, 9}}},
     .fused = "attention",
     .tolerance = 2e-5},
    {.name = "causal attention",
     .operation = attend_causally,
     .input = {{4, {1, 197, 3, 33}}, {4, {1, 197, 3, 33}}, {4, {1, 197, 3, 33}}},
     .fused = "attention",
     .tolerance = 2e-5},
    {.name = "layer normalization",
     .operation = normalize_layer,
     .input = {{2, {70, 333}}, {1, {333}}, {1, {333}}},
     .fused = "normalize_rows"},
    {.name = "layer normalization of short rows",
     .operation = normalize_layer,
     .input = {{2, {1003, 5}}, {1, {5}}, {1, {5}}},
     .fused = "normalize_rows"},
    {.name = "RMS normalization",
     .operation = normalize_rms,
     .input = {{2, {65, 97}}, {1, {97}}},
     .fused = "normalize_rows"},
    {.name = "group normalization",
     .operation = normalize_group,
     .input = {{4, {5, 7, 9, 33}}, {1, {33}}, {1, {33}}},
     .fused = "normalize_rows"},
    {.name = "batch normalization",
     .operation = normalize_batch,
     .input = {{4, {9, 13, 11, 37}}, {1, {37}}, {1, {37}}},
     .fused = "normalize_columns"},
    {.name = "crossentropy", .operation = crossentropy, .input = {{2, {37, 10}}, {2, {37, 10}}}},
    {.name = "crossentropy of long rows", .operation = crossentropy, .input = {{2, {21, 301}}, {2, {21, 301}}}},
    {.name = "sparse crossentropy", .operation = sparse_crossentropy, .input = {{2, {37, 77}}}},
    {.name = "softmax", .operation = softmax, .input = {{2, {37, 10}}}},
    {.name = "softmax of long rows", .operation = softmax, .input = {{2, {19, 203}}}},
    {.name = "log softmax of columns", .operation = log_softmax_of_columns, .input = {{2, {41, 53}}}},
    {.name = "logsumexp", .operation = logsumexp, .input = {{2, {19, 39}}}},
    {.name = "sparsemax", .operation = sparsemax, .input = {{2, {17, 35}}}},
    {.name = "largest of windows", .operation = pool_largest, .input = {{4, {3, 15, 14, 19}}}},
    {.name = "largest of four", .operation = pool_largest_of_four, .input = {{4, {3, 15, 14, 19}}}},
    {.name = "average of windows", .operation = pool_average, .input = {{4, {3, 15, 14, 19}}}},
    {.name = "reductions", .operation = reduce, .input = {{2, {71, 1201}}}},
    {.name = "bias and relu", .operation = biased_relu, .input = {{2, {37, 45}}, {2, {45, 203}}, {1, {203}}}},
    {.name = "chain", .operation = chain, .input = {{2, {31, 333}}, {1, {333}}}},
};
enum { PATHS = sizeof paths / sizeof *paths };

static cn_view waves(cn_shape shape, int phase, double **room)
{
    int64_t count = cn_shape_size(shape);
    *room = malloc((size_t)count * sizeof **room);
    for (int64_t i = 0; i < count; i++)
        (*room)[i] = (double)(float)sin((double)i * 1.7 + phase + (double)(i % 7));
    return cn_array_with(*room, CN_ARRAY_F64, false, shape);
}

/* Weights a little smaller, so that no activation is far out. */
static void set_weights(cn_layer *layer)
{
    for (int i = 0; i < cn_weight_count(layer); i++) {
        cn_tensor *weight = cn_weight(layer, i);
        const cn_shape shape = cn_shape_of(weight);
        double *room, scale = sqrt(2 / (double)(cn_shape_size(shape) / shape.dim[shape.rank - 1]));
        cn_view view = waves(shape, i, &room);
        for (int64_t j = 0; j < cn_shape_size(shape); j++)
            room[j] = (double)(float)(room[j] * scale);
        cr_assert(cn_variable_set(weight, view), "%s", cn_error_message());
        free(room);
    }
}

/* The result, then the gradients of inputs and weights. */
enum { RESULTS = 1 + MOST_INPUTS + 3 };
typedef struct results {
    int count;
    int64_t size[RESULTS];
    double *values[RESULTS];
} results;

static bool has_operation(const cn_tape *tape, const char *name)
{
    bool found = false;
    for (int i = 0; i < tape->count; i++)
        found = found || strcmp(tape->entry[i]->operation->name, name) == 0;
    return found;
}

static results compute(const path *p, cn_dtype dtype, bool plain, bool planned)
{
    cn_set_default_dtype(dtype);
    cn_tape *tape = cn_tape_new(.second_order = plain, .deferred = planned);
    cn_tensor *of[RESULTS] = {NULL}, *all[RESULTS] = {NULL};
    int count = 0;
    for (; count < MOST_INPUTS && p->input[count].rank > 0; count++) {
        double *room;
        of[count] = cn_constant_as(tape, waves(p->input[count], count, &room), dtype);
        free(room);
    }
    cn_layer *layer = p->layer ? p->layer() : NULL;
    if (layer) {
        cr_assert(cn_build(layer, p->input[0]), "%s", cn_error_message());
        set_weights(layer);
        for (int i = 0; i < cn_weight_count(layer); i++)
            of[count++] = cn_weight(layer, i);
    }
    all[0] = layer ? cn_call(layer, of[0]) : p->operation(of);
    cr_assert_not_null(all[0], "%s: %s", p->name, cn_error_message());
    double *room;
    cn_tensor *dy = cn_constant_as(tape, waves(cn_shape_of(all[0]), 5, &room), dtype);
    free(room);
    cr_assert(cn_vjp(all, &dy, 1, of, count, all + 1), "%s: %s", p->name, cn_error_message());
    if (!plain && p->enters)
        cr_expect(p->enters(tape), "%s is not entered", p->name);
    if (p->fused)
        cr_expect_eq(has_operation(tape, p->fused), !plain, "%s", p->name);
    results r = {.count = 1 + count};
    cn_plan_args outputs = {.first_ = 0};
    cn_run_args run = {.step = 0};
    for (int i = 0; i < r.count; i++) {
        r.size[i] = cn_shape_size(cn_shape_of(all[i]));
        r.values[i] = malloc((size_t)r.size[i] * sizeof *r.values[i]);
        outputs.outputs[i] = all[i];
        run.out[i] = cn_array_with(r.values[i], CN_ARRAY_F64, true, cn_shape_of(all[i]));
        cr_assert(planned || cn_values(all[i], run.out[i]), "%s: %s", p->name, cn_error_message());
    }
    cn_plan *plan = planned ? cn_plan_with(tape, outputs) : NULL;
    cr_assert(!planned || cn_run_with(plan, run), "%s: %s", p->name, cn_error_message());
    cn_plan_free(plan);
    cn_tape_free(tape);
    cn_layer_free(layer);
    return r;
}

static void discard(results *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->values[i]);
}

EACH_ISA(give_in_float32_what_the_plain_form_gives_in_float64)
{
    if (!use(kernels))
        return;
    for (int i = 0; i < PATHS; i++) {
        const path *p = &paths[i];
        results fast = compute(p, CN_F32, false, false), plain = compute(p, CN_F64, true, false);
        for (int k = 0; k < fast.count; k++) {
            double largest = 0, error = 0;
            for (int64_t j = 0; j < fast.size[k]; j++) {
                double difference = fabs(fast.values[k][j] - plain.values[k][j]);
                largest = fmax(largest, fabs(plain.values[k][j]));
                error = difference <= error ? error : difference; /* NaN counts */
            }
            cr_expect(largest > 0 && error <= (p->tolerance > 0 ? p->tolerance : 1e-5) * largest,
                      "%s: result %d is wrong by %g of %g", p->name, k, error, largest);
        }
        discard(&fast);
        discard(&plain);
    }
    cn_clear_session();
}

static void expect_same_bits(const path *p, const results *got, const results *wanted, const char *what)
{
    for (int k = 0; k < got->count; k++)
        cr_expect_eq(memcmp(got->values[k], wanted->values[k], (size_t)got->size[k] * sizeof(double)), 0,
                     "%s: result %d has other bits %s", p->name, k, what);
}

EACH_ISA(give_the_same_bits_planned_and_for_any_number_of_threads)
{
    if (!use(kernels))
        return;
    for (int i = 0; i < PATHS; i++) {
        cn_set_threads(1);
        results eager = compute(&paths[i], CN_F32, false, false);
        cn_set_threads(3);
        results shared = compute(&paths[i], CN_F32, false, false), planned = compute(&paths[i], CN_F32, false, true);
        expect_same_bits(&paths[i], &shared, &eager, "with three threads");
        expect_same_bits(&paths[i], &planned, &eager, "planned");
        discard(&eager);
        discard(&shared);
        discard(&planned);
    }
    cn_clear_session();
}

/* Merged updates */

enum { SAMPLES = 22, FEATURES = 5, BATCH = 8, STEPS = 3 };

static void count_updates(void *context, const cn_kernel_run *run)
{
    *(int *)context += strstr(run->operation, "adam") != NULL;
}

static cn_model *two_dense_layers(void)
{
    cn_model *model = cn_sequential(cn_input_layer(FEATURES), cn_dense(37, cn_tanh), cn_dense(3));
    cr_assert_not_null(model, "%s", cn_error_message());
    for (int i = 0; i < cn_weight_count(model); i++) {
        double *room;
        cr_assert(cn_variable_set(cn_weight(model, i), waves(cn_shape_of(cn_weight(model, i)), i, &room)));
        free(room);
    }
    return model;
}

/* The gradient step by step, eagerly, each variable by itself. */
static void train_plainly(cn_model *model, const double *x, const double *y)
{
    cn_tensor *weight[4], *gradient[4];
    for (int i = 0; i < 4; i++)
        weight[i] = cn_weight(model, i);
    cn_updater *updater = cn_updater_new(cn_adam(), weight, 4);
    for (int first = 0; first < SAMPLES; first += BATCH) {
        int64_t some = SAMPLES - first < BATCH ? SAMPLES - first : BATCH;
        cn_tape *tape = cn_tape_new(.second_order = true);
        cn_tensor *in = cn_constant(tape, cn_array((double *)x + (ptrdiff_t)first * FEATURES, some, FEATURES));
        cn_tensor *wanted = cn_constant(tape, cn_array((double *)y + (ptrdiff_t)first * 3, some, 3));
        cn_tensor *loss = cn_mean(cn_square(cn_sub(cn_call(model, in), wanted)));
        cr_assert(cn_gradients(loss, weight, 4, gradient) && cn_apply_gradients(updater, gradient), "%s",
                  cn_error_message());
        cn_tape_free(tape);
    }
    cn_updater_free(updater);
}

EACH_ISA(merged_updates_are_those_of_each_variable)
{
    if (!use(kernels))
        return;
    double *x, *y;
    int updates = 0;
    waves(CN_SHAPE(SAMPLES, FEATURES), 1, &x);
    waves(CN_SHAPE(SAMPLES, 3), 2, &y);
    cn_set_default_dtype(CN_F64);
    cn_model *plain = two_dense_layers();
    train_plainly(plain, x, y);
    cn_set_default_dtype(CN_F32);
    cn_model *model = two_dense_layers();
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error());
    cn_set_profiler(count_updates, &updates);
    cn_fit(model, {cn_array(x, SAMPLES, FEATURES)}, {cn_array(y, SAMPLES, 3)}, .batch_size = BATCH, .shuffle = false,
           .verbose = 0);
    cn_set_profiler(NULL, NULL);
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    cr_expect_eq(updates, STEPS, "%d updates in %d steps of four variables", updates, STEPS);
    for (int i = 0; i < 4; i++) {
        double got[37 * FEATURES], wanted[37 * FEATURES];
        const cn_shape shape = cn_shape_of(cn_weight(model, i));
        cr_assert(cn_values(cn_weight(model, i), cn_array_with(got, CN_ARRAY_F64, true, shape)));
        cr_assert(cn_values(cn_weight(plain, i), cn_array_with(wanted, CN_ARRAY_F64, true, shape)));
        for (int64_t j = 0; j < cn_shape_size(shape); j++)
            cr_assert_float_eq(got[j], wanted[j], 2e-6, "weight %d, element %d: %g, not %g", i, (int)j, got[j],
                               wanted[j]);
    }
    cn_model_free(model);
    cn_model_free(plain);
    free(x);
    free(y);
    cn_clear_session();
}

/* Denormals */

EACH_ISA(denormals_are_zeros_in_kernels_and_numbers_for_the_caller)
{
    if (!use(kernels))
        return;
    for (int planned = 0; planned < 2; planned++) {
        float out[40] = {1}, in[40];
        for (int i = 0; i < 40; i++)
            in[i] = FLT_MIN * (1 + (float)i / 64);
        cn_tape *tape = cn_tape_new(.deferred = planned);
        cn_tensor *x = cn_constant(tape, cn_array(in, 40)), *y = cn_mul(x, cn_scalar(x, 0.5));
        cn_plan *plan = planned ? cn_plan_new(tape, {y}) : NULL;
        cr_assert(planned ? cn_run(plan, .out = {cn_array(out, 40)}) : cn_values(y, cn_array(out, 40)), "%s",
                  cn_error_message());
        volatile float least = FLT_MIN;
        cr_expect_gt(least / 2, 0, "the caller's mode is changed");
#if defined(CN_X86_KERNELS)
        for (int i = 0; i < 40; i++)
            cr_expect_eq(out[i], 0, "%s: %a", planned ? "planned" : "eager", (double)out[i]);
#endif
        cn_plan_free(plan);
        cn_tape_free(tape);
    }
}
