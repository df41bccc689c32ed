/* SimpleRNN, LSTM, GRU: the fused form against the unfused one, masks, states, dropout. That the numbers are Keras' is
 * shown by the golden cases. */
#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "expect.h"
#include <string.h>

TestSuite(recurrent, .fini = expect_clear);

/* Numbers from -1 to 1 without a pattern. */
static cn_tensor *waves(cn_tape *tape, cn_shape shape, double phase)
{
    int64_t count = cn_shape_size(shape);
    double *values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = sin((double)i * 1.7 + phase + (double)(i % 7));
    cn_tensor *made = cn_constant_as(tape, cn_array_with(values, CN_ARRAY_F64, false, shape), cn_default_dtype());
    free(values);
    return made;
}

/* A 0 here and there; sample 0 begins with one. */
static cn_tensor *holes(cn_tape *tape, int64_t batch, int64_t time)
{
    int32_t *values = malloc((size_t)(batch * time) * sizeof *values);
    for (int64_t i = 0; i < batch * time; i++)
        values[i] = i % 5 != 0 && i % 7 != 3;
    cn_tensor *made = cn_constant(tape, cn_array(values, batch, time));
    free(values);
    return made;
}

/* The layers that have a fused form; reset_after is that of GRU. */
typedef struct variant {
    cn_layer *(*make)(cn_recurrent_args args);
    int states;
    cn_recurrent_args args; /* the defaults */
} variant;
#define COMMON .return_sequences = true, .return_state = true
static const variant variants[] = {{cn_simple_rnn_with, 1, {CN_SIMPLE_RNN_CELL_DEFAULTS, COMMON}},
                                   {cn_lstm_with, 2, {CN_LSTM_CELL_DEFAULTS, COMMON}},
                                   {cn_gru_with, 1, {CN_GRU_CELL_DEFAULTS, COMMON}},
                                   {cn_gru_with, 1, {CN_GRU_CELL_DEFAULTS, COMMON}},
                                   {cn_gru_with, 1, {CN_GRU_CELL_DEFAULTS, COMMON}}};
enum { VARIANTS = 5, LSTM = 1, GRU_BEFORE = 3, GRU_WITHOUT_BIAS = 4 };

static cn_recurrent_args args_of(int v, int64_t units)
{
    cn_recurrent_args args = variants[v].args;
    args.units = units;
    args.reset_after = args.reset_after && v != GRU_BEFORE;
    args.use_bias = v != GRU_WITHOUT_BIAS;
    return args;
}

static cn_layer *made(int v, cn_recurrent_args args, int64_t features)
{
    cn_layer *layer = variants[v].make(args);
    cr_assert(cn_build(layer, CN_SHAPE(-1, -1, features)), "%s", cn_error_message());
    for (int i = 2; i < cn_weight_count(layer); i++) { /* biases that are not zeros */
        cn_shape shape = cn_shape_of(cn_weight(layer, i));
        double *values = malloc((size_t)cn_shape_size(shape) * sizeof *values);
        for (int64_t j = 0; j < cn_shape_size(shape); j++)
            values[j] = cos((double)j * 2.3) / 2;
        cr_assert(cn_variable_set(cn_weight(layer, i), cn_array_with(values, CN_ARRAY_F64, false, shape)));
        free(values);
    }
    return layer;
}

typedef struct setting {
    int64_t batch, time, features;
    bool masked, stated;
} setting;

enum { RESULTS = 9 }; /* up to three outputs; gradients of x, up to three weights and two states */
typedef struct results {
    double *values[RESULTS];
    int64_t size[RESULTS];
    int count;
} results;

static void free_results(results *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->values[i]);
}

static int sequences_on(const cn_tape *tape)
{
    int count = 0;
    for (int i = 0; i < tape->count; i++)
        count += strcmp(tape->entry[i]->operation->name, "recurrent_sequence") == 0;
    return count;
}

