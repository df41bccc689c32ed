/* Focal losses, and losses of regions, of distances between samples and of unaligned sequences: beside what the golden
 * cases show. */
#include "core/engine.h"
#include "expect.h"

static cn_tape *tape;

static void begin(void)
{
    cn_set_default_dtype(CN_F64);
    tape = cn_tape_new();
}

static void end(void)
{
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    cn_tape_free(tape);
    cn_set_default_dtype(CN_F32);
}

TestSuite(structured_losses, .init = begin, .fini = end);

static cn_tensor *labels(cn_tape *on, int64_t rows, int64_t columns, const int32_t *values)
{
    cn_shape shape = columns ? CN_SHAPE(rows, columns) : CN_SHAPE(rows);
    return cn_constant_as(on, cn_array_with(values, CN_ARRAY_I32, false, shape), CN_I32);
}

static const int32_t classes[] = {0, 1, 0, 1}, sequences[] = {1, 2, 2, 2, 0, 0};
static const double targets[] = {0, 1, 0, .5, .25, .25, 1, 0, 0, .2, .3, .5};

/* Each loss by its gradients, first and second ones, on predictions from 0.1 to 0.9. */
static cn_tensor *loss_of(cn_tape *on, cn_tensor *const *x, void *context)
{
    const cn_loss *loss = context;
    cn_tensor *y_true = !loss->integer_labels         ? cn_constant(on, cn_array(targets, 4, 3))
                        : cn_shape_of(x[0]).rank == 3 ? labels(on, 2, 3, sequences)
                                                      : labels(on, 4, 0, classes);
    return cn_loss_of(*loss, y_true, x[0], NULL);
}

Test(structured_losses, gradients)
{
    cn_loss losses[] = {cn_binary_focal_crossentropy(.label_smoothing = 0.1, .apply_class_balancing = true),
                        cn_binary_focal_crossentropy(.from_logits = true, .gamma = 1.5),
                        cn_categorical_focal_crossentropy(.label_smoothing = 0.1),
                        cn_categorical_focal_crossentropy(.from_logits = true),
                        cn_categorical_generalized_cross_entropy(.q = 0.7),
                        cn_crossentropy(),
                        cn_dice(),
                        cn_tversky(.axes = CN_AXES(0, 1), .alpha = 0.3, .beta = 0.7),
                        cn_circle(.gamma = 4),
                        cn_ctc(.reduction = CN_NO_REDUCTION)};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        cr_expect(
            cn_gradient_check(NULL, loss_of, .context = &losses[i], .input_count = 1,
                              .inputs = {losses[i].values == cn_ctc().values ? CN_SHAPE(2, 5, 3) : CN_SHAPE(4, 3)},
                              .intervals = {{0.1, 0.9}}),
            "%s: %s", losses[i].name, cn_error_message());
}

/* The probability of a sequence of labels, by going through all paths. */
static double probability_of(const double *p, int time, int count, const int32_t *wanted, int n)
{
    double sum = 0;
    int paths = 1;
    for (int t = 0; t < time; t++)
        paths *= count;
    for (int path = 0; path < paths; path++) {
        double product = 1;
        int before = 0, read = 0, rest = path;
        bool same = true;
        for (int t = 0; t < time; t++, rest /= count) {
            int class = rest % count;
            product *= p[t * count + class];
            if (class != 0 && class != before) {
                same = same && read < n && wanted[read] == class;
                read++;
            }
            before = class;
        }
        sum += same && read == n ? product : 0;
    }
    return sum;
}

Test(structured_losses, ctc_sums_over_all_paths)
{
    enum { TIME = 5, CLASSES = 3 };
    static const int32_t wanted[][3] = {{1, 2, 1}, {2, 2, 0}, {1, 0, 0}, {0, 0, 0}};
    static const int length[] = {3, 2, 1, 0};
    cn_tensor *z = cn_sin(expect_counting(tape, CN_SHAPE(4, TIME, CLASSES)));
    double p[4][TIME][CLASSES], values[4];
    cr_assert(cn_values(cn_softmax(z), cn_array(p[0][0], 4, TIME, CLASSES)));
    cr_assert(cn_values(cn_loss_values(cn_ctc(), labels(tape, 4, 3, wanted[0]), z), cn_array(values, 4)), "%s",
              cn_error_message());
    for (int i = 0; i < 4; i++)
        cr_expect_float_eq(values[i], -log(probability_of(p[i][0], TIME, CLASSES, wanted[i], length[i])), 1e-12);
}

