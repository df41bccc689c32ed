/* How user code reads: the idioms that the design rests on, compiled and run. */
#include "my_dense.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

static void check(void)
{
    cr_assert(!cn_failed(), "%s", cn_error_message());
}

Test(idioms, a_deferred_tape_is_planned_once_and_run_with_arrays_in_and_out)
{
    float batch[32][64], out[32][10], l = 0;
    for (int i = 0; i < 32 * 64; i++)
        batch[i / 64][i % 64] = (float)(i % 7) - 3;
    cn_layer *dense = cn_dense(10);

    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(32, 64));
    cn_tensor *y = cn_call(dense, x);
    cn_tensor *loss = cn_mean(cn_square(y));
    cn_plan *plan = cn_plan_new(tape, {loss, y});
    cn_run(plan, {cn_array(batch[0], 32, 64)}, {cn_array(&l, 1), cn_array(out[0], 32, 10)});

    check();
    double sum = 0;
    for (int i = 0; i < 320; i++)
        sum += (double)out[i / 10][i % 10] * out[i / 10][i % 10];
    cr_assert_gt(sum, 0);
    cr_assert_float_eq(l, sum / 320, 1e-5 * sum / 320);
    cn_plan_free(plan);
    cn_tape_free(tape);
    cn_layer_free(dense);
}

Test(idioms, a_scalar_enters_by_a_tape_or_by_any_tensor_on_it)
{
    cn_tape *tape = cn_tape_new();
    const float two[1] = {2};
    cn_tensor *x = cn_constant(tape, cn_array(two, 1));
    cr_assert_eq(cn_item(cn_mul(x, cn_scalar(tape, 3))), 6);
    cr_assert_eq(cn_item(cn_mul(x, cn_scalar(x, 3))), 6);
    cn_tape_free(tape);
}

Test(idioms, a_tape_is_reset_and_used_again)
{
    cn_tape *tape = cn_tape_new();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(cn_item(cn_square(cn_scalar(tape, i))), i * i);
        cn_tape_reset(tape);
    }
    cn_tape_free(tape);
}

Test(idioms, operands_of_two_tapes_are_an_error_and_so_are_variables_alone)
{
    cn_tape *one = cn_tape_new(), *other = cn_tape_new();
    cr_assert_null(cn_add(cn_scalar(one, 1), cn_scalar(other, 2)));
    cr_assert_eq(cn_error_code(), CN_TAPE);
    cn_error_clear();
    cn_tensor *w = cn_variable_new(CN_SHAPE(2), .name = "w");
    cr_assert_null(cn_add(w, w));
    cr_assert_eq(cn_error_code(), CN_TAPE);
    cn_error_clear();
    cr_assert_not_null(cn_add(cn_read(one, w), w));
    cn_tape_free(one);
    cn_tape_free(other);
    cn_variable_free(w);
}

Test(idioms, arguments_by_position_by_name_or_not_at_all)
{
    cn_layer *plain = cn_dense(5), *active = cn_dense(5, cn_relu), *unbiased = cn_dense(5, .use_bias = false);
    cn_build(plain, CN_SHAPE(-1, 3));
    cn_build(active, CN_SHAPE(-1, 3));
    cn_build(unbiased, CN_SHAPE(-1, 3));
    check();
    cr_assert_eq(cn_count_params(plain), 20);
    cr_assert_eq(cn_count_params(active), 20);
    cr_assert_eq(cn_count_params(unbiased), 15);
    cr_assert_eq(cn_adam().learning_rate, 0.001);
    cr_assert_eq(cn_adam(0.01).learning_rate, 0.01);
    cn_layer_free(plain);
    cn_layer_free(active);
    cn_layer_free(unbiased);
}

Test(idioms, the_notebook_model_is_built_compiled_trained_and_asked)
{
    float X[4][3][2], y[4][2] = {{0, 1}, {0, 1}, {0, 1}, {1, 0}}, p[4][2];
    for (int i = 0; i < 24; i++)
        X[i / 6][i / 2 % 3][i % 2] = (float)i;
    FILE *printed = tmpfile();

    cn_tensor *in = cn_input(3, 2);
    cn_tensor *x = cn_call(cn_lstm(8, .recurrent_activation = cn_sigmoid), in);
    cn_tensor *out = cn_call(cn_dense(2, cn_softmax), x);
    cn_model *model = cn_model_new({in}, {out});

    cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy(), .metrics = {cn_accuracy()});
    cn_summary(model, .file = printed);
    cn_history *history =
        cn_fit(model, {cn_array(X[0][0], 4, 3, 2)}, {cn_array(y[0], 4, 2)}, .epochs = 2, .file = printed);
    cn_predict(model, {cn_array(X[0][0], 4, 3, 2)}, {cn_array(p[0], 4, 2)});

    check();
    cr_assert_eq(cn_history_epochs(history), 2);
    cr_assert_lt(cn_history_of(history, "loss")[1], cn_history_of(history, "loss")[0]);
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(p[i][0] + p[i][1], 1, 1e-6);
    cr_assert_gt(ftell(printed), 0);
    cn_model_free(model);
    fclose(printed);
}

