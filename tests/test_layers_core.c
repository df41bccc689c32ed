/* The first layers beside what the golden cases show: errors, shapes, masks, regularizers and constraints. */
#include "core/engine.h"
#include "expect.h"
#include <string.h>

TestSuite(layers_core, .fini = expect_clear);

Test(layers_core, shapes_with_an_open_batch)
{
    expect_shape(cn_call(cn_dense(5), cn_input(3, 4)), CN_SHAPE(-1, 3, 5));
    expect_shape(cn_call(cn_flatten(), cn_input(3, 4)), CN_SHAPE(-1, 12));
    expect_shape(cn_call(cn_flatten(), cn_input()), CN_SHAPE(-1, 1));
    expect_shape(cn_call(cn_flatten(CN_CHANNELS_FIRST), cn_input(3, 2, 2)), CN_SHAPE(-1, 12));
    expect_shape(cn_call(cn_reshape_layer(CN_SHAPE(-1, 6)), cn_input(3, 4)), CN_SHAPE(-1, 2, 6));
    expect_shape(cn_call(cn_dropout(0.5), cn_input(-1, 4)), CN_SHAPE(-1, -1, 4));
    expect_shape(cn_call(cn_embedding(10, 3), cn_input(-1)), CN_SHAPE(-1, -1, 3));
    expect_shape(cn_call(cn_activation_layer(cn_softmax), cn_input(4)), CN_SHAPE(-1, 4));
    cn_tensors y = cn_call_many(cn_concatenate_layer(), {cn_input(2), cn_input(3)});
    cr_assert(y.count == 1 && cn_shape_equal(cn_shape_of(y.item[0]), CN_SHAPE(-1, 5)));
}

Test(layers_core, arguments_out_of_range_are_refused)
{
    expect_error(!cn_dense(0), "dense: units must be positive, not 0");
    expect_error(!cn_ternary_dense(0), "ternary_dense: units must be positive, not 0");
    expect_error(!cn_ternary_dense(2, -0.5), "ternary_dense_1: threshold must not be negative, got -0.5");
    expect_error(!cn_embedding(0, 2), "embedding: input_dim and output_dim must be positive, not 0 and 2");
    expect_error(!cn_reshape_layer(CN_SHAPE(-1, -1)), "reshape: (None, None) is not the shape of a sample");
    expect_error(!cn_reshape_layer((cn_shape){28, {28, 1}}),
                 "reshape_1: target_shape must be a CN_SHAPE(...) of up to 8 numbers");
    expect_error(!cn_permute(CN_SHAPE(1, 2, 3, 4, 5, 6, 7, 8, 9)),
                 "permute: dims must be a CN_SHAPE(...) of up to 8 numbers");
    expect_error(!cn_call(cn_dense(2), cn_input(3, -1)),
                 "dense_1: the last dimension of its input must be known, got (None, 3, None)");
}

Test(layers_core, a_second_input_is_refused_by_layers_that_take_one)
{
    static const char *const names[] = {"dense", "dropout", "embedding", "lstm"};
    cn_layer *layers[] = {cn_dense(2), cn_dropout(0.5), cn_embedding(3, 2), cn_lstm(2)};
    for (int i = 0; i < 4; i++) {
        char message[80];
        snprintf(message, sizeof message, "%s: takes 1 input, got 2", names[i]);
        expect_error(cn_call_many(layers[i], {cn_input(3, 4), cn_input(3, 4)}).count == 0, message);
    }
}

Test(layers_core, embedding_refuses_ids_out_of_range)
{
    cn_layer *layer = cn_embedding(3, 2);
    static const int32_t ids[][2] = {{0, 3}, {-1, 0}};
    static const char *const messages[] = {"embedding: id 3, element 1, is not from 0 to 2",
                                           "embedding: id -1, element 0, is not from 0 to 2"};
    for (int i = 0; i < 2; i++) {
        cn_tape *tape = cn_tape_new();
        expect_error(!cn_call(layer, cn_constant(tape, cn_array(ids[i], 1, 2))), messages[i]);
        cn_tape_free(tape);
    }
}

