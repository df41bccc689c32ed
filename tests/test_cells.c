/* Recurrent cells: called alone, stacked, under cn_rnn, and one of the user's own. */
#include "expect.h"
#include <string.h>

static void use_f64(void)
{
    cn_set_default_dtype(CN_F64);
}

TestSuite(cells, .init = use_f64, .fini = expect_clear);

enum { BATCH = 2, TIME = 4, FEATURES = 3, UNITS = 2, MOST = 256 };

/* Numbers from -1 to 1 without a pattern. */
static cn_tensor *waves(cn_tape *tape, cn_shape shape, double phase)
{
    double values[MOST];
    int64_t count = cn_shape_size(shape);
    cr_assert(count <= MOST);
    for (int64_t i = 0; i < count; i++)
        values[i] = sin((double)i * 1.7 + phase + (double)(i % 7));
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_F64, false, shape), CN_F64);
}

static void read_values(cn_tensor *tensor, double *to)
{
    cr_assert_not_null(tensor, "%s", cn_error_message());
    cr_assert(cn_shape_size(cn_shape_of(tensor)) <= MOST);
    cr_assert(cn_values(tensor, cn_array_with(to, CN_ARRAY_F64, true, cn_shape_of(tensor))), "%s", cn_error_message());
}

static void expect_close(cn_tensor *got, cn_tensor *wanted)
{
    double a[MOST], b[MOST];
    read_values(got, a);
    read_values(wanted, b);
    cr_assert(cn_shape_equal(cn_shape_of(got), cn_shape_of(wanted)));
    for (int64_t i = 0; i < cn_shape_size(cn_shape_of(got)); i++)
        cr_assert_float_eq(a[i], b[i], 1e-12, "element %d is %.15g, not %.15g", (int)i, a[i], b[i]);
}

/* Gives all weights values without a pattern. */
static void fill_weights(cn_layer *layer)
{
    for (int i = 0; i < cn_weight_count(layer); i++) {
        double values[MOST];
        cn_shape shape = cn_shape_of(cn_weight(layer, i));
        for (int64_t j = 0; j < cn_shape_size(shape); j++)
            values[j] = cos((double)j * 2.3 + i);
        cr_assert(cn_variable_set(cn_weight(layer, i), cn_array_with(values, CN_ARRAY_F64, false, shape)));
    }
}

static void copy_weights(cn_layer *to, cn_layer *from)
{
    cr_assert_eq(cn_weight_count(to), cn_weight_count(from));
    for (int i = 0; i < cn_weight_count(to); i++) {
        double values[MOST];
        cn_shape shape = cn_shape_of(cn_weight(to, i));
        cr_assert(cn_values(cn_weight(from, i), cn_array_with(values, CN_ARRAY_F64, true, shape)));
        cr_assert(cn_variable_set(cn_weight(to, i), cn_array_with(values, CN_ARRAY_F64, false, shape)));
    }
}

/* Called alone */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* What one sample's row of x and of h makes with one column of a kernel and a recurrent kernel of `width` columns. */
static double column(const double *row, const double *matrix, int count, int width, int at)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += row[i] * matrix[i * width + at];
    return sum;
}

typedef struct alone {
    cn_tape *tape;
    double x[BATCH * FEATURES], h[BATCH * UNITS], c[BATCH * UNITS];
    double kernel[MOST], recurrent[MOST], bias[MOST];
    cn_tensors y;
} alone;

/* Calls a cell with states, and gives the numbers that went in. */
static alone call_alone(cn_layer *cell, int states)
{
    alone a = {.tape = cn_tape_new()};
    cn_tensor *x = waves(a.tape, CN_SHAPE(BATCH, FEATURES), 0);
    cn_tensor *state[2] = {waves(a.tape, CN_SHAPE(BATCH, UNITS), 1), waves(a.tape, CN_SHAPE(BATCH, UNITS), 2)};
    cr_assert(cn_build(cell, CN_SHAPE(-1, FEATURES)), "%s", cn_error_message());
    fill_weights(cell);
    cn_call_args args = {.inputs = {x}};
    memcpy(args.states, state, (size_t)states * sizeof *state);
    a.y = cn_call_layer_many(cell, args);
    cr_assert_eq(a.y.count, 1 + states, "%s", cn_error_message());
    cr_assert_eq(a.y.item[0], a.y.item[1], "the output is the first state");
    read_values(x, a.x);
    read_values(state[0], a.h);
    read_values(state[1], a.c);
    read_values(cn_weight(cell, 0), a.kernel);
    read_values(cn_weight(cell, 1), a.recurrent);
    read_values(cn_weight(cell, 2), a.bias);
    return a;
}

