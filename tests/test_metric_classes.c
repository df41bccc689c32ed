/* What all built-in metrics have in common: batches add up, a reset forgets, arguments are checked. */
#include "cornet.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

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

TestSuite(metric_classes, .init = begin, .fini = end);

/* Six samples of three columns: of ones and zeros, of class numbers, and of scores. */
static const float one_hot[6][3] = {{0, 1, 0}, {1, 0, 0}, {0, 0, 1}, {0, 1, 0}, {1, 0, 0}, {0, 0, 1}};
static const int32_t classes[6] = {1, 0, 2, 1, 0, 2}, guesses[6] = {1, 0, 1, 2, 0, 2};
static const float scores[6][3] = {{.1f, .8f, .1f},  {.2f, .5f, .3f}, {.2f, .3f, .5f},
                                   {.3f, .4f, .35f}, {.7f, .2f, .1f}, {.6f, .1f, .3f}};
static const float weights[6] = {1, .5f, 2, 1, .25f, 3};

typedef enum feeding { ONE_HOT, CLASSES, PAIRS, VALUES } feeding;

static cn_tensor *rows(const float *values, int first, int count, int columns)
{
    return cn_constant(tape, cn_array(values + first * columns, count, columns));
}

static bool update(cn_meter *meter, feeding fed, int first, int count, bool weighted)
{
    cn_tensor *weight = weighted ? cn_constant(tape, cn_array(weights + first, count)) : NULL;
    cn_tensor *numbers = cn_constant(tape, cn_array(classes + first, count)),
              *y_pred = rows(scores[0], first, count, 3);
    switch (fed) {
    case ONE_HOT:
        return cn_meter_update(meter, rows(one_hot[0], first, count, 3), y_pred, weight);
    case CLASSES:
        return cn_meter_update(meter, numbers, y_pred, weight);
    case PAIRS:
        return cn_meter_update(meter, numbers, cn_constant(tape, cn_array(guesses + first, count)), weight);
    case VALUES:
        break;
    }
    return cn_meter_update(meter, y_pred, NULL, weight);
}

static const struct {
    const char *name;
    feeding fed;
} all[] = {
    {"accuracy", ONE_HOT},
    {"Accuracy", PAIRS},
    {"AUC", ONE_HOT},
    {"BinaryAccuracy", ONE_HOT},
    {"BinaryCrossentropy", ONE_HOT},
    {"BinaryIoU", ONE_HOT},
    {"CategoricalAccuracy", ONE_HOT},
    {"CategoricalCrossentropy", ONE_HOT},
    {"CategoricalHinge", ONE_HOT},
    {"ConcordanceCorrelation", ONE_HOT},
    {"CosineSimilarity", ONE_HOT},
    {"F1Score", ONE_HOT},
    {"FBetaScore", ONE_HOT},
    {"FalseNegatives", ONE_HOT},
    {"FalsePositives", ONE_HOT},
    {"Hinge", ONE_HOT},
    {"KLDivergence", ONE_HOT},
    {"LogCoshError", ONE_HOT},
    {"Mean", VALUES},
    {"MeanAbsoluteError", ONE_HOT},
    {"MeanAbsolutePercentageError", ONE_HOT},
    {"MeanSquaredError", ONE_HOT},
    {"MeanSquaredLogarithmicError", ONE_HOT},
    {"PearsonCorrelation", ONE_HOT},
    {"Poisson", ONE_HOT},
    {"Precision", ONE_HOT},
    {"PrecisionAtRecall", ONE_HOT},
    {"R2Score", ONE_HOT},
    {"Recall", ONE_HOT},
    {"RecallAtPrecision", ONE_HOT},
    {"RootMeanSquaredError", ONE_HOT},
    {"SensitivityAtSpecificity", ONE_HOT},
    {"SparseCategoricalAccuracy", CLASSES},
    {"SparseCategoricalCrossentropy", CLASSES},
    {"SparseTopKCategoricalAccuracy", CLASSES},
    {"SpecificityAtSensitivity", ONE_HOT},
    {"SquaredHinge", ONE_HOT},
    {"Sum", VALUES},
    {"TopKCategoricalAccuracy", ONE_HOT},
    {"TrueNegatives", ONE_HOT},
    {"TruePositives", ONE_HOT},
};

