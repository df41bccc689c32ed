/* Pooling and resizing: windows at the edges, ties, shapes, refusals, gradients, masks; and rescaling. */
#include "core/engine.h"
#include "expect.h"
#include <string.h>

TestSuite(pooling, .fini = expect_clear);

static cn_tensor *numbers(cn_tape *tape, const double *values, cn_shape shape)
{
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_F64, false, shape), CN_F64);
}
#define NUMBERS(tape, shape, ...) numbers((tape), (const double[]){__VA_ARGS__}, (shape))

Test(pooling, padding_is_no_value)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = NUMBERS(tape, CN_SHAPE(1, 5, 1), -5, -1, -2, -8, -6);
    EXPECT(cn_max_pool(x, {3}, .strides = {2}, .padding = CN_SAME), CN_SHAPE(1, 3, 1), -1, -1, -6);
    EXPECT(cn_average_pool(x, {3}, .strides = {2}, .padding = CN_SAME), CN_SHAPE(1, 3, 1), -3, -11.0 / 3, -7);
    EXPECT(cn_max_pool(x, {9}, .strides = {4}, .padding = CN_SAME), CN_SHAPE(1, 2, 1), -1, -1);
    cn_tape_free(tape);
}

Test(pooling, strides_may_leave_elements_out)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 7, 1));
    EXPECT(cn_max_pool(x, {1}, .strides = {3}), CN_SHAPE(1, 3, 1), 0, 3, 6);
    EXPECT(cn_average_pool(x, {2}, .strides = {4}), CN_SHAPE(1, 2, 1), 0.5, 4.5);
    cn_tape_free(tape);
}

Test(pooling, the_gradient_of_equal_values_goes_to_the_first)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = NUMBERS(tape, CN_SHAPE(1, 2, 2, 1), 3, 3, 3, 1);
    EXPECT(cn_grad(cn_sum(cn_max_pool(x, {2})), x), CN_SHAPE(1, 2, 2, 1), 1, 0, 0, 0);
    cn_tape_free(tape);
}

Test(pooling, a_nan_is_the_largest)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = NUMBERS(tape, CN_SHAPE(1, 4, 1), 1, (double)NAN, 2, 3);
    EXPECT(cn_max_pool(x, {2}), CN_SHAPE(1, 2, 1), (double)NAN, 3);
    cn_tape_free(tape);
}

/* Window i of o over n elements is [floor(i n / o), ceil((i + 1) n / o)). */
Test(pooling, adaptive_windows_overlap_and_repeat)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 5, 1));
    EXPECT(cn_adaptive_average_pool(x, {3}), CN_SHAPE(1, 3, 1), 0.5, 2, 3.5);
    EXPECT(cn_adaptive_max_pool(x, {3}), CN_SHAPE(1, 3, 1), 1, 3, 4);
    x = expect_counting(tape, CN_SHAPE(1, 2, 1));
    EXPECT(cn_adaptive_average_pool(x, {4}), CN_SHAPE(1, 4, 1), 0, 0, 1, 1);
    cn_tape_free(tape);
}

/* Channels first is channels last, transposed; sizes large enough for several pieces and for vectors with a tail. */
Test(pooling, both_data_formats_agree)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *last = cn_sample_normal(tape, CN_SHAPE(3, 30, 20, 19), 0, 1, .seed = 4);
    cn_tensor *first = cn_transpose(last, .axes = CN_AXES(0, 3, 1, 2));
    for (int average = 0; average < 2; average++) {
        cn_pool_args args = {.x = last, .pool_size = {3, 2}, .strides = {2}, .padding = CN_SAME};
        cn_tensor *a = average ? cn_average_pool_with(args) : cn_max_pool_with(args);
        args.x = first;
        args.data_format = CN_CHANNELS_FIRST;
        cn_tensor *b = average ? cn_average_pool_with(args) : cn_max_pool_with(args);
        cn_tensor *da = cn_grad(cn_sum(cn_square(a)), last), *db = cn_grad(cn_sum(cn_square(b)), last);
        cn_tensor *same = cn_all(cn_equal(cn_transpose(a, .axes = CN_AXES(0, 3, 1, 2)), b));
        cr_expect_eq(cn_item(same), 1);
        cr_expect_eq(cn_item(cn_all(cn_equal(da, db))), 1);
    }
    cn_tape_free(tape);
}