Test(idioms, a_sequential_model_is_a_list_of_layers)
{
    cn_model *mlp = cn_sequential(cn_input_layer(28, 28, 1), cn_flatten(), cn_dropout(0.5), cn_dense(10, cn_softmax));
    check();
    cr_assert_eq(cn_count_params(mlp), 7850);
    cn_model_free(mlp);
}

Test(idioms, several_outputs_have_a_loss_and_a_weight_each)
{
    float x[4] = {0, 1, 2, 3}, y[4] = {0, 2, 4, 6};
    cn_tensor *in = cn_input(1);
    cn_tensor *a = cn_call(cn_dense(1, .kernel_initializer = cn_init_zeros()), in);
    cn_tensor *b = cn_call(cn_dense(1, .kernel_initializer = cn_init_zeros()), in);
    cn_model *model = cn_model_new({in}, {a, b});
    cn_compile(model, .optimizer = cn_sgd(), .losses = {cn_mean_squared_error(), cn_mean_absolute_error()},
               .loss_weights = {1, 0.2});
    double loss = cn_evaluate(model, {cn_array(x, 4, 1)}, {cn_array(y, 4, 1), cn_array(y, 4, 1)});
    check();
    cr_assert_float_eq(loss, (0 + 4 + 16 + 36) / 4.0 + 0.2 * (0 + 2 + 4 + 6) / 4.0, 1e-5);
    cn_model_free(model);
}

static cn_tensor *cubic_error(cn_tensor *y_true, cn_tensor *y_pred)
{
    cn_tensor *error = cn_absolute(cn_sub(y_pred, y_true));
    return cn_mean(cn_mul(error, cn_square(error)), .axis = -1);
}

static cn_tensor *twice(cn_tensor *x)
{
    return cn_add(x, x);
}

Test(idioms, losses_metrics_and_activations_of_the_users_own)
{
    float x[2] = {1, 2}, y[2] = {0, 0};
    cn_logs logs;
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(1, twice, .kernel_initializer = cn_init_ones()));
    cn_compile(model, .optimizer = cn_sgd(), .loss = cn_loss_from("cubic_error", cubic_error),
               .metrics = {cn_metric_of(cn_mean_squared_error())});
    double loss = cn_evaluate(model, {cn_array(x, 2, 1)}, {cn_array(y, 2, 1)}, .logs = &logs);
    check();
    cr_assert_float_eq(loss, (8 + 64) / 2.0, 1e-4);
    cr_assert_float_eq(cn_logs_value(&logs, "mean_squared_error"), (4 + 16) / 2.0, 1e-5);
    cn_model_free(model);
}

Test(idioms, operations_on_symbolic_tensors_are_nodes_of_the_model)
{
    float x[2] = {1, 2}, p[2];
    cn_tensor *in = cn_input(1);
    cn_model *model = cn_model_new({in}, {cn_add(in, cn_mul(in, cn_scalar(in, 2)))});
    cn_predict(model, {cn_array(x, 2, 1)}, {cn_array(p, 2, 1)});
    check();
    cr_assert_eq(p[0], 3);
    cr_assert_eq(p[1], 6);
    cn_model_free(model);
}

Test(idioms, attention_on_tensors_with_a_gradient_on_the_same_tape)
{
    cn_layer *dense_q = cn_dense(5), *dense_k = cn_dense(5), *dense_v = cn_dense(5);

    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(2, 10, 3), 0, 1);
    cn_tensor *q = cn_call(dense_q, x), *k = cn_call(dense_k, x), *v = cn_call(dense_v, x);
    cn_tensor *w = cn_weight(dense_q, 0), *target = cn_ones(tape, CN_SHAPE(2, 10, 5));
    cn_tensor *a = cn_softmax(cn_mul(cn_einsum("bij,bkj->bik", q, k), cn_scalar(tape, 1 / sqrt(5))));
    cn_tensor *y = cn_einsum("bij,bjk->bik", a, v);
    cn_tensor *loss = cn_mean(cn_square(cn_sub(y, target)));
    cn_tensor *dw = cn_grad(loss, w); /* itself on the tape */
    cn_tensor *curvature = cn_grad(cn_sum(cn_square(dw)), w);
    char text[64];

    check();
    cr_assert(cn_shape_equal(cn_shape_of(y), CN_SHAPE(2, 10, 5)));
    cr_assert(cn_shape_equal(cn_shape_of(dw), CN_SHAPE(3, 5)));
    cr_assert_eq(cn_tape_of(dw), tape);
    cr_assert_float_eq(cn_item(cn_max(cn_absolute(cn_sub(cn_sum(a, .axis = -1), cn_scalar(tape, 1))))), 0, 1e-6);
    cr_assert_gt(cn_item(cn_norm(curvature)), 0);
    cr_assert_gt(cn_format(y, CN_STR, text, sizeof text), 0);
    cr_assert_eq(text[0], '[');
    cr_assert(cn_print(y)); /* as NumPy prints */
    cn_tape_free(tape);     /* and all that was recorded on it */
    cn_layer_free(dense_q);
    cn_layer_free(dense_k);
    cn_layer_free(dense_v);
}