static void check_streaming(cn_metric metric, feeding fed, bool weighted)
{
    cn_meter *whole = cn_meter_new(metric), *parts = cn_meter_new(metric);
    cr_assert(update(whole, fed, 0, 6, weighted), "%s: %s", metric.name, cn_error_message());
    /* What was measured before a reset does not count. */
    cr_assert(update(parts, fed, 2, 3, weighted));
    cn_meter_reset(parts);
    cr_assert(update(parts, fed, 0, 1, weighted) && update(parts, fed, 1, 3, weighted) &&
              update(parts, fed, 4, 2, weighted));
    int64_t count = 0, count_of_parts = -1;
    const double *a = cn_meter_results(whole, &count), *b = cn_meter_results(parts, &count_of_parts);
    cr_assert(a && b && count == count_of_parts);
    for (int64_t i = 0; i < count; i++)
        cr_assert_float_eq(a[i], b[i], 1e-6 * fmax(1, fabs(a[i])), "%s: %.9g whole, %.9g in parts", metric.name, a[i],
                           b[i]);
    cn_meter_free(whole);
    cn_meter_free(parts);
}

Test(metric_classes, batches_add_up_to_the_whole)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int weighted = 0; weighted < 2; weighted++)
            check_streaming(cn_metric_named(all[i].name), all[i].fed, weighted);
    for (int weighted = 0; weighted < 2; weighted++) {
        check_streaming(cn_iou(3, .target_class_ids = CN_NUMBERS(0, 2)), PAIRS, weighted);
        check_streaming(cn_mean_iou(3), PAIRS, weighted);
        check_streaming(cn_one_hot_iou(3, .target_class_ids = CN_NUMBERS(1)), ONE_HOT, weighted);
        check_streaming(cn_one_hot_mean_iou(3, .dtype = CN_F32), ONE_HOT, weighted);
        check_streaming(cn_auc(.multi_label = true, .label_weights = CN_NUMBERS(1, 2, 3)), ONE_HOT, weighted);
        check_streaming(cn_auc(.label_weights = CN_NUMBERS(1, 2, 3), .curve = CN_PR), ONE_HOT, weighted);
        check_streaming(cn_recall(.thresholds = CN_NUMBERS(.7, .2, .4)), ONE_HOT, weighted);
        check_streaming(cn_f1_score(.average = CN_MICRO, .threshold = .4), ONE_HOT, weighted);
        check_streaming(cn_metric_hinge(), ONE_HOT, weighted);
    }
}

Test(metric_classes, names_are_those_that_keras_gives)
{
    cr_assert_str_eq(cn_auc().name, "auc");
    cr_assert_str_eq(cn_mean_iou(2).name, "mean_io_u");
    cr_assert_str_eq(cn_binary_iou().name, "binary_io_u");
    cr_assert_str_eq(cn_one_hot_mean_iou(2).name, "one_hot_mean_io_u");
    cr_assert_str_eq(cn_log_cosh_error().name, "logcosh");
    cr_assert_str_eq(cn_f1_score().name, "f1_score");
    cr_assert_str_eq(cn_sensitivity_at_specificity(.5).name, "sensitivity_at_specificity");
    cr_assert_str_eq(cn_metric_hinge().name, "hinge");
    cr_assert_str_eq(cn_auc(.name = "area").name, "area");
}

#define EXPECT_REFUSED(expression, message)            \
    do {                                               \
        (void)(expression);                            \
        cr_assert_str_eq(cn_error_message(), message); \
        cn_error_clear();                              \
    } while (0)

