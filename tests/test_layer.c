/* The layer protocol: building, calling, names, weights, graphs, and layers of the user's own. */
#include "core/engine.h"
#include "counting_allocator.h"
#include "expect.h"
#include "layers/graph.h"
#include "my_dense.h"
#include <limits.h>
#include <pthread.h>
#include <string.h>

TestSuite(layer, .fini = expect_clear);

Test(layer, of_the_users_own_computes_on_real_tensors)
{
    cn_layer *layer = my_dense(.units = 2);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 2, 3, 4}), 2, 2));
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2)));
    cr_assert(cn_variable_set(cn_weight(layer, 0), cn_array(((float[]){1, 0, 0, 2}), 2, 2)));
    cr_assert(cn_variable_set(cn_weight(layer, 1), cn_array(((float[]){10, 20}), 2)));
    EXPECT(cn_call(layer, x), CN_SHAPE(2, 2), 11, 24, 13, 28);
    cr_assert_str_eq(cn_layer_name(layer), "my_dense");
    cr_assert_str_eq(cn_name_of(cn_weight(layer, 0)), "my_dense/w");
    cr_assert_eq(cn_count_params(layer), 6);
    cn_tape_free(tape);
}

Test(layer, of_the_users_own_has_its_shape_found_by_probing)
{
    cn_tensor *y = cn_call(my_dense(.units = 10), cn_input(-1, 4));
    expect_shape(y, CN_SHAPE(-1, -1, 10));
    expect_shape(cn_call(my_dense(.units = 7), y), CN_SHAPE(-1, -1, 7));
    cr_assert_str_eq(cn_name_of(y), "my_dense");
}

Test(layer, makes_no_weights_where_its_input_has_too_low_a_rank)
{
    cn_layer *layer = cn_dense(3);
    expect_error(!cn_call(layer, cn_input()), "dense: expected an input of rank 2 or more, got (None,)");
    cr_assert_eq(cn_weight_count(layer), 0);
    cn_layer *lstm = cn_lstm(3);
    expect_error(!cn_call(lstm, cn_input(4)), "lstm: expected an input of rank 3, got (None, 4)");
    cr_assert_eq(cn_weight_count(lstm), 0);
    expect_shape(cn_call(layer, cn_input(5)), CN_SHAPE(-1, 3));
}

Test(layer, prints_none_for_open_dimensions_and_makes_no_weights_when_its_first_call_fails)
{
    cn_layer *layer = cn_reshape_layer(CN_SHAPE(5, 3));
    cr_assert_null(cn_call(layer, cn_input(-1, 4)));
    cr_assert_not_null(strstr(cn_error_message(), "(None, None, 4)"), "%s", cn_error_message());
    cn_error_clear();
    cn_layer *dense = cn_dense(2);
    expect_shape(cn_call(dense, cn_input(4)), CN_SHAPE(-1, 2));
    cr_assert_null(cn_call(dense, cn_input(5)));
    cr_assert_not_null(strstr(cn_error_message(), "(None, 5)"), "%s", cn_error_message());
    cn_error_clear();
}

static bool failing_build(cn_layer *layer, const cn_shape *in)
{
    (void)in;
    cn_add_weight(layer, "w", CN_SHAPE(3));
    return cn_fail(CN_ARGUMENT, "no, thank you");
}

Test(layer, loses_the_weights_of_a_build_that_failed)
{
    static cn_layer_class failing; /* the session may need the row until the end */
    failing = my_dense_class;
    failing.build = failing_build;
    cn_layer *layer = cn_layer_like(&failing, &(my_dense){.units = 2});
    expect_error(!cn_build(layer, CN_SHAPE(-1, 4)), "no, thank you");
    cr_assert_eq(cn_weight_count(layer), 0);
    cn_layer_free(layer);
}

static bool early_init(cn_layer *layer)
{
    return (((my_dense *)layer)->w = cn_add_weight(layer, "w", CN_SHAPE(3, 2))) != NULL;
}

static bool inner_build(cn_layer *layer, const cn_shape *in)
{
    (void)in;
    ((my_dense *)layer)->b = cn_add_weight(layer, "b", CN_SHAPE(2));
    return cn_add_sublayer(layer, cn_dropout(0)) && !cn_failed();
}

