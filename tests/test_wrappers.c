/* TimeDistributed and Bidirectional beside what the golden cases show: any layer, the user's too, masks, weights,
 * states, names, and what is refused. */
#include "core/engine.h"
#include "counting_allocator.h"
#include "expect.h"
#include <string.h>

TestSuite(wrappers, .fini = expect_clear);

static void expect_equal(cn_tensor *a, cn_tensor *b)
{
    cr_assert(a && b, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(a), cn_shape_of(b)));
    cr_assert_eq(cn_item(cn_any(cn_not_equal(a, b))), 0, "%s", cn_error_message());
}

/* Time distributed */

Test(wrappers, time_distributed_is_the_layer_at_each_step)
{
    cn_layer *dense = cn_dense(2, cn_tanh), *wrapper = cn_time_distributed(dense);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(2, 3, 4));
    x = cn_cast(cn_mul(x, cn_scalar(x, 0.05)), CN_F32);
    cn_tensor *y = cn_call(wrapper, x);
    expect_shape(y, CN_SHAPE(2, 3, 2));
    for (int t = 0; t < 3; t++) {
        cn_tensor *step = cn_reshape(cn_slice(x, CN_SHAPE(0, t, 0), CN_SHAPE(-1, 1, -1)), CN_SHAPE(2, 4));
        cn_tensor *of_step = cn_reshape(cn_slice(y, CN_SHAPE(0, t, 0), CN_SHAPE(-1, 1, -1)), CN_SHAPE(2, 2));
        expect_equal(cn_call(dense, step), of_step);
    }
    cr_assert_eq(cn_weight_count(wrapper), 2);
    cr_assert_eq(cn_weight(wrapper, 0), cn_weight(dense, 0));
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_takes_inputs_of_several_ranks_with_one_set_of_weights)
{
    cn_layer *wrapper = cn_time_distributed(cn_dense(128));
    cn_tape *tape = cn_tape_new();
    expect_shape(cn_call(wrapper, cn_ones(tape, CN_SHAPE(32, 10, 64))), CN_SHAPE(32, 10, 128));
    expect_shape(cn_call(wrapper, cn_ones(tape, CN_SHAPE(32, 10, 10, 64))), CN_SHAPE(32, 10, 10, 128));
    cr_assert_eq(cn_count_params(wrapper), 8320);
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_leaves_batch_and_time_open)
{
    expect_shape(cn_call(cn_time_distributed(cn_flatten()), cn_input(-1, 2, 3)), CN_SHAPE(-1, -1, 6));
    expect_shape(cn_call(cn_time_distributed(cn_lstm(4)), cn_input(-1, 5, 3)), CN_SHAPE(-1, -1, 4));
}

Test(wrappers, time_distributed_goes_through_a_model)
{
    cn_model *model = cn_sequential(cn_dense(4, cn_relu), cn_dense(2));
    cn_layer *wrapper = cn_time_distributed(cn_model_layer(model));
    expect_shape(cn_call(wrapper, cn_input(3, 5)), CN_SHAPE(-1, 3, 2));
    cr_assert_eq(cn_count_params(wrapper), 5 * 4 + 4 + 4 * 2 + 2);
    cn_model_free(model);
}

/* Notes the shapes that it is called with; its output is what a sample is above the mean of its batch. */
static cn_shape seen_input, seen_mask;
static int seen_calls;

static bool spy_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    cn_tensor *x = call->inputs.item[0];
    (void)layer;
    seen_input = cn_shape_of(x);
    seen_mask = cn_shape_of(call->mask[0]);
    seen_calls++;
    outputs->item[outputs->count++] = cn_sub(x, cn_mean(x, .axis = 0, .keepdims = true));
    return !cn_failed();
}

static const cn_layer_class spy_class = {.name = "Spy", .size = sizeof(cn_layer), .call_many = spy_call, .inputs = 1};
static const cn_layer_class mixing_class = {
    .name = "Mixing", .size = sizeof(cn_layer), .call_many = spy_call, .inputs = 1, .mixes_samples = true};