Test(layers_core, embedding_takes_ids_of_any_type)
{
    cn_layer *layer = cn_embedding(3, 1, .embeddings_initializer = cn_init_ones());
    cn_tape *tape = cn_tape_new();
    float ids[] = {0, 2};
    EXPECT(cn_call(layer, cn_constant(tape, cn_array(ids, 1, 2))), CN_SHAPE(1, 2, 1), 1, 1);
    cn_tape_free(tape);
}

Test(layers_core, embedding_begins_with_the_weights_given)
{
    float weights[] = {1, 2, 3, 4, 5, 6};
    int32_t ids[] = {2, 0};
    cn_layer *layer = cn_embedding(3, 2, .weights = cn_array(weights, 3, 2)),
             *other = cn_embedding(4, 2, .weights = cn_array(weights, 3, 2));
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(ids, 1, 2));
    EXPECT(cn_call(layer, x), CN_SHAPE(1, 2, 2), 5, 6, 1, 2);
    cr_assert(!cn_call(other, x) && cn_error_code() == CN_SHAPES && cn_weight_count(other) == 0);
    cn_error_clear();
    cn_tape_free(tape);
}

static cn_layer *reversible(double cap, bool tied)
{
    cn_layer *layer = cn_reversible_embedding(3, 2, .tie_weights = tied, .logit_soft_cap = cap, .mask_zero = true);
    float rows[][2] = {{0, 1}, {2, 3}, {4, 5}}, columns[][3] = {{1, 2, 3}, {4, 5, 6}};
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2)), "%s", cn_error_message());
    cr_assert_eq(cn_weight_count(layer), tied ? 1 : 2);
    cr_assert(
        cn_set_weights_from(layer, (cn_view[]){cn_array(rows[0], 3, 2), cn_array(columns[0], 2, 3)}, tied ? 1 : 2));
    return layer;
}

Test(layers_core, reversible_embedding_goes_both_ways)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *ids = cn_constant(tape, cn_array(((int32_t[]){2, 0}), 1, 2));
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 10}), 1, 2));
    cn_tensor *rows = cn_call(reversible(CN_NONE, true), ids);
    EXPECT(rows, CN_SHAPE(1, 2, 2), 4, 5, 0, 1);
    EXPECT(cn_mask_of(rows), CN_SHAPE(1, 2), 1, 0);
    cn_tensor *logits = cn_call_many(reversible(CN_NONE, true), {x}, .reverse = true).item[0];
    EXPECT(logits, CN_SHAPE(1, 3), 10, 32, 54);
    cr_assert_null(cn_mask_of(logits));
    EXPECT(cn_call_many(reversible(CN_NONE, false), {x}, .reverse = true).item[0], CN_SHAPE(1, 3), 41, 52, 63);
    float capped[3];
    cr_assert(cn_values(cn_call_many(reversible(20, true), {x}, .reverse = true).item[0], cn_array(capped, 1, 3)));
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(capped[i], 20 * tanh((10 + 22 * i) / 20.0), 1e-5);
    cn_tape_free(tape);
}

Test(layers_core, reversible_embedding_ties_both_ends_of_a_model)
{
    cn_tensor *in = cn_input(4);
    cn_layer *embedding = cn_reversible_embedding(10, 3);
    cn_tensor *x = cn_call(embedding, in);
    cn_tensor *out = cn_call_many(embedding, {x}, .reverse = true).item[0];
    cr_assert(cn_shape_equal(cn_shape_of(out), CN_SHAPE(-1, 4, 10)), "%s", cn_error_message());
    cn_model *model = cn_model_new({in}, {out});
    cr_assert_eq(cn_count_params(model), 30, "%s", cn_error_message());
    cn_model_free(model);
}