Test(layer, keeps_what_it_had_before_a_first_call_that_failed)
{
    static cn_layer_class early; /* the session may need the row until the end */
    early = my_dense_class;
    early.init = early_init;
    early.build = inner_build;
    cn_layer *layer = cn_layer_like(&early, &(my_dense){.units = 2});
    cr_assert_null(cn_call(layer, cn_input(4)));
    cn_error_clear();
    cr_assert_eq(cn_weight_count(layer), 1);
    cr_assert_eq(layer->sublayer_count, 0);
    expect_shape(cn_call(layer, cn_input(3)), CN_SHAPE(-1, 2));
    cr_assert_eq(cn_weight_count(layer), 2);
    cr_assert_eq(layer->sublayer_count, 1);
}

Test(layer, names_count_up_from_the_bare_stem_and_inputs_from_one)
{
    cr_assert_str_eq(cn_layer_name(cn_dense(1)), "dense");
    cr_assert_str_eq(cn_layer_name(cn_dense(1)), "dense_1");
    cr_assert_str_eq(cn_layer_name(cn_lstm(1)), "lstm");
    cr_assert_str_eq(cn_name_of(cn_input(1)), "input_1");
    cr_assert_str_eq(cn_name_of(cn_input(1)), "input_2");
    cn_clear_session();
    cr_assert_str_eq(cn_layer_name(cn_dense(1)), "dense");
    cr_assert_str_eq(cn_name_of(cn_input(1)), "input_1");
}

Test(layer, automatic_names_pass_over_explicit_ones_which_use_up_no_number)
{
    cr_assert_str_eq(cn_layer_name(cn_dense(1, .name = "dense_1")), "dense_1");
    cr_assert_str_eq(cn_layer_name(cn_named(cn_dense(1), "encoder")), "encoder");
    cr_assert_str_eq(cn_layer_name(cn_dense(1)), "dense");
    cr_assert_str_eq(cn_layer_name(cn_dense(1)), "dense_2");
}

Test(layer, names_are_kerass_snake_case)
{
    static const char *const pairs[][2] = {{"ReLU", "re_lu"},
                                           {"ELU", "elu"},
                                           {"Conv2DTranspose", "conv2d_transpose"},
                                           {"MaxPooling2D", "max_pooling2d"},
                                           {"ConvLSTM1D", "conv_lstm1d"},
                                           {"MyCustomLayer", "my_custom_layer"},
                                           {"SimpleRNN", "simple_rnn"},
                                           {"MeanIoU", "mean_io_u"}};
    char text[64];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cn_snake_case(pairs[i][0], text, sizeof text);
        cr_assert_str_eq(text, pairs[i][1]);
    }
}

Test(layer, refuses_a_name_with_a_slash)
{
    expect_error(!cn_dense(1, .name = "a/b"), "Dense: \"a/b\" is not a name for a layer");
}

Test(layer, cannot_be_renamed_once_called)
{
    cn_layer *layer = cn_dense(1);
    cn_call(layer, cn_input(2));
    expect_error(!cn_named(layer, "late"), "dense: cannot be renamed, it has been called");
}

typedef struct {
    cn_layer base;
    cn_layer *first, *second;
    cn_tensor *scale, *count;
} pair_layer;

static bool pair_build(cn_layer *layer, const cn_shape *in)
{
    pair_layer *p = (pair_layer *)layer;
    (void)in;
    p->count = cn_add_weight(layer, "count", CN_SHAPE(), .initializer = cn_init_zeros(), .trainable = false);
    p->scale = cn_add_weight(layer, "scale", CN_SHAPE(), .initializer = cn_init_ones());
    return !cn_failed();
}

static cn_tensor *pair_call(cn_layer *layer, cn_tensor *x)
{
    pair_layer *p = (pair_layer *)layer;
    return cn_mul(cn_call(p->second, cn_call(p->first, x)), p->scale);
}

static const cn_layer_class pair_class = {
    .name = "Pair",
    .size = sizeof(pair_layer),
    .build = pair_build,
    .call = pair_call,
    .fields = {CN_FIELD_LAYER(pair_layer, first), CN_FIELD_LAYER(pair_layer, second)}};

Test(layer, lists_own_trainable_weights_then_others_then_those_of_sublayers_once)
{
    cn_layer *shared = cn_dense(4);
    cn_layer *layer = cn_layer_like(&pair_class, &(pair_layer){.first = shared, .second = shared});
    expect_shape(cn_call(layer, cn_input(4)), CN_SHAPE(-1, 4));
    cr_assert_eq(cn_weight_count(layer), 4);
    static const char *const names[] = {"pair/scale", "pair/count", "dense/kernel", "dense/bias"};
    for (int i = 0; i < 4; i++)
        cr_assert_str_eq(cn_name_of(cn_weight(layer, i)), names[i]);
}