Test(wrappers, time_distributed_calls_a_layer_of_the_user_once)
{
    cn_layer *wrapper = cn_time_distributed(cn_layer_like(&spy_class, &(cn_layer){0}));
    cn_tape *tape = cn_tape_new();
    seen_calls = 0;
    cn_call_many(wrapper, {cn_ones(tape, CN_SHAPE(2, 3, 4))},
                 .mask = {cn_ones(tape, CN_SHAPE(2, 3, 5), .dtype = CN_I32)});
    cr_assert_eq(seen_calls, 1, "%s", cn_error_message());
    cr_assert(cn_shape_equal(seen_input, CN_SHAPE(6, 4)) && cn_shape_equal(seen_mask, CN_SHAPE(6, 5)));
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_steps_through_a_layer_that_mixes_samples)
{
    cn_layer *wrapper = cn_time_distributed(cn_layer_like(&mixing_class, &(cn_layer){0}));
    cn_tape *tape = cn_tape_new();
    seen_calls = 0;
    float x[] = {1, 10, 3, 30};
    cn_tensors y = cn_call_many(wrapper, {cn_constant(tape, cn_array(x, 2, 2, 1))},
                                .mask = {cn_ones(tape, CN_SHAPE(2, 2, 5), .dtype = CN_I32)});
    cr_assert(y.count == 1 && seen_calls == 2, "%s", cn_error_message());
    cr_assert(cn_shape_equal(seen_input, CN_SHAPE(2, 1)) && cn_shape_equal(seen_mask, CN_SHAPE(2, 5)));
    EXPECT(y.item[0], CN_SHAPE(2, 2, 1), -1, -10, 1, 10);
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_steps_through_states)
{
    cn_layer *lstm = cn_lstm(2, .stateful = true), *wrapper = cn_time_distributed(lstm);
    cn_tape *tape = cn_tape_new();
    cn_tensor *y = cn_call(wrapper, cn_ones(tape, CN_SHAPE(1, 2, 3, 1)));
    cn_reset_states(wrapper);
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 3, 1)), *first = cn_call(lstm, x), *second = cn_call(lstm, x);
    expect_equal(y, cn_stack({first, second}, .axis = 1));
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_divides_activity_penalties_by_the_batch_alone)
{
    cn_layer *wrapper = cn_time_distributed(cn_activation_layer(NULL, .activity_regularizer = cn_l1(1)));
    cn_tape *tape = cn_tape_new();
    cn_call(wrapper, cn_ones(tape, CN_SHAPE(2, 3, 4)));
    double sum = 0;
    for (int i = 0; i < tape->loss_count; i++)
        sum += cn_item(tape->loss[i]);
    cr_assert_eq(sum, 2 * 3 * 4 / 2.0, "%s", cn_error_message());
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_passes_the_mask_of_its_layer_or_else_its_own)
{
    cn_tape *tape = cn_tape_new();
    float x[] = {1, 0, 2, 0};
    cn_tensor *inner = cn_constant(tape, cn_array(x, 1, 2, 2, 1));
    cn_tensor *masked = cn_call(cn_time_distributed(cn_masking()), inner);
    EXPECT(cn_mask_of(masked), CN_SHAPE(1, 2, 2), 1, 0, 1, 0);
    int32_t bits[] = {0, 0, 0, 1};
    cn_tensor *given = cn_constant(tape, cn_array(bits, 1, 2, 2));
    cn_layer *flatten = cn_time_distributed(cn_flatten());
    EXPECT(cn_mask_of(cn_call_many(flatten, {inner}, .mask = {given}).item[0]), CN_SHAPE(1, 2), 0, 1);
    cr_assert_null(cn_mask_of(cn_call(flatten, inner)));
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_gives_each_step_its_part_of_the_mask)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *lstm = cn_lstm(2), *wrapper = cn_time_distributed(lstm);
    int32_t bits[] = {1, 0, 1, 1};
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 2, 1));
    cn_tensor *y = cn_call_many(wrapper, {x}, .mask = {cn_constant(tape, cn_array(bits, 1, 2, 2))}).item[0];
    cn_tensor *one = cn_call(lstm, cn_ones(tape, CN_SHAPE(1, 1, 1))),
              *two = cn_call(lstm, cn_ones(tape, CN_SHAPE(1, 2, 1)));
    expect_equal(y, cn_stack({one, two}, .axis = 1));
    cn_tape_free(tape);
}