Test(layers_core, reverse_is_refused_by_other_layers_and_for_other_vectors)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 3));
    cn_layer *layer = reversible(CN_NONE, true);
    expect_error(cn_call_many(cn_dense(2), {x}, .reverse = true).count == 0, "dense: takes no reverse");
    expect_error(cn_call_many(layer, {x}, .reverse = true).count == 0,
                 "reversible_embedding: in reverse takes vectors of 2 numbers, got (1, 3)");
    expect_error(!cn_reversible_embedding(3, 2, .logit_soft_cap = 0),
                 "reversible_embedding_1: logit_soft_cap must be positive, not 0");
    cn_tape_free(tape);
}

Test(layers_core, concatenated_masks_count_missing_ones_as_ones)
{
    cn_tape *tape = cn_tape_new();
    int32_t bits[] = {1, 0, 0, 1};
    cn_tensor *a = cn_ones(tape, CN_SHAPE(2, 2, 3)), *b = cn_ones(tape, CN_SHAPE(2, 1, 3));
    cn_set_mask(a, cn_constant(tape, cn_array(bits, 2, 2)));
    cn_tensors y = cn_call_many(cn_concatenate_layer(1), {a, b});
    cr_assert_eq(y.count, 1, "%s", cn_error_message());
    EXPECT(cn_mask_of(y.item[0]), CN_SHAPE(2, 3), 1, 0, 1, 0, 1, 1);
    cn_set_mask(a, NULL);
    cr_assert_null(cn_mask_of(cn_call_many(cn_concatenate_layer(1), {a, b}).item[0]));
    cn_tape_free(tape);
}

Test(layers_core, masking_hides_steps_of_one_value)
{
    cn_tape *tape = cn_tape_new();
    float x[] = {1, -1, -1, -1, 0, 0, -1, -1};
    cn_tensor *y = cn_call(cn_masking(-1), cn_constant(tape, cn_array(x, 2, 2, 2)));
    EXPECT(y, CN_SHAPE(2, 2, 2), 1, -1, 0, 0, 0, 0, 0, 0);
    EXPECT(cn_mask_of(y), CN_SHAPE(2, 2), 1, 0, 1, 0);
    expect_shape(cn_call(cn_masking(), cn_input(-1, 4)), CN_SHAPE(-1, -1, 4));
    expect_error(!cn_call(cn_masking(.name = "low"), cn_input()),
                 "low: expected an input of rank 2 or more, got (None,)");
    cn_tape_free(tape);
}

Test(layers_core, identity_passes_values_and_mask)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_call(cn_masking(), cn_ones(tape, CN_SHAPE(1, 2, 2))), *y = cn_call(cn_identity_layer(), x);
    EXPECT(y, CN_SHAPE(1, 2, 2), 1, 1, 1, 1);
    cr_assert_eq(cn_mask_of(y), cn_mask_of(x));
    cr_assert_str_eq(cn_layer_name(cn_identity_layer()), "identity_1");
    cn_tape_free(tape);
}

static cn_tensor *doubled(cn_tensor *x)
{
    return cn_add(x, x);
}

/* What .call is given: scales the sum of the inputs by a factor, in training by its opposite. */
static cn_tensor *scaled_sum(const cn_layer_call *call, const void *factor)
{
    cn_tensor *sum = call->inputs.item[0];
    for (int i = 1; i < call->inputs.count; i++)
        sum = cn_add(sum, call->inputs.item[i]);
    double by = *(const double *)factor;
    return cn_mul(sum, cn_scalar(sum, call->training ? -by : by));
}

static cn_tensor *first_mask(const cn_layer_call *call, const void *factor)
{
    (void)factor;
    return call->mask[0];
}

Test(layers_core, lambda_is_a_function_and_drops_masks)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_call(cn_masking(), cn_ones(tape, CN_SHAPE(1, 2)));
    cn_tensor *y = cn_call(cn_lambda(doubled), x), *same = cn_call(cn_lambda(cn_linear), x);
    EXPECT(y, CN_SHAPE(1, 2), 2, 2);
    EXPECT(same, CN_SHAPE(1, 2), 1, 1);
    cr_assert(!cn_mask_of(y) && !cn_mask_of(same) && cn_mask_of(x));
    expect_shape(cn_call(cn_lambda(doubled), cn_input(-1, 3)), CN_SHAPE(-1, -1, 3));
    cn_tape_free(tape);
}