/* All outputs and gradients of a layer with return_sequences and return_state. */
static results run(int v, cn_layer *layer, setting s, bool second_order)
{
    cn_tape *tape = cn_tape_new(.second_order = second_order);
    const int states = variants[v].states, weights = cn_weight_count(layer);
    int64_t units = cn_shape_of(cn_weight(layer, 1)).dim[0];
    cn_tensor *x = waves(tape, CN_SHAPE(s.batch, s.time, s.features), 0);
    cn_call_args args = {.inputs = {x}};
    if (s.masked)
        args.mask[0] = holes(tape, s.batch, s.time);
    for (int i = 0; i < states && s.stated; i++)
        args.states[i] = waves(tape, CN_SHAPE(s.batch, units), 1 + i);
    cn_tensors y = cn_call_layer_many(layer, args);
    cr_assert_eq(y.count, 1 + states, "%s", cn_error_message());
    cr_assert_eq(sequences_on(tape), second_order ? 0 : 1);
    cn_tensor *upstream[3], *of[6] = {x}, *all[RESULTS];
    int count = 1;
    for (int i = 0; i < weights; i++)
        of[count++] = cn_weight(layer, i);
    for (int i = 0; i < states && s.stated; i++)
        of[count++] = args.states[i];
    for (int i = 0; i < y.count; i++) {
        all[i] = y.item[i];
        upstream[i] = waves(tape, cn_shape_of(y.item[i]), 3 + i);
    }
    cr_assert(cn_vjp(y.item, upstream, y.count, of, count, all + y.count), "%s", cn_error_message());
    results r = {.count = y.count + count};
    for (int i = 0; i < r.count; i++) {
        r.size[i] = cn_shape_size(cn_shape_of(all[i]));
        r.values[i] = malloc((size_t)r.size[i] * sizeof *r.values[i]);
        cr_assert(cn_values(all[i], cn_array_with(r.values[i], CN_ARRAY_F64, true, cn_shape_of(all[i]))), "%s",
                  cn_error_message());
    }
    cn_tape_free(tape);
    return r;
}

static cn_layer *built(cn_recurrent_args args, int64_t features)
{
    cn_layer *layer = cn_lstm_with(args);
    cr_assert(cn_build(layer, CN_SHAPE(-1, -1, features)), "%s", cn_error_message());
    return layer;
}

static void expect_same_forms(int v, cn_recurrent_args args, setting s)
{
    cn_layer *layer = made(v, args, s.features);
    results fused = run(v, layer, s, false), stepped = run(v, layer, s, true);
    for (int i = 0; i < fused.count; i++)
        for (int64_t j = 0; j < fused.size[i]; j++)
            cr_assert_float_eq(fused.values[i][j], stepped.values[i][j], 1e-10 * fmax(1, fabs(stepped.values[i][j])),
                               "variant %d, result %d, element %lld: %.15g fused, %.15g stepped", v, i, (long long)j,
                               fused.values[i][j], stepped.values[i][j]);
    free_results(&fused);
    free_results(&stepped);
    cn_layer_free(layer);
}

Test(recurrent, fused_equals_stepped_with_masks_states_and_backwards)
{
    cn_set_default_dtype(CN_F64);
    for (int v = 0; v < VARIANTS; v++)
        for (int way = 0; way < 8; way++) {
            cn_recurrent_args args = args_of(v, 5);
            args.go_backwards = args.zero_output_for_mask = way & 1;
            expect_same_forms(v, args, (setting){3, 6, 2, way & 2, way & 4});
        }
}

Test(recurrent, fused_equals_stepped_for_every_activation_it_knows)
{
    cn_activation *known[] = {NULL, cn_tanh, cn_sigmoid, cn_relu, cn_hard_sigmoid};
    cn_set_default_dtype(CN_F64);
    for (int v = 0; v < VARIANTS; v++)
        for (int i = 0; i < 5; i++) {
            cn_recurrent_args args = args_of(v, 3);
            args.activation = known[i];
            expect_same_forms(v, args, (setting){2, 4, 3, false, true});
            args = args_of(v, 3);
            if (args.recurrent_activation) {
                args.recurrent_activation = known[i];
                expect_same_forms(v, args, (setting){2, 4, 3, true, false});
            }
        }
}

