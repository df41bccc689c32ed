/* Convolutional LSTMs beside what the golden cases show: masks, states, dropout, errors, gradients. */
#include "expect.h"
#include <string.h>

TestSuite(conv_lstm, .fini = expect_clear);

enum { BATCH = 2, TIME = 4, SIDE = 3, CHANNELS = 2, FILTERS = 2, STATE = BATCH * SIDE * SIDE * FILTERS };

static cn_tensor *frames(cn_tape *tape)
{
    float values[BATCH * TIME * SIDE * SIDE * CHANNELS];
    for (int i = 0; i < BATCH * TIME * SIDE * SIDE * CHANNELS; i++)
        values[i] = (float)(i * 37 % 19 - 9) / 10;
    return cn_constant(tape, cn_array(values, BATCH, TIME, SIDE, SIDE, CHANNELS));
}

static cn_tensor *part_of(cn_tensor *x, int64_t first, int64_t count)
{
    return cn_getitem(x, {CN_ALL, CN_RANGE(first, first + count)});
}

static void expect_same(cn_tensor *got, cn_tensor *wanted)
{
    float a[2 * TIME * STATE], b[2 * TIME * STATE];
    cr_assert(got && wanted, "%s", cn_error_message());
    cn_shape shape = cn_shape_of(got);
    cr_assert(cn_shape_equal(shape, cn_shape_of(wanted)));
    cr_assert(cn_values(got, cn_array_with(a, CN_ARRAY_F32, true, shape)) &&
                  cn_values(wanted, cn_array_with(b, CN_ARRAY_F32, true, shape)),
              "%s", cn_error_message());
    for (int64_t i = 0; i < cn_shape_size(shape); i++)
        cr_assert(fabsf(a[i] - b[i]) <= 1e-6F, "element %d is %g, not %g", (int)i, (double)a[i], (double)b[i]);
}

Test(conv_lstm, states_carry_a_sequence_on)
{
    cn_layer *layer = cn_conv_lstm2d(FILTERS, {2}, .padding = CN_SAME, .return_state = true);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = frames(tape);
    cn_tensors whole = cn_call_many(layer, {x}), first = cn_call_many(layer, {part_of(x, 0, 1)});
    cr_assert_eq(first.count, 3, "%s", cn_error_message());
    cn_tensors rest = cn_call_many(layer, {part_of(x, 1, TIME - 1)}, .states = {first.item[1], first.item[2]});
    for (int i = 0; i < 3; i++)
        expect_same(rest.item[i], whole.item[i]);
    cn_tape_free(tape);
}

Test(conv_lstm, stateful_layers_begin_where_they_ended)
{
    cn_layer *layer = cn_conv_lstm2d(FILTERS, {2}, .padding = CN_SAME, .stateful = true);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = frames(tape);
    cn_tensor *whole = cn_call(layer, x);
    cn_reset_states(layer);
    cn_call(layer, part_of(x, 0, 2));
    expect_same(cn_call(layer, part_of(x, 2, TIME - 2)), whole);
    expect_error(!cn_call(layer, cn_zeros(tape, CN_SHAPE(1, TIME, SIDE, SIDE, CHANNELS))),
                 "conv_lstm2d: is stateful for batches of 2, got one of 1");
    expect_error(!cn_call(layer, cn_zeros(tape, CN_SHAPE(BATCH, TIME, 4, SIDE, CHANNELS))),
                 "conv_lstm2d: is stateful with states of shape (2, 3, 3, 2), now they would be (2, 4, 3, 2)");
    cn_tape_free(tape);
}

