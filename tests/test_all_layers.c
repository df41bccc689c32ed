/* What holds for every layer class there is: its gradients to the second order, that a plan gives the eager bits, that
 * an input of the wrong rank makes no weights, and that running out of memory anywhere leaves nothing behind. */
#include "core/plan.h"
#include "counting_allocator.h"
#include "layers/classes.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

/* A layer of the class and shapes of its inputs, small and uneven. */
#define SPATIAL_SAMPLES(X, space, ...)                                                              \
    X(Conv##space##D, cn_conv##space##d(2, {2}, .padding = CN_SAME), __VA_ARGS__)                   \
    X(Conv##space##DTranspose, cn_conv##space##d_transpose(2, {2}, .strides = {2}), __VA_ARGS__)    \
    X(MaxPooling##space##D, cn_max_pooling##space##d(), __VA_ARGS__)                                \
    X(AveragePooling##space##D, cn_average_pooling##space##d({2}, .padding = CN_SAME), __VA_ARGS__) \
    X(GlobalMaxPooling##space##D, cn_global_max_pooling##space##d(), __VA_ARGS__)                   \
    X(GlobalAveragePooling##space##D, cn_global_average_pooling##space##d(), __VA_ARGS__)           \
    X(AdaptiveAveragePooling##space##D, cn_adaptive_average_pooling##space##d({2}), __VA_ARGS__)    \
    X(AdaptiveMaxPooling##space##D, cn_adaptive_max_pooling##space##d({2}), __VA_ARGS__)            \
    X(Cropping##space##D, cn_cropping##space##d(CN_SHAPE(1)), __VA_ARGS__)                          \
    X(ZeroPadding##space##D, cn_zero_padding##space##d(), __VA_ARGS__)                              \
    X(UpSampling##space##D, cn_up_sampling##space##d(), __VA_ARGS__)                                \
    X(SpatialDropout##space##D, cn_spatial_dropout##space##d(0.4), __VA_ARGS__)

#define SAMPLES(X)                                                                                    \
    X(Dense, cn_dense(3, cn_tanh), {2, {2, 4}})                                                       \
    X(Activation, cn_activation_layer(cn_sigmoid), {2, {2, 3}})                                       \
    X(Embedding, cn_embedding(5, 3), {2, {2, 3}})                                                     \
    X(Masking, cn_masking(), {2, {2, 3}})                                                             \
    X(Identity, cn_identity_layer(), {2, {2, 3}})                                                     \
    X(Lambda, cn_lambda(cn_square), {2, {2, 3}})                                                      \
    X(ReLU, cn_relu_layer(), {2, {2, 3}})                                                             \
    X(LeakyReLU, cn_leaky_relu_layer(), {2, {2, 3}})                                                  \
    X(ELU, cn_elu_layer(0.5), {2, {2, 3}})                                                            \
    X(PReLU, cn_prelu(cn_init_constant(0.2)), {2, {2, 3}})                                            \
    X(ThresholdedReLU, cn_thresholded_relu(0.35), {2, {2, 3}})                                        \
    X(TernaryDense, cn_ternary_dense(3), {2, {2, 4}})                                                 \
    X(ReversibleEmbedding, cn_reversible_embedding(5, 3), {2, {2, 3}})                                \
    X(Flatten, cn_flatten(), {3, {2, 3, 2}})                                                          \
    X(Reshape, cn_reshape_layer(CN_SHAPE(3, -1)), {2, {2, 6}})                                        \
    X(Permute, cn_permute(CN_SHAPE(2, 1)), {3, {2, 3, 2}})                                            \
    X(RepeatVector, cn_repeat_vector(3), {2, {2, 4}})                                                 \
    X(Concatenate, cn_concatenate_layer(), {2, {2, 3}}, {2, {2, 2}})                                  \
    X(Add, cn_add_layer(), {2, {2, 3}}, {2, {2, 3}})                                                  \
    X(Subtract, cn_subtract_layer(), {2, {2, 3}}, {2, {2, 3}})                                        \
    X(Multiply, cn_multiply_layer(), {2, {2, 3}}, {2, {2, 3}})                                        \
    X(Average, cn_average_layer(), {2, {2, 3}}, {2, {2, 3}})                                          \
    X(Maximum, cn_maximum_layer(), {2, {2, 3}}, {2, {2, 3}})                                          \
    X(Minimum, cn_minimum_layer(), {2, {2, 3}}, {2, {2, 3}})                                          \
    X(Dot, cn_dot_layer(CN_SHAPE(-1)), {2, {2, 3}}, {2, {2, 3}})                                      \
    X(Dropout, cn_dropout(0.4), {2, {3, 4}})                                                          \
    X(GaussianDropout, cn_gaussian_dropout(0.4), {2, {3, 4}})                                         \
    X(GaussianNoise, cn_gaussian_noise(0.4), {2, {3, 4}})                                             \
    X(AlphaDropout, cn_alpha_dropout(0.4), {2, {3, 4}})                                               \
    X(ActivityRegularization, cn_activity_regularization(0.1, 0.2), {2, {3, 4}})                      \
    X(LSTM, cn_lstm(2, .return_sequences = true), {3, {2, 3, 2}})                                     \
    X(GRU, cn_gru(2, .return_state = true), {3, {2, 3, 2}})                                           \
    X(SimpleRNN, cn_simple_rnn(2, .go_backwards = true), {3, {2, 3, 2}})                              \
    X(RNN, cn_rnn(cn_gru_cell(2)), {3, {2, 3, 2}})                                                    \
    X(LSTMCell, cn_lstm_cell(2), {2, {2, 3}})                                                         \
    X(GRUCell, cn_gru_cell(2, .reset_after = false), {2, {2, 3}})                                     \
    X(SimpleRNNCell, cn_simple_rnn_cell(2), {2, {2, 3}})                                              \
    X(StackedRNNCells, cn_stacked_rnn_cells({cn_lstm_cell(2), cn_gru_cell(3)}), {2, {2, 3}})          \
    X(TimeDistributed, cn_time_distributed(cn_dense(2)), {3, {2, 3, 2}})                              \
    X(Bidirectional, cn_bidirectional(cn_lstm(2, .return_sequences = true)), {3, {2, 3, 2}})          \
    X(DepthwiseConv1D, cn_depthwise_conv1d({2}), {3, {2, 4, 2}})                                      \
    X(DepthwiseConv2D, cn_depthwise_conv2d({2}), {4, {1, 3, 4, 2}})                                   \
    X(SeparableConv1D, cn_separable_conv1d(3, {2}), {3, {2, 4, 2}})                                   \
    X(SeparableConv2D, cn_separable_conv2d(3, {2}), {4, {1, 3, 4, 2}})                                \
    X(Rescaling, cn_rescaling(0.5, .offset = 1), {2, {2, 3}})                                         \
    X(Resizing, cn_resizing(3, 5), {3, {4, 4, 2}})                                                    \
    X(CenterCrop, cn_center_crop(2, 3), {3, {4, 4, 2}})                                               \
    X(CategoryEncoding, cn_category_encoding(4), {2, {2, 3}})                                         \
    X(Normalization, cn_normalization(), {2, {2, 3}})                                                 \
    X(Discretization, cn_discretization(boundaries(), .output_mode = CN_ONE_HOT), {2, {2, 3}})        \
    X(RandomFlip, cn_random_flip(), {3, {4, 3, 2}})                                                   \
    X(RandomCrop, cn_random_crop(2, 3), {3, {4, 4, 2}})                                               \
    X(RandomTranslation, cn_random_translation({0.4}, {0.1, 0.3}), {3, {4, 3, 2}})                    \
    X(RandomZoom, cn_random_zoom({-0.3, 0}, .fill_mode = CN_FILL_WRAP), {3, {4, 3, 2}})               \
    X(RandomRotation, cn_random_rotation({0.2}, CN_FILL_CONSTANT), {3, {4, 3, 2}})                    \
    X(RandomContrast, cn_random_contrast({0.4}), {3, {4, 3, 2}})                                      \
    X(RandomBrightness, cn_random_brightness({0.001, 0.002}), {3, {4, 3, 2}})                         \
    X(BatchNormalization, cn_batch_normalization(), {2, {4, 3}})                                      \
    X(LayerNormalization, cn_layer_normalization(), {3, {2, 3, 4}})                                   \
    X(GroupNormalization, cn_group_normalization(2), {3, {2, 3, 4}})                                  \
    X(RMSNormalization, cn_rms_normalization(), {2, {2, 3}})                                          \
    X(UnitNormalization, cn_unit_normalization(), {2, {2, 3}})                                        \
    X(SpectralNormalization, cn_spectral_normalization(cn_dense(2)), {2, {2, 3}})                     \
    SPATIAL_SAMPLES(X, 1, {3, {2, 4, 2}})                                                             \
    SPATIAL_SAMPLES(X, 2, {4, {1, 3, 4, 2}})                                                          \
    X(ConvLSTM1D, cn_conv_lstm1d(1, {2}), {4, {2, 2, 3, 2}})                                          \
    X(ConvLSTM2D, cn_conv_lstm2d(1, {2}), {5, {1, 2, 3, 2, 1}})                                       \
    X(ConvLSTM3D, cn_conv_lstm3d(1, {2}), {6, {1, 2, 2, 2, 3, 1}})                                    \
    X(EinsumDense, cn_einsum_dense("abc,cd->abd", CN_SHAPE(-1, 2), .bias_axes = "d"), {3, {2, 3, 4}}) \
    X(Softmax, cn_softmax_layer(), {2, {2, 3}})                                                       \
    X(Attention, cn_attention(.use_scale = true), {3, {2, 3, 2}}, {3, {2, 4, 2}})                     \
    X(AdditiveAttention, cn_additive_attention(), {3, {2, 3, 2}}, {3, {2, 4, 2}})                     \
    X(MultiHeadAttention, cn_multi_head_attention(2, 3), {3, {2, 3, 2}}, {3, {2, 4, 2}})              \
    X(GroupedQueryAttention, cn_group_query_attention(2, 4, 2), {3, {2, 3, 2}}, {3, {2, 4, 2}})       \
    SPATIAL_SAMPLES(X, 3, {5, {1, 3, 4, 3, 1}})

static cn_view boundaries(void)
{
    static const double values[] = {0.05, 1.5};
    return cn_array(values, 2);
}

enum { MOST_INPUTS = 3, MOST_OUTPUTS = 4096 };

typedef struct sample {
    const char *class_name;
    cn_layer *(*make)(void);
    cn_shape input[MOST_INPUTS];
} sample;

#define DEFINE(name, expression, ...)  \
    static cn_layer *make_##name(void) \
    {                                  \
        return expression;             \
    }
SAMPLES(DEFINE)
#define ROW(name, expression, ...) {#name, make_##name, {__VA_ARGS__}},
static const sample samples[] = {SAMPLES(ROW)};
enum { SAMPLE_COUNT = sizeof samples / sizeof *samples };

static int inputs_of(const sample *s)
{
    int count = 0;
    while (count < MOST_INPUTS && s->input[count].rank > 0)
        count++;
    return count;
}

/* Numbers in an interval where an Embedding reads ids of its table. */
static const double *numbers(void)
{
    static double values[256];
    for (int i = 0; i < 256; i++)
        values[i] = (i * 37 % 101) / 101.0 * 3;
    return values;
}

/* The layer's outputs for the same numbers on a tape, in that type. */
static cn_tensors call(const sample *s, cn_layer *layer, cn_tape *tape, cn_dtype dtype)
{
    cn_call_args args = {.first_ = 0};
    for (int i = 0; i < inputs_of(s); i++)
        args.inputs[i] =
            cn_constant_as(tape, cn_array_with(numbers() + 31 * i, CN_ARRAY_F64, false, s->input[i]), dtype);
    return cn_call_layer_many(layer, args);
}

TestSuite(all_layers, .fini = cn_clear_session);

Test(all_layers, every_class_has_a_sample)
{
    const cn_layer_class *type;
    for (int i = 0; (type = cn_builtin_layer_class(i)); i++) {
        bool found = strcmp(type->name, "InputLayer") == 0; /* is no layer to be called */
        for (int j = 0; j < SAMPLE_COUNT && !found; j++)
            found = strcmp(samples[j].class_name, type->name) == 0;
        cr_expect(found, "%s", type->name);
    }
}

/* One whose call in training overwrites a weight, through which no gradient flows. */
static bool overwrites_in_training(const sample *s)
{
    return strcmp(s->class_name, "SpectralNormalization") == 0;
}

Test(all_layers, gradients_of_the_first_and_second_order_are_right)
{
    cn_set_default_dtype(CN_F64); /* of the layers inside */
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        const sample *s = &samples[i];
        if (strcmp(s->class_name, "TernaryDense") == 0) /* has, on purpose, the gradient of another function */
            continue;
        cn_gradient_check_args args = {CN_GRADIENT_CHECK_DEFAULTS, .input_count = inputs_of(s)};
        for (int j = 0; j < args.input_count; j++) {
            args.inputs[j] = s->input[j];
            args.intervals[j] = (cn_interval){0.1, 0.9};
        }
        for (int training = 0; training < 2 - overwrites_in_training(s); training++) {
            args.training = training;
            cr_expect(cn_gradient_check_layer_with(NULL, s->make(), args), "%s: %s", s->class_name, cn_error_message());
            cn_error_clear();
            cn_clear_session();
        }
    }
    cn_set_default_dtype(CN_F32);
}

Test(all_layers, a_plan_gives_the_eager_bits)
{
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        const sample *s = &samples[i];
        cn_layer *layer = s->make();
        cn_tape *eager = cn_tape_new(), *deferred = cn_tape_new(.deferred = true);
        cn_tensors expected = call(s, layer, eager, CN_F32), got = call(s, layer, deferred, CN_F32);
        cr_assert(expected.count > 0 && got.count == expected.count, "%s: %s", s->class_name, cn_error_message());
        for (int j = 0; j < got.count; j++) {
            static float a[MOST_OUTPUTS], b[MOST_OUTPUTS];
            cn_shape shape = cn_shape_of(got.item[j]);
            int64_t size = cn_shape_size(shape);
            cr_assert_leq(size, MOST_OUTPUTS);
            cn_plan *plan = cn_plan_new(deferred, {got.item[j]});
            cr_assert(cn_run(plan, {{.data = NULL}}, {cn_array_with(a, CN_ARRAY_F32, true, shape)}) &&
                          cn_values(expected.item[j], cn_array_with(b, CN_ARRAY_F32, true, shape)),
                      "%s: %s", s->class_name, cn_error_message());
            cr_expect(memcmp(a, b, (size_t)size * sizeof *a) == 0, "%s, output %d", s->class_name, j);
            cn_plan_free(plan);
        }
        cn_tape_free(deferred);
        cn_tape_free(eager);
        cn_clear_session();
    }
}

Test(all_layers, an_input_of_the_wrong_rank_makes_no_weights)
{
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        const sample *s = &samples[i];
        const cn_layer_class *type = cn_layer_class_named(s->class_name);
        sample wrong = *s;
        if (!type->rank && type->min_rank < 2)
            continue;
        for (int j = 0; j < inputs_of(s); j++)
            wrong.input[j].rank--;
        cn_layer *layer = s->make();
        cn_tape *tape = cn_tape_new();
        cr_expect_eq(call(&wrong, layer, tape, CN_F32).count, 0, "%s", s->class_name);
        cr_expect_eq(cn_error_code(), CN_SHAPES, "%s: %s", s->class_name, cn_error_message());
        cr_expect(strstr(cn_error_message(), cn_layer_name(layer)), "%s", cn_error_message());
        cr_expect_eq(cn_weight_count(layer), 0, "%s", s->class_name);
        cn_error_clear();
        cn_tape_free(tape);
        cn_clear_session();
    }
}

static bool make_and_call(const sample *s)
{
    cn_tape *tape = cn_tape_new(.training = true);
    bool done = call(s, s->make(), tape, CN_F32).count > 0;
    cn_tape_free(tape);
    return done;
}

Test(all_layers, running_out_of_memory_anywhere_leaves_nothing_behind)
{
    cn_clear_session();
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        bool done = false;
        for (long limit = 0; !done && limit < 4000; limit++) {
            counting_start(limit);
            done = make_and_call(&samples[i]);
            cr_assert(done || cn_error_code() == CN_MEMORY, "%s: %s", samples[i].class_name, cn_error_message());
            cn_error_clear();
            cn_clear_session();
            cr_assert_eq(counting.live, 0, "%s: %ld blocks are left after %ld", samples[i].class_name, counting.live,
                         limit);
            cn_set_allocator((cn_allocator){NULL, NULL});
        }
        cr_expect(done, "%s: never enough", samples[i].class_name);
    }
}
