/* Convolutions held against their sums, and their layers beside what the golden cases show. */
#include "core/engine.h"
#include "expect.h"
#include "layers/classes.h"
#include <string.h>

TestSuite(convolution, .fini = expect_clear);

/* Two axes of space; one axis is a height of 1. */
typedef struct plane {
    int64_t batch, height, width, channels, groups, filters;
    int64_t kernel[2], stride[2], dilation[2];
    cn_padding padding;
} plane;

static double number(int64_t i)
{
    return (double)(i * 7919 % 31 - 15) / 8;
}

static cn_tensor *numbers(cn_tape *tape, cn_shape shape, cn_dtype dtype)
{
    int64_t count = cn_shape_size(shape);
    double *value = calloc((size_t)count, sizeof *value);
    for (int64_t i = 0; i < count; i++)
        value[i] = number(i);
    cn_tensor *tensor = cn_constant_as(tape, cn_array_with(value, CN_ARRAY_F64, false, shape), dtype);
    free(value);
    return tensor;
}

static int64_t before(const plane *p, int axis, int64_t size, int64_t out)
{
    int64_t extent = (p->kernel[axis] - 1) * p->dilation[axis] + 1;
    int64_t zeros = (out - 1) * p->stride[axis] + extent - size;
    return p->padding == CN_SAME && zeros > 0 ? zeros / 2 : 0;
}

/* The sum that defines a convolution, of numbers(). */
static double expected(const plane *p, cn_shape y, int64_t b, int64_t i, int64_t j, int64_t f)
{
    int64_t seen = p->channels / p->groups, first = f / (p->filters / p->groups) * seen;
    double sum = 0;
    for (int64_t a0 = 0; a0 < p->kernel[0]; a0++)
        for (int64_t a1 = 0; a1 < p->kernel[1]; a1++) {
            int64_t row = i * p->stride[0] + a0 * p->dilation[0] - before(p, 0, p->height, y.dim[1]);
            int64_t column = j * p->stride[1] + a1 * p->dilation[1] - before(p, 1, p->width, y.dim[2]);
            if (row < 0 || row >= p->height || column < 0 || column >= p->width)
                continue;
            for (int64_t c = 0; c < seen; c++)
                sum += number(((b * p->height + row) * p->width + column) * p->channels + first + c) *
                       number(((a0 * p->kernel[1] + a1) * seen + c) * p->filters + f);
        }
    return sum;
}

static cn_tensor *convolve(const plane *p, cn_tensor *x, cn_tensor *kernel)
{
    return cn_conv(x, kernel, .strides = {p->stride[0], p->stride[1]}, .padding = p->padding,
                   .dilation_rate = {p->dilation[0], p->dilation[1]});
}

static cn_shape input_shape(const plane *p)
{
    return CN_SHAPE(p->batch, p->height, p->width, p->channels);
}

static cn_shape kernel_shape(const plane *p)
{
    return CN_SHAPE(p->kernel[0], p->kernel[1], p->channels / p->groups, p->filters);
}

/* Sizes that meet every path: one piece and several, depths of several blocks, columns that do not fill a vector,
 * groups, channels by themselves with more taps than are summed at once. */
static const plane planes[] = {
    {2, 7, 9, 3, 1, 5, {3, 2}, {1, 1}, {1, 1}, CN_VALID},     {1, 9, 8, 4, 2, 6, {3, 3}, {2, 3}, {1, 1}, CN_SAME},
    {2, 11, 10, 5, 1, 3, {3, 2}, {1, 1}, {2, 3}, CN_SAME},    {2, 5, 5, 3, 1, 2, {1, 1}, {3, 3}, {1, 1}, CN_VALID},
    {3, 20, 21, 40, 1, 70, {3, 3}, {1, 1}, {1, 1}, CN_SAME},  {2, 16, 16, 33, 1, 20, {3, 3}, {2, 2}, {1, 1}, CN_SAME},
    {2, 6, 7, 300, 1, 4, {1, 1}, {1, 1}, {1, 1}, CN_VALID},   {2, 12, 13, 37, 37, 37, {3, 3}, {2, 1}, {1, 1}, CN_SAME},
    {2, 13, 12, 6, 6, 18, {9, 9}, {1, 1}, {1, 1}, CN_SAME},   {1, 1, 40, 2, 1, 3, {1, 5}, {1, 1}, {1, 4}, CN_VALID},
    {4, 24, 24, 36, 36, 36, {3, 3}, {1, 1}, {1, 1}, CN_SAME}, {2, 19, 22, 3, 1, 17, {3, 3}, {2, 2}, {1, 1}, CN_SAME},
    {2, 13, 15, 16, 1, 48, {3, 3}, {1, 1}, {1, 1}, CN_SAME}};