Test(cells, simple_rnn_is_its_formula)
{
    alone a = call_alone(cn_simple_rnn_cell(UNITS), 1);
    double got[BATCH * UNITS];
    read_values(a.y.item[0], got);
    for (int b = 0; b < BATCH; b++)
        for (int j = 0; j < UNITS; j++)
            cr_assert_float_eq(got[b * UNITS + j],
                               tanh(column(a.x + b * FEATURES, a.kernel, FEATURES, UNITS, j) + a.bias[j] +
                                    column(a.h + b * UNITS, a.recurrent, UNITS, UNITS, j)),
                               1e-12);
    cn_tape_free(a.tape);
}

Test(cells, lstm_is_its_formula)
{
    alone a = call_alone(cn_lstm_cell(UNITS), 2);
    double h[BATCH * UNITS], c[BATCH * UNITS];
    enum { WIDTH = 4 * UNITS };
    read_values(a.y.item[1], h);
    read_values(a.y.item[2], c);
    for (int b = 0; b < BATCH; b++) {
        double z[WIDTH];
        for (int j = 0; j < WIDTH; j++)
            z[j] = column(a.x + b * FEATURES, a.kernel, FEATURES, WIDTH, j) + a.bias[j] +
                   column(a.h + b * UNITS, a.recurrent, UNITS, WIDTH, j);
        for (int j = 0; j < UNITS; j++) {
            double next = sigmoid(z[UNITS + j]) * a.c[b * UNITS + j] + sigmoid(z[j]) * tanh(z[2 * UNITS + j]);
            cr_assert_float_eq(c[b * UNITS + j], next, 1e-12);
            cr_assert_float_eq(h[b * UNITS + j], sigmoid(z[3 * UNITS + j]) * tanh(next), 1e-12);
        }
    }
    cn_tape_free(a.tape);
}

static void expect_gru(bool reset_after)
{
    alone a = call_alone(cn_gru_cell(UNITS, .reset_after = reset_after), 1);
    double got[BATCH * UNITS];
    enum { WIDTH = 3 * UNITS, LAST = 2 * UNITS };
    const double *inner_bias = a.bias + WIDTH;
    read_values(a.y.item[0], got);
    for (int b = 0; b < BATCH; b++) {
        const double *h = a.h + b * UNITS;
        double in[WIDTH], inner[WIDTH], reset[UNITS], scaled[UNITS];
        for (int j = 0; j < WIDTH; j++) {
            in[j] = column(a.x + b * FEATURES, a.kernel, FEATURES, WIDTH, j) + a.bias[j];
            inner[j] = column(h, a.recurrent, UNITS, WIDTH, j) + (reset_after ? inner_bias[j] : 0);
        }
        for (int j = 0; j < UNITS; j++) {
            reset[j] = sigmoid(in[UNITS + j] + inner[UNITS + j]);
            scaled[j] = reset[j] * h[j];
        }
        for (int j = 0; j < UNITS; j++) {
            double last =
                reset_after ? reset[j] * inner[LAST + j] : column(scaled, a.recurrent, UNITS, WIDTH, LAST + j);
            double z = sigmoid(in[j] + inner[j]);
            cr_assert_float_eq(got[b * UNITS + j], z * h[j] + (1 - z) * tanh(in[LAST + j] + last), 1e-12);
        }
    }
    cn_tape_free(a.tape);
}

Test(cells, gru_is_its_formula_both_ways)
{
    expect_gru(true);
    expect_gru(false);
}

