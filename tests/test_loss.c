#include "cornet.h"
#include "core/engine.h"
#include <criterion/criterion.h>
#include <math.h>

static cn_tape *tape;

static void begin(void)
{
    cn_set_default_dtype(CN_F64);
    tape = cn_tape_new();
}

static void end(void)
{
    cr_assert(!cn_failed(), "%s", cn_error_message());
    cn_tape_free(tape);
}

TestSuite(loss, .init = begin, .fini = end);

static void expect_error(const char *message)
{
    cr_assert_str_eq(cn_error_message(), message);
    cn_error_clear();
}

static void expect(double got, double wanted)
{
    cr_assert(fabs(got - wanted) <= 1e-5 * fmax(1, fabs(wanted)), "%.9g is not %.9g", got, wanted);
}

/* The tables of Keras' numbers: y, its prediction, and weights. */
static cn_tensor *y_true(void)
{
    const double y[] = {0, 1, 0, .5, .25, .25};
    return cn_constant(tape, cn_array(y, 2, 3));
}

static cn_tensor *y_pred(void)
{
    const double y[] = {.2, .7, .1, .3, .3, .4};
    return cn_constant(tape, cn_array(y, 2, 3));
}

static void expect_loss(cn_loss loss, cn_tensor *y, cn_tensor *p, double first, double second)
{
    const double weights[] = {1, 3};
    double values[2];
    cr_assert(cn_values(cn_loss_values(loss, y, p), cn_array(values, 2)), "%s", cn_error_message());
    expect(values[0], first);
    expect(values[1], second);
    expect(cn_item(cn_loss_of(loss, y, p, NULL)), (first + second) / 2);
    expect(cn_item(cn_loss_of(loss, y, p, cn_constant(tape, cn_array(weights, 2)))), (first + 3 * second) / 2);
}

Test(loss, mean_squared_error_is_keras)
{
    expect_loss(cn_mean_squared_error(), y_true(), y_pred(), 0.0466667, 0.0216667);
}

Test(loss, mean_absolute_error_is_keras)
{
    expect_loss(cn_mean_absolute_error(), y_true(), y_pred(), 0.2, 0.133333);
}

Test(loss, binary_crossentropy_is_keras)
{
    expect_loss(cn_binary_crossentropy(), y_true(), y_pred(), 0.228393, 0.653672);
    expect_loss(cn_binary_crossentropy(.label_smoothing = 0.1), y_true(), y_pred(), 0.30224, 0.664111);
}

Test(loss, categorical_crossentropy_is_keras)
{
    expect_loss(cn_categorical_crossentropy(), y_true(), y_pred(), 0.356675, 1.13205);
    expect_loss(cn_categorical_crossentropy(.label_smoothing = 0.1), y_true(), y_pred(), 0.463297, 1.12965);
}

static cn_tensor *logits(void)
{
    const double z[] = {1, 2, -1, 0, .5, .3};
    return cn_constant(tape, cn_array(z, 2, 3));
}

Test(loss, crossentropies_from_logits_are_keras)
{
    expect_loss(cn_binary_crossentropy(.from_logits = true), y_true(), logits(), 0.584484, 0.77386);
    expect_loss(cn_categorical_crossentropy(true), y_true(), logits(), 0.349012, 1.18594);
}

Test(loss, sparse_crossentropy_takes_labels_as_vector_or_column)
{
    const int32_t labels[] = {1, 2};
    cn_tensor *vector = cn_constant(tape, cn_array(labels, 2)), *column = cn_constant(tape, cn_array(labels, 2, 1));
    expect_loss(cn_sparse_categorical_crossentropy(), vector, y_pred(), 0.356675, 0.916291);
    expect_loss(cn_sparse_categorical_crossentropy(), column, y_pred(), 0.356675, 0.916291);
    expect_loss(cn_sparse_categorical_crossentropy(true), vector, logits(), 0.349012, 1.08594);
}

Test(loss, an_ignored_class_leaves_the_mean)
{
    const int32_t labels[] = {1, 2};
    cn_loss loss = cn_sparse_categorical_crossentropy(.ignore_class = 2);
    expect(cn_item(cn_loss_of(loss, cn_constant(tape, cn_array(labels, 2)), y_pred(), NULL)), 0.356675);
}

Test(loss, reductions_are_keras)
{
    const double weights[] = {1, 3};
    cn_tensor *w = cn_constant(tape, cn_array(weights, 2));
    expect(cn_item(cn_loss_of(cn_mean_squared_error(.reduction = CN_SUM), y_true(), y_pred(), w)), 0.111667);
    expect(cn_item(cn_loss_of(cn_mean_squared_error(.reduction = CN_MEAN_WITH_SAMPLE_WEIGHT), y_true(), y_pred(), w)),
           0.0279167);
    cn_tensor *values = cn_loss_of(cn_mean_squared_error(.reduction = CN_NO_REDUCTION), y_true(), y_pred(), w);
    cr_assert(cn_shape_equal(cn_shape_of(values), CN_SHAPE(2)));
}

