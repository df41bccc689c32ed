/* Layers that draw noise: its distribution, its shape, its seed; and the identity without training. */
#include "expect.h"
#include <string.h>

TestSuite(layers_regularization, .fini = expect_clear);

enum { MANY = 40000 };
static float values[MANY];

/* What the layer makes of zeros or ones, in `values`. */
static void disturb(cn_layer *layer, double input, cn_shape shape)
{
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *y = cn_call(layer, cn_full(tape, shape, input));
    cr_assert_not_null(y, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(y), shape));
    cr_assert(cn_values(y, cn_array_with(values, CN_ARRAY_F32, true, shape)));
    cn_tape_free(tape);
}

static void expect_mean_and_deviation(double mean, double deviation)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < MANY; i++)
        sum += values[i];
    for (int i = 0; i < MANY; i++)
        squares += (values[i] - sum / MANY) * (values[i] - sum / MANY);
    cr_expect_float_eq(sum / MANY, mean, 5 * deviation / sqrt(MANY), "mean %g", sum / MANY);
    cr_expect_float_eq(sqrt(squares / MANY), deviation, 0.03 * deviation, "deviation %g", sqrt(squares / MANY));
}

/* That a share `rate` of the values is `dropped`, and the others `kept`. */
static void expect_share(double rate, double dropped, double kept)
{
    int count = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(fabs(values[i] - dropped) < 1e-6 || fabs(values[i] - kept) < 1e-6, "%g", (double)values[i]);
        count += fabs(values[i] - dropped) < 1e-6;
    }
    cr_expect_float_eq(count / (double)MANY, rate, 5 * sqrt(rate * (1 - rate) / MANY));
}

Test(layers_regularization, dropout_keeps_the_mean_and_drops_its_share)
{
    disturb(cn_dropout(0.2), 1, CN_SHAPE(MANY));
    expect_share(0.2, 0, 1.25);
}

Test(layers_regularization, dropout_draws_once_along_axes_of_size_one_in_its_noise_shape)
{
    disturb(cn_dropout(0.5, .noise_shape = CN_SHAPE(-1, 1)), 1, CN_SHAPE(100, 7));
    int dropped = 0;
    for (int i = 0; i < 100; i++) {
        dropped += values[i * 7] == 0;
        for (int j = 1; j < 7; j++)
            cr_assert_eq(values[i * 7 + j], values[i * 7]);
    }
    cr_assert(dropped > 20 && dropped < 80);
}

Test(layers_regularization, dropout_of_everything_gives_zeros)
{
    disturb(cn_dropout(1), 1, CN_SHAPE(100));
    for (int i = 0; i < 100; i++)
        cr_assert_eq(values[i], 0);
}

/* Of samples of `positions` by `channels`: each channel is kept or dropped as a whole, and not all of them alike. */
static void expect_whole_channels(int64_t positions, int64_t channels, int64_t stride)
{
    int dropped = 0;
    for (int64_t sample = 0; sample < 10; sample++)
        for (int64_t c = 0; c < channels; c++) {
            const float *first = values + sample * positions * channels + c * (stride == 1 ? positions : 1);
            dropped += *first == 0;
            for (int64_t p = 0; p < positions; p++)
                cr_assert_eq(first[p * stride], *first);
        }
    cr_assert(dropped > 10 && dropped < 70, "%d", dropped);
}

Test(layers_regularization, spatial_dropout_drops_whole_channels)
{
    disturb(cn_spatial_dropout1d(0.5), 1, CN_SHAPE(10, 6, 8));
    expect_whole_channels(6, 8, 8);
    disturb(cn_spatial_dropout2d(0.5), 1, CN_SHAPE(10, 3, 4, 8));
    expect_whole_channels(12, 8, 8);
    disturb(cn_spatial_dropout3d(0.5), 1, CN_SHAPE(10, 2, 2, 3, 8));
    expect_whole_channels(12, 8, 8);
    disturb(cn_spatial_dropout2d(0.5, CN_CHANNELS_FIRST), 1, CN_SHAPE(10, 8, 3, 4));
    expect_whole_channels(12, 8, 1);
}

Test(layers_regularization, gaussian_dropout_multiplies_by_the_deviation_of_dropout)
{
    disturb(cn_gaussian_dropout(0.2), 2, CN_SHAPE(MANY));
    expect_mean_and_deviation(2, 1);
    disturb(cn_gaussian_dropout(0.2), 0, CN_SHAPE(MANY));
    expect_mean_and_deviation(0, 0);
}

