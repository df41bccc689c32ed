/* How layers are built: together or not at all, once whatever the thread, and for inputs of one width. */
#include "core/engine.h"
#include "expect.h"
#include "layers/graph.h"
#include <pthread.h>
#include <string.h>

TestSuite(building, .fini = expect_clear);

Test(building, a_sequential_model_whose_first_call_failed_can_be_called_with_another_shape)
{
    cn_layer *dense = cn_dense(4), *inner = cn_dense(6);
    cn_model *model = cn_sequential(dense, inner, cn_reshape_layer(CN_SHAPE(2, 3)));
    cn_tape *tape = cn_tape_new();
    cr_assert_null(cn_call(model, cn_ones(tape, CN_SHAPE(1, 5, 3))));
    cn_error_clear();
    cr_assert(cn_weight_count(dense) == 0 && cn_weight_count(inner) == 0);
    cn_tensor *y = cn_call(model, cn_ones(tape, CN_SHAPE(1, 7)));
    cr_assert_not_null(y, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cn_shape_of(cn_weight(dense, 0)), CN_SHAPE(7, 4)));
    cr_assert_eq(cn_count_params(model), 7 * 4 + 4 + 4 * 6 + 6);
    cn_tape_free(tape);
    cn_model_free(model);
}

Test(building, a_sequential_model_that_cannot_be_made_leaves_its_layers_unbuilt)
{
    cn_layer *dense = cn_dense(4);
    cr_assert_null(cn_sequential(cn_input_layer(3), dense, cn_reshape_layer(CN_SHAPE(5))));
    cn_error_clear();
    cr_assert_eq(cn_weight_count(dense), 0);
    cr_assert_not_null(cn_call(dense, cn_input(2)), "%s", cn_error_message());
}

Test(building, a_model_inside_one_whose_first_call_failed_is_connected_anew)
{
    cn_model *inner = cn_sequential(cn_dense(6));
    cn_model *outer = cn_sequential(cn_model_layer(inner), cn_reshape_layer(CN_SHAPE(2, 3)));
    cr_assert_not(cn_build(outer, CN_SHAPE(-1, 2, 5)));
    cn_error_clear();
    cr_assert_eq(cn_weight_count(inner), 0);
    cr_assert(cn_build(outer, CN_SHAPE(-1, 4)), "%s", cn_error_message());
    cr_assert_eq(cn_count_params(outer), 4 * 6 + 6);
    cn_model_free(outer);
    cn_model_free(inner);
}

Test(building, what_was_built_before_stays_when_a_later_call_fails)
{
    cn_layer *dense = cn_dense(4);
    cr_assert_not_null(cn_call(dense, cn_input(3)));
    cn_model *model = cn_sequential(dense, cn_reshape_layer(CN_SHAPE(5)));
    cr_assert_null(cn_call(model, cn_input(3)));
    cn_error_clear();
    cr_assert_eq(cn_weight_count(dense), 2);
    cn_model_free(model);
}

Test(building, another_width_than_built_for_names_the_layer)
{
    cn_layer *dense = cn_dense(2), *lstm = cn_lstm(2);
    cr_assert(cn_build(dense, CN_SHAPE(-1, 3)) && cn_build(lstm, CN_SHAPE(-1, -1, 3)));
    expect_error(!cn_call(dense, cn_input(5, 4)), "dense: expected an input of size 3 along axis -1, got (None, 5, 4)");
    expect_error(!cn_call(lstm, cn_input(5, 4)), "lstm: expected an input of size 3 along axis -1, got (None, 5, 4)");
    cn_tensor *y = cn_call(dense, cn_input(5, 3));
    cr_assert(y && cn_shape_equal(cn_shape_of(y), CN_SHAPE(-1, 5, 2)), "%s", cn_error_message());
}

Test(building, initial_states_are_refused_by_layers_that_take_none)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 3));
    cn_layer *dense = cn_dense(2);
    expect_error(cn_call_many(dense, {x}, .states = {x}).count == 0, "dense: takes no initial states");
    cr_assert_eq(cn_weight_count(dense), 0);
    expect_error(cn_call_many(dense, {cn_input(3)}, .states = {cn_input(3)}).count == 0,
                 "dense: takes no initial states");
    cn_tape_free(tape);
}

Test(building, lists_of_inputs_and_states_have_no_gaps)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 3));
    expect_error(cn_call_many(cn_add_layer(), {x, NULL, x}).count == 0, "add: input 1 is NULL");
    expect_error(cn_call_many(cn_add_layer(), {NULL, x}).count == 0, "add_1: input 0 is NULL");
    expect_error(cn_call_many(cn_lstm(2), {x}, .states = {NULL, x}).count == 0, "lstm: state 0 is NULL");
    cn_tape_free(tape);
}

Test(building, a_sequential_model_first_fitted_on_integers_takes_floats_afterwards)
{
    cn_model *model = cn_sequential(cn_dense(1, .kernel_initializer = cn_init_ones()));
    cn_compile(model, .optimizer = cn_sgd(.learning_rate = 0), .loss = cn_mean_squared_error());
    int32_t whole[] = {1, 2};
    float x[] = {0.5f, 0.25f}, y[] = {0}, p[] = {0};
    cr_assert_not_null(cn_fit(model, {cn_array(whole, 1, 2)}, {cn_array(y, 1, 1)}, .verbose = 0), "%s",
                       cn_error_message());
    cr_assert(cn_predict(model, {cn_array(x, 1, 2)}, {cn_array(p, 1, 1)}), "%s", cn_error_message());
    cr_assert_eq(p[0], 0.75f);
    cn_model_free(model);
}

enum { THREADS = 8 };
static cn_layer *shared_layer;
static pthread_barrier_t start;

static void *call_first(void *value)
{
    cn_tape *tape = cn_tape_new();
    pthread_barrier_wait(&start);
    *(double *)value = cn_item(cn_sum(cn_call(shared_layer, cn_ones(tape, CN_SHAPE(2, 3)))));
    cn_tape_free(tape);
    return NULL;
}

static void expect_built_once(cn_layer *layer, int weights)
{
    pthread_t thread[THREADS];
    double value[THREADS];
    shared_layer = layer;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, call_first, &value[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&start);
    cr_assert_eq(cn_weight_count(layer), weights);
    for (int i = 1; i < THREADS; i++)
        cr_assert_eq(value[i], value[0]);
}

Test(building, threads_that_make_the_first_call_together_build_a_layer_once)
{
    for (int i = 0; i < 50; i++)
        expect_built_once(cn_dense(4), 2);
}

Test(building, threads_that_make_the_first_call_together_build_a_model_once)
{
    for (int i = 0; i < 20; i++) {
        cn_model *model = cn_sequential(cn_dense(4), cn_dense(5));
        expect_built_once(cn_model_layer(model), 4);
        cn_model_free(model);
    }
}