Test(recurrent, fused_equals_stepped_whatever_the_sizes)
{
    static const int64_t units[] = {1, 8, 16, 31, 32, 33, 64, 100, 160};
    cn_set_default_dtype(CN_F64);
    for (int v = 0; v < VARIANTS; v++) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            for (int64_t time = 3; time <= 5; time += 2) /* weights where they lie, and packed */
                expect_same_forms(v, args_of(v, units[i]), (setting){i % 2 ? 35 : 4, time, 2, i % 3 == 0, true});
        expect_same_forms(v, args_of(v, 8), (setting){70, 2, 1, true, true}); /* two pieces of small samples */
    }
}

Test(recurrent, other_activations_and_recurrent_dropout_are_stepped)
{
    cn_layer *layers[] = {cn_gru(2, .activation = cn_softmax), cn_lstm(2, .recurrent_activation = cn_softplus),
                          cn_simple_rnn(2, .recurrent_dropout = 0.5)};
    for (int i = 0; i < 3; i++) {
        cn_tape *tape = cn_tape_new(.training = true);
        cr_assert_not_null(cn_call(layers[i], waves(tape, CN_SHAPE(2, 3, 2), 0)), "%s", cn_error_message());
        cr_assert_eq(sequences_on(tape), 0);
        cn_tape_free(tape);
    }
}

/* Where it is masked an input may hold anything. */
Test(recurrent, what_is_masked_does_not_reach_the_recurrent_weights)
{
    for (int v = 0; v < VARIANTS; v++) {
        for (int64_t units = 3; units <= 40; units += 37) {
            cn_layer *layer = made(v, args_of(v, units), 1);
            cn_tape *tape = cn_tape_new();
            cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 1, NAN, 1, 1, 1}), 1, 6, 1));
            cn_tensor *mask = cn_constant(tape, cn_array(((int32_t[]){1, 1, 0, 1, 1, 1}), 1, 6));
            cn_tensors y = cn_call_many(layer, {x}, .mask = {mask});
            cr_assert_gt(y.count, 0, "%s", cn_error_message());
            cn_tensor *dw = cn_grad(cn_sum(y.item[0]), cn_weight(layer, 1));
            float sum = NAN;
            cr_assert(cn_values(cn_reshape(cn_sum(dw), CN_SHAPE(1)), cn_array(&sum, 1)), "%s", cn_error_message());
            cr_assert(isfinite(sum), "variant %d", v);
            cn_tape_free(tape);
        }
    }
}

Test(recurrent, has_the_same_bits_for_any_number_of_threads)
{
    setting s = {70, 9, 20, true, true};
    static const int64_t units[] = {8, 64, 200};
    for (int v = 0; v < VARIANTS; v++)
        for (int u = 0; u < 3; u++) {
            cn_layer *layer = made(v, args_of(v, units[u]), s.features);
            cn_set_threads(1);
            results one = run(v, layer, s, false);
            for (int threads = 2; threads <= 3; threads++) {
                cn_set_threads(threads);
                results more = run(v, layer, s, false);
                for (int i = 0; i < one.count; i++)
                    cr_assert_eq(memcmp(one.values[i], more.values[i], (size_t)one.size[i] * sizeof(double)), 0,
                                 "variant %d, result %d of %lld units", v, i, (long long)units[u]);
                free_results(&more);
            }
            free_results(&one);
        }
}

