/* Every operation that has a gradient is held against differences: an operation without a sample fails. */
#include "core/engine.h"
#include "core/ops/recurrent.h"
#include "core/ops/registry.h"
#include "expect.h"
#include <string.h>

typedef struct sample {
    const char *name;
    cn_checked_function *call; /* NULL: the operation of that name is recorded as it is */
    int input_count;
    cn_shape inputs[4];
    cn_interval intervals[4];
    double scalars[4]; /* attributes of an element-wise operation */
    int order;         /* 1: differentiable once */
    double step, tolerance;
} sample;

#define CALL(name, ...)                                                       \
    static cn_tensor *name(cn_tape *tape, cn_tensor *const *x, void *context) \
    {                                                                         \
        (void)tape, (void)context;                                            \
        return __VA_ARGS__;                                                   \
    }

static cn_tensor *integers(cn_tape *tape, const int32_t *values, cn_shape shape)
{
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_I32, false, shape), CN_I32);
}
#define INTEGERS(shape, ...) integers(tape, (const int32_t[]){__VA_ARGS__}, (shape))

CALL(where, cn_where(INTEGERS(CN_SHAPE(6), 1, 0, 0, 1, 1, 0), x[0], x[1]))
CALL(take, cn_take(x[0], INTEGERS(CN_SHAPE(2, 2), 1, 0, 1, -1), 0))
CALL(gather_nd, cn_gather_nd(x[0], INTEGERS(CN_SHAPE(3, 1), 1, 0, 1)))
CALL(scatter, cn_scatter(INTEGERS(CN_SHAPE(2, 1), 3, 3), x[0], CN_SHAPE(4, 3)))
CALL(take_along_axis, cn_take_along_axis(x[0], INTEGERS(CN_SHAPE(2, 2), 2, 2, 0, 1), 1))
CALL(concatenate, cn_concatenate({x[0], x[1]}, .axis = 1))
CALL(stack, cn_stack({x[0], x[0]}, .axis = 1))
CALL(tensordot, cn_tensordot(x[0], x[1], 1))
CALL(einsum, cn_einsum("aab,bc,...c->...a", x[0], x[1], x[2]))
CALL(mean, cn_mean(x[0], 0))
CALL(maximum_of, cn_max(x[0], 1))
CALL(minimum_of, cn_min(x[0], 0))
CALL(sum, cn_sum(x[0], 1, .keepdims = true))
CALL(prod, cn_prod(x[0], 1))
CALL(cumsum, cn_cumsum(x[0], 1))
CALL(cumprod, cn_cumprod(x[0], 1))
CALL(broadcast_to, cn_broadcast_to(x[0], CN_SHAPE(2, 2, 3)))
CALL(transpose, cn_reshape(cn_transpose(x[0]), CN_SHAPE(6)))
CALL(slice, cn_getitem(x[0], {CN_ALL, CN_RANGE(CN_NONE, CN_NONE, -2)}))
CALL(diagonal, cn_diagonal(x[0], 0, 1))
CALL(tril, cn_tril(x[0]))
CALL(triu, cn_triu(x[0]))
CALL(softmax, cn_softmax(x[0]))
CALL(log_softmax, cn_log_softmax(x[0]))
CALL(sparsemax, cn_sparsemax(x[0]))
CALL(logsumexp, cn_logsumexp(x[0], 1))
CALL(crossentropy, cn_softmax_crossentropy(x[0], NULL, x[1]))
CALL(sparse_crossentropy, cn_sparse_softmax_crossentropy(x[0], NULL, INTEGERS(CN_SHAPE(2), 2, 0)))
CALL(max_pool, cn_max_pool(x[0], {2}, .strides = {1}))
CALL(max_pool_pick, cn_grad(cn_sum(cn_square(cn_max_pool(x[0], {2}, .strides = {1}))), x[0]))
CALL(average_pool, cn_average_pool(x[0], {3, 2}, .strides = {2, 1}, .padding = CN_SAME))
CALL(adaptive_max_pool, cn_adaptive_max_pool(x[0], {2, 3}, .data_format = CN_CHANNELS_FIRST))
CALL(adaptive_average_pool, cn_adaptive_average_pool(x[0], {4}))
CALL(resize, cn_image_resize(x[0], {5, 2}, .interpolation = CN_BICUBIC))

static cn_tensor *affine_transform(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)context;
    static const double turned[8] = {0.8, -0.6, 0.7, 0.6, 0.8, -0.4, 0, 0};
    cn_tensor *transform = cn_constant_as(tape, cn_array(turned, 1, 8), CN_F64);
    return cn_image_affine_transform(x[0], transform, .fill_mode = CN_FILL_WRAP, .size = {2, 4});
}