Test(pooling, threads_change_nothing)
{
    enum { COUNT = 2 * 64 * 48 * 24 };
    static float gradient[2][COUNT];
    for (int threads = 1; threads <= 2; threads++) {
        cn_set_threads(threads);
        cn_tape *tape = cn_tape_new();
        cn_tensor *x = cn_sin(cn_cast(expect_counting(tape, CN_SHAPE(2, 64, 48, 24)), CN_F32));
        cn_tensor *y = cn_average_pool(cn_max_pool(x, {3, 3}, .strides = {2}), {2, 3}, .strides = {1});
        cr_assert(cn_values(cn_grad(cn_sum(cn_square(y)), x), cn_array(gradient[threads - 1], 2, 64, 48, 24)), "%s",
                  cn_error_message());
        cn_tape_free(tape);
    }
    cn_set_threads(0);
    cr_expect(memcmp(gradient[0], gradient[1], sizeof gradient[0]) == 0);
}

/* relu, whose gradient is nowhere given by a pooling alone. */
static cn_tensor *plain_relu(cn_tensor *x)
{
    return cn_where(cn_greater(x, cn_zeros_like(x)), x, cn_zeros_like(x));
}

static cn_tensor *pooled(cn_tensor *x, cn_padding padding, bool adaptive)
{
    return adaptive ? cn_adaptive_max_pool(x, {5, 3}) : cn_max_pool(x, {3, 2}, .strides = {2}, .padding = padding);
}

Test(pooling, the_gradient_of_relu_is_masked_where_there_are_fewer_elements)
{
    cn_tape *tape = cn_tape_new(.second_order = true);
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(2, 9, 8, 19), -1, 1, .seed = 3);
    for (int i = 0; i < 3; i++) {
        cn_tensor *y = pooled(cn_relu(x), i ? CN_SAME : CN_VALID, i == 2);
        cn_tensor *expected = pooled(plain_relu(x), i ? CN_SAME : CN_VALID, i == 2);
        cn_tensor *dx = cn_grad(cn_sum(cn_square(y)), x), *plain = cn_grad(cn_sum(cn_square(expected)), x);
        cr_expect_str_eq(dx->entry->operation->name, "max_pool_grad");
        cr_expect_str_eq(dx->entry->input[0]->entry->operation->name, "relu_grad");
        cr_expect_eq(cn_item(cn_any(cn_not_equal(plain, cn_zeros_like(plain)))), 1);
        cr_expect_eq(cn_item(cn_all(cn_equal(dx, plain))), 1);
        cn_tensor *ddx = cn_grad(cn_sum(cn_mul(dx, x)), x), *ddplain = cn_grad(cn_sum(cn_mul(plain, x)), x);
        cr_expect_eq(cn_item(cn_all(cn_equal(ddx, ddplain))), 1);
    }
    cn_tape_free(tape);
}

Test(pooling, what_else_sees_relu_has_its_gradient_too)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = NUMBERS(tape, CN_SHAPE(1, 2, 2, 1), 3, -1, 2, 0), *y = cn_relu(x);
    cn_tensor *loss = cn_add(cn_sum(cn_max_pool(y, {2})), cn_sum(cn_mul(y, NUMBERS(tape, CN_SHAPE(1), 10))));
    EXPECT(cn_grad(loss, x), CN_SHAPE(1, 2, 2, 1), 11, 0, 10, 0);
    cn_tape_free(tape);
}

Test(pooling, operations_refuse)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 4, 2));
    expect_error(!cn_max_pool(x, {5}), "max_pool: a window of 5 is larger than its axis of 4: (1, 4, 2)");
    expect_error(!cn_max_pool(x, {2, 2}),
                 "max_pool: sizes and strides must be positive numbers, one or one an axis: (1, 4, 2)");
    expect_error(!cn_average_pool(x, {0}),
                 "average_pool: sizes and strides must be positive numbers, one or one an axis: (1, 4, 2)");
    expect_error(!cn_max_pool(x, {2}, .padding = CN_CAUSAL), "max_pool: padding is valid or same: (1, 4, 2)");
    expect_error(!cn_max_pool(cn_reshape(x, CN_SHAPE(4, 2)), {2}),
                 "max_pool: takes 1 to 3 axes of space beside the batch and the channels: (4, 2)");
    expect_error(!cn_max_pool(cn_arange(tape, 3), {1}), "max_pool: takes floats: (3,)");
    cn_tape_free(tape);
}