Test(recurrent, has_the_same_bits_planned_and_eager)
{
    enum { U = 8, MOST = 2 * 4 * U };
    float x[4 * 3 * 2];
    for (int i = 0; i < 24; i++)
        x[i] = (float)sin(i);
    for (int v = 0; v < VARIANTS; v++) {
        cn_layer *layer = made(v, args_of(v, U), 2);
        const int weights = cn_weight_count(layer);
        float got[2][5][4 * MOST] = {0};
        for (int deferred = 0; deferred < 2; deferred++) {
            cn_tape *tape = cn_tape_new(.deferred = deferred != 0);
            cn_tensor *in = deferred ? cn_feed(tape, CN_SHAPE(4, 3, 2)) : cn_constant(tape, cn_array(x, 4, 3, 2));
            cn_tensor *wanted[5] = {cn_call_many(layer, {in}).item[0]}, *loss = cn_sum(cn_square(wanted[0]));
            cn_view to[5];
            wanted[1] = cn_grad(loss, in);
            for (int i = 0; i < weights; i++)
                wanted[2 + i] = cn_grad(loss, cn_weight(layer, i));
            cr_assert_not(cn_failed(), "%s", cn_error_message());
            for (int i = 0; i < 2 + weights; i++)
                to[i] = cn_array_with(got[deferred][i], CN_ARRAY_F32, true, cn_shape_of(wanted[i]));
            if (deferred) {
                cn_plan_args outputs = {.first_ = 0};
                cn_run_args arrays = {.step = -1, .in = {cn_array(x, 4, 3, 2)}};
                memcpy(outputs.outputs, wanted, (size_t)(2 + weights) * sizeof *wanted);
                memcpy(arrays.out, to, (size_t)(2 + weights) * sizeof *to);
                cn_plan *plan = cn_plan_with(tape, outputs);
                cn_run_with(plan, arrays);
                cn_plan_free(plan);
            } else {
                for (int i = 0; i < 2 + weights; i++)
                    cn_values(wanted[i], to[i]);
            }
            cr_assert_not(cn_failed(), "%s", cn_error_message());
            cn_tape_free(tape);
        }
        cr_assert_eq(memcmp(got[0], got[1], sizeof got[0]), 0, "variant %d", v);
    }
}

Test(recurrent, begins_with_an_open_forget_gate)
{
    cn_layer *open = built((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .units = 2}, 1);
    cn_layer *plain = built((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .units = 2, .unit_forget_bias = false}, 1);
    float bias[8];
    cr_assert(cn_values(cn_weight(open, 2), cn_array(bias, 8)));
    for (int i = 0; i < 8; i++)
        cr_assert_eq(bias[i], i == 2 || i == 3);
    cr_assert(cn_values(cn_weight(plain, 2), cn_array(bias, 8)));
    for (int i = 0; i < 8; i++)
        cr_assert_eq(bias[i], 0);
    cr_assert_str_eq(cn_name_of(cn_weight(open, 1)), "lstm/lstm_cell/recurrent_kernel");
}

Test(recurrent, a_mask_passes_on_with_sequences_only)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(2, 3, 4), 0), *mask = holes(tape, 2, 3);
    cn_set_mask(x, mask);
    cr_assert_eq(cn_mask_of(cn_call(cn_lstm(2, .return_sequences = true), x)), mask);
    cr_assert_null(cn_mask_of(cn_call(cn_lstm(2), x)));
    cn_tape_free(tape);
}

static void lstm_values(cn_layer *layer, cn_tape *tape, cn_tensor *x, float *to)
{
    (void)tape;
    cn_tensor *y = cn_call(layer, x);
    cr_assert_not_null(y, "%s", cn_error_message());
    cr_assert(cn_values(y, cn_array_with(to, CN_ARRAY_F32, true, cn_shape_of(y))), "%s", cn_error_message());
}

Test(recurrent, stateful_goes_on_where_it_ended_until_reset)
{
    cn_layer *stateful =
        built((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .units = 3, .stateful = true, .name = "same"}, 2);
    cn_layer *whole = built((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .units = 3, .name = "same"}, 2);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(2, 4, 2), 0);
    cn_tensors half = cn_split(x, 2, .axis = 1);
    float once[6], twice[6], again[6], first[6];
    lstm_values(whole, tape, x, once);
    lstm_values(stateful, tape, half.item[0], first);
    lstm_values(stateful, tape, half.item[1], twice);
    for (int i = 0; i < 6; i++)
        cr_assert_float_eq(once[i], twice[i], 1e-6);
    cn_reset_states(stateful);
    lstm_values(stateful, tape, half.item[0], again);
    cr_assert_eq(memcmp(first, again, sizeof first), 0);
    expect_error(!cn_call(stateful, waves(tape, CN_SHAPE(1, 2, 2), 0)),
                 "same: is stateful for batches of 2, got one of 1");
    lstm_values(stateful, tape, half.item[1], again);
    cr_assert_eq(memcmp(twice, again, sizeof twice), 0, "what was refused left a trace");
    cn_tape_free(tape);
}