Test(cells, begin_with_zeros_where_no_states_are_given)
{
    cn_layer *cells[] = {cn_simple_rnn_cell(UNITS), cn_lstm_cell(UNITS), cn_gru_cell(UNITS),
                         cn_stacked_rnn_cells({cn_lstm_cell(UNITS)})};
    const int states[] = {1, 2, 1, 2};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(BATCH, FEATURES), 0), *zeros = cn_zeros(tape, CN_SHAPE(BATCH, UNITS));
    for (int i = 0; i < 4; i++) {
        cn_call_args args = {.inputs = {x}, .states = {zeros, states[i] == 2 ? zeros : NULL}};
        cn_tensors without = cn_call_many(cells[i], {x}), with = cn_call_layer_many(cells[i], args);
        cr_assert_eq(without.count, 1 + states[i], "%s", cn_error_message());
        for (int j = 0; j < without.count; j++)
            expect_close(without.item[j], with.item[j]);
    }
    cn_tape_free(tape);
}

#define EXPECT_GRADIENTS(layer, ...)                                                                   \
    cr_expect(cn_gradient_check_layer(NULL, (layer), .input_count = 1, __VA_ARGS__), "%s: %s", #layer, \
              cn_error_message())

Test(cells, gradients_of_both_orders)
{
    const cn_shape x = CN_SHAPE(BATCH, FEATURES);
    EXPECT_GRADIENTS(cn_simple_rnn_cell(UNITS), .inputs = {x});
    EXPECT_GRADIENTS(cn_lstm_cell(UNITS), .inputs = {x});
    EXPECT_GRADIENTS(cn_gru_cell(UNITS), .inputs = {x});
    EXPECT_GRADIENTS(cn_gru_cell(UNITS, .reset_after = false, .use_bias = false), .inputs = {x});
    EXPECT_GRADIENTS(cn_stacked_rnn_cells({cn_lstm_cell(UNITS), cn_gru_cell(3)}), .inputs = {x});
    EXPECT_GRADIENTS(cn_gru_cell(UNITS, .dropout = 0.3, .recurrent_dropout = 0.3), .inputs = {x}, .training = true);
    EXPECT_GRADIENTS(cn_gru_cell(UNITS, .dropout = 0.3, .recurrent_dropout = 0.3, .reset_after = false), .inputs = {x},
                     .training = true);
}

/* Stacked */

Test(cells, stacked_states_are_those_of_the_cells_in_their_order)
{
    cn_layer *first = cn_lstm_cell(2), *second = cn_gru_cell(4), *third = cn_lstm_cell(3);
    cn_layer *stacked = cn_stacked_rnn_cells({first, second, third});
    const int64_t units[] = {2, 2, 4, 3, 3};
    cn_tape *tape = cn_tape_new();
    cn_call_args args = {.inputs = {waves(tape, CN_SHAPE(BATCH, FEATURES), 0)}};
    for (int i = 0; i < 5; i++)
        args.states[i] = waves(tape, CN_SHAPE(BATCH, units[i]), 1 + i);
    cn_tensors y = cn_call_layer_many(stacked, args);
    cr_assert_eq(y.count, 6, "%s", cn_error_message());
    cn_tensors a = cn_call_many(first, {args.inputs[0]}, .states = {args.states[0], args.states[1]});
    cn_tensors b = cn_call_many(second, {a.item[0]}, .states = {args.states[2]});
    cn_tensors c = cn_call_many(third, {b.item[0]}, .states = {args.states[3], args.states[4]});
    cn_tensor *wanted[] = {c.item[0], a.item[1], a.item[2], b.item[1], c.item[1], c.item[2]};
    for (int i = 0; i < 6; i++)
        expect_close(y.item[i], wanted[i]);
    cr_assert_eq(cn_weight(stacked, 3), cn_weight(second, 0));
    cr_assert_eq(cn_weight(stacked, 8), cn_weight(third, 2));
    cn_tape_free(tape);
}

/* Under cn_rnn */