Test(conv_lstm, masked_steps_change_nothing)
{
    cn_layer *layer = cn_conv_lstm2d(FILTERS, {2}, .padding = CN_SAME, .return_sequences = true);
    cn_tape *tape = cn_tape_new();
    static const int32_t kept[BATCH][TIME] = {{1, 1, 0, 0}, {1, 1, 0, 0}};
    cn_tensor *x = frames(tape), *mask = cn_constant(tape, cn_array(&kept[0][0], BATCH, TIME));
    cn_tensors masked = cn_call_many(layer, {x}, .mask = {mask});
    cn_tensor *shorter = cn_call(layer, part_of(x, 0, 2));
    cr_assert_eq(masked.count, 1, "%s", cn_error_message());
    expect_same(part_of(masked.item[0], 0, 2), shorter);
    for (int64_t t = 2; t < TIME; t++)
        expect_same(part_of(masked.item[0], t, 1), part_of(shorter, 1, 1));
    cr_expect_eq(cn_mask_of(masked.item[0]), mask);
    cn_tape_free(tape);
}

Test(conv_lstm, channels_first_is_the_same_turned)
{
    cn_layer *last = cn_conv_lstm2d(FILTERS, {2}, .return_sequences = true),
             *first = cn_conv_lstm2d(FILTERS, {2}, .return_sequences = true, .data_format = CN_CHANNELS_FIRST);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = frames(tape), *wanted = cn_call(last, x);
    cr_assert(cn_build(first, CN_SHAPE(-1, TIME, CHANNELS, SIDE, SIDE)));
    for (int i = 0; i < 3; i++)
        cn_assign(cn_weight(first, i), cn_read(tape, cn_weight(last, i)));
    expect_same(cn_moveaxis(cn_call(first, cn_moveaxis(x, -1, 2)), 2, -1), wanted);
    cn_tape_free(tape);
}

Test(conv_lstm, forget_gate_begins_open)
{
    cn_layer *layer = cn_conv_lstm1d(2, {1});
    cr_assert(cn_build(layer, CN_SHAPE(-1, 3, 4, 1)));
    double bias[8];
    cr_assert(cn_values(cn_weight(layer, 2), cn_array(bias, 8)));
    for (int i = 0; i < 8; i++)
        cr_expect_eq(bias[i], i == 2 || i == 3 ? 1 : 0);
}

Test(conv_lstm, dropout_is_the_same_in_all_steps)
{
    /* Linear gates of kernels of ones, but for the forget gate: h is the third power of what dropout left of an input.
     */
    cn_layer *layer = cn_conv_lstm1d(1, {1}, .activation = NULL, .recurrent_activation = NULL, .dropout = 0.5,
                                     .use_bias = false, .return_sequences = true);
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2, 64, 1)));
    cr_assert(cn_variable_set(cn_weight(layer, 0), cn_array(((const double[]){1, 0, 1, 1}), 1, 1, 4)));
    cr_assert(cn_variable_set(cn_weight(layer, 1), cn_array(((const double[]){0, 0, 0, 0}), 1, 1, 4)));
    cn_tape *tape = cn_tape_new(.training = true);
    double h[2][64];
    cr_assert(cn_values(cn_call(layer, cn_ones(tape, CN_SHAPE(1, 2, 64, 1))), cn_array(h[0], 1, 2, 64, 1)), "%s",
              cn_error_message());
    int dropped = 0;
    for (int i = 0; i < 64; i++) {
        cr_expect(h[0][i] == 0 || h[0][i] == 8, "%g", h[0][i]);
        cr_expect_eq(h[1][i], h[0][i]);
        dropped += h[0][i] == 0;
    }
    cr_expect(dropped > 10 && dropped < 54);
    cn_tape_free(tape);
}