Test(recurrent, a_short_batch_leaves_a_stateful_model_as_it_was)
{
    float x[5 * 3 * 2], y[5 * 1], before[4][64], after[4][64];
    for (int i = 0; i < 30; i++)
        x[i] = (float)sin(i);
    for (int i = 0; i < 5; i++)
        y[i] = (float)i / 5;
    cn_tensor *in = cn_input_with((cn_input_args){.dtype = CN_F32, .shape = CN_SHAPE(3, 2), .batch_size = 2});
    cn_layer *gru = cn_gru(4, .stateful = true);
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(1), cn_call(gru, in))});
    cr_assert(cn_compile(model, .loss = cn_mean_squared_error(), .optimizer = cn_sgd(0.1)), "%s", cn_error_message());
    cn_train_on_batch(model, {cn_array(x, 2, 3, 2)}, {cn_array(y, 2, 1)});
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    for (int i = 0; i < 3; i++)
        cn_values(cn_weight(gru, i), cn_array_with(before[i], CN_ARRAY_F32, true, cn_shape_of(cn_weight(gru, i))));
    cn_train_on_batch(model, {cn_array(x, 1, 3, 2)}, {cn_array(y, 1, 1)});
    expect_error(cn_failed(), "gru: is stateful for batches of 2, got one of 1");
    for (int i = 0; i < 3; i++) {
        cn_shape shape = cn_shape_of(cn_weight(gru, i));
        cn_values(cn_weight(gru, i), cn_array_with(after[i], CN_ARRAY_F32, true, shape));
        cr_assert_eq(memcmp(before[i], after[i], (size_t)cn_shape_size(shape) * sizeof(float)), 0);
    }
    cn_model_free(model);
}

Test(recurrent, dropout_acts_in_training_only)
{
    cn_layer *layer = built((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .units = 8, .dropout = 0.5}, 6);
    cn_layer *inner = built((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .units = 8, .recurrent_dropout = 0.5}, 6);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(2, 4, 6), 0);
    float plain[16], quiet[16], noisy[16];
    cn_layer *layers[] = {layer, inner};
    for (int i = 0; i < 2; i++) {
        lstm_values(layers[i], tape, x, plain);
        lstm_values(layers[i], tape, x, quiet);
        cr_assert_eq(memcmp(plain, quiet, sizeof plain), 0);
        tape->training = true;
        lstm_values(layers[i], tape, x, noisy);
        tape->training = false;
        cr_assert_neq(memcmp(plain, noisy, sizeof plain), 0);
    }
    cn_tape_free(tape);
}

Test(recurrent, has_its_shapes_for_open_batch_and_time)
{
    cn_tensors y = cn_call_many(cn_lstm(7, .return_sequences = true, .return_state = true), {cn_input(-1, 4)});
    cr_assert_eq(y.count, 3, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(y.item[0]), CN_SHAPE(-1, -1, 7)));
    cr_assert(cn_shape_equal(cn_shape_of(y.item[2]), CN_SHAPE(-1, 7)));
}

Test(recurrent, refuses_wrong_initial_states)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = waves(tape, CN_SHAPE(2, 4, 6), 0), *state = waves(tape, CN_SHAPE(2, 2), 0);
    cn_layer *lstm = cn_lstm(2), *gru = cn_gru(2);
    expect_error(cn_call_many(lstm, {x}, .states = {state}).count == 0, "lstm: takes 2 initial states or none, got 1");
    expect_error(cn_call_many(gru, {x}, .states = {state, state}).count == 0,
                 "gru: takes 1 initial state or none, got 2");
    expect_error(cn_call_many(lstm, {x}, .states = {state, waves(tape, CN_SHAPE(2, 3), 0)}).count == 0,
                 "lstm: state 1 must be float32 of shape (2, 2), not float32 of shape (2, 3)");
    expect_error(cn_call_many(gru, {x}, .states = {waves(tape, CN_SHAPE(1, 2), 0)}).count == 0,
                 "gru: state 0 must be float32 of shape (2, 2), not float32 of shape (1, 2)");
    expect_error(cn_call_many(gru, {x}, .states = {cn_cast(state, CN_F64)}).count == 0,
                 "gru: state 0 must be float32 of shape (2, 2), not float64 of shape (2, 2)");
    cn_tape_free(tape);
}