enum { PLANES = sizeof planes / sizeof *planes };

Test(convolution, is_the_sum_that_defines_it)
{
    for (int n = 0; n < PLANES; n++)
        for (int single = 0; single < 2; single++) {
            const plane *p = &planes[n];
            cn_dtype dtype = single ? CN_F32 : CN_F64;
            cn_tape *tape = cn_tape_new();
            cn_tensor *y = convolve(p, numbers(tape, input_shape(p), dtype), numbers(tape, kernel_shape(p), dtype));
            cr_assert_not_null(y, "%s", cn_error_message());
            cn_shape shape = cn_shape_of(y);
            double *value = calloc((size_t)cn_shape_size(shape), sizeof *value), *at = value;
            cn_values(y, cn_array_with(value, CN_ARRAY_F64, true, shape));
            /* The numbers are multiples of 1/8: products and sums have no rounding in either type, but for Winograd's
             * transforms of the last plane. */
            double tolerance = single && n == PLANES - 1 ? 1e-3 : 0;
            for (int64_t b = 0; b < shape.dim[0]; b++)
                for (int64_t i = 0; i < shape.dim[1]; i++)
                    for (int64_t j = 0; j < shape.dim[2]; j++)
                        for (int64_t f = 0; f < shape.dim[3]; f++, at++)
                            cr_assert_float_eq(*at, expected(p, shape, b, i, j, f), tolerance,
                                               "plane %d at %d %d %d %d: %g", n, (int)b, (int)i, (int)j, (int)f, *at);
            free(value);
            cn_tape_free(tape);
        }
}

/* A convolution is bilinear: <y, conv(x, k)> = <x, its gradient> = <k, its gradient>, exactly for these numbers. */
Test(convolution, gradients_are_those_of_the_bilinear_form)
{
    for (int n = 0; n < PLANES; n++) {
        const plane *p = &planes[n];
        cn_tape *tape = cn_tape_new();
        cn_tensor *x = numbers(tape, input_shape(p), CN_F64), *kernel = numbers(tape, kernel_shape(p), CN_F64);
        cn_tensor *y = convolve(p, x, kernel), *gradient[2];
        cn_tensor *form = cn_sum(cn_mul(y, numbers(tape, cn_shape_of(y), CN_F64)));
        cn_gradients(form, (cn_tensor *[]){x, kernel}, 2, gradient);
        double value = cn_item(form);
        cr_expect_eq(cn_item(cn_sum(cn_mul(x, gradient[0]))), value, "plane %d, input", n);
        cr_expect_eq(cn_item(cn_sum(cn_mul(kernel, gradient[1]))), value, "plane %d, kernel", n);
        cn_tape_free(tape);
    }
}

/* relu(conv(x, k) + bias) and the gradients of half its squared sum, in float32. */
static void run_with_gradients(const plane *p, bool deferred, int threads, float *out[4])
{
    cn_set_threads(threads);
    cn_tape *tape = cn_tape_new(.deferred = deferred);
    /* Sevenths: sums are rounded, so their order shows. */
    cn_tensor *seventh = cn_scalar(tape, 1.0 / 7);
    cn_tensor *input[] = {cn_mul(numbers(tape, input_shape(p), CN_F32), seventh),
                          cn_mul(numbers(tape, kernel_shape(p), CN_F32), seventh),
                          cn_mul(numbers(tape, CN_SHAPE(p->filters), CN_F32), seventh)};
    cn_tensor *y = cn_relu(cn_add(convolve(p, input[0], input[1]), input[2])), *gradient[3];
    cn_gradients(cn_sum(cn_square(y)), input, 3, gradient);
    cn_tensor *result[] = {y, gradient[0], gradient[1], gradient[2]};
    cn_view views[4];
    for (int i = 0; i < 4; i++) {
        cr_assert_not_null(result[i], "%s", cn_error_message());
        out[i] = calloc((size_t)cn_shape_size(cn_shape_of(result[i])), sizeof **out);
        views[i] = cn_array_with(out[i], CN_ARRAY_F32, true, cn_shape_of(result[i]));
    }
    if (deferred) {
        cn_plan *plan = cn_plan_new(tape, {result[0], result[1], result[2], result[3]});
        cr_assert(cn_run(plan, {{0}}, {views[0], views[1], views[2], views[3]}), "%s", cn_error_message());
        cn_plan_free(plan);
    } else {
        for (int i = 0; i < 4; i++)
            cn_values(result[i], views[i]);
    }
    cn_tape_free(tape);
    cn_set_threads(0);
}