Test(idioms, a_layer_takes_several_inputs_and_gives_several_outputs)
{
    const float one[2] = {1, 2}, two[1] = {3};
    const int32_t kept[3] = {1, 1, 0};
    cn_layer *join = cn_concatenate_layer(), *lstm = cn_lstm(4, .return_state = true);

    cn_tape *tape = cn_tape_new();
    cn_tensor *a = cn_constant(tape, cn_array(one, 1, 2)), *b = cn_constant(tape, cn_array(two, 1, 1));
    cn_tensors joined = cn_call_many(join, {a, b});
    cn_tensor *x = cn_reshape(joined.item[0], CN_SHAPE(1, 3, 1)), *zeros = cn_zeros(tape, CN_SHAPE(1, 4));
    cn_tensor *m = cn_constant(tape, cn_array(kept, 1, 3));
    cn_tensors states = cn_call_many(lstm, {x}, .mask = {m}, .states = {zeros, zeros}, .training = CN_INFERENCE);

    check();
    cr_assert_eq(joined.count, 1);
    cr_assert(cn_shape_equal(cn_shape_of(joined.item[0]), CN_SHAPE(1, 3)));
    cr_assert_eq(states.count, 3);
    cr_assert_eq(cn_item(cn_max(cn_absolute(cn_sub(states.item[0], states.item[1])))), 0);
    cn_tape_free(tape);
    cn_layer_free(join);
    cn_layer_free(lstm);
}

Test(idioms, what_has_state_is_an_object_made_from_a_value)
{
    const float y_true[4] = {0, 1, 1, 0}, y_pred[4] = {0.1f, 0.8f, 0.3f, 0.2f};
    cn_meter *meter = cn_meter_new(cn_binary_accuracy());
    cn_tape *tape = cn_tape_new();
    for (int i = 0; i < 2; i++)
        cn_meter_update(meter, cn_constant(tape, cn_array(y_true, 4, 1)), cn_constant(tape, cn_array(y_pred, 4, 1)),
                        NULL);
    check();
    cr_assert_eq(cn_meter_result(meter), 0.75);
    cn_tape_free(tape);
    cn_meter_free(meter);
}

Test(idioms, constructors_on_structs_serve_other_languages)
{
    cn_dense_args args = cn_dense_defaults();
    args.units = 5;
    cn_layer *layer = cn_dense_with(args);
    cn_build(layer, CN_SHAPE(-1, 3));
    check();
    cr_assert_eq(cn_count_params(layer), 20);
    cn_layer_free(layer);
}

Test(idioms, a_layer_of_the_users_own_needs_no_shape_function)
{
    cn_model *model = cn_sequential(cn_input_layer(4), my_dense(10));
    check();
    cr_assert_eq(cn_count_params(model), 50);
    cr_assert_str_eq(cn_layer_name(cn_get_layer(model, 0)), "my_dense");
    cn_model_free(model);

    cn_tensor *out = cn_call(my_dense(.units = 5), cn_input(-1, 3));
    check();
    cr_assert(cn_shape_equal(cn_shape_of(out), CN_SHAPE(-1, -1, 5)));
    cn_clear_session();
}

Test(idioms, a_loop_of_ones_own_applies_gradients_eagerly)
{
    const float x[4] = {-1, 0, 1, 2}, y[4] = {-3, -1, 1, 3};
    cn_layer *line = my_dense(1);
    cn_build(line, CN_SHAPE(-1, 1));
    cn_tensor *variables[] = {cn_weight(line, 0), cn_weight(line, 1)}, *gradients[2];
    cn_updater *updater = cn_updater_new(cn_adam(0.1), variables, 2);
    cn_tape *tape = cn_tape_new();
    double loss = 0;
    for (int step = 0; step < 300 && !cn_failed(); step++) {
        cn_tensor *error =
            cn_sub(cn_call(line, cn_constant(tape, cn_array(x, 4, 1))), cn_constant(tape, cn_array(y, 4, 1)));
        cn_tensor *mean = cn_mean(cn_square(error));
        cn_gradients(mean, variables, 2, gradients);
        cn_apply_gradients(updater, gradients);
        loss = cn_item(mean);
        cn_tape_reset(tape);
    }
    check();
    cr_assert_lt(loss, 1e-3);
    cr_assert_eq(cn_iterations(updater), 300);
    cn_tape_free(tape);
    cn_updater_free(updater);
    cn_layer_free(line);
}