Test(recurrent, refuses_wrong_initial_states_of_a_graph_at_the_call)
{
    cn_tensor *x = cn_input(4, 6);
    cn_layer *lstm = cn_lstm(2);
    expect_error(cn_call_many(lstm, {x}, .states = {cn_input(2)}).count == 0,
                 "lstm: takes 2 initial states or none, got 1");
    expect_error(cn_call_many(lstm, {x}, .states = {cn_input(2), cn_input(3)}).count == 0,
                 "lstm: state 1 must be float32 of shape (None, 2), not float32 of shape (None, 3)");
    cn_tensor *integers = cn_input_with((cn_input_args){.dtype = CN_I32, .shape = CN_SHAPE(2)});
    expect_error(cn_call_many(lstm, {x}, .states = {integers, cn_input(2)}).count == 0,
                 "lstm: state 0 must be float32 of shape (None, 2), not int32 of shape (None, 2)");
    cr_assert_eq(cn_weight_count(lstm), 0, "what was refused built the layer");
}

Test(recurrent, refuses_wrong_arguments_and_inputs)
{
    expect_error(!cn_gru(0), "gru_cell: units must be positive, not 0");
    cn_clear_session();
    expect_error(!cn_simple_rnn(1, .dropout = 2), "simple_rnn_cell: dropout must be from 0 to 1, not 2");
    cn_clear_session();
    expect_error(!cn_simple_rnn(1, .recurrent_activation = cn_tanh),
                 "simple_rnn_cell: there is no argument recurrent_activation");
    cn_clear_session();
    expect_error(!cn_call(cn_gru(1), cn_input(3)), "gru: expected an input of rank 3, got (None, 3)");
    cn_layer *lstm = built((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .units = 2}, 3);
    expect_error(!cn_call(lstm, cn_input(5, 4)), "lstm: expected an input of size 3 along axis -1, got (None, 5, 4)");
}

Test(recurrent, dropout_draws_one_mask_for_all_steps)
{
    enum { MANY = 48 };
    cn_layer *rnn = cn_simple_rnn(1, .activation = NULL, .use_bias = false, .dropout = 0.5, .return_sequences = true);
    float y[MANY][3];
    cr_assert(cn_build(rnn, CN_SHAPE(-1, 3, 1)), "%s", cn_error_message());
    cr_assert(cn_variable_set(cn_weight(rnn, 0), cn_array(((float[]){1}), 1, 1)));
    cr_assert(cn_variable_set(cn_weight(rnn, 1), cn_array(((float[]){0}), 1, 1)));
    cn_tape *tape = cn_tape_new(.training = true);
    cr_assert(cn_values(cn_call(rnn, cn_ones(tape, CN_SHAPE(MANY, 3, 1))), cn_array(y[0], MANY, 3, 1)), "%s",
              cn_error_message());
    int dropped = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(y[i][0] == 0 || y[i][0] == 2);
        cr_assert(y[i][1] == y[i][0] && y[i][2] == y[i][0]);
        dropped += y[i][0] == 0;
    }
    cr_assert(dropped > 6 && dropped < MANY - 6);
    cn_tape_free(tape);
}