static void expect_same_bits(bool deferred, int threads)
{
    for (int n = 0; n < PLANES; n++) {
        const plane *p = &planes[n];
        float *one[4], *other[4];
        cn_tape *tape = cn_tape_new(.deferred = true);
        cn_shape y = cn_shape_of(convolve(p, cn_feed(tape, input_shape(p)), cn_feed(tape, kernel_shape(p))));
        int64_t count[] = {cn_shape_size(y), cn_shape_size(input_shape(p)), cn_shape_size(kernel_shape(p)), p->filters};
        cn_tape_free(tape);
        run_with_gradients(p, false, 1, one);
        run_with_gradients(p, deferred, threads, other);
        for (int i = 0; i < 4; i++) {
            cr_expect_eq(memcmp(one[i], other[i], (size_t)count[i] * sizeof(float)), 0, "plane %d, result %d", n, i);
            free(one[i]);
            free(other[i]);
        }
    }
}

Test(convolution, bits_do_not_depend_on_the_number_of_threads)
{
    expect_same_bits(false, 2);
    expect_same_bits(false, 3);
}

Test(convolution, planned_equals_eager_bit_for_bit)
{
    expect_same_bits(true, 2);
}

Test(convolution, bias_and_activation_are_its_epilogue)
{
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(2, 8, 8, 3)), *kernel = cn_feed(tape, CN_SHAPE(3, 3, 3, 4));
    cn_tensor *y = cn_relu(cn_add(cn_conv(x, kernel), cn_feed(tape, CN_SHAPE(4))));
    cn_plan *plan = cn_plan_new(tape, {y});
    cr_expect_eq(cn_plan_describe(plan).kernels, 2, "the packing and the convolution");
    cn_plan_free(plan);
    cn_tape_free(tape);
}

Test(convolution, of_no_samples_is_empty_and_its_kernel_has_no_gradient)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_zeros(tape, CN_SHAPE(0, 4, 2)), *kernel = cn_ones(tape, CN_SHAPE(3, 2, 1));
    cn_tensor *y = cn_conv(x, kernel), *gradient = cn_grad(cn_sum(y), kernel);
    cr_expect(cn_shape_equal(cn_shape_of(y), CN_SHAPE(0, 2, 1)));
    EXPECT(gradient, CN_SHAPE(3, 2, 1), 0, 0, 0, 0, 0, 0);
    cn_tape_free(tape);
}