Test(cells, rnn_of_a_cell_is_the_cells_layer)
{
    cn_layer *rnns[] = {
        cn_rnn(cn_simple_rnn_cell(UNITS), .return_sequences = true, .return_state = true),
        cn_rnn(cn_lstm_cell(UNITS), .return_sequences = true, .return_state = true, .go_backwards = true),
        cn_rnn(cn_gru_cell(UNITS), .return_sequences = true, .return_state = true),
        cn_rnn(cn_gru_cell(UNITS, .reset_after = false), .return_state = true)};
    cn_layer *layers[] = {cn_simple_rnn(UNITS, .return_sequences = true, .return_state = true),
                          cn_lstm(UNITS, .return_sequences = true, .return_state = true, .go_backwards = true),
                          cn_gru(UNITS, .return_sequences = true, .return_state = true),
                          cn_gru(UNITS, .return_state = true, .reset_after = false)};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(BATCH, TIME, FEATURES), 0);
    cn_tensor *mask = cn_constant(tape, cn_array(((int32_t[]){0, 1, 0, 1, 1, 0, 1, 1}), BATCH, TIME));
    for (int i = 0; i < 4; i++) {
        cr_assert(cn_build(rnns[i], cn_shape_of(x)) && cn_build(layers[i], cn_shape_of(x)), "%s", cn_error_message());
        fill_weights(rnns[i]);
        copy_weights(layers[i], rnns[i]);
        for (int masked = 0; masked < 2; masked++) {
            cn_call_args args = {.inputs = {x}, .mask = {masked ? mask : NULL}};
            cn_tensors got = cn_call_layer_many(rnns[i], args), wanted = cn_call_layer_many(layers[i], args);
            cr_assert_eq(got.count, wanted.count, "%s", cn_error_message());
            for (int j = 0; j < got.count; j++)
                expect_close(got.item[j], wanted.item[j]);
        }
    }
    cn_tape_free(tape);
}

Test(cells, stacked_cells_are_stacked_layers)
{
    cn_layer *rnn = cn_rnn(cn_stacked_rnn_cells({cn_lstm_cell(3), cn_gru_cell(UNITS)}), .return_sequences = true);
    cn_layer *below = cn_lstm(3, .return_sequences = true), *above = cn_gru(UNITS, .return_sequences = true);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(BATCH, TIME, FEATURES), 0);
    cr_assert_not_null(cn_call(above, cn_call(below, x)), "%s", cn_error_message());
    cr_assert(cn_build(rnn, cn_shape_of(x)), "%s", cn_error_message());
    for (int i = 0; i < 6; i++) {
        double values[MOST];
        cn_tensor *from = cn_weight(i < 3 ? below : above, i % 3);
        read_values(from, values);
        cr_assert(cn_variable_set(cn_weight(rnn, i), cn_array_with(values, CN_ARRAY_F64, false, cn_shape_of(from))));
    }
    expect_close(cn_call(rnn, x), cn_call(above, cn_call(below, x)));
    cn_tape_free(tape);
}

Test(cells, rnn_takes_a_cells_states_and_keeps_them_where_it_is_stateful)
{
    cn_layer *stacked = cn_stacked_rnn_cells({cn_lstm_cell(UNITS), cn_gru_cell(3)});
    cn_layer *whole = cn_rnn(stacked, .return_state = true),
             *kept = cn_rnn(stacked, .return_state = true, .stateful = true);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(BATCH, TIME, FEATURES), 0);
    cn_tensors half = cn_split(x, 2, .axis = 1);
    cn_tensors wanted = cn_call_many(whole, {x}), first = cn_call_many(whole, {half.item[0]});
    cr_assert_eq(wanted.count, 4, "%s", cn_error_message());
    cn_tensors rest = cn_call_many(whole, {half.item[1]}, .states = {first.item[1], first.item[2], first.item[3]});
    cn_call_many(kept, {half.item[0]});
    cn_tensors going_on = cn_call_many(kept, {half.item[1]});
    cn_reset_states(kept);
    cn_tensors anew = cn_call_many(kept, {half.item[0]});
    for (int i = 0; i < 4; i++) {
        expect_close(rest.item[i], wanted.item[i]);
        expect_close(going_on.item[i], wanted.item[i]);
        expect_close(anew.item[i], first.item[i]);
    }
    cn_tape_free(tape);
}

/* A cell of one's own: a memory of two rows, (2, units), which fade at different speeds, and a count of the steps, (),
 * which shares the output out. */

typedef struct memory_cell {
    cn_layer base;
    int64_t units;
    double dropout;
    cn_tensor *kernel;
} memory_cell;