Test(layers_core, lambda_with_a_call_sees_inputs_training_and_arguments_and_makes_masks)
{
    double factor = 3;
    cn_layer *layer = cn_lambda(.call = scaled_sum, .arguments = &factor, .mask = first_mask);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_call(cn_masking(), cn_ones(tape, CN_SHAPE(1, 2)));
    cn_tensor *y = cn_call_many(layer, {x, x}).item[0];
    EXPECT(y, CN_SHAPE(1, 2), 6, 6);
    cr_assert_eq(cn_mask_of(y), cn_mask_of(x));
    EXPECT(cn_call_many(layer, {x}, .training = CN_TRAINING).item[0], CN_SHAPE(1, 2), -3, -3);
    cn_tape_free(tape);
}

Test(layers_core, lambda_keeps_to_its_output_shape)
{
    expect_shape(cn_call(cn_lambda(doubled, CN_SHAPE(-1, 3)), cn_input(2, 3)), CN_SHAPE(-1, 2, 3));
    expect_error(!cn_call(cn_lambda(doubled, CN_SHAPE(4)), cn_input(3)),
                 "lambda_1: gave (None, 3), not batches of its output_shape (4,)");
}

Test(layers_core, lambda_has_one_function)
{
    double factor = 3;
    expect_error(!cn_lambda(), "lambda: needs a function or a call, one of them");
    expect_error(!cn_lambda(doubled, .call = scaled_sum, .arguments = &factor),
                 "lambda_1: needs a function or a call, one of them");
    expect_error(cn_call_many(cn_lambda(doubled), {cn_input(2), cn_input(2)}).count == 0,
                 "lambda_2: its function takes 1 input, got 2");
}

Test(layers_core, gradients_of_masking_identity_and_lambda)
{
    double factor = 3;
    cn_layer *layers[] = {cn_masking(), cn_identity_layer(), cn_lambda(cn_square),
                          cn_lambda(.call = scaled_sum, .arguments = &factor)};
    for (int i = 0; i < 4; i++)
        cr_expect(cn_gradient_check_layer(NULL, layers[i], .input_count = 1, .inputs = {CN_SHAPE(2, 3)}), "%s: %s",
                  cn_layer_name(layers[i]), cn_error_message());
}

/* A TernaryDense with the kernel [[1, -2], [0.25, 0.5]], whose mean size is 0.9375, on x = [1, 10]; and the gradient of
 * the sum of what it gives. */
static cn_tensor *call_ternary(cn_tape *tape, cn_layer *layer, cn_tensor **gradient)
{
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 10}), 1, 2));
    float kernel[] = {1, -2, 0.25f, 0.5f}, bias[] = {0, 100};
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2)), "%s", cn_error_message());
    cr_assert(cn_set_weights(layer, cn_array(kernel, 2, 2), cn_array(bias, 2)));
    cn_tensor *y = cn_call(layer, x);
    *gradient = cn_grad(cn_sum(y), cn_weight(layer, 0));
    return y;
}

Test(layers_core, ternary_dense_multiplies_signs_of_large_weights_and_scales_by_their_mean_size)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *gradient;
    /* Signs [[1, -1], [0, 1]]; the sum of the products with them is 10. */
    EXPECT(call_ternary(tape, cn_ternary_dense(2), &gradient), CN_SHAPE(1, 2), 0.9375, 9 * 0.9375 + 100);
    /* The mean times x, as if the kernel were used, and 10 times the gradient of the mean: sign / 4. */
    EXPECT(gradient, CN_SHAPE(2, 2), 0.9375 + 2.5, 0.9375 - 2.5, 9.375 + 2.5, 9.375 + 2.5);
    cn_tape_free(tape);
}

Test(layers_core, ternary_dense_with_a_threshold_is_not_scaled)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *gradient;
    EXPECT(call_ternary(tape, cn_ternary_dense(2, 0.3), &gradient), CN_SHAPE(1, 2), 1, 109);
    EXPECT(gradient, CN_SHAPE(2, 2), 1, 1, 10, 10);
    EXPECT(call_ternary(tape, cn_ternary_dense(2, 1.5), &gradient), CN_SHAPE(1, 2), 0, 99);
    cn_tape_free(tape);
}