Test(metric_classes, wrong_arguments_are_refused_by_name)
{
    EXPECT_REFUSED(cn_precision(.thresholds = CN_NUMBERS(.5, 1.5)),
                   "precision: thresholds is 1.5; it must lie between 0 and 1");
    EXPECT_REFUSED(cn_recall(.top_k = 0), "recall: top_k is 0; it must be 1 or more");
    EXPECT_REFUSED(cn_recall(.class_id = -1), "recall: class_id is -1; it must be 0 or more");
    EXPECT_REFUSED(cn_true_positives(.top_k = 2), "true_positives: has no argument top_k");
    EXPECT_REFUSED(cn_f1_score(.beta = 2), "f1_score: has no argument beta");
    EXPECT_REFUSED(cn_fbeta_score(.beta = 0), "fbeta_score: beta is 0; it must be above 0");
    EXPECT_REFUSED(cn_precision_at_recall(1.5), "precision_at_recall: recall is 1.5; it must lie between 0 and 1");
    EXPECT_REFUSED(cn_auc(.num_thresholds = 1), "auc: num_thresholds is 1; it must be 2 or more");
    EXPECT_REFUSED(cn_auc(.num_labels = 3), "auc: num_labels is 3; it goes with multi_label");
    EXPECT_REFUSED(cn_mean_iou(0), "mean_io_u: num_classes is 0; it must be 1 or more");
    EXPECT_REFUSED(cn_iou(3), "io_u: needs target_class_ids");
    EXPECT_REFUSED(cn_iou(3, .target_class_ids = CN_NUMBERS(3)),
                   "io_u: target_class_ids is 3; it must lie between 0 and 2");
    EXPECT_REFUSED(cn_r2_score(.num_regressors = -1), "r2_score: num_regressors is -1; it must be 0 or more");
    EXPECT_REFUSED(cn_sparse_top_k_categorical_accuracy(.k = 0),
                   "sparse_top_k_categorical_accuracy: k is 0; it must be 1 or more");
}

Test(metric_classes, shapes_that_do_not_fit_are_refused_and_change_nothing)
{
    cn_meter *f1 = cn_meter_new(cn_f1_score()), *auc = cn_meter_new(cn_auc()), *area = NULL;
    EXPECT_REFUSED(cn_meter_update(f1, rows(one_hot[0], 0, 6, 1), rows(scores[0], 0, 9, 2), NULL),
                   "f1_score: y_true of shape (6, 1) does not fit an output of shape (9, 2)");
    /* The failed first update has not fixed the number of classes. */
    cr_assert(update(f1, ONE_HOT, 0, 6, false));
    double before[3], *copy = memcpy(before, cn_meter_results(f1, NULL), sizeof before);
    EXPECT_REFUSED(cn_meter_update(f1, rows(one_hot[0], 0, 9, 2), rows(scores[0], 0, 9, 2), NULL),
                   "f1_score: an output of 2 labels follows one of 3");
    cr_assert_arr_eq(cn_meter_results(f1, NULL), copy, sizeof before);
    cr_assert(update(auc, ONE_HOT, 0, 6, false));
    double value = cn_meter_result(auc);
    EXPECT_REFUSED(cn_meter_update(auc, rows(one_hot[0], 0, 6, 3), rows(scores[0], 0, 6, 3), rows(weights, 0, 5, 1)),
                   "auc: sample weights of shape (5, 1) do not fit values of shape (6, 3)");
    cr_assert_eq(cn_meter_result(auc), value);
    area = cn_meter_new(cn_auc(.multi_label = true, .num_labels = 4));
    EXPECT_REFUSED(update(area, ONE_HOT, 0, 6, false), "auc: num_labels is 4, the output has 3");
    cn_meter_free(f1);
    cn_meter_free(auc);
    cn_meter_free(area);
}

Test(metric_classes, means_of_values_take_them_alone)
{
    cn_meter *mean = cn_meter_new(cn_metric_mean());
    EXPECT_REFUSED(update(mean, ONE_HOT, 0, 6, false), "mean: takes values alone, not y_true and y_pred");
    cn_meter_free(mean);
}

Test(metric_classes, results_of_thresholds_keep_their_order)
{
    cn_meter *meter = cn_meter_new(cn_true_positives(.thresholds = CN_NUMBERS(.6, .2, .45)));
    int64_t count;
    cr_assert(update(meter, ONE_HOT, 0, 6, false));
    /* The ones are predicted as .8, .2, .5, .4, .7 and .3. */
    const double *result = cn_meter_results(meter, &count);
    cr_assert_eq(count, 3);
    cr_assert(result[0] == 2 && result[1] == 5 && result[2] == 3);
    cr_assert_float_eq(cn_meter_result(meter), 10 / 3.0, 1e-12);
    cn_meter_free(meter);
}