Test(wrappers, time_distributed_names_both_layers_in_errors)
{
    cn_layer *wrapper = cn_time_distributed(cn_lstm(2));
    expect_error(!cn_time_distributed(), "time_distributed_1: needs a layer");
    expect_error(!cn_call(wrapper, cn_input(4)),
                 "time_distributed: expected an input of rank 3 or more, got (None, 4)");
    expect_error(!cn_call(wrapper, cn_input(3, 4)),
                 "time_distributed: lstm: expected an input of rank 3, got (None, 4)");
    cr_assert_eq(cn_weight_count(wrapper), 0);
    cn_layer *reshape = cn_time_distributed(cn_reshape_layer(CN_SHAPE(5)), .name = "outer");
    cr_assert_null(cn_call(reshape, cn_input(3, 4)));
    cr_assert(strncmp(cn_error_message(), "outer: reshape: ", 16) == 0 && strstr(cn_error_message(), "(None, 4)"), "%s",
              cn_error_message());
    cn_error_clear();
}

static cn_tensor *first_sample(cn_layer *layer, cn_tensor *x)
{
    (void)layer;
    return cn_slice(x, CN_SHAPE(0, 0), CN_SHAPE(1, -1));
}
static const cn_layer_class first_class = {.name = "First", .size = sizeof(cn_layer), .call = first_sample};

Test(wrappers, time_distributed_refuses_a_layer_that_changes_the_batch_and_masks_that_do_not_fit)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(2, 3, 4));
    expect_error(!cn_call(cn_time_distributed(cn_layer_like(&first_class, &(cn_layer){0})), x),
                 "time_distributed: first made a batch of 6 into (1, 4)");
    cn_tensors y =
        cn_call_many(cn_time_distributed(cn_flatten()), {x}, .mask = {cn_ones(tape, CN_SHAPE(2), .dtype = CN_I32)});
    expect_error(y.count == 0, "time_distributed_1: its mask begins with batch and time, (2, 3), not as (2,)");
    cn_tape_free(tape);
}

/* Bidirectional */

static cn_tensor *sequence(cn_tape *tape)
{
    float x[] = {0.5f, -1, 0.25f, 2, 0.75f, -0.5f};
    return cn_constant(tape, cn_array(x, 1, 3, 2));
}

Test(wrappers, bidirectional_copies_its_layer_and_names_the_copies)
{
    cn_layer *lstm = cn_lstm(3, .return_sequences = true, .use_bias = false), *wrapper = cn_bidirectional(lstm);
    expect_shape(cn_call(wrapper, cn_input(-1, 2)), CN_SHAPE(-1, -1, 6));
    cr_assert_str_eq(cn_layer_name(wrapper), "bidirectional");
    cr_assert_eq(cn_weight_count(wrapper), 4);
    cr_assert_str_eq(cn_name_of(cn_weight(wrapper, 0)), "bidirectional/forward_lstm/lstm_cell/kernel");
    cr_assert_str_eq(cn_name_of(cn_weight(wrapper, 2)), "bidirectional/backward_lstm/lstm_cell/kernel");
    cr_assert_eq(cn_weight_count(lstm), 0, "the layer given stays as it is");
    expect_shape(cn_call(lstm, cn_input(-1, 5)), CN_SHAPE(-1, -1, 3));
    cr_assert_str_eq(cn_layer_name(cn_bidirectional(cn_lstm(1))), "bidirectional_1");
}

Test(wrappers, bidirectional_runs_its_second_layer_over_the_reversed_sequence)
{
    cn_layer *wrapper = cn_bidirectional(cn_lstm(2, .return_sequences = true), CN_MERGE_NONE);
    cn_layer *plain = cn_lstm(2, .return_sequences = true);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = sequence(tape);
    cn_tensors y = cn_call_many(wrapper, {x});
    cr_assert_eq(y.count, 2, "%s", cn_error_message());
    cr_assert(cn_build(plain, CN_SHAPE(-1, 3, 2)));
    for (int direction = 0; direction < 2; direction++) {
        for (int i = 0; i < 3; i++)
            cr_assert(cn_assign(cn_weight(plain, i), cn_read(tape, cn_weight(wrapper, 3 * direction + i))));
        cn_tensor *in = direction ? cn_flip(x, .axis = 1) : x, *out = cn_call(plain, in);
        expect_equal(y.item[direction], direction ? cn_flip(out, .axis = 1) : out);
    }
    cn_tape_free(tape);
}