CALL(layer_normalize, cn_layer_normalize(x[0], .gamma = x[1], .beta = x[2]))
CALL(rms_normalize, cn_rms_normalize(x[0], .scale = x[1], .axis = 0))
CALL(as_f32, cn_cast(cn_cast(x[0], CN_F32), CN_F64))

CALL(conv, cn_conv(x[0], x[1], .strides = {2}, .padding = CN_SAME))
CALL(conv_transpose, cn_conv_transpose(x[0], x[1], .strides = {2, 1}))
CALL(depthwise_conv, cn_depthwise_conv(x[0], x[1], .dilation_rate = {2}, .padding = CN_CAUSAL))

static cn_tensor *split(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)tape, (void)context;
    cn_tensor *parts[3], *rows[2];
    return cn_split_many(x[0], 1, 3, parts) && cn_unstack_many(x[0], 0, 2, rows)
               ? cn_add(cn_mul(parts[0], parts[2]), cn_sum(cn_mul(rows[0], rows[1])))
               : NULL;
}

CALL(attention, cn_dot_product_attention(x[0], x[1], x[2], .is_causal = true))

static cn_tensor *recurrent_sequence(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)tape, (void)context;
    cn_recurrent_results results;
    cn_recurrent_sequence_args args = {.kind = CN_LSTM_SEQUENCE,
                                       .z = x[0],
                                       .recurrent = x[1],
                                       .h = x[2],
                                       .c = x[3],
                                       .activation = CN_GATE_TANH,
                                       .recurrent_activation = CN_GATE_SIGMOID};
    if (!cn_recurrent_sequence(args, &results))
        return NULL;
    return cn_mul(results.sequence, cn_expand_dims(cn_mul(results.h, results.c), 1));
}

static cn_tensor *batch_normalize(cn_tape *tape, cn_tensor *const *x, void *context)
{
    (void)tape, (void)context;
    cn_tensor *results[CN_BATCH_RESULTS];
    cn_batch_normalize_training((cn_batch_normalize_training_args){x[0], -1, x[2], x[1], 1e-3}, results);
    return cn_mul(results[CN_NORMALIZED], cn_mul(results[CN_BATCH_MEAN], results[CN_BATCH_VARIANCE]));
}

/* clang-format off */
#define SHAPE(...) {(int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}}
#define SAMPLE(row, function, count, ...) \
    .name = (row), .call = (function), .input_count = (count), .inputs = {__VA_ARGS__}
#define ONE(name, low, high, ...) \
    {SAMPLE(name, NULL, 1, SHAPE(6)), .intervals = {{low, high}}, .scalars = {__VA_ARGS__}}
#define TWO(name, low, high, ...) \
    {SAMPLE(name, NULL, 2, SHAPE(6), SHAPE(6)), .intervals = {{low, high}, {low, high}}, .scalars = {__VA_ARGS__}}
#define WITH_GRADIENT(name, ...) ONE(name, -3, 3, __VA_ARGS__), TWO(name "_grad", -3, 3, __VA_ARGS__)
#define CALL_OF(name) {SAMPLE(#name, name, 1, SHAPE(2, 3))}
#define CALL_OF_TWO(name) {SAMPLE(#name, name, 2, SHAPE(2, 3), SHAPE(2, 3))}