static bool memory_build(cn_layer *layer, const cn_shape *in)
{
    memory_cell *cell = (memory_cell *)layer;
    return (cell->kernel = cn_add_weight(layer, "kernel", CN_SHAPE(in->dim[in->rank - 1], cell->units))) != NULL;
}

static bool memory_states(cn_layer *layer, cn_shape *states, int *count)
{
    states[0] = CN_SHAPE(2, ((memory_cell *)layer)->units);
    states[1] = (cn_shape){.rank = 0};
    *count = 2;
    return true;
}

static bool memory_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const memory_cell *cell = (const memory_cell *)layer;
    cn_tensor *x = call->inputs.item[0], *fade = cn_constant(call->tape, cn_array(((double[]){0.5, 0.25}), 2, 1));
    if (call->training && cell->dropout > 0)
        x = cn_mul(x, cn_dropout_mask(call->tape, cn_shape_of(x), cell->dropout));
    cn_tensor *memory = cn_add(cn_mul(call->states.item[0], fade), cn_expand_dims(cn_matmul(x, cell->kernel), 1));
    cn_tensor *count = cn_add(call->states.item[1], cn_scalar(call->tape, 1));
    outputs->item[0] = cn_div(cn_sum(memory, .axes = CN_AXES(1)), cn_expand_dims(count, 1));
    outputs->item[1] = memory;
    outputs->item[2] = count;
    outputs->count = 3;
    return !cn_failed();
}

static const cn_layer_class memory_class = {
    .name = "MemoryCell",
    .size = sizeof(memory_cell),
    .build = memory_build,
    .call_many = memory_call,
    .states = memory_states,
    .inputs = 1,
    .rank = 2,
    .fields = {CN_FIELD_INT(memory_cell, units), CN_FIELD_FLOAT(memory_cell, dropout)}};
#define memory(...) cn_layer_like(&memory_class, &(memory_cell){.base = {0}, .units = __VA_ARGS__})

Test(cells, a_cell_of_ones_own_runs_along_time)
{
    cn_layer *rnn = cn_rnn(memory(1), .return_sequences = true, .return_state = true);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((double[]){8, 16, 32}), 1, 3, 1));
    cr_assert(cn_build(rnn, cn_shape_of(x)), "%s", cn_error_message());
    cr_assert(cn_variable_set(cn_weight(rnn, 0), cn_array(((double[]){1}), 1, 1)));
    cn_tensors y = cn_call_many(rnn, {x});
    cr_assert_eq(y.count, 3, "%s", cn_error_message());
    EXPECT(y.item[0], CN_SHAPE(1, 3, 1), 16, 19, 78.5 / 3);
    EXPECT(y.item[1], CN_SHAPE(1, 2, 1), 42, 36.5);
    EXPECT(y.item[2], CN_SHAPE(1), 3);
    cn_tape_free(tape);
}

Test(cells, a_cell_of_ones_own_keeps_its_states_where_the_mask_is_zero)
{
    cn_layer *rnn = cn_rnn(memory(1), .return_sequences = true, .return_state = true, .go_backwards = true);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((double[]){8, 100, 16, 100}), 1, 4, 1));
    cr_assert(cn_build(rnn, cn_shape_of(x)), "%s", cn_error_message());
    cr_assert(cn_variable_set(cn_weight(rnn, 0), cn_array(((double[]){1}), 1, 1)));
    cn_tensors y = cn_call_many(rnn, {x}, .mask = {cn_constant(tape, cn_array(((int32_t[]){1, 0, 1, 0}), 1, 4))});
    cr_assert_eq(y.count, 3, "%s", cn_error_message());
    EXPECT(y.item[0], CN_SHAPE(1, 4, 1), 0, 32, 32, 14); /* the state is no output, so it begins with zeros */
    EXPECT(y.item[1], CN_SHAPE(1, 2, 1), 16, 12);
    EXPECT(y.item[2], CN_SHAPE(1), 2);
    cn_tape_free(tape);
}

