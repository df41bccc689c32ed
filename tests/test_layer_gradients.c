/* The gradients of every layer, and of one of the user's own, by the public check. */
#include "expect.h"

static void teardown(void)
{
    cn_clear_session();
}
TestSuite(layer_gradients, .fini = teardown);

#define EXPECT_GRADIENTS(layer, ...) \
    cr_expect(cn_gradient_check_layer(NULL, (layer), __VA_ARGS__), "%s: %s", #layer, cn_error_message())

Test(layer_gradients, dense)
{
    EXPECT_GRADIENTS(cn_dense(3, cn_tanh), .input_count = 1, .inputs = {CN_SHAPE(2, 4)});
    EXPECT_GRADIENTS(cn_dense(3, cn_softmax, .use_bias = false), .input_count = 1, .inputs = {CN_SHAPE(2, 3, 2)});
    EXPECT_GRADIENTS(cn_dense(4, cn_relu), .input_count = 1, .inputs = {CN_SHAPE(5, 3)});
}

Test(layer_gradients, activation_flatten_reshape)
{
    EXPECT_GRADIENTS(cn_activation_layer(cn_sigmoid), .input_count = 1, .inputs = {CN_SHAPE(2, 3)});
    EXPECT_GRADIENTS(cn_flatten(), .input_count = 1, .inputs = {CN_SHAPE(2, 3, 2)});
    EXPECT_GRADIENTS(cn_reshape_layer(CN_SHAPE(3, -1)), .input_count = 1, .inputs = {CN_SHAPE(2, 6)});
}

Test(layer_gradients, resizing_and_center_crop)
{
    EXPECT_GRADIENTS(cn_resizing(3, 5), .input_count = 1, .inputs = {CN_SHAPE(1, 4, 3, 2)});
    EXPECT_GRADIENTS(cn_center_crop(2, 3), .input_count = 1, .inputs = {CN_SHAPE(2, 4, 4, 1)});
}

Test(layer_gradients, concatenate)
{
    EXPECT_GRADIENTS(cn_concatenate_layer(), .input_count = 2, .inputs = {CN_SHAPE(2, 3), CN_SHAPE(2, 2)});
}

Test(layer_gradients, merging)
{
    const cn_shape two = CN_SHAPE(2, 3), wide = CN_SHAPE(2, 4, 3);
    EXPECT_GRADIENTS(cn_add_layer(), .input_count = 3, .inputs = {two, wide, two});
    EXPECT_GRADIENTS(cn_subtract_layer(), .input_count = 2, .inputs = {wide, two});
    EXPECT_GRADIENTS(cn_multiply_layer(), .input_count = 3, .inputs = {two, two, wide});
    EXPECT_GRADIENTS(cn_average_layer(), .input_count = 2, .inputs = {two, wide});
    EXPECT_GRADIENTS(cn_maximum_layer(), .input_count = 2, .inputs = {two, two});
    EXPECT_GRADIENTS(cn_minimum_layer(), .input_count = 2, .inputs = {two, wide});
    EXPECT_GRADIENTS(cn_dot_layer(CN_SHAPE(-1)), .input_count = 2, .inputs = {two, wide});
    EXPECT_GRADIENTS(cn_dot_layer(CN_SHAPE(2, 1), .normalize = true), .input_count = 2, .inputs = {wide, two});
}

Test(layer_gradients, permute_and_repeat_vector)
{
    EXPECT_GRADIENTS(cn_permute(CN_SHAPE(3, 1, 2)), .input_count = 1, .inputs = {CN_SHAPE(2, 3, 2, 4)});
    EXPECT_GRADIENTS(cn_repeat_vector(3), .input_count = 1, .inputs = {CN_SHAPE(2, 4)});
}

Test(layer_gradients, cropping_padding_and_up_sampling)
{
    const cn_shape one = CN_SHAPE(2, 4, 2), two = CN_SHAPE(2, 3, 4, 2), three = CN_SHAPE(1, 3, 3, 4, 2);
    EXPECT_GRADIENTS(cn_cropping1d(), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_cropping2d(CN_SHAPE(1, 0, 0, 2)), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_cropping3d(CN_SHAPE(0, 1, 1)), .input_count = 1, .inputs = {three});
    EXPECT_GRADIENTS(cn_zero_padding1d(CN_SHAPE(0, 2)), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_zero_padding2d(.data_format = CN_CHANNELS_FIRST), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_zero_padding3d(), .input_count = 1, .inputs = {three});
    EXPECT_GRADIENTS(cn_up_sampling1d(CN_SHAPE(3)), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_up_sampling2d(CN_SHAPE(1, 2)), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_up_sampling3d(), .input_count = 1, .inputs = {three});
}

Test(layer_gradients, lstm)
{
    EXPECT_GRADIENTS(cn_lstm(3), .input_count = 1, .inputs = {CN_SHAPE(2, 4, 2)});
    EXPECT_GRADIENTS(cn_lstm(2, .return_sequences = true, .return_state = true, .go_backwards = true), .input_count = 1,
                     .inputs = {CN_SHAPE(2, 3, 2)});
    EXPECT_GRADIENTS(cn_lstm(2, cn_softmax, .use_bias = false), .input_count = 1, .inputs = {CN_SHAPE(2, 3, 2)});
    EXPECT_GRADIENTS(cn_lstm(2, .dropout = 0.3, .recurrent_dropout = 0.3), .input_count = 1,
                     .inputs = {CN_SHAPE(2, 3, 2)}, .training = true);
}

Test(layer_gradients, model)
{
    cn_set_default_dtype(CN_F64);
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(4, cn_tanh), cn_dense(2, cn_softmax));
    EXPECT_GRADIENTS(cn_model_layer(model), .input_count = 1, .inputs = {CN_SHAPE(2, 3)});
    cn_model_free(model);
    cn_set_default_dtype(CN_F32);
}