Test(wrappers, bidirectional_takes_its_first_weights_and_reads_them_when_it_is_built)
{
    float kernel[8], recurrent[4], bias[4];
    for (int i = 0; i < 8; i++)
        kernel[i] = (float)i;
    for (int i = 0; i < 4; i++)
        recurrent[i] = bias[i] = (float)-i;
    cn_view all[] = {cn_array(kernel, 2, 4), cn_array(recurrent, 1, 4), cn_array(bias, 4)};
    cn_layer *wrapper = cn_bidirectional(cn_lstm(1), .weights = {all[0], all[1], all[2], all[0], all[1], all[2]});
    cr_assert(cn_build(wrapper, CN_SHAPE(-1, -1, 2)), "%s", cn_error_message());
    for (int i = 0; i < 6; i++) {
        float values[8];
        cr_assert(cn_values(cn_weight(wrapper, i), cn_array_with(values, CN_ARRAY_F32, true, all[i % 3].shape)));
        cr_assert_eq(memcmp(values, all[i % 3].data, (size_t)cn_shape_size(all[i % 3].shape) * sizeof(float)), 0);
    }
    cn_layer *few = cn_bidirectional(cn_lstm(1), .weights = {all[0], all[1]});
    expect_error(!cn_build(few, CN_SHAPE(-1, -1, 2)), "bidirectional_1: has 6 weights, 2 arrays are given");
    cr_assert_eq(cn_weight_count(few), 0);
    cn_layer *other = cn_bidirectional(cn_lstm(1), .weights = {all[0], all[1], all[2], all[0], all[1], all[0]});
    cr_assert_not(cn_build(other, CN_SHAPE(-1, -1, 2)));
    cr_assert_eq(cn_error_code(), CN_SHAPES, "%s", cn_error_message());
    cn_error_clear();
}

Test(wrappers, bidirectional_takes_another_layer_for_the_way_back)
{
    cn_layer *wrapper = cn_bidirectional(cn_lstm(2), .backward_layer = cn_lstm(5, .go_backwards = true));
    expect_shape(cn_call(wrapper, cn_input(-1, 2)), CN_SHAPE(-1, 7));
    cr_assert_str_eq(cn_name_of(cn_weight(wrapper, 3)), "bidirectional/backward_lstm_1/lstm_cell/kernel");
}

Test(wrappers, bidirectional_splits_states_and_returns_those_of_both_layers)
{
    cn_layer *wrapper = cn_bidirectional(cn_lstm(2, .return_state = true), CN_MERGE_SUM);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = sequence(tape), *s[4];
    for (int i = 0; i < 4; i++)
        s[i] = cn_full(tape, CN_SHAPE(1, 2), 0.1 * (i + 1));
    cn_tensors y = cn_call_many(wrapper, {x}, .states = {s[0], s[1], s[2], s[3]});
    cr_assert_eq(y.count, 5, "%s", cn_error_message());
    expect_equal(y.item[0], cn_add(y.item[1], y.item[3])); /* the last hidden states are the outputs */
    cn_tensors other = cn_call_many(wrapper, {x}, .states = {s[0], s[1], s[0], s[1]});
    expect_equal(y.item[1], other.item[1]);
    expect_equal(y.item[2], other.item[2]);
    cr_assert_neq(cn_item(cn_any(cn_not_equal(y.item[3], other.item[3]))), 0);
    expect_error(cn_call_many(wrapper, {x}, .states = {s[0], s[1], s[2]}).count == 0,
                 "bidirectional: takes as many initial states for each direction, got 3 in all");
    expect_error(cn_call_many(wrapper, {x}, .states = {s[0], s[1]}).count == 0,
                 "bidirectional: forward_lstm: takes 2 initial states or none, got 1");
    cn_tape_free(tape);
}

Test(wrappers, bidirectional_passes_the_mask_of_a_sequence_and_zeroes_what_it_hides)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x =
        cn_call(cn_masking(), cn_mul(sequence(tape), cn_constant(tape, cn_array(((float[]){1, 1, 0}), 3, 1))));
    cn_tensor *y = cn_call(cn_bidirectional(cn_lstm(1, .return_sequences = true)), x);
    cr_assert_eq(cn_mask_of(y), cn_mask_of(x), "%s", cn_error_message());
    EXPECT(cn_slice(y, CN_SHAPE(0, 2, 0), CN_SHAPE(-1, 1, -1)), CN_SHAPE(1, 1, 2), 0, 0);
    cn_tensors both = cn_call_many(cn_bidirectional(cn_lstm(1, .return_sequences = true), CN_MERGE_NONE), {x});
    cr_assert(both.count == 2 && cn_mask_of(both.item[0]) == cn_mask_of(x) &&
              cn_mask_of(both.item[1]) == cn_mask_of(x));
    cr_assert_null(cn_mask_of(cn_call(cn_bidirectional(cn_lstm(1)), x)));
    cn_tape_free(tape);
}