#define EXPECT_GRADIENTS(layer, ...) \
    cr_expect(cn_gradient_check_layer(NULL, (layer), __VA_ARGS__), "%s: %s", #layer, cn_error_message())

Test(pooling, gradients_of_layers)
{
    const cn_shape one = CN_SHAPE(2, 6, 3), two = CN_SHAPE(2, 5, 4, 2), three = CN_SHAPE(1, 3, 4, 3, 2);
    EXPECT_GRADIENTS(cn_max_pooling1d({3}, .strides = {1}, .padding = CN_SAME), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_max_pooling2d({3, 2}, .strides = {2, 1}), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_max_pooling3d(.data_format = CN_CHANNELS_FIRST), .input_count = 1, .inputs = {three});
    EXPECT_GRADIENTS(cn_average_pooling1d({4}, .strides = {3}, .padding = CN_SAME), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_average_pooling2d({2}, .data_format = CN_CHANNELS_FIRST), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_average_pooling3d({2, 3, 1}, .strides = {1}), .input_count = 1, .inputs = {three});
    EXPECT_GRADIENTS(cn_global_max_pooling1d(), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_global_max_pooling2d(.keepdims = true), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_global_max_pooling3d(CN_CHANNELS_FIRST), .input_count = 1, .inputs = {three});
    EXPECT_GRADIENTS(cn_global_average_pooling1d(), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_global_average_pooling2d(CN_CHANNELS_FIRST), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_global_average_pooling3d(.keepdims = true), .input_count = 1, .inputs = {three});
    EXPECT_GRADIENTS(cn_adaptive_max_pooling1d({4}), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_adaptive_max_pooling2d({3, 2}), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_adaptive_max_pooling3d({2}), .input_count = 1, .inputs = {three});
    EXPECT_GRADIENTS(cn_adaptive_average_pooling1d({7}), .input_count = 1, .inputs = {one});
    EXPECT_GRADIENTS(cn_adaptive_average_pooling2d({2}, CN_CHANNELS_FIRST), .input_count = 1, .inputs = {two});
    EXPECT_GRADIENTS(cn_adaptive_average_pooling3d({1, 2, 3}), .input_count = 1, .inputs = {three});
}

Test(pooling, gradients_of_resizing_layers)
{
    const cn_shape images = CN_SHAPE(1, 3, 4, 2);
    EXPECT_GRADIENTS(cn_up_sampling2d(.interpolation = CN_BILINEAR), .input_count = 1, .inputs = {images});
    EXPECT_GRADIENTS(cn_up_sampling2d(CN_SHAPE(2, 3), CN_CHANNELS_FIRST, CN_BICUBIC), .input_count = 1,
                     .inputs = {images});
    EXPECT_GRADIENTS(cn_up_sampling2d(.interpolation = CN_LANCZOS3), .input_count = 1, .inputs = {images});
    EXPECT_GRADIENTS(cn_rescaling(0.5, -1), .input_count = 1, .inputs = {images});
}

Test(pooling, layers_refuse)
{
    expect_error(!cn_average_pooling2d(),
                 "average_pooling2d: pool_size must be a positive number or one for each of 2 axes, not (0,)");
    expect_error(!cn_max_pooling1d({2, 2}),
                 "max_pooling1d: pool_size must be a positive number or one for each of 1 axes, not (2, 2)");
    expect_error(!cn_max_pooling2d({2}, {-1}),
                 "max_pooling2d: strides must be a positive number or one for each of 2 axes, not (None,)");
    expect_error(!cn_max_pooling2d(.padding = CN_CAUSAL), "max_pooling2d_1: padding is valid or same");
    expect_error(!cn_adaptive_max_pooling2d({2, 0, 1}), "adaptive_max_pooling2d: output_size must be a positive number "
                                                        "or one for each of 2 axes, not (2, 0, 1)");
    expect_error(!cn_call(cn_max_pooling2d({3}), cn_input(2, 4, 1)),
                 "max_pooling2d_2: a window of 3 is larger than axis 1 of (None, 2, 4, 1)");
    expect_error(!cn_call(cn_global_max_pooling2d(), cn_input(2, 4)),
                 "global_max_pooling2d: expected an input of rank 4, got (None, 2, 4)");
    expect_error(!cn_up_sampling1d(.interpolation = CN_BILINEAR), "up_sampling1d: only images are interpolated");
}

Test(pooling, open_dimensions_stay_open)
{
    expect_shape(cn_call(cn_max_pooling2d(), cn_input(9, 8, 3)), CN_SHAPE(-1, 4, 4, 3));
    expect_shape(cn_call(cn_max_pooling1d({2}), cn_input(-1, 3)), CN_SHAPE(-1, -1, 3));
    expect_shape(cn_call(cn_average_pooling2d({3}, .padding = CN_SAME), cn_input(-1, 8, 3)), CN_SHAPE(-1, -1, 3, 3));
    expect_shape(cn_call(cn_global_average_pooling2d(), cn_input(-1, -1, 3)), CN_SHAPE(-1, 3));
    expect_shape(cn_call(cn_global_max_pooling1d(.keepdims = true), cn_input(-1, 3)), CN_SHAPE(-1, 1, 3));
    expect_shape(cn_call(cn_adaptive_average_pooling2d({2, 3}), cn_input(-1, -1, 3)), CN_SHAPE(-1, 2, 3, 3));
    expect_shape(cn_call(cn_up_sampling2d(.interpolation = CN_BILINEAR), cn_input(4, 5, 3)), CN_SHAPE(-1, 8, 10, 3));
}

Test(pooling, operations_are_nodes_of_models)
{
    cn_tensor *x = cn_input(4, 1);
    cn_model *model = cn_model_new({x}, {cn_add(cn_max_pool(x, {2}), cn_average_pool(x, {2}))});
    const float in[] = {1, 3, 8, 4};
    float out[2] = {0};
    cn_predict(model, {cn_array(in, 1, 4, 1)}, {cn_array(out, 1, 2, 1)});
    cr_expect_eq(out[0], 5);
    cr_expect_eq(out[1], 14);
    cn_model_free(model);
}

Test(pooling, only_the_average_of_a_sequence_uses_its_mask)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = NUMBERS(tape, CN_SHAPE(2, 3, 2), 1, 2, 3, 4, 50, 60, 7, 8, 9, 10, 11, 12);
    cn_tensor *mask = cn_constant(tape, cn_array(((int32_t[]){1, 1, 0, 0, 0, 0}), 2, 3));
    cn_tensors average = cn_call_many(cn_global_average_pooling1d(), {x}, .mask = {mask});
    EXPECT(average.item[0], CN_SHAPE(2, 2), 2, 3, (double)NAN, (double)NAN);
    cr_expect_null(cn_mask_of(average.item[0]));
    average = cn_call_many(cn_global_average_pooling1d(CN_CHANNELS_FIRST, .keepdims = true), {cn_swapaxes(x, 1, 2)},
                           .mask = {mask});
    EXPECT(average.item[0], CN_SHAPE(2, 2, 1), 2, 3, (double)NAN, (double)NAN);
    cn_tensors largest = cn_call_many(cn_global_max_pooling1d(), {x}, .mask = {mask});
    EXPECT(largest.item[0], CN_SHAPE(2, 2), 50, 60, 11, 12);
    cr_expect_null(cn_mask_of(largest.item[0]));
    cn_tape_free(tape);
}