/* y = x * scale, with a gradient that stops where it should not. */
typedef struct scaled {
    cn_layer base;
    bool stops;
    cn_tensor *scale;
} scaled;

static bool scaled_build(cn_layer *layer, const cn_shape *in)
{
    scaled *s = (scaled *)layer;
    s->scale = cn_add_weight(layer, "scale", CN_SHAPE(in->dim[in->rank - 1]), .initializer = cn_init_ones());
    return s->scale != NULL;
}

static cn_tensor *scaled_call(cn_layer *layer, cn_tensor *x)
{
    scaled *s = (scaled *)layer;
    cn_tensor *scale = cn_read(cn_tape_of(x), s->scale);
    return cn_mul(x, s->stops ? cn_stop_gradient(scale) : scale);
}

static const cn_layer_class scaled_class = {
    .name = "Scaled", .size = sizeof(scaled), .build = scaled_build, .call = scaled_call};
#define scaled(...) cn_layer_like(&scaled_class, &(scaled){.base = {0}, __VA_ARGS__})

Test(layer_gradients, layer_of_the_user)
{
    EXPECT_GRADIENTS(scaled(false), .input_count = 1, .inputs = {CN_SHAPE(2, 3)});
}

Test(layer_gradients, wrong_gradient_names_the_weight)
{
    cn_gradient_report report;
    cr_expect_not(cn_gradient_check_layer(&report, scaled(true), .input_count = 1, .inputs = {CN_SHAPE(2, 3)}));
    cr_expect_eq(cn_error_code(), CN_GRADIENT);
    cr_expect_eq(report.tensor, 1, "the first weight comes after the one input");
    cn_error_clear();
}

Test(layer_gradients, weights_of_another_type_are_refused)
{
    cn_layer *layer = cn_dense(2);
    cr_assert(cn_build(layer, CN_SHAPE(2, 3)));
    cr_expect_not(cn_gradient_check_layer(NULL, layer, .input_count = 1, .inputs = {CN_SHAPE(2, 3)}));
    cn_error_clear();
}