Test(convolution, wrong_operands_are_refused)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_zeros(tape, CN_SHAPE(2, 5, 6, 4)), *kernel = cn_zeros(tape, CN_SHAPE(3, 3, 4, 2));
    expect_error(!cn_conv(x, cn_zeros(tape, CN_SHAPE(3, 4, 2))),
                 "conv: needs operands of one rank from 3 to 5: (2, 5, 6, 4) x (3, 4, 2)");
    expect_error(!cn_conv(x, cn_zeros(tape, CN_SHAPE(3, 3, 3, 2))),
                 "conv: a kernel for 3 channels cannot see 4: (2, 5, 6, 4) x (3, 3, 3, 2)");
    expect_error(!cn_conv(x, cn_zeros(tape, CN_SHAPE(3, 3, 2, 3))),
                 "conv: 3 filters cannot be shared among 2 groups: (2, 5, 6, 4) x (3, 3, 2, 3)");
    expect_error(!cn_conv(x, kernel, .dilation_rate = {1, 3}),
                 "conv: a window of extent 7 does not fit into 6 places: (2, 5, 6, 4) x (3, 3, 4, 2)");
    expect_error(!cn_conv(x, kernel, .strides = {2}, .dilation_rate = {2}),
                 "conv: strides above 1 together with a dilation_rate above 1: (2, 5, 6, 4) x (3, 3, 4, 2)");
    expect_error(!cn_conv(x, kernel, .strides = {-1}),
                 "conv: strides must be a positive number or one for each of 2 axes: (2, 5, 6, 4) x (3, 3, 4, 2)");
    expect_error(!cn_conv(x, kernel, .strides = {1, 1, 2}),
                 "conv: strides must be a positive number or one for each of 2 axes: (2, 5, 6, 4) x (3, 3, 4, 2)");
    expect_error(!cn_conv(x, kernel, .padding = CN_CAUSAL),
                 "conv: causal padding is for one axis: (2, 5, 6, 4) x (3, 3, 4, 2)");
    expect_error(!cn_depthwise_conv(x, cn_zeros(tape, CN_SHAPE(3, 3, 2, 1))),
                 "depthwise_conv: a kernel for 2 channels cannot see 4: (2, 5, 6, 4) x (3, 3, 2, 1)");
    expect_error(!cn_conv_transpose(x, kernel),
                 "conv_transpose: a kernel for 2 channels cannot see 4: (2, 5, 6, 4) x (3, 3, 4, 2)");
    expect_error(
        !cn_conv_transpose(x, cn_zeros(tape, CN_SHAPE(3, 3, 2, 4)), .strides = {2}, .output_padding = CN_SHAPE(2)),
        "conv_transpose: output_padding 2 is not from 0 to below the stride 2: (2, 5, 6, 4) x (3, 3, 2, 4)");
    expect_error(!cn_conv(x, cn_cast(kernel, CN_F64)),
                 "conv: needs operands of one float type, not float32 with float64; cn_cast converts: (2, 5, 6, 4) x "
                 "(3, 3, 4, 2)");
    cn_tape_free(tape);
}

/* Layers */

Test(convolution, shapes_with_open_dimensions)
{
    expect_shape(cn_call(cn_conv2d(32, {3, 3}), cn_input(28, 28, 1)), CN_SHAPE(-1, 26, 26, 32));
    expect_shape(cn_call(cn_conv2d(32, {3}, .strides = {2}, .padding = CN_SAME), cn_input(28, 27, 1)),
                 CN_SHAPE(-1, 14, 14, 32));
    expect_shape(cn_call(cn_conv2d(8, {3, 3}), cn_input(-1, -1, 3)), CN_SHAPE(-1, -1, -1, 8));
    expect_shape(cn_call(cn_conv1d(4, {5}, .padding = CN_CAUSAL), cn_input(-1, 3)), CN_SHAPE(-1, -1, 4));
    expect_shape(cn_call(cn_conv3d(2, {1, 2, 3}), cn_input(4, 4, 4, 1)), CN_SHAPE(-1, 4, 3, 2, 2));
    expect_shape(cn_call(cn_conv2d(6, {3}, .data_format = CN_CHANNELS_FIRST), cn_input(2, 5, 7)),
                 CN_SHAPE(-1, 6, 3, 5));
    expect_shape(cn_call(cn_conv2d_transpose(3, {3, 3}, .strides = {2, 2}, .padding = CN_SAME), cn_input(7, 7, 2)),
                 CN_SHAPE(-1, 14, 14, 3));
    expect_shape(cn_call(cn_depthwise_conv2d({3}, .depth_multiplier = 2), cn_input(5, 5, 3)), CN_SHAPE(-1, 3, 3, 6));
    expect_shape(cn_call(cn_separable_conv1d(4, {3}), cn_input(5, 3)), CN_SHAPE(-1, 3, 4));
}

Test(convolution, automatic_names_and_aliases_are_those_of_keras)
{
    static const char *const names[] = {"conv1d",           "conv2d",           "conv3d",           "conv1d_transpose",
                                        "conv2d_transpose", "conv3d_transpose", "depthwise_conv1d", "depthwise_conv2d",
                                        "separable_conv1d", "separable_conv2d"};
    cn_layer *layers[] = {cn_conv1d(1, {1}),           cn_conv2d(1, {1}),           cn_conv3d(1, {1}),
                          cn_conv1d_transpose(1, {1}), cn_conv2d_transpose(1, {1}), cn_conv3d_transpose(1, {1}),
                          cn_depthwise_conv1d({1}),    cn_depthwise_conv2d({1}),    cn_separable_conv1d(1, {1}),
                          cn_separable_conv2d(1, {1})};
    for (int i = 0; i < 10; i++)
        cr_expect_str_eq(cn_layer_name(layers[i]), names[i]);
    cr_expect_eq(cn_layer_class_named("Convolution2D"), cn_layer_class_named("Conv2D"));
    cr_expect_eq(cn_layer_class_named("SeparableConvolution1D"), cn_layer_class_named("SeparableConv1D"));
    cr_expect_eq(cn_layer_class_named("Convolution3DTranspose"), cn_layer_class_named("Conv3DTranspose"));
}