Test(conv_lstm, shapes_with_open_dimensions)
{
    cn_tensors y = cn_call_many(cn_conv_lstm2d(4, {3}, .strides = {2}, .return_sequences = true, .return_state = true),
                                {cn_input(-1, 9, -1, 3)});
    cr_assert_eq(y.count, 3, "%s", cn_error_message());
    cr_expect(cn_shape_equal(cn_shape_of(y.item[0]), CN_SHAPE(-1, -1, 4, -1, 4)));
    cr_expect(cn_shape_equal(cn_shape_of(y.item[1]), CN_SHAPE(-1, 4, -1, 4)));
    cn_tensor *z = cn_call(cn_conv_lstm3d(2, {2}, .data_format = CN_CHANNELS_FIRST), cn_input(5, 1, 4, 5, 6));
    cr_expect(cn_shape_equal(cn_shape_of(z), CN_SHAPE(-1, 2, 3, 4, 5)));
    cr_expect_str_eq(cn_name_of(z), "conv_lstm3d");
    z = cn_call(cn_conv_lstm3d(64, {2}, .return_sequences = true), cn_input(-1, -1, -1, -1, 16));
    cr_expect(z && cn_shape_equal(cn_shape_of(z), CN_SHAPE(-1, -1, -1, -1, -1, 64)), "%s", cn_error_message());
}

Test(conv_lstm, wrong_use_is_refused)
{
    cn_layer *layer = cn_conv_lstm2d(2, {3});
    expect_error(!cn_call(layer, cn_input(4, 2, 5, 1)),
                 "conv_lstm2d: a kernel of extent 3 does not fit into axis 2 of (None, 4, 2, 5, 1)");
    expect_error(!cn_call(layer, cn_input(5, 5, 1)), "conv_lstm2d: expected an input of rank 5, got (None, 5, 5, 1)");
    cr_expect_eq(cn_weight_count(layer), 0);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 3, 3, 1)), *state = cn_ones(tape, CN_SHAPE(1, 2, 2, 2));
    expect_error(cn_call_many(layer, {x}, .states = {state}).count == 0,
                 "conv_lstm2d: takes 2 initial states or none, got 1");
    expect_error(cn_call_many(layer, {x}, .states = {state, state}).count == 0,
                 "conv_lstm2d: state 0 must be float32 of shape (1, 1, 1, 2), not float32 of shape (1, 2, 2, 2)");
    expect_error(!cn_call(layer, cn_ones(tape, CN_SHAPE(1, 2, 3, 3, 2))),
                 "conv_lstm2d: was built for 1 channels, got (1, 2, 3, 3, 2)");
    cn_tape_free(tape);
    cn_clear_session();
    expect_error(!cn_conv_lstm1d(0, {1}), "conv_lstm1d: filters must be positive, not 0");
    cn_clear_session();
    expect_error(!cn_conv_lstm1d(1, {1}, .padding = CN_CAUSAL), "conv_lstm1d: padding must be valid or same");
    cn_clear_session();
    expect_error(!cn_conv_lstm1d(1, {1}, .dropout = 2), "conv_lstm1d: dropout must be from 0 to 1");
}

#define EXPECT_GRADIENTS(layer, ...) \
    cr_expect(cn_gradient_check_layer(NULL, (layer), __VA_ARGS__), "%s: %s", #layer, cn_error_message())

Test(conv_lstm, gradients)
{
    EXPECT_GRADIENTS(cn_conv_lstm1d(2, {2}, .return_sequences = true, .return_state = true, .go_backwards = true),
                     .input_count = 1, .inputs = {CN_SHAPE(2, 3, 3, 1)});
    EXPECT_GRADIENTS(cn_conv_lstm2d(1, {2}, .padding = CN_SAME, .use_bias = false), .input_count = 1,
                     .inputs = {CN_SHAPE(1, 2, 2, 3, 2)});
    EXPECT_GRADIENTS(cn_conv_lstm3d(1, {1, 2, 1}, .data_format = CN_CHANNELS_FIRST), .input_count = 1,
                     .inputs = {CN_SHAPE(1, 2, 1, 2, 2, 2)});
    EXPECT_GRADIENTS(cn_conv_lstm1d(2, {2}, .dropout = 0.3, .recurrent_dropout = 0.3), .input_count = 1,
                     .inputs = {CN_SHAPE(2, 3, 3, 1)}, .training = true);
}