Test(layers_core, dense_kernel_is_kept_once_built_for_another_width)
{
    cn_layer *layer = cn_dense(2);
    cr_assert(cn_build(layer, CN_SHAPE(-1, 3)));
    cn_tape *tape = cn_tape_new();
    expect_error(!cn_call(layer, cn_ones(tape, CN_SHAPE(1, 4))),
                 "dense: expected an input of size 3 along axis -1, got (1, 4)");
    cr_assert_eq(cn_count_params(layer), 8);
    cn_tape_free(tape);
}

/* Penalties and projections of w = [[1, -2], [3, 0.5]]; the numbers are Keras'. */
static cn_tensor *sample(cn_tape *tape)
{
    double w[] = {1, -2, 3, 0.5};
    return cn_constant_as(tape, cn_array(w, 2, 2), CN_F64);
}

Test(layers_core, regularizers_are_kerass)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *w = sample(tape);
    struct {
        cn_regularizer regularizer;
        double penalty;
    } cases[] = {{cn_l1(0.01), 0.065},
                 {cn_l2(0.01), 0.1425},
                 {cn_l1_l2(0.01, 0.02), 0.35},
                 {cn_orthogonal_rows(0.01), 0.00294086},
                 {cn_orthogonal_columns(0.01), 0.000766965}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_float_eq(cn_item(cases[i].regularizer.penalty(&cases[i].regularizer, w)), cases[i].penalty, 1e-8,
                           "%s", cases[i].regularizer.name);
    cn_tape_free(tape);
}

Test(layers_core, constraints_are_kerass)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *w = sample(tape);
    struct {
        cn_constraint constraint;
        double projected[4];
    } cases[] = {
        {cn_max_norm(), {.632456, -1.94029, 1.89737, .485071}},
        {cn_unit_norm(), {.316228, -.970143, .948683, .242536}},
        {cn_min_max_norm(.min_value = 0.5, .max_value = 1.5, .rate = 0.5), {.737171, -1.72761, 2.21151, .431902}},
        {cn_non_neg(), {1, 0, 3, 0.5}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double got[4];
        cr_assert(cn_values(cases[i].constraint.project(&cases[i].constraint, w), cn_array(got, 2, 2)), "%s",
                  cn_error_message());
        for (int j = 0; j < 4; j++)
            cr_assert_float_eq(got[j], cases[i].projected[j], 1e-5, "%s %d: %g", cases[i].constraint.name, j, got[j]);
    }
    cn_tape_free(tape);
}

Test(layers_core, regularizers_and_constraints_are_found_by_kerass_names)
{
    cn_regularizer regularizer;
    cn_constraint constraint;
    cr_assert(cn_regularizer_named("l1_l2", &regularizer, NULL));
    cr_assert_str_eq(regularizer.name, "L1L2");
    cr_assert(cn_regularizer_named("L2", &regularizer, NULL));
    cr_assert_eq(regularizer.option[0], 0.01);
    cr_assert(cn_constraint_named("max_norm", &constraint, NULL));
    cr_assert_str_eq(constraint.name, "MaxNorm");
    cr_assert_not(cn_constraint_named("min_norm", &constraint, NULL));
}

Test(layers_core, what_the_user_makes_needs_a_name_and_a_function)
{
    cn_init_from("mine", NULL);
    expect_error(cn_failed(), "init_from: needs a name and a function");
    cn_regularizer_from("mine", NULL);
    expect_error(cn_failed(), "regularizer_from: needs a name and a function");
    cn_constraint_from("mine", NULL);
    expect_error(cn_failed(), "constraint_from: needs a name and a function");
}

Test(layers_core, a_negative_penalty_is_refused)
{
    cn_l2(-1);
    expect_error(cn_failed(), "regularizer L2: -1 is not a factor from 0 up");
}