/* A metric of one's own state: the largest error so far, and in how many samples. */
static cn_shape error_state(const cn_metric *self, int index)
{
    (void)self, (void)index;
    return CN_SHAPE();
}

static bool error_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                         cn_tensor *sample_weight, cn_tensor **next)
{
    (void)self, (void)sample_weight;
    next[0] = cn_maximum(state[0], cn_cast(cn_max(cn_absolute(cn_sub(y_true, y_pred))), CN_F64));
    next[1] = cn_add(state[1], cn_scalar(y_pred, (double)cn_shape_of(y_pred).dim[0]));
    return next[0] && next[1];
}

static void error_result(const cn_metric *self, const double *const *state, double *value)
{
    (void)self;
    value[0] = *state[0];
    value[1] = *state[1];
}

static cn_metric largest_error(void)
{
    return (cn_metric){.name = "largest_error",
                       .state_count = 2,
                       .state_shape = error_state,
                       .update = error_update,
                       .result = error_result,
                       .length = 2};
}

Test(metric_classes, a_metric_may_have_states_of_its_own)
{
    cn_meter *meter = cn_meter_new(largest_error());
    cr_assert(update(meter, ONE_HOT, 0, 4, false) && update(meter, ONE_HOT, 4, 2, false));
    const double *result = cn_meter_results(meter, NULL);
    cr_assert_float_eq(result[0], .8, 1e-7);
    cr_assert_eq(result[1], 6);
    cn_meter_free(meter);
    cn_metric many = largest_error();
    many.state_count = CN_MAX_METRIC_STATES + 1;
    EXPECT_REFUSED(cn_meter_new(many), "largest_error: has 9 states; a metric has 1 to 8");
}

/* A model whose output is its input. */
static cn_model *new_model(void)
{
    cn_tensor *in = cn_input(3), *out = cn_call(cn_dense(3, .kernel_initializer = cn_init_identity()), in);
    return cn_model_new({in}, {out});
}

Test(metric_classes, models_report_them_and_count_metrics_of_one_name)
{
    cn_model *model = new_model();
    cr_assert(cn_compile(model, .optimizer = cn_sgd(0), .loss = cn_mean_squared_error(),
                         .metrics = {cn_auc(), cn_auc(.curve = CN_PR), cn_f1_score(), largest_error()},
                         .weighted_metrics = {cn_auc()}));
    cn_logs logs;
    cn_evaluate(model, {cn_array(scores[0], 6, 3)}, {cn_array(one_hot[0], 6, 3)},
                .sample_weight = {cn_array(weights, 6)}, .batch_size = 4, .logs = &logs);
    const char *const names[] = {"loss", "auc", "auc_1", "f1_score", "largest_error", "weighted_auc"};
    cr_assert_eq(logs.count, 6);
    cn_metric alone[] = {cn_auc(), cn_auc(.curve = CN_PR), cn_f1_score(), largest_error(), cn_auc()};
    for (int i = 0; i < 6; i++) {
        cr_assert_str_eq(logs.item[i].name, names[i]);
        if (i == 0)
            continue;
        cn_meter *meter = cn_meter_new(alone[i - 1]);
        cr_assert(update(meter, ONE_HOT, 0, 6, i == 5));
        cr_assert_float_eq(logs.item[i].value, cn_meter_result(meter), 1e-6, "%s", names[i]);
        cn_meter_free(meter);
    }
    int64_t count;
    const double *of_class = cn_metric_results(model, "f1_score", &count);
    cr_assert_eq(count, 3);
    cr_assert_float_eq((of_class[0] + of_class[1] + of_class[2]) / 3, cn_logs_value(&logs, "f1_score"), 1e-12);
    EXPECT_REFUSED(cn_metric_results(model, "f2_score", &count), "metric_results: no metric is logged as f2_score");
    cn_history *history = cn_fit(model, {cn_array(scores[0], 6, 3)}, {cn_array(one_hot[0], 6, 3)}, .epochs = 2,
                                 .verbose = 0, .shuffle = false);
    cr_assert_not_null(history);
    for (int epoch = 0; epoch < 2; epoch++)
        cr_assert_float_eq(cn_history_of(history, "auc")[epoch], cn_logs_value(&logs, "auc"), 1e-6);
    cn_model_free(model);
    cn_clear_session();
}