Test(cells, a_cell_of_ones_own_has_gradients_of_both_orders)
{
    const cn_shape x = CN_SHAPE(BATCH, TIME, FEATURES);
    EXPECT_GRADIENTS(cn_rnn(memory(UNITS), .return_sequences = true, .return_state = true), .inputs = {x});
    EXPECT_GRADIENTS(cn_rnn(memory(UNITS, .dropout = 0.4)), .inputs = {x}, .training = true);
    EXPECT_GRADIENTS(cn_rnn(cn_stacked_rnn_cells({memory(3), cn_lstm_cell(UNITS)}), .go_backwards = true),
                     .inputs = {x});
}

Test(cells, a_cell_of_ones_own_draws_the_same_at_every_step)
{
    /* With a kernel of one, the memory is half of what dropout left of the first input, and what it left of the other.
     */
    cn_layer *rnn = cn_rnn(memory(1, .dropout = 0.5), .return_state = true);
    enum { MANY = 64 };
    double left[2 * MANY];
    cr_assert(cn_build(rnn, CN_SHAPE(-1, 2, 1)), "%s", cn_error_message());
    cr_assert(cn_variable_set(cn_weight(rnn, 0), cn_array(((double[]){1}), 1, 1)));
    cn_tape *tape = cn_tape_new(.training = true);
    read_values(cn_call_many(rnn, {cn_ones(tape, CN_SHAPE(MANY, 2, 1))}).item[1], left);
    int dropped = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(left[2 * i] == 0 || left[2 * i] == 3);
        dropped += left[2 * i] == 0;
    }
    cr_assert(dropped > 10 && dropped < 54);
    cn_tape_free(tape);
}

Test(cells, a_cell_of_ones_own_has_its_shapes_for_an_open_batch)
{
    cn_tensor *x = cn_input(TIME, FEATURES);
    cn_tensors y = cn_call_many(cn_rnn(memory(UNITS), .return_state = true), {x});
    cr_assert_eq(y.count, 3, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(y.item[1]), CN_SHAPE(-1, 2, UNITS)));
    cr_assert(cn_shape_equal(cn_shape_of(y.item[2]), CN_SHAPE(-1)));
}

/* Names */

Test(cells, those_inside_layers_use_up_no_name)
{
    cr_assert_str_eq(cn_layer_name(cn_lstm_cell(1)), "lstm_cell");
    cn_layer *lstm = cn_lstm(1), *gru = cn_gru(1);
    cr_assert_str_eq(cn_layer_name(lstm), "lstm");
    cr_assert_str_eq(cn_layer_name(cn_lstm(1)), "lstm_1");
    cr_assert_str_eq(cn_layer_name(cn_simple_rnn(1)), "simple_rnn");
    cr_assert_str_eq(cn_layer_name(cn_lstm_cell(1)), "lstm_cell_1");
    cr_assert_str_eq(cn_layer_name(cn_rnn(cn_lstm_cell(1))), "rnn");
    cr_assert_str_eq(cn_layer_name(cn_stacked_rnn_cells({cn_lstm_cell(1)})), "stacked_rnn_cells");
    cr_assert_str_eq(cn_layer_name(cn_lstm_cell(1)), "lstm_cell_4");
    cr_assert(cn_build(lstm, CN_SHAPE(-1, 2, 1)) && cn_build(gru, CN_SHAPE(-1, 2, 1)));
    cr_assert_str_eq(cn_name_of(cn_weight(lstm, 0)), "lstm/lstm_cell/kernel");
    cr_assert_str_eq(cn_name_of(cn_weight(gru, 2)), "gru/gru_cell/bias");
}

/* Wrong use */

#define EXPECT_REFUSED(made, message)     \
    do {                                  \
        cn_clear_session();               \
        expect_error(!(made), (message)); \
    } while (0)

