#include "cornet.h"
#include "core/engine.h"
#include <criterion/criterion.h>
#include <math.h>

static cn_tape *tape;

static void begin(void)
{
    tape = cn_tape_new();
}

static void end(void)
{
    cr_assert(!cn_failed(), "%s", cn_error_message());
    cn_tape_free(tape);
}

TestSuite(metric, .init = begin, .fini = end);

static double measure(cn_metric metric, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *weight)
{
    cn_meter *meter = cn_meter_new(metric);
    cn_meter_update(meter, y_true, y_pred, weight);
    double result = cn_meter_result(meter);
    cn_meter_free(meter);
    return result;
}

static cn_tensor *one_hot(void)
{
    const float y[] = {0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0};
    return cn_constant(tape, cn_array(y, 4, 3));
}

static cn_tensor *predictions(void)
{
    const float y[] = {.1f, .8f, .1f, .2f, .5f, .3f, .2f, .3f, .5f, .3f, .4f, .3f};
    return cn_constant(tape, cn_array(y, 4, 3));
}

static cn_tensor *labels(void)
{
    const int32_t y[] = {1, 0, 2, 1};
    return cn_constant(tape, cn_array(y, 4));
}

Test(metric, categorical_accuracies_are_keras)
{
    const float weights[] = {1, 2, 3, 4};
    cn_tensor *w = cn_constant(tape, cn_array(weights, 4));
    cr_assert_eq(measure(cn_categorical_accuracy(), one_hot(), predictions(), NULL), 0.75);
    cr_assert_eq(measure(cn_sparse_categorical_accuracy(), labels(), predictions(), NULL), 0.75);
    cr_assert_eq(measure(cn_sparse_categorical_accuracy(), labels(), predictions(), w), 0.8);
}

Test(metric, top_k_counts_what_is_among_the_k_largest)
{
    cr_assert_eq(measure(cn_top_k_categorical_accuracy(.k = 2), one_hot(), predictions(), NULL), 0.75);
    cr_assert_eq(measure(cn_sparse_top_k_categorical_accuracy(.k = 3), labels(), predictions(), NULL), 1);
}

Test(metric, binary_accuracy_is_keras)
{
    const float y[] = {0, 0, 1, 1, 1}, p[] = {.1f, .6f, .4f, .8f, .5f};
    cn_tensor *t = cn_constant(tape, cn_array(y, 5, 1)), *x = cn_constant(tape, cn_array(p, 5, 1));
    cr_assert_float_eq(measure(cn_binary_accuracy(), t, x, NULL), 0.4, 1e-12);
    cr_assert_float_eq(measure(cn_binary_accuracy(0.39), t, x, NULL), 0.8, 1e-12);
}

Test(metric, accuracy_goes_by_the_shapes)
{
    const float y[] = {0, 1, 1}, p[] = {.1f, .6f, .4f};
    cr_assert_eq(measure(cn_accuracy(), one_hot(), predictions(), NULL), 0.75);
    cr_assert_eq(measure(cn_accuracy(), labels(), predictions(), NULL), 0.75);
    cr_assert_float_eq(
        measure(cn_accuracy(), cn_constant(tape, cn_array(y, 3)), cn_constant(tape, cn_array(p, 3, 1)), NULL), 2 / 3.0,
        1e-12);
    cr_assert_str_eq(cn_accuracy().name, "accuracy");
}

Test(metric, a_label_that_is_no_class_matches_nothing)
{
    const int32_t y[] = {1, -1, 7, 1};
    cr_assert_eq(measure(cn_sparse_categorical_accuracy(), cn_constant(tape, cn_array(y, 4)), predictions(), NULL),
                 0.5);
}

Test(metric, a_mask_on_the_output_counts)
{
    const int32_t keep[] = {1, 0, 1, 1};
    cn_tensor *p = predictions();
    p->mask = cn_constant(tape, cn_array(keep, 4));
    cr_assert_eq(measure(cn_sparse_categorical_accuracy(), labels(), p, NULL), 1);
}

Test(metric, a_mask_does_not_count_in_counts)
{
    const int32_t keep[] = {1, 0, 1, 1};
    cn_tensor *p = predictions();
    p->mask = cn_constant(tape, cn_array(keep, 4));
    cr_assert_eq(measure(cn_true_positives(.thresholds = CN_NUMBERS(0)), one_hot(), p, NULL), 4);
    cr_assert_eq(measure(cn_true_positives(), one_hot(), p, NULL), 1);
}