Test(structured_losses, ctc_of_too_few_steps_is_finite)
{
    static const int32_t wanted[] = {1, 1};
    cn_tensor *z = cn_full(tape, CN_SHAPE(1, 2, 3), 0.5);
    cr_expect_float_eq(cn_item(cn_loss_of(cn_ctc(), labels(tape, 1, 2, wanted), z, NULL)), 1e30, 1e20);
}

/* A softmax that is certain and wrong still has a gradient, which probabilities alone would not give. */
Test(structured_losses, focal_losses_look_at_logits)
{
    const double y[] = {0, 1}, z[] = {60, -60};
    cn_tensor *logits = cn_constant(tape, cn_array(z, 1, 2)), *target = cn_constant(tape, cn_array(y, 1, 2));
    double gradient[2];
    cn_tensor *loss = cn_loss_of(cn_categorical_focal_crossentropy(), target, cn_softmax(logits), NULL);
    cr_expect_float_eq(cn_item(loss), 0.25 * 120, 1e-9);
    cr_assert(cn_values(cn_grad(loss, logits), cn_array(gradient, 1, 2)));
    cr_expect_float_eq(gradient[0], 0.25, 1e-9);
    cr_expect_float_eq(gradient[1], -0.25, 1e-9);
    loss = cn_loss_of(cn_binary_focal_crossentropy(), target, cn_sigmoid(logits), NULL);
    cr_expect_float_eq(cn_item(loss), 60, 1e-9);
    static const int32_t second[] = {1};
    loss = cn_loss_of(cn_categorical_generalized_cross_entropy(), labels(tape, 1, 0, second), cn_softmax(logits), NULL);
    cr_assert(cn_values(cn_grad(loss, logits), cn_array(gradient, 1, 2)));
    cr_expect_float_eq(gradient[1] / exp(-60), -1, 1e-9); /* -p^q (1 - p), p = exp(-120), q = 1/2 */
}

Test(structured_losses, weights_of_a_single_value_spread_it)
{
    const double weights[] = {1, 2, 3, 6};
    cn_tensor *y = cn_constant(tape, cn_array(targets, 4, 3)), *p = cn_full(tape, CN_SHAPE(4, 3), 0.5);
    double plain = cn_item(cn_loss_of(cn_dice(), y, p, NULL));
    cr_expect_float_eq(cn_item(cn_loss_of(cn_dice(), y, p, cn_constant(tape, cn_array(weights, 4)))), 3 * plain, 1e-12);
    cr_expect_float_eq(cn_item(cn_loss_of(cn_mean_squared_error(), y, p, cn_scalar(tape, 2))),
                       2 * cn_item(cn_loss_of(cn_mean_squared_error(), y, p, NULL)), 1e-12);
}

/* Two samples of one class at one place are no loss at all: only the third sample counts. */
Test(structured_losses, circle_means_over_samples_with_a_loss)
{
    const double x[] = {1, 0, 1, 0, 0.8, 0.6, 0.8, -0.6};
    static const int32_t of[] = {0, 0, 1, 2};
    cn_tensor *p = cn_constant(tape, cn_array(x, 4, 2));
    double values[4], sum = 0;
    cn_loss loss = cn_circle(.gamma = 2000);
    cr_assert(cn_values(cn_loss_values(loss, labels(tape, 4, 0, of), p), cn_array(values, 4)));
    int count = 0;
    for (int i = 0; i < 4; i++) {
        sum += values[i];
        count += values[i] > 0;
    }
    cr_assert(count > 0 && count < 4);
    cr_expect_float_eq(cn_item(cn_loss_of(loss, labels(tape, 4, 0, of), p, NULL)), sum / count, 1e-12);
}