/* A linear function of the place is reproduced where no weight falls outside; every kernel gives back what it is given
 * where sizes agree. */
Test(pooling, resizing_reproduces_lines)
{
    static const cn_interpolation all[] = {CN_BILINEAR, CN_BICUBIC};
    for (int i = 0; i < 2; i++) {
        cn_tape *tape = cn_tape_new();
        cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 8, 1, 1));
        cn_tensor *y = cn_image_resize(x, {16, 1}, .interpolation = all[i]);
        double got[16];
        cr_assert(cn_values(y, cn_array(got, 1, 16, 1, 1)), "%s", cn_error_message());
        for (int place = 4; place < 12; place++)
            cr_expect_float_eq(got[place], (place + 0.5) / 2 - 0.5, 1e-14);
        cr_expect_eq(cn_image_resize(x, {8, 1}, .interpolation = all[i])->shape.dim[1], 8);
        cn_tape_free(tape);
    }
}

/* w(d) = sinc(d) sinc(d / r), those of a row divided by their sum. */
Test(pooling, lanczos_weights)
{
    static const double radius[] = {3, 5};
    const double pi = acos(-1);
    for (int i = 0; i < 2; i++) {
        cn_tape *tape = cn_tape_new();
        cn_tensor *x = NUMBERS(tape, CN_SHAPE(1, 1, 3, 1), 1, 0, 0);
        double got[6], weight[3], sum = 0;
        cr_assert(cn_values(cn_image_resize(x, {1, 6}, i ? CN_LANCZOS5 : CN_LANCZOS3), cn_array(got, 1, 1, 6, 1)));
        for (int from = 0; from < 3; from++) {
            double d = fabs(0.75 - from), a = pi * d, b = pi * d / radius[i]; /* of pixel 2: (2 + 0.5) / 2 - 0.5 */
            sum += weight[from] = sin(a) / a * sin(b) / b;
        }
        cr_expect_float_eq(got[2], weight[0] / sum, 1e-14);
        cn_tape_free(tape);
    }
}