Test(convolution, weights_have_kerass_order_and_shapes)
{
    cn_layer *grouped = cn_conv2d(6, {3, 2}, .groups = 2), *transposed = cn_conv1d_transpose(5, {4}),
             *separable = cn_separable_conv2d(7, {3}, .depth_multiplier = 2, .use_bias = false);
    cr_assert(cn_build(grouped, CN_SHAPE(-1, 8, 8, 4)) && cn_build(transposed, CN_SHAPE(-1, 8, 3)) &&
              cn_build(separable, CN_SHAPE(-1, 8, 8, 4)));
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(grouped, 0)), CN_SHAPE(3, 2, 2, 6)));
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(grouped, 1)), CN_SHAPE(6)));
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(transposed, 0)), CN_SHAPE(4, 5, 3)));
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(separable, 0)), CN_SHAPE(3, 3, 4, 2)));
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(separable, 1)), CN_SHAPE(1, 1, 8, 7)));
    cr_expect_eq(cn_weight_count(separable), 2);
}

Test(convolution, masks_do_not_pass)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_call(cn_embedding(5, 3, .mask_zero = true), cn_zeros(tape, CN_SHAPE(2, 6)));
    cr_assert_not_null(cn_mask_of(x));
    cr_expect_null(cn_mask_of(cn_call(cn_conv1d(2, {3}), x)));
    cn_tape_free(tape);
}

/* Names are counted anew, so that the message's is the first. */
static void expect_refused(const cn_layer *layer, const char *message)
{
    expect_error(!layer, message);
    cn_clear_session();
}

Test(convolution, wrong_arguments_are_refused_by_the_constructor)
{
    expect_refused(cn_conv2d(0, {3}), "conv2d: filters must be positive, not 0");
    expect_refused(cn_conv2d(4, {0}),
                   "conv2d: kernel_size must be a positive number or one for each of 2 axes, not (0,)");
    expect_refused(cn_conv2d(4), "conv2d: kernel_size must be a positive number or one for each of 2 axes, not (0,)");
    expect_refused(cn_conv2d(4, {3, 3, 3}),
                   "conv2d: kernel_size must be a positive number or one for each of 2 axes, not (3, 3, 3)");
    expect_refused(cn_conv2d(4, {3}, .strides = {1, 1, 2}),
                   "conv2d: strides must be a positive number or one for each of 2 axes, not (1, 1, 2)");
    expect_refused(cn_conv2d(4, {3}, .strides = {1, 2}, .dilation_rate = {2, 1}),
                   "conv2d: strides and dilation_rate cannot both be above 1");
    expect_refused(cn_conv2d(4, {3}, .groups = 3), "conv2d: 4 filters cannot be shared among 3 groups");
    expect_refused(cn_conv2d(4, {3}, .padding = CN_CAUSAL), "conv2d: causal padding is for one axis");
    expect_refused(cn_conv1d_transpose(4, {3}, .padding = CN_CAUSAL),
                   "conv1d_transpose: padding must be valid or same");
    expect_refused(cn_conv1d_transpose(4, {3}, .strides = {2}, .output_padding = CN_SHAPE(2)),
                   "conv1d_transpose: output_padding must be from 0 to below the stride 2, not 2");
    expect_refused(cn_conv1d_transpose(4, {3}, .output_padding = CN_SHAPE(0, 0)),
                   "conv1d_transpose: output_padding has 2 numbers for 1 axes");
    expect_refused(cn_depthwise_conv2d({3}, .depth_multiplier = 0),
                   "depthwise_conv2d: depth_multiplier must be positive, not 0");
    expect_refused(cn_separable_conv2d(-1, {3}), "separable_conv2d: filters must be positive, not -1");
}