Test(wrappers, bidirectional_keeps_and_resets_states)
{
    cn_layer *wrapper = cn_bidirectional(cn_lstm(2, .stateful = true));
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = sequence(tape), *first = cn_call(wrapper, x), *second = cn_call(wrapper, x);
    cr_assert_neq(cn_item(cn_any(cn_not_equal(first, second))), 0);
    cn_reset_states(wrapper);
    expect_equal(cn_call(wrapper, x), first);
    cn_tape_free(tape);
}

/* A recurrent layer of the user's: sums over time, here from the end, there from the beginning. */
typedef struct running {
    cn_layer base;
    bool return_sequences, go_backwards;
} running;

static cn_tensor *running_call(cn_layer *layer, cn_tensor *x)
{
    const running *r = (running *)layer;
    cn_tensor *sums = cn_cumsum(r->go_backwards ? cn_flip(x, .axis = 1) : x, .axis = 1);
    int64_t last = cn_shape_of(x).dim[1] - 1;
    return r->return_sequences ? sums
                               : cn_squeeze(cn_slice(sums, CN_SHAPE(0, last, 0), CN_SHAPE(-1, 1, -1)), .axis = 1);
}

static const cn_layer_class running_class = {
    .name = "Running",
    .size = sizeof(running),
    .call = running_call,
    .rank = 3,
    .fields = {CN_FIELD_BOOL(running, return_sequences), CN_FIELD_BOOL(running, go_backwards)}};
#define running(...) cn_layer_like(&running_class, &(running){.base = {0}, __VA_ARGS__})

Test(wrappers, bidirectional_takes_a_layer_of_the_users)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 2, 3}), 1, 3, 1));
    EXPECT(cn_call(cn_bidirectional(running(.return_sequences = true)), x), CN_SHAPE(1, 3, 2), 1, 6, 3, 5, 6, 3);
    EXPECT(cn_call(cn_bidirectional(running(.return_sequences = true), CN_MERGE_AVE), x), CN_SHAPE(1, 3, 1), 3.5, 4,
           4.5);
    EXPECT(cn_call(cn_bidirectional(running(.return_sequences = true), CN_MERGE_MUL), x), CN_SHAPE(1, 3, 1), 6, 15, 18);
    EXPECT(cn_call(cn_bidirectional(running(), CN_MERGE_SUM), x), CN_SHAPE(1, 1), 12);
    EXPECT(cn_call(cn_bidirectional(running(.go_backwards = true)), x), CN_SHAPE(1, 2), 6, 6);
    expect_error(cn_call_many(cn_bidirectional(running()), {x}, .states = {x, x}).count == 0,
                 "bidirectional_5: forward_running_5: takes no initial states");
    cn_tape_free(tape);
}

Test(wrappers, bidirectional_refuses_layers_that_do_not_go_both_ways)
{
    expect_error(!cn_bidirectional(), "bidirectional: needs a layer");
    expect_error(!cn_bidirectional(cn_dense(2)), "bidirectional_1: forward_dense has no argument go_backwards");
    expect_error(!cn_bidirectional(cn_lstm(2), (cn_merge_mode)7), "bidirectional_2: 7 is no merge_mode");
    expect_error(!cn_bidirectional(cn_lstm(2, .name = "a"), .backward_layer = cn_lstm(2, .name = "b")),
                 "bidirectional_3: forward_a and backward_b must differ in go_backwards");
    cn_layer *other = cn_lstm(2, .name = "b", .go_backwards = true, .return_sequences = true);
    expect_error(!cn_bidirectional(cn_lstm(2, .name = "a"), .backward_layer = other),
                 "bidirectional_4: forward_a and backward_b must agree in return_sequences");
}