Test(layers_regularization, gaussian_noise_adds_its_deviation)
{
    disturb(cn_gaussian_noise(0.25), 3, CN_SHAPE(MANY));
    expect_mean_and_deviation(3, 0.25);
}

Test(layers_regularization, alpha_dropout_gives_the_two_values_of_its_formula)
{
    const double least = -1.7580993408473766, rate = 0.3;
    double a = 1 / sqrt((1 - rate) * (1 + rate * least * least)), b = -a * least * rate;
    disturb(cn_alpha_dropout(rate), 1, CN_SHAPE(MANY));
    expect_share(rate, a * least + b, a + b);
}

Test(layers_regularization, alpha_dropout_keeps_mean_and_variance)
{
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *y = cn_call(cn_alpha_dropout(0.3), cn_sample_normal(tape, CN_SHAPE(MANY)));
    cr_assert(cn_values(y, cn_array(values, MANY)), "%s", cn_error_message());
    expect_mean_and_deviation(0, 1);
    cn_tape_free(tape);
}

Test(layers_regularization, alpha_dropout_draws_in_its_noise_shape)
{
    disturb(cn_alpha_dropout(0.5, .noise_shape = CN_SHAPE(-1, 1)), 1, CN_SHAPE(100, 7));
    for (int i = 0; i < 700; i++)
        cr_assert_eq(values[i], values[i / 7 * 7]);
}

Test(layers_regularization, activity_regularization_adds_its_penalty_and_changes_nothing)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_activity_regularization(0.5, 2));
    float x[] = {1, -2, 3, 0.5}, y[4];
    cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error());
    double loss = cn_evaluate(model, {cn_array(x, 2, 2)}, {cn_array(x, 2, 2)});
    cn_predict(model, {cn_array(x, 2, 2)}, {cn_array(y, 2, 2)});
    cr_expect_float_eq(loss, (0.5 * 6.5 + 2 * 14.25) / 2, 1e-5, "%g", loss);
    cr_expect_eq(memcmp(x, y, sizeof x), 0);
    cn_model_free(model);
}

/* One of each, all of them in action; the caller's array has room. */
static int all_layers(cn_layer **layer, int64_t seed)
{
    cn_layer *all[] = {cn_dropout(0.5, .seed = seed), cn_spatial_dropout1d(0.5, .seed = seed),
                       cn_gaussian_dropout(0.5, .seed = seed), cn_gaussian_noise(0.5, .seed = seed),
                       cn_alpha_dropout(0.5, .seed = seed)};
    memcpy(layer, all, sizeof all);
    return sizeof all / sizeof *all;
}

Test(layers_regularization, nothing_happens_without_training)
{
    cn_layer *layer[8];
    int count = all_layers(layer, -1);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 2, 2));
    for (int i = 0; i < count; i++)
        EXPECT(cn_call(layer[i], x), CN_SHAPE(1, 2, 2), 0, 1, 2, 3);
    cn_tape_free(tape);
}

Test(layers_regularization, rates_of_zero_change_nothing)
{
    cn_layer *layer[] = {cn_dropout(0), cn_spatial_dropout1d(0), cn_gaussian_dropout(0), cn_gaussian_noise(0),
                         cn_alpha_dropout(0)};
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 2, 2));
    for (int i = 0; i < 5; i++)
        EXPECT(cn_call(layer[i], x), CN_SHAPE(1, 2, 2), 0, 1, 2, 3);
    cn_tape_free(tape);
}

Test(layers_regularization, masks_pass)
{
    cn_layer *layer[8];
    int count = all_layers(layer, -1);
    layer[count++] = cn_activity_regularization(0.1);
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 2));
    cn_set_mask(x, cn_constant(tape, cn_array(((int32_t[]){0, 1}), 1, 2)));
    for (int i = 0; i < count; i++)
        EXPECT(cn_mask_of(cn_call(layer[i], x)), CN_SHAPE(1, 2), 0, 1);
    cn_tape_free(tape);
}

/* What the layer makes of ones in the first step of a thread with this seed. */
static void draw(cn_layer *layer, uint64_t seed, float *y)
{
    cn_set_seed(seed);
    cn_tape *tape = cn_tape_new(.training = true, .deferred = true);
    cn_tensor *out = cn_call(layer, cn_feed(tape, CN_SHAPE(4, 4, 4)));
    cn_plan *plan = cn_plan_new(tape, {out});
    float x[64];
    for (int i = 0; i < 64; i++)
        x[i] = 1;
    cr_assert(cn_run(plan, {cn_array(x, 4, 4, 4)}, {cn_array(y, 4, 4, 4)}), "%s", cn_error_message());
    cn_plan_free(plan);
    cn_tape_free(tape);
}