Test(convolution, inputs_that_do_not_fit_are_refused_and_nothing_is_built)
{
    cn_layer *layer = cn_conv2d(4, {3, 3}, .groups = 2);
    expect_error(!cn_call(layer, cn_input(8, 4)), "conv2d: expected an input of rank 4, got (None, 8, 4)");
    expect_error(!cn_call(layer, cn_input(8, 2, 4)),
                 "conv2d: a kernel of extent 3 does not fit into axis 2 of (None, 8, 2, 4)");
    expect_error(!cn_call(layer, cn_input(8, 8, 3)), "conv2d: 3 channels cannot be shared among 2 groups");
    expect_error(!cn_call(layer, cn_input(8, 8, -1)),
                 "conv2d: the number of channels of its input must be known, got (None, 8, 8, None)");
    cr_expect_eq(cn_weight_count(layer), 0);
    cr_expect_not_null(cn_call(layer, cn_input(8, 8, 4)));
}

Test(convolution, a_built_layer_refuses_what_it_was_not_built_for)
{
    cn_layer *layer = cn_conv2d(2, {3, 3}, .kernel_initializer = cn_init_ones());
    cn_tape *tape = cn_tape_new();
    cr_assert_not_null(cn_call(layer, cn_ones(tape, CN_SHAPE(1, 3, 3, 2))));
    expect_error(!cn_call(layer, cn_ones(tape, CN_SHAPE(1, 3, 3, 3))),
                 "conv2d: was built for 2 channels, got (1, 3, 3, 3)");
    expect_error(!cn_call(layer, cn_ones(tape, CN_SHAPE(1, 2, 3, 2))),
                 "conv2d: a kernel of extent 3 does not fit into axis 1 of (1, 2, 3, 2)");
    EXPECT(cn_call(layer, cn_ones(tape, CN_SHAPE(1, 3, 3, 2))), CN_SHAPE(1, 1, 1, 2), 18, 18);
    cn_tape_free(tape);
}

Test(convolution, defaults_for_bindings_are_those_of_the_macros)
{
    cn_convolution_args args = cn_convolution_defaults();
    args.filters = 2;
    args.kernel_size[0] = 3;
    expect_shape(cn_call(cn_conv2d_with(args), cn_input(5, 5, 1)), CN_SHAPE(-1, 3, 3, 2));
    cr_expect_eq(cn_transposed_convolution_defaults().strides[0], 1);
    cr_expect_eq(cn_depthwise_convolution_defaults().depth_multiplier, 1);
    cr_expect(cn_separable_convolution_defaults().use_bias);
}

#define EXPECT_GRADIENTS(layer, ...)                                                                               \
    cr_expect(cn_gradient_check_layer(NULL, (layer), .input_count = 1, .inputs = {__VA_ARGS__}), "%s: %s", #layer, \
              cn_error_message())

Test(convolution, gradients_of_layers)
{
    const cn_shape one = CN_SHAPE(2, 6, 2), two = CN_SHAPE(2, 4, 5, 2), three = CN_SHAPE(1, 3, 3, 2, 2);
    EXPECT_GRADIENTS(cn_conv1d(3, {2}, .padding = CN_CAUSAL, .dilation_rate = {2}, .activation = cn_tanh), one);
    EXPECT_GRADIENTS(cn_conv1d(4, {3}, .strides = {2}, .groups = 2), one);
    EXPECT_GRADIENTS(cn_conv2d(3, {3, 2}, .padding = CN_SAME, .activation = cn_sigmoid), two);
    EXPECT_GRADIENTS(cn_conv2d(2, {2}, .data_format = CN_CHANNELS_FIRST, .strides = {1, 2}), CN_SHAPE(2, 2, 4, 5));
    EXPECT_GRADIENTS(cn_conv3d(2, {2, 2, 1}, .use_bias = false), three);
    EXPECT_GRADIENTS(cn_conv1d_transpose(2, {3}, .strides = {2}, .output_padding = CN_SHAPE(1)), one);
    EXPECT_GRADIENTS(cn_conv2d_transpose(2, {2, 3}, .strides = {3, 2}, .padding = CN_SAME), two);
    EXPECT_GRADIENTS(cn_conv3d_transpose(1, {2}, .dilation_rate = {2, 1, 1}), three);
    EXPECT_GRADIENTS(cn_depthwise_conv1d({3}, .depth_multiplier = 3), one);
    EXPECT_GRADIENTS(cn_depthwise_conv2d({2}, .strides = {2}, .padding = CN_SAME), two);
    EXPECT_GRADIENTS(cn_separable_conv1d(3, {2}), one);
    EXPECT_GRADIENTS(cn_separable_conv2d(2, {3}, .depth_multiplier = 2, .data_format = CN_CHANNELS_FIRST),
                     CN_SHAPE(2, 2, 4, 5));
}