Test(structured_losses, crossentropy_goes_by_the_shapes)
{
    const double p[] = {.2, .7, .1, .3, .3, .4}, one_hot[] = {0, 1, 0, 0, 0, 1}, index[] = {1, 2};
    cn_tensor *y_pred = cn_constant(tape, cn_array(p, 2, 3)), *y = cn_constant(tape, cn_array(one_hot, 2, 3));
    double wanted = (-log(.7) - log(.4)) / 2;
    cr_expect_float_eq(cn_item(cn_loss_of(cn_loss_named("ce"), y, y_pred, NULL)), wanted, 1e-12);
    cn_tensor *column = cn_constant(tape, cn_array(index, 2, 1));
    cr_expect_float_eq(cn_item(cn_loss_of(cn_crossentropy(), column, y_pred, NULL)), wanted, 1e-12);
    cn_tensor *binary = cn_reshape(y_pred, CN_SHAPE(6, 1));
    cr_expect_float_eq(cn_item(cn_loss_of(cn_loss_named("crossentropy"), cn_reshape(y, CN_SHAPE(6)), binary, NULL)),
                       cn_item(cn_loss_of(cn_binary_crossentropy(), y, y_pred, NULL)), 1e-12);
}

Test(structured_losses, names)
{
    static const char *const names[][2] = {
        {"BinaryFocalCrossentropy", "binary_focal_crossentropy"},
        {"CategoricalFocalCrossentropy", "categorical_focal_crossentropy"},
        {"CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"},
        {"Circle", "circle"},
        {"CTC", "ctc"},
        {"Dice", "dice"},
        {"Tversky", "tversky"}};
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 2; k++)
            cr_expect_str_eq(cn_loss_named(names[i][k]).name, names[i][1]);
    cr_expect_eq(cn_loss_named("circle").gamma, 80);
    cr_expect_eq(cn_loss_named("Tversky").alpha, 0.5);
}

Test(structured_losses, train_models)
{
    cn_set_default_dtype(CN_F32);
    float x[4 * 5 * 2], regions[4 * 5 * 3];
    for (int i = 0; i < 40; i++)
        x[i] = (float)sin(i);
    for (int i = 0; i < 60; i++)
        regions[i] = i % 2 == 0;
    const int32_t words[] = {1, 2, 2, 2, 0, 0, 1, 0, 0, 2, 1, 0};
    cn_view y[] = {cn_array(words, 4, 3), cn_array(regions, 4, 5, 3), cn_array(classes, 4)};
    cn_loss losses[] = {cn_ctc(), cn_dice(), cn_circle()};
    for (int i = 0; i < 3; i++) {
        cn_layer *end = i == 2 ? cn_global_average_pooling1d() : cn_activation_layer(i == 1 ? cn_sigmoid : cn_linear);
        cn_model *model = cn_sequential(cn_input_layer(5, 2), cn_dense(3), end);
        cn_compile(model, .optimizer = cn_adam(0.05), .loss = losses[i]);
        cn_history *history = cn_fit(model, {cn_array(x, 4, 5, 2)}, {y[i]}, .epochs = 20, .verbose = 0);
        cr_assert_not(cn_failed(), "%s: %s", losses[i].name, cn_error_message());
        const double *loss = cn_history_of(history, "loss");
        cr_expect(loss[19] < loss[0], "%s", losses[i].name);
        cn_model_free(model);
    }
    cn_clear_session();
}

static void expect_refused(const char *message)
{
    cr_assert_str_eq(cn_error_message(), message);
    cn_error_clear();
}

Test(structured_losses, refuse)
{
    static const int32_t outside[] = {3, 0, 1, 2};
    cn_tensor *p = cn_full(tape, CN_SHAPE(4, 3), 0.5);
    cn_categorical_generalized_cross_entropy(.q = 1);
    expect_refused("categorical_generalized_cross_entropy: q is between 0 and 1, not 1");
    cn_dice(.alpha = 0.3);
    expect_refused("dice: has no argument alpha");
    cn_mean_squared_error(.axes = CN_AXES(1));
    expect_refused("mean_squared_error: has no argument axes");
    cr_expect_null(cn_loss_of(cn_circle(), labels(tape, 2, 0, classes), p, NULL));
    expect_refused("circle: labels of shape (2,) do not fit embeddings of shape (4, 3)");
    cr_expect_null(cn_loss_of(cn_ctc(), labels(tape, 2, 2, classes), p, NULL));
    expect_refused("ctc: labels of shape (2, 2) do not fit an output of shape (4, 3)");
    cr_expect_null(cn_loss_of(cn_categorical_generalized_cross_entropy(), labels(tape, 4, 0, outside), p, NULL));
    expect_refused("class_labels: label 3 at (0,) is not one of 3 classes");
}