/* Each step adds 1 to what dropout left of h, which is 2 h or 0. */
Test(recurrent, recurrent_dropout_draws_one_mask_for_all_steps)
{
    enum { MANY = 48 };
    cn_layer *rnn =
        cn_simple_rnn(1, .activation = NULL, .use_bias = false, .recurrent_dropout = 0.5, .return_sequences = true);
    float y[MANY][3];
    cr_assert(cn_build(rnn, CN_SHAPE(-1, 3, 1)), "%s", cn_error_message());
    cr_assert(cn_variable_set(cn_weight(rnn, 0), cn_array(((float[]){1}), 1, 1)));
    cr_assert(cn_variable_set(cn_weight(rnn, 1), cn_array(((float[]){1}), 1, 1)));
    cn_tape *tape = cn_tape_new(.training = true);
    cr_assert(cn_values(cn_call(rnn, cn_ones(tape, CN_SHAPE(MANY, 3, 1))), cn_array(y[0], MANY, 3, 1)), "%s",
              cn_error_message());
    int dropped = 0;
    for (int i = 0; i < MANY; i++) {
        bool kept = y[i][1] != 1;
        cr_assert(y[i][0] == 1 && y[i][1] == (kept ? 3 : 1) && y[i][2] == (kept ? 7 : 1));
        dropped += !kept;
    }
    cr_assert(dropped > 6 && dropped < MANY - 6);
    cn_tape_free(tape);
}

/* How often a step of linear gates with kernels of ones has a cell state that is not 0, and an output. The state is the
 * product of what dropout left of the input for two gates, the output that of three. */
static void count_gates(cn_layer *lstm, int counts[2])
{
    enum { MANY = 64 };
    float c[MANY], h[MANY];
    cr_assert(cn_build(lstm, CN_SHAPE(-1, 1, 1)), "%s", cn_error_message());
    cr_assert(cn_variable_set(cn_weight(lstm, 0), cn_array(((float[]){1, 1, 1, 1}), 1, 4)));
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensors y = cn_call_many(lstm, {cn_ones(tape, CN_SHAPE(MANY, 1, 1))});
    cr_assert_eq(y.count, 3, "%s", cn_error_message());
    cn_values(y.item[1], cn_array(h, MANY, 1));
    cn_values(y.item[2], cn_array(c, MANY, 1));
    counts[0] = counts[1] = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(c[i] == 0 || c[i] == 4);
        cr_assert(h[i] == 0 || h[i] == 8);
        counts[0] += c[i] != 0;
        counts[1] += h[i] != 0;
    }
    cn_tape_free(tape);
}

Test(recurrent, dropout_draws_one_mask_for_each_gate_with_implementation_1)
{
    int counts[2];
#define LINEAR .activation = NULL, .recurrent_activation = NULL, .use_bias = false, .dropout = 0.5, .return_state = true
    count_gates(cn_lstm(1, LINEAR), counts);
    cr_assert(counts[0] == counts[1] && counts[0] > 20, "one mask: about half of 64, %d and %d", counts[0], counts[1]);
    count_gates(cn_lstm(1, LINEAR, .implementation = 1), counts);
    cr_assert(counts[0] > counts[1] && counts[0] < 28, "a quarter and an eighth of 64, %d and %d", counts[0],
              counts[1]);
#undef LINEAR
}

#define EXPECT_GRADIENTS(layer, is_training)                                                          \
    cr_expect(cn_gradient_check_layer(NULL, (layer), .input_count = 1, .inputs = {CN_SHAPE(2, 3, 2)}, \
                                      .training = (is_training)),                                     \
              "%s: %s", #layer, cn_error_message())

Test(recurrent, gradients)
{
    EXPECT_GRADIENTS(cn_simple_rnn(2, .return_sequences = true, .return_state = true), false);
    EXPECT_GRADIENTS(cn_lstm(2, .return_sequences = true, .return_state = true), false);
    EXPECT_GRADIENTS(cn_gru(2, .return_sequences = true, .return_state = true), false);
    EXPECT_GRADIENTS(cn_gru(2, .reset_after = false, .go_backwards = true), false);
    EXPECT_GRADIENTS(cn_simple_rnn(3, .use_bias = false, .go_backwards = true), false);
    EXPECT_GRADIENTS(cn_gru(2, .use_bias = false), false);
    EXPECT_GRADIENTS(cn_lstm(2, .dropout = 0.3, .recurrent_dropout = 0.3), true);
    EXPECT_GRADIENTS(cn_gru(2, .dropout = 0.3, .recurrent_dropout = 0.3, .reset_after = false), true);
    EXPECT_GRADIENTS(cn_gru(2, .dropout = 0.3, .implementation = 1), true);
}