Test(loss, all_weights_zero_give_zero)
{
    const double weights[] = {0, 0};
    cn_loss loss = cn_mean_squared_error(.reduction = CN_MEAN_WITH_SAMPLE_WEIGHT);
    cr_assert_eq(cn_item(cn_loss_of(loss, y_true(), y_pred(), cn_constant(tape, cn_array(weights, 2)))), 0);
}

Test(loss, a_saturated_softmax_keeps_its_gradient)
{
    const double z[] = {800, 0}, y[] = {0, 1};
    cn_tensor *x = cn_constant(tape, cn_array(z, 1, 2)), *p = cn_softmax(x), *t = cn_constant(tape, cn_array(y, 1, 2));
    cn_tensor *loss = cn_loss_of(cn_categorical_crossentropy(), t, p, NULL);
    double gradient[2];
    cr_assert_eq(cn_item(loss), 800);
    cr_assert(cn_values(cn_grad(loss, x), cn_array(gradient, 1, 2)));
    cr_assert_eq(gradient[0], 1);
    cr_assert_eq(gradient[1], -1);
}

Test(loss, a_saturated_sigmoid_keeps_its_gradient)
{
    const double z[] = {800}, y[] = {0};
    cn_tensor *x = cn_constant(tape, cn_array(z, 1, 1));
    cn_tensor *loss = cn_loss_of(cn_binary_crossentropy(), cn_constant(tape, cn_array(y, 1, 1)), cn_sigmoid(x), NULL);
    cr_assert_eq(cn_item(loss), 800);
    cr_assert_eq(cn_item(cn_grad(loss, x)), 1);
}

Test(loss, a_mask_on_the_output_keeps_the_mean_to_what_counts)
{
    const double y[] = {0, 0, 0, 0}, p[] = {1, 2, 3, 4};
    const int32_t keep[] = {1, 1, 0, 1};
    cn_tensor *t = cn_constant(tape, cn_array(y, 2, 2, 1)), *x = cn_constant(tape, cn_array(p, 2, 2, 1));
    x->mask = cn_constant(tape, cn_array(keep, 2, 2));
    expect(cn_item(cn_loss_of(cn_mean_squared_error(), t, x, NULL)), (1 + 4 + 16) / 3.0);
    expect(cn_item(cn_loss_of(cn_mean_squared_error(.reduction = CN_SUM), t, x, NULL)), 1 + 4 + 16);
}

Test(loss, weights_of_samples_reach_every_step)
{
    const double y[] = {0, 0, 0, 0}, p[] = {1, 2, 3, 4}, weights[] = {1, 2};
    cn_tensor *t = cn_constant(tape, cn_array(y, 2, 2, 1)), *x = cn_constant(tape, cn_array(p, 2, 2, 1));
    cn_tensor *w = cn_constant(tape, cn_array(weights, 2));
    expect(cn_item(cn_loss_of(cn_mean_squared_error(), t, x, w)), (1 + 4 + 2 * 9 + 2 * 16) / 4.0);
}

static cn_tensor *largest_difference(cn_tensor *y, cn_tensor *p)
{
    return cn_max(cn_absolute(cn_sub(y, p)), .axis = -1);
}

Test(loss, a_function_of_ones_own_is_weighted_and_reduced)
{
    expect_loss(cn_loss_from("largest_difference", largest_difference), y_true(), y_pred(), 0.3, 0.2);
}

static cn_tensor *nothing(cn_tensor *y, cn_tensor *p)
{
    (void)y, (void)p;
    return NULL;
}

Test(loss, a_function_that_gives_nothing_is_an_error)
{
    cr_assert_null(cn_loss_of(cn_loss_from("nothing", nothing), y_true(), y_pred(), NULL));
    expect_error("nothing: its function gave no values");
    cn_meter *meter = cn_meter_new(cn_metric_from("nothing_either", nothing));
    cr_assert(!cn_meter_update(meter, y_true(), y_pred(), NULL));
    expect_error("nothing_either: its function gave no values");
    cn_meter_free(meter);
}

Test(loss, names_of_keras_are_known)
{
    const char *names[] = {"mse", "MSE", "mean_squared_error", "MeanSquaredError"};
    for (int i = 0; i < 4; i++)
        cr_assert_str_eq(cn_loss_named(names[i]).name, "mean_squared_error");
    cr_assert_str_eq(cn_loss_named("BinaryCrossentropy").name, "binary_crossentropy");
    cr_assert(cn_loss_named("SparseCategoricalCrossentropy").integer_labels);
    cr_assert_null(cn_loss_named("squared").name);
    expect_error("loss: there is none named \"squared\"");
}