Test(layers_regularization, seeds_reproduce)
{
    float first[64], second[64];
    cn_layer *tapes[8], *own[8], *other[8];
    int count = all_layers(tapes, -1);
    all_layers(own, 3);
    all_layers(other, 4);
    for (int i = 0; i < count; i++) {
        draw(tapes[i], 1, first);
        draw(tapes[i], 1, second);
        cr_expect_eq(memcmp(first, second, sizeof first), 0, "%s", cn_layer_name(tapes[i]));
        draw(tapes[i], 2, second);
        cr_expect_neq(memcmp(first, second, sizeof first), 0, "%s", cn_layer_name(tapes[i]));
        draw(own[i], 1, first);
        draw(own[i], 2, second);
        cr_expect_eq(memcmp(first, second, sizeof first), 0, "%s", cn_layer_name(own[i]));
        draw(other[i], 1, second);
        cr_expect_neq(memcmp(first, second, sizeof first), 0, "%s", cn_layer_name(own[i]));
    }
}

Test(layers_regularization, steps_differ_also_with_a_seed)
{
    float first[64];
    cn_layer *layer = cn_dropout(0.5, .seed = 3);
    disturb(layer, 1, CN_SHAPE(64));
    memcpy(first, values, sizeof first);
    disturb(layer, 1, CN_SHAPE(64));
    cr_assert_neq(memcmp(first, values, sizeof first), 0);
}

Test(layers_regularization, gradients)
{
#define EXPECT_GRADIENTS(layer, shape)                                                                                 \
    cr_expect(cn_gradient_check_layer(NULL, (layer), .input_count = 1, .inputs = {shape}, .training = true), "%s: %s", \
              #layer, cn_error_message())
    EXPECT_GRADIENTS(cn_dropout(0.4), CN_SHAPE(4, 5));
    EXPECT_GRADIENTS(cn_spatial_dropout1d(0.4), CN_SHAPE(2, 3, 4));
    EXPECT_GRADIENTS(cn_spatial_dropout2d(0.4, CN_CHANNELS_FIRST), CN_SHAPE(2, 4, 3, 2));
    EXPECT_GRADIENTS(cn_spatial_dropout3d(0.4), CN_SHAPE(1, 2, 3, 2, 4));
    EXPECT_GRADIENTS(cn_gaussian_dropout(0.4), CN_SHAPE(4, 5));
    EXPECT_GRADIENTS(cn_gaussian_noise(0.4), CN_SHAPE(4, 5));
    EXPECT_GRADIENTS(cn_alpha_dropout(0.4), CN_SHAPE(4, 5));
    EXPECT_GRADIENTS(cn_activity_regularization(0.1, 0.2), CN_SHAPE(4, 5));
#undef EXPECT_GRADIENTS
}

Test(layers_regularization, arguments_out_of_range_are_refused)
{
    expect_error(!cn_dropout(1.5), "dropout: rate must be from 0 to 1, not 1.5");
    expect_error(!cn_spatial_dropout2d(-0.1), "spatial_dropout2d: rate must be from 0 to 1, not -0.1");
    expect_error(!cn_spatial_dropout1d(0.1, CN_CHANNELS_FIRST), "spatial_dropout1d: data_format must be channels_last");
    expect_error(!cn_gaussian_dropout(1), "gaussian_dropout: rate must be from 0 to less than 1, not 1");
    expect_error(!cn_gaussian_noise(1.5), "gaussian_noise: stddev must be from 0 to 1, not 1.5");
    expect_error(!cn_gaussian_noise(NAN), "gaussian_noise_1: stddev must be from 0 to 1, not nan");
    expect_error(!cn_alpha_dropout(1), "alpha_dropout: rate must be from 0 to less than 1, not 1");
    expect_error(!cn_activity_regularization(0.1, -2),
                 "activity_regularization: l1 and l2 must not be negative, not 0.1 and -2");
}

Test(layers_regularization, inputs_that_do_not_fit_are_refused)
{
    expect_error(!cn_call(cn_spatial_dropout1d(0.5), cn_input(3)),
                 "spatial_dropout1d: expected an input of rank 3, got (None, 3)");
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 3));
    expect_error(!cn_call(cn_dropout(0.5, .noise_shape = CN_SHAPE(2, 3)), x),
                 "dropout: its noise_shape (2, 3) does not fit (1, 3)");
    expect_error(!cn_call(cn_alpha_dropout(0.5, .noise_shape = CN_SHAPE(1)), x),
                 "alpha_dropout: its noise_shape (1,) does not fit (1, 3)");
    cn_tape_free(tape);
}
