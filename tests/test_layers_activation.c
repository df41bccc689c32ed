/* Activations as layers, beside what the golden cases show: names, masks, gradients, weights and refusals. */
#include "expect.h"

TestSuite(layers_activation, .fini = expect_clear);

Test(layers_activation, automatic_names_are_kerass)
{
    cr_expect_str_eq(cn_layer_name(cn_activation_layer(cn_tanh)), "activation");
    cr_expect_str_eq(cn_layer_name(cn_relu_layer()), "re_lu");
    cr_expect_str_eq(cn_layer_name(cn_leaky_relu_layer()), "leaky_re_lu");
    cr_expect_str_eq(cn_layer_name(cn_elu_layer()), "elu");
    cr_expect_str_eq(cn_layer_name(cn_prelu()), "p_re_lu");
    cr_expect_str_eq(cn_layer_name(cn_thresholded_relu()), "thresholded_re_lu");
}

Test(layers_activation, defaults_are_kerass)
{
    cn_tape *tape = cn_tape_new();
    float x[] = {-2, 0.5, 8};
    cn_tensor *input = cn_constant(tape, cn_array(x, 1, 3));
    EXPECT(cn_call(cn_relu_layer(), input), CN_SHAPE(1, 3), 0, 0.5, 8);
    EXPECT(cn_call(cn_relu_layer(6), input), CN_SHAPE(1, 3), 0, 0.5, 6);
    EXPECT(cn_call(cn_leaky_relu_layer(), input), CN_SHAPE(1, 3), -2 * 0.3f, 0.5, 8);
    EXPECT(cn_call(cn_elu_layer(), input), CN_SHAPE(1, 3), expm1f(-2), 0.5, 8);
    EXPECT(cn_call(cn_prelu(), input), CN_SHAPE(1, 3), 0, 0.5, 8);
    EXPECT(cn_call(cn_thresholded_relu(), input), CN_SHAPE(1, 3), 0, 0, 8);
    EXPECT(cn_call(cn_activation_layer(), input), CN_SHAPE(1, 3), -2, 0.5, 8);
    cn_tape_free(tape);
}

Test(layers_activation, masks_pass)
{
    cn_tape *tape = cn_tape_new();
    int32_t bits[] = {1, 0};
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 3));
    cn_set_mask(x, cn_constant(tape, cn_array(bits, 1, 2)));
    cn_layer *layers[] = {cn_activation_layer(), cn_relu_layer(), cn_leaky_relu_layer(),
                          cn_elu_layer(),        cn_prelu(),      cn_thresholded_relu()};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        EXPECT(cn_mask_of(cn_call(layers[i], x)), CN_SHAPE(1, 2), 1, 0);
    cn_tape_free(tape);
}

Test(layers_activation, gradients)
{
#define EXPECT_GRADIENTS(layer)                                                                                  \
    cr_expect(cn_gradient_check_layer(NULL, (layer), .input_count = 1, .inputs = {CN_SHAPE(2, 3, 4)}), "%s: %s", \
              #layer, cn_error_message())
    EXPECT_GRADIENTS(cn_activation_layer(cn_sigmoid));
    EXPECT_GRADIENTS(cn_relu_layer());
    EXPECT_GRADIENTS(cn_relu_layer(0.8, .negative_slope = 0.2, .threshold = 0.3));
    EXPECT_GRADIENTS(cn_leaky_relu_layer());
    EXPECT_GRADIENTS(cn_elu_layer(0.5));
    EXPECT_GRADIENTS(cn_prelu(cn_init_constant(0.25)));
    EXPECT_GRADIENTS(cn_prelu(cn_init_constant(0.25), .shared_axes = CN_SHAPE(1)));
    EXPECT_GRADIENTS(cn_thresholded_relu(0.3));
#undef EXPECT_GRADIENTS
}

Test(layers_activation, prelu_has_one_alpha_an_element_but_for_shared_axes)
{
    cn_layer *own = cn_prelu(), *shared = cn_prelu(.shared_axes = CN_SHAPE(1, 2)), *all = cn_prelu();
    cn_tensor *image = cn_input(-1, -1, 3);
    cr_assert_not_null(cn_call(own, cn_input(4, 3)), "%s", cn_error_message());
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(own, 0)), CN_SHAPE(4, 3)));
    cr_expect_str_eq(cn_name_of(cn_weight(own, 0)), "p_re_lu/alpha");
    cr_assert_not_null(cn_call(shared, image), "%s", cn_error_message());
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(shared, 0)), CN_SHAPE(1, 1, 3)));
    cr_assert_not_null(cn_call(all, cn_input()), "%s", cn_error_message());
    cr_expect_eq(cn_count_params(all), 1);
}

Test(layers_activation, prelu_refuses_axes_that_its_input_lacks_and_sizes_that_are_open)
{
    cn_layer *layer = cn_prelu(.shared_axes = CN_SHAPE(3)), *open = cn_prelu();
    expect_error(!cn_call(layer, cn_input(4, 3)),
                 "p_re_lu: shared_axes (3,) are not axes of the samples of (None, 4, 3)");
    cr_expect_eq(cn_weight_count(layer), 0);
    expect_error(!cn_call(cn_prelu(.shared_axes = CN_SHAPE(0)), cn_input(4, 3)),
                 "p_re_lu_2: shared_axes (0,) are not axes of the samples of (None, 4, 3)");
    expect_error(!cn_call(open, cn_input(-1, 3)),
                 "p_re_lu_1: axis 1 of its input (None, None, 3) must be known or shared");
    cr_expect_eq(cn_weight_count(open), 0);
    cr_assert_not_null(cn_call(open, cn_input(3)));
}

Test(layers_activation, prelu_refuses_samples_of_another_shape_than_it_was_built_for)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_prelu(.shared_axes = CN_SHAPE(1));
    cr_assert_not_null(cn_call(layer, cn_ones(tape, CN_SHAPE(2, 4, 3))), "%s", cn_error_message());
    cr_assert_not_null(cn_call(layer, cn_ones(tape, CN_SHAPE(2, 5, 3))), "%s", cn_error_message());
    expect_error(!cn_call(layer, cn_ones(tape, CN_SHAPE(2, 4, 1))),
                 "p_re_lu: was built for (None, 4, 3), got (2, 4, 1)");
    expect_error(!cn_call(layer, cn_ones(tape, CN_SHAPE(2, 3))), "p_re_lu: was built for (None, 4, 3), got (2, 3)");
    cn_tape_free(tape);
}

Test(layers_activation, negative_parameters_are_refused)
{
    expect_error(!cn_relu_layer(-1), "re_lu: max_value must not be negative, got -1");
    expect_error(!cn_relu_layer(.negative_slope = -0.5), "re_lu_1: negative_slope must not be negative, got -0.5");
    expect_error(!cn_relu_layer(.threshold = -2), "re_lu_2: threshold must not be negative, got -2");
    expect_error(!cn_leaky_relu_layer(-1), "leaky_re_lu: negative_slope must not be negative, got -1");
    expect_error(!cn_thresholded_relu(-1), "thresholded_re_lu: theta must not be negative, got -1");
    expect_error(!cn_relu_layer(.threshold = NAN), "re_lu_3: threshold must not be negative, got nan");
}