Test(loss, labels_that_are_no_class_are_refused)
{
    const cn_loss losses[] = {cn_sparse_categorical_crossentropy(), cn_categorical_generalized_cross_entropy(),
                              cn_sparse_categorical_crossentropy(.from_logits = true), cn_ctc()};
    const int32_t wrong[] = {-1, 3};
    for (int l = 0; l < 4; l++)
        for (int w = 0; w < 2; w++) {
            const int32_t labels[] = {1, wrong[w]};
            bool of_steps = l == 3;
            cn_tensor *classes = cn_constant(tape, of_steps ? cn_array(labels, 1, 2) : cn_array(labels, 2));
            cn_tensor *output = of_steps ? cn_expand_dims(y_pred(), 0) : y_pred();
            cr_expect_null(cn_loss_of(losses[l], classes, output, NULL), "%s, %d", losses[l].name, wrong[w]);
            cr_expect_eq(cn_error_code(), CN_VALUE, "%s", cn_error_message());
            cn_error_clear();
        }
}

Test(loss, labels_of_another_shape_are_refused)
{
    const double y[] = {0, 1};
    const int32_t labels[] = {1, 2, 0};
    cn_tensor *p = y_pred();
    cr_assert_null(cn_loss_of(cn_mean_squared_error(), cn_constant(tape, cn_array(y, 1, 2)), p, NULL));
    expect_error("mean_squared_error: y_true of shape (1, 2) does not fit an output of shape (2, 3)");
    cr_assert_null(cn_loss_of(cn_sparse_categorical_crossentropy(), cn_constant(tape, cn_array(labels, 3)), p, NULL));
    expect_error("sparse_categorical_crossentropy: labels of shape (3,) do not fit an output of shape (2, 3)");
}

Test(loss, weights_of_another_shape_are_refused)
{
    const double weights[] = {1, 2, 3};
    cr_assert_null(cn_loss_of(cn_mean_squared_error(), y_true(), y_pred(), cn_constant(tape, cn_array(weights, 3))));
    expect_error("mean_squared_error: sample weights of shape (3,) do not fit values of shape (2,)");
}

Test(loss, arguments_that_a_loss_does_not_have_are_refused)
{
    cn_mean_squared_error(CN_SUM); /* the first one is from_logits, for all losses */
    expect_error("mean_squared_error: has no argument from_logits");
    cn_mean_absolute_error(.label_smoothing = 0.1);
    expect_error("mean_absolute_error: has no argument label_smoothing");
    cn_sparse_categorical_crossentropy(.label_smoothing = 0.1);
    expect_error("sparse_categorical_crossentropy: has no argument label_smoothing");
    cn_hinge(.delta = 0.5);
    expect_error("hinge: has no argument delta");
    cn_huber(.axis = 0);
    expect_error("huber: has no argument axis");
    cn_categorical_crossentropy(.ignore_class = 0);
    expect_error("categorical_crossentropy: has no argument ignore_class");
    cn_binary_crossentropy(.ignore_class = -1);
    expect_error("binary_crossentropy: has no argument ignore_class");
}

Test(loss, names_bring_the_defaults_of_their_loss)
{
    cr_assert_eq(cn_loss_named("Huber").delta, 1);
    cr_assert_eq(cn_loss_named("mse").delta, 0);
}

Test(loss, cosine_similarity_as_a_metric_has_the_other_sign)
{
    const double y[] = {1, 0}, p[] = {2, 0};
    cn_tensor *a = cn_constant(tape, cn_array(y, 1, 2)), *b = cn_constant(tape, cn_array(p, 1, 2));
    expect(cn_item(cn_loss_of(cn_cosine_similarity(), a, b, NULL)), -1);
    cn_meter *meter = cn_meter_new(cn_metric_named("cosine_similarity"));
    cr_assert(cn_meter_update(meter, a, b, NULL));
    expect(cn_meter_result(meter), 1);
    cn_meter_free(meter);
}

Test(loss, an_axis_that_is_not_there_is_refused)
{
    cr_assert_null(cn_loss_of(cn_cosine_similarity(.axis = 2), y_true(), y_pred(), NULL));
    cr_assert_eq(cn_error_code(), CN_ARGUMENT, "%s", cn_error_message());
    cn_error_clear();
    cr_assert_null(cn_loss_of(cn_categorical_crossentropy(.axis = 2), y_true(), y_pred(), NULL));
    expect_error("categorical_crossentropy: y_pred has no axis 2");
}