Test(wrappers, bidirectional_names_both_layers_in_errors)
{
    cn_layer *wrapper = cn_bidirectional(cn_lstm(2));
    expect_error(!cn_call(wrapper, cn_input(4)), "bidirectional: expected an input of rank 3 or more, got (None, 4)");
    expect_error(!cn_call(wrapper, cn_input(3, 4, 5)),
                 "bidirectional: forward_lstm: expected an input of rank 3, got (None, 3, 4, 5)");
    cr_assert_eq(cn_weight_count(wrapper), 0);
    expect_shape(cn_call(wrapper, cn_input(3, 4)), CN_SHAPE(-1, 4));
    expect_error(!cn_call(wrapper, cn_input(3, 5)),
                 "bidirectional: forward_lstm: expected an input of size 4 along axis -1, got (None, 3, 5)");
}

/* Both */

Test(wrappers, gradients)
{
#define EXPECT_GRADIENTS(layer, ...) \
    cr_expect(cn_gradient_check_layer(NULL, (layer), __VA_ARGS__), "%s: %s", #layer, cn_error_message())
    const cn_shape steps = CN_SHAPE(2, 3, 2), deep = CN_SHAPE(2, 2, 3, 2);
    EXPECT_GRADIENTS(cn_time_distributed(cn_dense(3, cn_tanh)), .input_count = 1, .inputs = {steps});
    EXPECT_GRADIENTS(cn_time_distributed(cn_layer_like(&mixing_class, &(cn_layer){0})), .input_count = 1,
                     .inputs = {steps});
    EXPECT_GRADIENTS(cn_time_distributed(cn_lstm(2)), .input_count = 1, .inputs = {deep});
    EXPECT_GRADIENTS(cn_time_distributed(cn_dropout(0.5)), .input_count = 1, .inputs = {steps}, .training = true);
    for (int mode = CN_MERGE_CONCAT; mode <= CN_MERGE_NONE; mode++)
        EXPECT_GRADIENTS(cn_bidirectional(cn_lstm(2, .return_sequences = true), (cn_merge_mode)mode), .input_count = 1,
                         .inputs = {steps});
    EXPECT_GRADIENTS(cn_bidirectional(cn_lstm(2, .return_state = true)), .input_count = 1, .inputs = {steps});
}

Test(wrappers, train_and_predict_in_a_model)
{
    cn_model *model = cn_sequential(cn_input_layer(3, 2), cn_bidirectional(cn_lstm(4, .return_sequences = true)),
                                    cn_time_distributed(cn_dense(1)));
    cr_assert_not_null(model, "%s", cn_error_message());
    float x[8][3][2], y[8][3][1], p[8][3][1];
    for (int i = 0; i < 48; i++)
        ((float *)x)[i] = (float)(i % 7) / 7;
    for (int i = 0; i < 24; i++)
        ((float *)y)[i] = (float)(i % 3);
    cn_compile(model, .optimizer = cn_adam(0.01), .loss = cn_mean_squared_error());
    cn_fit(model, {cn_array(x[0][0], 8, 3, 2)}, {cn_array(y[0][0], 8, 3, 1)}, .epochs = 2, .verbose = 0);
    cr_assert(cn_predict(model, {cn_array(x[0][0], 8, 3, 2)}, {cn_array(p[0][0], 8, 3, 1)}), "%s", cn_error_message());
    cn_tape *tape = cn_tape_new();
    expect_equal(cn_call(model, cn_constant(tape, cn_array(x[0][0], 8, 3, 2))),
                 cn_constant(tape, cn_array(p[0][0], 8, 3, 1)));
    cn_tape_free(tape);
    cn_model_free(model);
}

Test(wrappers, running_out_of_memory_anywhere_leaks_nothing)
{
    cn_clear_session();
    for (long limit = 0; limit < 8000; limit++) {
        counting_start(limit);
        cn_layer *back = cn_lstm(2, .go_backwards = true, .return_sequences = true);
        cn_tensor *y =
            cn_call(cn_bidirectional(cn_lstm(2, .return_sequences = true), .backward_layer = back), cn_input(3, 2));
        y = cn_call(cn_time_distributed(cn_layer_like(&mixing_class, &(cn_layer){0})), y);
        bool done = y != NULL;
        cr_assert(done || cn_error_code() == CN_MEMORY, "%s", cn_error_message());
        cn_error_clear();
        cn_clear_session();
        cr_assert_eq(counting.live, 0, "%ld blocks are left after %ld", counting.live, limit);
        cn_set_allocator((cn_allocator){NULL, NULL});
        if (done)
            return;
    }
    cr_assert_fail("never enough");
}