static const sample samples[] = {
    WITH_GRADIENT("relu", 0), WITH_GRADIENT("general_relu", 0.3, 0.9, 0.2), WITH_GRADIENT("relu6", 0),
    WITH_GRADIENT("leaky_relu", 0.3), WITH_GRADIENT("elu", 0.7), WITH_GRADIENT("celu", 0.7), WITH_GRADIENT("selu", 0),
    WITH_GRADIENT("gelu", 0), WITH_GRADIENT("gelu_approximate", 0), WITH_GRADIENT("silu", 0), WITH_GRADIENT("mish", 0),
    WITH_GRADIENT("sigmoid", 0), WITH_GRADIENT("log_sigmoid", 0), WITH_GRADIENT("hard_sigmoid", 0),
    WITH_GRADIENT("hard_silu", 0), WITH_GRADIENT("hard_tanh", 0), WITH_GRADIENT("tanh", 0),
    WITH_GRADIENT("tanh_shrink", 0), WITH_GRADIENT("softplus", 0), WITH_GRADIENT("squareplus", 4),
    WITH_GRADIENT("sparse_plus", 0), WITH_GRADIENT("sparse_sigmoid", 0), WITH_GRADIENT("softsign", 0),
    WITH_GRADIENT("soft_shrink", 0.5), WITH_GRADIENT("hard_shrink", 0.5), WITH_GRADIENT("threshold", 0.5, 2),
    WITH_GRADIENT("clip", -1, 1),
    TWO("add", -1, 1, 0), TWO("subtract", -1, 1, 0), TWO("multiply", -1, 1, 0), TWO("divide", 0.5, 2, 0),
    TWO("power", 0.5, 2, 0), TWO("maximum", -1, 1, 0), TWO("minimum", -1, 1, 0), TWO("mod", 0.5, 3, 0),
    TWO("arctan2", 0.5, 2, 0), TWO("logaddexp", -1, 1, 0),
    ONE("negative", -1, 1, 0), ONE("absolute", -1, 1, 0), ONE("square", -1, 1, 0), ONE("sqrt", 0.5, 2, 0),
    ONE("rsqrt", 0.5, 2, 0), ONE("reciprocal", 0.5, 2, 0), ONE("exp", -1, 1, 0), ONE("expm1", -1, 1, 0),
    ONE("log", 0.5, 2, 0), ONE("log1p", -0.5, 1, 0), ONE("log2", 0.5, 2, 0), ONE("log10", 0.5, 2, 0),
    ONE("sin", -3, 3, 0), ONE("cos", -3, 3, 0), ONE("tan", -1, 1, 0), ONE("arcsin", -0.8, 0.8, 0),
    ONE("arccos", -0.8, 0.8, 0), ONE("arctan", -3, 3, 0), ONE("sinh", -2, 2, 0), ONE("cosh", -2, 2, 0),
    ONE("arcsinh", -2, 2, 0), ONE("arccosh", 1.5, 3, 0), ONE("arctanh", -0.8, 0.8, 0), ONE("erf", -2, 2, 0),
    ONE("erfinv", -0.8, 0.8, 0), ONE("copy", -1, 1, 0), ONE("cast_to_f64", -1, 1, 0),
    /* float32 has few digits, and conversion is linear: long steps. */
    {SAMPLE("cast_to_f32", as_f32, 1, SHAPE(6)), .step = 0.25, .tolerance = 1e-5},
    {SAMPLE("where", where, 2, SHAPE(6), SHAPE(6))},
    CALL_OF(take), CALL_OF(gather_nd), CALL_OF(scatter), CALL_OF(take_along_axis),
    CALL_OF_TWO(concatenate), CALL_OF(stack), CALL_OF(split),
    {SAMPLE("matmul", NULL, 2, SHAPE(2, 2, 3), SHAPE(3, 2))},
    {SAMPLE("tensordot", tensordot, 2, SHAPE(2, 2, 3), SHAPE(3, 2))},
    {SAMPLE("einsum", einsum, 3, SHAPE(2, 2, 3), SHAPE(3, 2), SHAPE(2, 2))},
    {SAMPLE("diagonal", diagonal, 1, SHAPE(2, 2, 2))},
    CALL_OF(sum), CALL_OF(mean), CALL_OF(maximum_of), CALL_OF(minimum_of), CALL_OF(prod),
    CALL_OF(cumsum), CALL_OF(cumprod), CALL_OF(broadcast_to), CALL_OF(transpose), CALL_OF(slice),
    CALL_OF(tril), CALL_OF(triu),
    CALL_OF(softmax), CALL_OF(log_softmax), CALL_OF(sparsemax), CALL_OF(logsumexp),
    {SAMPLE("conv", conv, 2, SHAPE(2, 5, 4, 2), SHAPE(3, 2, 2, 3))},
    {SAMPLE("conv_transpose", conv_transpose, 2, SHAPE(1, 3, 2, 2), SHAPE(3, 2, 2, 2))},
    {SAMPLE("depthwise_conv", depthwise_conv, 2, SHAPE(2, 5, 2), SHAPE(2, 2, 2))},
    {SAMPLE("softmax_crossentropy", crossentropy, 2, SHAPE(2, 3), SHAPE(2, 3)), .intervals = {[1] = {0.1, 0.9}}},
    CALL_OF(sparse_crossentropy),
    {SAMPLE("max_pool", max_pool, 1, SHAPE(1, 5, 2))}, {SAMPLE("max_pool_pick", max_pool_pick, 1, SHAPE(1, 4, 2))},
    {SAMPLE("average_pool", average_pool, 1, SHAPE(1, 4, 3, 2))},
    {SAMPLE("adaptive_max_pool", adaptive_max_pool, 1, SHAPE(1, 2, 3, 4))},
    {SAMPLE("adaptive_average_pool", adaptive_average_pool, 1, SHAPE(1, 5, 2))},
    {SAMPLE("resize", resize, 1, SHAPE(1, 3, 4, 1))},
    {SAMPLE("affine_transform", affine_transform, 1, SHAPE(2, 3, 3, 2))},
    {SAMPLE("attention", attention, 3, SHAPE(2, 3, 2, 2), SHAPE(2, 4, 1, 2), SHAPE(2, 4, 1, 3)), .order = 1},
    {SAMPLE("normalize_rows", layer_normalize, 3, SHAPE(2, 4), SHAPE(4), SHAPE(4)), .order = 1},
    {SAMPLE("normalize_rows", rms_normalize, 2, SHAPE(3, 2), SHAPE(3)), .order = 1},
    {SAMPLE("normalize_columns", batch_normalize, 3, SHAPE(4, 2), SHAPE(2), SHAPE(2)), .order = 1},
    {SAMPLE("recurrent_sequence", recurrent_sequence, 4, SHAPE(2, 3, 8), SHAPE(2, 8), SHAPE(2, 2), SHAPE(2, 2)),
     .order = 1},
};
/* clang-format on */
enum { SAMPLES = sizeof samples / sizeof *samples };