Test(layer, frozen_with_its_sublayers_trains_nothing)
{
    cn_layer *layer = cn_layer_like(&pair_class, &(pair_layer){.first = cn_dense(4), .second = cn_dense(4)});
    cn_call(layer, cn_input(4));
    cn_weight_view *views;
    int count, trained = 0;
    cr_assert(cn_layer_weights(layer, &views, &count));
    for (int i = 0; i < count; i++)
        trained += views[i].trainable;
    cr_assert_eq(trained, 5);
    cn_release(views);
    cn_set_trainable(layer, false);
    cr_assert(cn_layer_weights(layer, &views, &count));
    for (int i = 0; i < count; i++)
        cr_assert_not(views[i].trainable);
    cn_release(views);
}

Test(layer, takes_no_sublayers_once_built)
{
    cn_layer *layer = my_dense(.units = 2);
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2)));
    expect_error(!cn_add_sublayer(layer, cn_dense(1)), "add_sublayer: my_dense: a layer takes others in init or build");
    cr_assert_eq(cn_weight_count(layer), 2);
}

static bool saw_training;

static bool spy_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    (void)layer;
    saw_training = call->training && call->tape->training;
    *outputs = call->inputs;
    return true;
}

static const cn_layer_class spy_class = {
    .name = "Spy", .size = sizeof(cn_layer), .call_many = spy_call, .mask = CN_MASK_PASSES};

Test(layer, inherits_training_from_the_tape_unless_told)
{
    cn_layer *spy = cn_layer_like(&spy_class, &(cn_layer){0});
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *x = cn_scalar(tape, 1);
    cn_call(spy, x);
    cr_assert(saw_training);
    cn_call_many(spy, {x}, .training = CN_INFERENCE);
    cr_assert_not(saw_training);
    cr_assert(tape->training);
    cn_tape_free(tape);
}

Test(layer, that_drops_masks_leaves_its_input_masked)
{
    static cn_layer_class dropping; /* the session may need the row until the end */
    dropping = spy_class;
    dropping.mask = CN_MASK_DROPS;
    cn_layer *drops = cn_layer_like(&dropping, &(cn_layer){0}), *passes = cn_layer_like(&spy_class, &(cn_layer){0});
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(2, 3)), *mask = cn_ones(tape, CN_SHAPE(2), .dtype = CN_I32);
    cn_set_mask(x, mask);
    cr_assert_null(cn_mask_of(cn_call(drops, x)));
    cr_assert_eq(cn_mask_of(x), mask);
    cr_assert_eq(cn_mask_of(cn_call(passes, x)), mask);
    cn_layer_free(drops);
    cn_tape_free(tape);
}

static cn_tensor *sum_of_squares(const cn_regularizer *self, cn_tensor *x)
{
    (void)self;
    return cn_sum(cn_square(x));
}

Test(layer, adds_its_activity_penalty_divided_by_the_batch)
{
    cn_layer *layer = cn_activation_layer(NULL, .activity_regularizer = cn_regularizer_from("Squares", sum_of_squares));
    cn_tape *tape = cn_tape_new();
    cn_call(layer, cn_constant(tape, cn_array(((float[]){1, 2, 3, 4, 5, 6}), 2, 3)));
    cr_assert_eq(tape->loss_count, 1);
    cr_assert_eq(cn_item(tape->loss[0]), 91.0 / 2);
    cn_tape_free(tape);
}

Test(layer, operations_on_symbolic_tensors_are_named_nodes)
{
    cn_tensor *x = cn_input(3, 4), *y = cn_mul(x, cn_scalar(x, 2)), *z = cn_add(y, cn_mul(x, x));
    expect_shape(z, CN_SHAPE(-1, 3, 4));
    cr_assert_str_eq(cn_name_of(y), "multiply");
    cr_assert_str_eq(cn_name_of(z), "add");
    cn_node **nodes;
    int count;
    cr_assert(cn_graph_walk(&z, 1, &x, 1, &nodes, &count));
    cr_assert_eq(count, 4); /* the number 2, multiply, multiply_1, add */
    cn_tape *tape = cn_tape_new();
    cn_tensor *real = cn_full(tape, CN_SHAPE(1, 3, 4), 3), *made[4], *inputs[2];
    for (int n = 0; n < count; n++) {
        for (int i = 0; i < nodes[n]->input_count; i++) {
            inputs[i] = real;
            for (int m = 0; m < n; m++)
                if (nodes[n]->input[i]->node == nodes[m])
                    inputs[i] = made[m];
        }
        cr_assert(cn_graph_run_node(nodes[n], tape, inputs, &made[n]));
    }
    cr_assert_eq(cn_item(cn_sum(made[3])), 12 * 15);
    cn_release(nodes);
    cn_tape_free(tape);
}