Test(pooling, nearest_pixels)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 1, 4, 1));
    EXPECT(cn_image_resize(x, {1, 2}, CN_NEAREST), CN_SHAPE(1, 1, 2, 1), 1, 3);
    EXPECT(cn_image_resize(x, {1, 8}, CN_NEAREST), CN_SHAPE(1, 1, 8, 1), 0, 0, 1, 1, 2, 2, 3, 3);
    expect_error(!cn_image_resize(x, {0, 8}), "resize: an axis of 1 cannot get the size 0: (1, 1, 4, 1)");
    cn_tape_free(tape);
}

Test(pooling, rescaling_takes_integers)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((int32_t[]){0, 2, 4}), 3));
    EXPECT(cn_call(cn_rescaling(0.5, -1), x), CN_SHAPE(3), -1, 0, 1);
    cn_tape_free(tape);
}

Test(pooling, classes_have_another_name)
{
    static const char *const names[][2] = {{"MaxPool2D", "MaxPooling2D"},
                                           {"AvgPool1D", "AveragePooling1D"},
                                           {"GlobalAvgPool3D", "GlobalAveragePooling3D"},
                                           {"GlobalMaxPool1D", "GlobalMaxPooling1D"}};
    for (int i = 0; i < 4; i++) {
        cr_assert_not_null(cn_layer_class_named(names[i][0]));
        cr_expect_str_eq(cn_layer_class_named(names[i][0])->name, names[i][1]);
    }
    cr_expect_str_eq(cn_layer_name(cn_global_average_pooling2d()), "global_average_pooling2d");
    cr_expect_str_eq(cn_layer_name(cn_max_pooling1d()), "max_pooling1d");
}

/* Windows of four have a loop of their own: the first of equal elements is taken, a NaN is larger than all before. */
Test(pooling, the_largest_of_four_is_that_of_comparing_one_by_one)
{
    enum { SIDE = 6, CHANNELS = 19, COUNT = SIDE * SIDE * CHANNELS };
    static float x[COUNT], y[COUNT / 4], gradient[COUNT], expected[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = i % 23 == 5 ? NAN : (float)(i * 7919 % 5);
    cn_tape *tape = cn_tape_new();
    cn_tensor *in = cn_constant(tape, cn_array(x, 1, SIDE, SIDE, CHANNELS)), *out = cn_max_pool(in, {2, 2});
    cr_assert(cn_values(out, cn_array(y, 1, SIDE / 2, SIDE / 2, CHANNELS)));
    cr_assert(cn_values(cn_grad(cn_sum(out), in), cn_array(gradient, 1, SIDE, SIDE, CHANNELS)));
    for (int window = 0; window < SIDE * SIDE / 4; window++)
        for (int c = 0; c < CHANNELS; c++) {
            int first = (window / (SIDE / 2) * 2 * SIDE + window % (SIDE / 2) * 2) * CHANNELS + c, best = first;
            for (int k = 1; k < 4; k++) {
                int at = first + (k / 2 * SIDE + k % 2) * CHANNELS;
                best = x[at] > x[best] || isnan(x[at]) ? at : best;
            }
            expected[best] = 1;
            cr_expect_eq(memcmp(&y[window * CHANNELS + c], &x[best], sizeof *x), 0, "window %d, channel %d", window, c);
        }
    cr_expect_arr_eq(gradient, expected, sizeof gradient);
    cn_tape_free(tape);
}