/* Integers have no gradient to hand on. */
static const char *const unreachable[] = {"cast_to_i32"};

/* The sample's operation and a parabola behind it: so the gradients of linear operations also depend on where they are
 * taken, and the operations of their gradients are differentiated in turn. */
static cn_tensor *record_sample(cn_tape *tape, cn_tensor *const *x, void *context)
{
    const sample *s = context;
    cn_tensor *y =
        s->call ? s->call(tape, x, NULL) : cn_record(cn_operation_named(s->name), s->scalars, x, s->input_count);
    return cn_mul(y, cn_add(y, cn_scalar(tape, 1)));
}

static bool is_one_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

enum { MOST_OPERATIONS = 512 };
static const char *checked[MOST_OPERATIONS];
static int checked_count;

/* Takes down which operations a sample checks: those it records and, if it is differentiated twice, those of its
 * gradient. */
static void note_operations(const sample *s)
{
    cn_tape *tape = cn_tape_new(.second_order = s->order != 1);
    cn_tensor *x[4];
    for (int i = 0; i < s->input_count; i++) {
        double middle = (s->intervals[i].low + s->intervals[i].high) / 2 + 0.01;
        x[i] = cn_full(tape, s->inputs[i], middle, .dtype = CN_F64);
    }
    cn_tensor *loss = cn_sum(record_sample(tape, x, (void *)(uintptr_t)s)), *gradient[4];
    if (s->order != 1)
        cn_gradients(loss, x, s->input_count, gradient);
    cr_assert_not(cn_failed(), "%s: %s", s->name, cn_error_message());
    for (int i = 0; i < tape->count; i++) {
        const char *name = tape->entry[i]->operation->name;
        if (!is_one_of(checked, checked_count, name) && checked_count < MOST_OPERATIONS)
            checked[checked_count++] = name;
    }
    cn_tape_free(tape);
}

Test(all_gradients, each_sample_agrees_with_differences)
{
    cn_set_default_dtype(CN_F64);
    for (int i = 0; i < SAMPLES; i++) {
        const sample *s = &samples[i];
        cn_gradient_check_args args = {CN_GRADIENT_CHECK_DEFAULTS, .function = record_sample,
                                       .context = (void *)(uintptr_t)s, .input_count = s->input_count};
        memcpy(args.inputs, s->inputs, sizeof s->inputs);
        memcpy(args.intervals, s->intervals, sizeof s->intervals);
        if (s->order)
            args.order = s->order;
        if (s->step > 0) {
            args.step = s->step;
            args.tolerance = s->tolerance;
        }
        cr_expect(cn_gradient_check_with(NULL, args), "%s: %s", s->name, cn_error_message());
        cn_error_clear();
    }
    cn_set_default_dtype(CN_F32);
}

Test(all_gradients, every_differentiable_operation_has_a_sample)
{
    cn_set_default_dtype(CN_F64);
    for (int i = 0; i < SAMPLES; i++)
        note_operations(&samples[i]);
    const cn_operation *row;
    for (int i = 0; (row = cn_builtin_operation(i)); i++)
        cr_expect(!row->vjp || is_one_of(checked, checked_count, row->name) ||
                      is_one_of(unreachable, sizeof unreachable / sizeof *unreachable, row->name),
                  "%s has a gradient and no sample", row->name);
    cn_set_default_dtype(CN_F32);
}