Test(layer, symbolic_operations_that_do_not_fit_say_so_with_open_dimensions)
{
    cn_tensor *x = cn_input(3), *y = cn_input(4);
    expect_error(!cn_add(x, y), "add: shapes cannot be broadcast together: (None, 3) x (None, 4)");
}

Test(layer, sequences_of_open_lengths_meet_in_products)
{
    cn_tensor *q = cn_input(-1, 8), *v = cn_input(-1, 8);
    cn_tensor *scores = cn_matmul(q, cn_transpose(v, .axes = CN_AXES(0, 2, 1)));
    expect_shape(scores, CN_SHAPE(-1, -1, -1));
    expect_shape(cn_matmul(scores, v), CN_SHAPE(-1, -1, 8));
}

Test(layer, tensors_of_two_tapes_are_refused)
{
    cn_tape *a = cn_tape_new(), *b = cn_tape_new();
    cn_layer *layer = cn_concatenate_layer();
    cn_tensors y = cn_call_many(layer, {cn_ones(a, CN_SHAPE(1, 2)), cn_ones(b, CN_SHAPE(1, 2))});
    expect_error(y.count == 0, "concatenate: its inputs are on different tapes");
    cn_tape_free(a);
    cn_tape_free(b);
}

static void *in_another_thread(void *name)
{
    cn_layer *layer = cn_dense(3);
    strcpy(name, cn_layer_name(layer));
    cn_call(layer, cn_input(2));
    return NULL;
}

Test(layer, threads_have_names_of_their_own_and_let_go_at_their_end)
{
    pthread_t thread;
    char name[32];
    cn_dense(1);
    pthread_create(&thread, NULL, in_another_thread, name);
    pthread_join(thread, NULL);
    cr_assert_str_eq(name, "dense");
}

Test(layer, clearing_the_session_frees_what_no_model_took)
{
    cn_clear_session();
    counting_start(LONG_MAX);
    cn_tensor *x = cn_input(4);
    cn_tensor *y = cn_call(cn_dense(3), cn_call(my_dense(.units = 4), x));
    cr_assert_not_null(cn_add(y, cn_scalar(y, 1)));
    cn_layer_free(cn_dense(2));
    cn_clear_session();
    cr_assert_eq(counting.live, 0);
    cn_set_allocator((cn_allocator){NULL, NULL});
}

Test(layer, running_out_of_memory_anywhere_leaks_nothing)
{
    cn_clear_session();
    for (long limit = 0; limit < 4000; limit++) {
        counting_start(limit);
        cn_tensor *y = cn_call(cn_dense(3), cn_call(my_dense(.units = 4), cn_input(4)));
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

static cn_tensor *run_named(cn_tape *tape, const char *name)
{
    return cn_call(cn_dropout(0.5, .name = name), cn_ones(tape, CN_SHAPE(64)));
}

static bool same_values(cn_tensor *a, cn_tensor *b)
{
    float x[64], y[64];
    cr_assert(cn_values(a, cn_array(x, 64)) && cn_values(b, cn_array(y, 64)), "%s", cn_error_message());
    return memcmp(x, y, sizeof x) == 0;
}

Test(layer, random_numbers_go_by_the_layers_name)
{
    cn_tape *a = cn_tape_new(.training = true), *b = cn_tape_new(.training = true);
    b->step_value = a->step_value;
    cn_tensor *first = run_named(a, "one"), *other = run_named(a, "two");
    cr_assert_not(same_values(first, other));
    cr_assert(same_values(first, run_named(b, "one")));
    cn_tape_free(a);
    cn_tape_free(b);
}

Test(layer, registered_under_a_name_is_found_by_it)
{
    cr_assert_null(cn_layer_class_named("MyDense"));
    cr_assert(cn_register_layer(&my_dense_class));
    cr_assert(cn_register_layer(&my_dense_class));
    cr_assert_eq(cn_layer_class_named("MyDense"), &my_dense_class);
    static cn_layer_class other; /* the session may need the row until the end */
    other = my_dense_class;
    expect_error(!cn_register_layer(&other), "register_layer: there is one named MyDense already");
    cr_assert_str_eq(cn_layer_class_named("LSTM")->name, "LSTM");
}