Test(metric, ignored_classes_count_as_zero_unless_there_are_weights)
{
    const float ones[] = {1, 1, 1, 1};
    cn_metric metric = cn_metric_sparse_categorical_crossentropy(.ignore_class = 1);
    /* Left are row 1 with .2 for class 0 and row 2 with .5 for class 2. */
    double sum = -log(.2) - log(.5);
    cr_assert_float_eq(measure(metric, labels(), predictions(), NULL), sum / 4, 1e-6);
    cr_assert_float_eq(measure(metric, labels(), predictions(), cn_constant(tape, cn_array(ones, 4))), sum / 2, 1e-6);
}

Test(metric, a_loss_is_averaged_over_all_samples)
{
    const float zero[] = {0, 0, 0}, p[] = {1, 2, 3};
    cn_meter *meter = cn_meter_new(cn_metric_of(cn_mean_squared_error()));
    cn_meter_update(meter, cn_constant(tape, cn_array(zero, 1, 1)), cn_constant(tape, cn_array(p, 1, 1)), NULL);
    cr_assert_eq(cn_meter_result(meter), 1);
    cn_meter_update(meter, cn_constant(tape, cn_array(zero, 2, 1)), cn_constant(tape, cn_array(&p[1], 2, 1)), NULL);
    cr_assert_float_eq(cn_meter_result(meter), (1 + 4 + 9) / 3.0, 1e-12);
    cn_meter_reset(meter);
    cr_assert_eq(cn_meter_result(meter), 0);
    cn_meter_update(meter, cn_constant(tape, cn_array(zero, 1, 1)), cn_constant(tape, cn_array(&p[2], 1, 1)), NULL);
    cr_assert_eq(cn_meter_result(meter), 9);
    cn_meter_free(meter);
}

static cn_tensor *largest_prediction(cn_tensor *y_true, cn_tensor *y_pred)
{
    (void)y_true;
    return cn_max(y_pred, .axis = -1);
}

Test(metric, a_function_of_ones_own_is_averaged)
{
    cr_assert_float_eq(measure(cn_metric_from("largest", largest_prediction), labels(), predictions(), NULL),
                       (.8 + .5 + .5 + .4) / 4, 1e-7);
}

Test(metric, a_plan_sums_up_run_after_run)
{
    const int32_t y[] = {1, 0, 2, 1};
    const float p[] = {.1f, .8f, .1f, .2f, .5f, .3f, .2f, .3f, .5f, .3f, .4f, .3f};
    cn_tape *deferred = cn_tape_new(.deferred = true);
    cn_tensor *t = cn_feed(deferred, CN_SHAPE(4), .dtype = CN_I32), *x = cn_feed(deferred, CN_SHAPE(4, 3));
    cn_meter *meter = cn_meter_new(cn_accuracy());
    cr_assert(cn_meter_update(meter, t, x, NULL));
    cn_plan *plan = cn_plan_new(deferred, {NULL});
    for (int i = 0; i < 3; i++)
        cr_assert(cn_run(plan, {cn_array(y, 4), cn_array(p, 4, 3)}), "%s", cn_error_message());
    cr_assert_eq(cn_meter_result(meter), 0.75);
    cn_plan_free(plan);
    cn_tape_free(deferred);
    cn_meter_free(meter);
}

Test(metric, names_of_keras_are_known)
{
    cr_assert_str_eq(cn_metric_named("acc").name, "acc");
    cr_assert_str_eq(cn_metric_named("SparseCategoricalAccuracy").name, "sparse_categorical_accuracy");
    cr_assert_str_eq(cn_metric_named("mae").name, "mae");
    cr_assert_null(cn_metric_named("precise").name);
    cr_assert_str_eq(cn_error_message(), "loss: there is none named \"precise\"");
    cn_error_clear();
}

Test(metric, a_meter_without_updates_has_no_result)
{
    cn_meter *meter = cn_meter_new(cn_accuracy());
    cr_assert(isnan(cn_meter_result(meter)));
    cr_assert_str_eq(cn_error_message(), "meter_result: nothing has been measured");
    cn_error_clear();
    cn_meter_free(meter);
}

Test(metric, labels_that_do_not_fit_are_refused)
{
    const int32_t y[] = {1, 0};
    cn_meter *meter = cn_meter_new(cn_sparse_categorical_accuracy());
    cr_assert(!cn_meter_update(meter, cn_constant(tape, cn_array(y, 2)), predictions(), NULL));
    cr_assert_str_eq(cn_error_message(), "class_matches: labels and predictions do not fit: (2,) x (4, 3)");
    cn_error_clear();
    cn_meter_free(meter);
}