Test(cells, refuse_wrong_arguments)
{
    EXPECT_REFUSED(cn_lstm_cell(0), "lstm_cell: units must be positive, not 0");
    EXPECT_REFUSED(cn_gru_cell(-2), "gru_cell: units must be positive, not -2");
    EXPECT_REFUSED(cn_gru_cell(1, .dropout = 1.5), "gru_cell: dropout must be from 0 to 1, not 1.5");
    EXPECT_REFUSED(cn_lstm_cell(1, .recurrent_dropout = -1),
                   "lstm_cell: recurrent_dropout must be from 0 to 1, not -1");
    EXPECT_REFUSED(cn_lstm_cell(1, .dropout = NAN), "lstm_cell: dropout must be from 0 to 1, not nan");
    EXPECT_REFUSED(cn_simple_rnn_cell(1, .recurrent_activation = cn_tanh),
                   "simple_rnn_cell: there is no argument recurrent_activation");
    EXPECT_REFUSED(cn_gru_cell(1, .unit_forget_bias = true), "gru_cell: there is no argument unit_forget_bias");
    EXPECT_REFUSED(cn_lstm_cell(1, .reset_after = true), "lstm_cell: there is no argument reset_after");
    EXPECT_REFUSED(cn_rnn(), "rnn: needs a cell");
    EXPECT_REFUSED(cn_rnn(cn_dense(2)), "rnn: dense is not a recurrent cell");
    EXPECT_REFUSED(cn_stacked_rnn_cells({NULL}), "stacked_rnn_cells: needs cells");
    EXPECT_REFUSED(cn_stacked_rnn_cells({cn_gru_cell(1), cn_lstm(2)}),
                   "stacked_rnn_cells: lstm is not a recurrent cell");
}

Test(cells, refuse_wrong_inputs_and_states)
{
    cn_layer *cell = cn_lstm_cell(UNITS);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(BATCH, FEATURES), 0), *state = waves(tape, CN_SHAPE(BATCH, UNITS), 1);
    expect_error(!cn_call(cell, waves(tape, CN_SHAPE(BATCH, TIME, FEATURES), 0)),
                 "lstm_cell: expected an input of rank 2, got (2, 4, 3)");
    cr_assert_eq(cn_weight_count(cell), 0);
    expect_error(cn_call_many(cell, {x}, .states = {state}).count == 0, "lstm_cell: takes 2 states, got 1");
    expect_error(cn_call_many(cell, {x}, .states = {state, waves(tape, CN_SHAPE(1, UNITS), 0)}).count == 0,
                 "lstm_cell: state 1 must be float64 of shape (2, 2), not float64 of shape (1, 2)");
    expect_error(cn_call_many(cell, {x}, .states = {cn_cast(state, CN_F32), state}).count == 0,
                 "lstm_cell: state 0 must be float64 of shape (2, 2), not float32 of shape (2, 2)");
    expect_error(!cn_call(cn_rnn(cell), x), "rnn: expected an input of rank 3 or more, got (2, 3)");
    cn_tape_free(tape);
}

/* Cells whose states are not what they said. */
static bool forgetful_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    (void)layer;
    outputs->item[outputs->count++] = call->inputs.item[0];
    return true;
}

static bool growing_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    (void)layer;
    outputs->item[0] = call->inputs.item[0];
    outputs->item[1] = cn_concatenate_many((cn_tensor *[]){call->states.item[0], call->states.item[0]}, 2, -1);
    outputs->count = 2;
    return true;
}

static bool one_state(cn_layer *layer, cn_shape *states, int *count)
{
    (void)layer;
    states[0] = CN_SHAPE(1);
    *count = 1;
    return true;
}

static const cn_layer_class forgetful_class = {.name = "Forgetful",
                                               .size = sizeof(cn_layer),
                                               .call_many = forgetful_call,
                                               .states = one_state,
                                               .inputs = 1},
                            growing_class = {.name = "Growing",
                                             .size = sizeof(cn_layer),
                                             .call_many = growing_call,
                                             .states = one_state,
                                             .inputs = 1};

Test(cells, rnn_refuses_a_cell_that_gives_other_states_than_it_said)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(BATCH, TIME, FEATURES), 0);
    cn_layer *forgetful = cn_layer_like(&forgetful_class, &(cn_layer){0}),
             *growing = cn_layer_like(&growing_class, &(cn_layer){0});
    expect_error(!cn_call(cn_rnn(forgetful), x), "forgetful: gave 1 tensors, not its output and 1 states");
    expect_error(!cn_call(cn_rnn(growing), x),
                 "rnn_1: state 0 must be float64 of shape (2, 1), not float64 of shape (2, 2)");
    cn_tape_free(tape);
}
