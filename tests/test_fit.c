/* fit, evaluate, predict and single batches: what they compute, count, log and print. */
#include "models/step.h"
#include "expect.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES = 7 };
static const double xs[SAMPLES] = {0.5, -1, 2, 1.5, -0.25, 3, 0.75}, ys[SAMPLES] = {1, 0, -2, 4, 3, 1, -1};

static void setup(void)
{
    cn_set_default_dtype(CN_F64);
}

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}

TestSuite(fit, .init = setup, .fini = teardown);

static void expect_done(bool done)
{
    cr_assert(done, "%s", cn_error_message());
}

static void expect_near(double got, double expected)
{
    cr_assert(fabs(got - expected) <= 1e-12 * fmax(1, fabs(expected)), "%.17g, not %.17g", got, expected);
}

/* y = w x + b, trained by gradient descent on the mean squared error. */
typedef struct line {
    double w, b;
} line;

static const line start = {0.5, -0.25};

static cn_model *line_model(double rate)
{
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(1));
    expect_done(cn_set_weights(model, cn_array(&start.w, 1, 1), cn_array(&start.b, 1)));
    expect_done(cn_compile(model, .optimizer = cn_sgd(rate), .loss = cn_mean_squared_error()));
    return model;
}

static double error_of(line l, int i)
{
    return l.w * xs[i] + l.b - ys[i];
}

/* The mean loss of samples, after which the line has moved; weights may be NULL. */
static double descend(line *l, int first, int count, const double *weights, double rate)
{
    double loss = 0, dw = 0, db = 0;
    for (int i = first; i < first + count; i++) {
        double weight = (weights ? weights[i] : 1) / count, error = error_of(*l, i);
        loss += weight * error * error;
        dw += 2 * weight * error * xs[i];
        db += 2 * weight * error;
    }
    l->w -= rate * dw;
    l->b -= rate * db;
    return loss;
}

static void expect_line(cn_model *model, line expected)
{
    expect_near(cn_item(cn_weight(model, 0)), expected.w);
    expect_near(cn_item(cn_weight(model, 1)), expected.b);
}

static int recorded_steps(const cn_model *model, cn_step_kind kind)
{
    int count = 0;
    for (const cn_recorded_step *step = model->steps; step; step = step->next)
        count += step->shapes.kind == kind;
    return count;
}

#define DATA                     \
    {cn_array(xs, SAMPLES, 1)},  \
    {                            \
        cn_array(ys, SAMPLES, 1) \
    }

Test(fit, last_short_batch_is_a_second_plan)
{
    cn_model *model = line_model(0.05);
    cn_history *history = cn_fit(model, DATA, .batch_size = 3, .epochs = 3, .shuffle = false, .verbose = 0);
    expect_done(history != NULL);
    line expected = start;
    for (int epoch = 0; epoch < 3; epoch++) {
        double sum = 3 * descend(&expected, 0, 3, NULL, 0.05);
        sum += 3 * descend(&expected, 3, 3, NULL, 0.05);
        sum += descend(&expected, 6, 1, NULL, 0.05);
        expect_near(cn_history_of(history, "loss")[epoch], sum / SAMPLES);
    }
    expect_line(model, expected);
    cr_expect_eq(recorded_steps(model, CN_TRAIN_STEP), 2);
    cr_expect_eq(cn_iterations(cn_model_updater(model)), 9);
    cn_model_free(model);
}

/* Which samples the batches of size 1 were, told from the running mean of their losses: sample i has a loss of i². */

enum { SHUFFLED = 20 };

typedef struct seen_order {
    int sample[2 * SHUFFLED];
    int count;
    double sum;
} seen_order;

static bool see_batch(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    (void)model;
    seen_order *seen = context;
    double sum = cn_logs_value(logs, "loss") * (double)(batch + 1);
    seen->sample[seen->count++] = (int)lround(sqrt(fabs(sum - (batch ? seen->sum : 0))));
    seen->sum = sum;
    return true;
}

static seen_order order_of_fit(uint64_t seed)
{
    double x[SHUFFLED] = {0}, y[SHUFFLED];
    for (int i = 0; i < SHUFFLED; i++)
        y[i] = i;
    cn_set_seed(seed);
    seen_order seen = {.count = 0};
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(1));
    expect_done(cn_compile(model, .optimizer = cn_sgd(0), .loss = cn_mean_squared_error()));
    expect_done(cn_fit(model, {cn_array(x, SHUFFLED, 1)}, {cn_array(y, SHUFFLED, 1)}, .batch_size = 1, .epochs = 2,
                       .verbose = 0, .callbacks = {{.context = &seen, .on_train_batch_end = see_batch}}) != NULL);
    cn_model_free(model);
    cn_clear_session();
    return seen;
}

Test(fit, takes_batch_size_and_epochs_by_position)
{
    cn_model *model = line_model(0);
    cn_history *history = cn_fit(model, DATA, 2, 3, 0);
    expect_done(history != NULL);
    cr_expect_eq(cn_history_epochs(history), 3);
    cr_expect_eq(cn_iterations(cn_model_updater(model)), 3 * ((SAMPLES + 1) / 2));
    expect_done(isfinite(cn_evaluate(model, DATA, 2, 0)));
    cn_model_free(model);
}

Test(fit, shuffles_every_epoch_and_repeatably)
{
    seen_order first = order_of_fit(1), again = order_of_fit(1), other = order_of_fit(2);
    cr_assert_eq(first.count, 2 * SHUFFLED);
    for (int epoch = 0; epoch < 2; epoch++) {
        int times[SHUFFLED] = {0};
        for (int i = 0; i < SHUFFLED; i++)
            times[first.sample[epoch * SHUFFLED + i]]++;
        for (int i = 0; i < SHUFFLED; i++)
            cr_assert_eq(times[i], 1, "sample %d was seen %d times", i, times[i]);
    }
    cr_expect_arr_neq(first.sample, first.sample + SHUFFLED, SHUFFLED * sizeof(int));
    cr_expect_arr_eq(first.sample, again.sample, sizeof first.sample);
    cr_expect_arr_neq(first.sample, other.sample, sizeof first.sample);
}

Test(fit, counts_from_initial_epoch)
{
    cn_model *model = line_model(0.01);
    cn_history *history = cn_fit(model, DATA, .epochs = 5, .initial_epoch = 3, .shuffle = false, .verbose = 0);
    cr_expect_eq(cn_history_epochs(history), 2);
    line expected = start;
    descend(&expected, 0, SAMPLES, NULL, 0.01);
    descend(&expected, 0, SAMPLES, NULL, 0.01);
    expect_line(model, expected);
    cn_model_free(model);
}

Test(fit, steps_per_epoch_go_on_where_the_epoch_before_ended)
{
    cn_model *model = line_model(0.01);
    expect_done(cn_fit(model, DATA, .batch_size = 2, .epochs = 3, .steps_per_epoch = 2, .shuffle = false,
                       .verbose = 0) != NULL);
    line expected = start;
    for (int i = 0; i < 6; i++)
        descend(&expected, i % 4 * 2, i % 4 == 3 ? 1 : 2, NULL, 0.01);
    expect_line(model, expected);
    cn_model_free(model);
}

Test(fit, steps_per_epoch_make_the_batch_size_that_is_not_given)
{
    cn_model *model = line_model(0.01);
    expect_done(cn_fit(model, DATA, .steps_per_epoch = 3, .shuffle = false, .verbose = 0) != NULL);
    line expected = start;
    for (int first = 0; first < SAMPLES; first += 3) /* 7 samples in 3 steps */
        descend(&expected, first, first + 3 > SAMPLES ? SAMPLES - first : 3, NULL, 0.01);
    expect_line(model, expected);
    cn_model_free(model);
}

static double mean_loss(line l, int first, int count)
{
    return descend(&l, first, count, NULL, 0);
}

Test(fit, validation_split_takes_the_last_samples)
{
    cn_model *model = line_model(0);
    /* floor(7 * 0.7) = 4 samples train. */
    cn_history *history = cn_fit(model, DATA, .validation_split = 0.3, .verbose = 0);
    expect_done(history != NULL);
    expect_near(cn_history_of(history, "loss")[0], mean_loss(start, 0, 4));
    expect_near(cn_history_of(history, "val_loss")[0], mean_loss(start, 4, 3));
    cn_model_free(model);
}

Test(fit, validates_after_every_second_epoch)
{
    cn_model *model = line_model(0.01);
    cn_history *history = cn_fit(model, DATA, .epochs = 4, .validation_freq = 2, .shuffle = false, .verbose = 0,
                                 .validation_x = {cn_array(xs + 2, 2, 1)}, .validation_y = {cn_array(ys + 2, 2, 1)});
    expect_done(history != NULL);
    const double *losses = cn_history_of(history, "val_loss");
    line l = start;
    for (int epoch = 0; epoch < 4; epoch++) {
        descend(&l, 0, SAMPLES, NULL, 0.01);
        if (epoch % 2)
            expect_near(losses[epoch], mean_loss(l, 2, 2));
        else
            cr_expect(isnan(losses[epoch]));
    }
    cn_model_free(model);
}

Test(fit, weighs_samples)
{
    const double weights[SAMPLES] = {1, 0, 2, 0.5, 3, 1, 0.25};
    cn_model *model = line_model(0.02);
    cn_history *history =
        cn_fit(model, DATA, .sample_weight = {cn_array(weights, SAMPLES)}, .shuffle = false, .verbose = 0);
    expect_done(history != NULL);
    line expected = start;
    expect_near(cn_history_of(history, "loss")[0], descend(&expected, 0, SAMPLES, weights, 0.02));
    expect_line(model, expected);
    cn_model_free(model);
}

Test(fit, weighs_samples_of_the_part_that_validates)
{
    const double weights[SAMPLES] = {1, 0, 2, 0.5, 3, 1, 0.25};
    cn_model *model = line_model(0);
    cn_history *history =
        cn_fit(model, DATA, .sample_weight = {cn_array(weights, SAMPLES)}, .validation_split = 0.3, .verbose = 0);
    expect_done(history != NULL);
    line l = start;
    expect_near(cn_history_of(history, "val_loss")[0], descend(&l, 4, 3, weights, 0));
    cn_model_free(model);
}

Test(fit, weighs_classes)
{
    /* A label that is not listed weighs 1. */
    const cn_class_weight classes[] = {{1, 3}, {-2, 0.5}, {4, 0}, {0, -1}};
    const double weights[SAMPLES] = {3, 1, 0.5, 0, 1, 3, 1};
    cn_model *model = line_model(0.02);
    expect_done(cn_fit(model, DATA, .class_weight = classes, .shuffle = false, .verbose = 0) != NULL);
    line expected = start;
    descend(&expected, 0, SAMPLES, weights, 0.02);
    expect_line(model, expected);
    cn_model_free(model);
}

Test(fit, weighs_the_classes_of_rows_with_a_one)
{
    const double x[4] = {1, 2, 3, 4}, y[4][2] = {{1, 0}, {0, 1}, {0, 1}, {1, 0}};
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(2, .kernel_initializer = cn_init_zeros()));
    expect_done(cn_compile(model, .optimizer = cn_sgd(0), .loss = cn_mean_squared_error()));
    double loss = cn_train_on_batch(model, {cn_array(x, 4, 1)}, {cn_array(y[0], 4, 2)},
                                    .class_weight = CN_CLASS_WEIGHTS({0, 2}, {1, 5}));
    expect_near(loss, (2 + 5 + 5 + 2) * 0.5 / 4);
    cn_model_free(model);
}

Test(fit, metrics_begin_anew_with_every_epoch)
{
    cn_model *model = line_model(0);
    expect_done(cn_compile(model, .optimizer = cn_sgd(0.05), .loss = cn_mean_squared_error(),
                           .metrics = {cn_metric_of(cn_mean_squared_error())}));
    cn_history *history = cn_fit(model, DATA, .epochs = 4, .batch_size = 2, .verbose = 0, .validation_split = 0.4);
    expect_done(history != NULL);
    const double *loss = cn_history_of(history, "loss"), *metric = cn_history_of(history, "mean_squared_error");
    cr_expect_neq(loss[3], loss[0]);
    for (int epoch = 0; epoch < 4; epoch++) {
        expect_near(metric[epoch], loss[epoch]);
        expect_near(cn_history_of(history, "val_mean_squared_error")[epoch], cn_history_of(history, "val_loss")[epoch]);
    }
    cn_model_free(model);
}

Test(fit, not_a_number_in_the_data_trains_on)
{
    double x[2] = {1, NAN}, y[2] = {1, 1};
    char text[256] = {0};
    FILE *file = tmpfile();
    cn_model *model = line_model(0.1);
    cn_history *history = cn_fit(model, {cn_array(x, 2, 1)}, {cn_array(y, 2, 1)}, .epochs = 2, .file = file);
    expect_done(history != NULL);
    cr_expect(isnan(cn_history_of(history, "loss")[1]));
    rewind(file);
    cr_expect(fread(text, 1, sizeof text - 1, file) > 0);
    cr_expect(strstr(text, " - loss: nan\n") != NULL, "%s", text);
    fclose(file);
    cn_model_free(model);
}

/* What is printed. Times are replaced by T. */

static void read_without_times(FILE *file, char *text, size_t size)
{
    char written[2048];
    rewind(file);
    size_t count = fread(written, 1, sizeof written - 1, file), used = 0;
    written[count] = '\0';
    for (const char *c = written; *c && used + 1 < size;) {
        const char *end = c;
        while (isdigit((unsigned char)*end))
            end++;
        const char *unit = *end == 'm' || *end == 'u' ? end + 1 : end;
        bool is_time = end > c && *unit == 's' && !isalnum((unsigned char)unit[1]) && c > written && c[-1] == ' ';
        text[used++] = is_time ? 'T' : *c;
        c = is_time ? unit + 1 : c + 1;
    }
    text[used] = '\0';
    fclose(file);
}

#define BAR "[==============================]"

static void expect_output(int verbose, int epochs, const char *expected)
{
    char text[2048];
    FILE *file = tmpfile();
    cn_model *model = line_model(0);
    expect_done(cn_fit(model, DATA, .batch_size = 3, .epochs = epochs, .verbose = verbose, .file = file,
                       .validation_x = {cn_array(xs, 1, 1)}, .validation_y = {cn_array(ys, 1, 1)}) != NULL);
    read_without_times(file, text, sizeof text);
    cr_expect_str_eq(text, expected);
    cn_model_free(model);
}

/* The loss is 34.09375 / 7 = 4.8705, that of sample 0 alone 1. */

Test(fit, verbose_0_prints_nothing)
{
    expect_output(0, 2, "");
}

Test(fit, verbose_1_prints_the_last_state_of_the_bar)
{
    expect_output(1, 2,
                  "Epoch 1/2\n3/3 " BAR " - T T/step - loss: 4.8705 - val_loss: 1.0000\n"
                  "Epoch 2/2\n3/3 " BAR " - T T/step - loss: 4.8705 - val_loss: 1.0000\n");
}

Test(fit, verbose_2_prints_a_line_an_epoch)
{
    expect_output(2, 2,
                  "Epoch 1/2\n3/3 - T - loss: 4.8705 - val_loss: 1.0000 - T/epoch - T/step\n"
                  "Epoch 2/2\n3/3 - T - loss: 4.8705 - val_loss: 1.0000 - T/epoch - T/step\n");
}

Test(fit, one_epoch_has_no_number)
{
    expect_output(1, 1, "3/3 " BAR " - T T/step - loss: 4.8705 - val_loss: 1.0000\n");
}

/* A terminal's other side: what has been written to it so far. */
static bool bar_is_seen(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)model;
    (void)epoch;
    (void)logs;
    char text[1024] = "";
    cr_expect(read(*(int *)context, text, sizeof text - 1) > 0);
    cr_expect(strstr(text, "1/3 [=========>") != NULL, "'%s'", text);
    return true;
}

Test(fit, bar_is_seen_while_it_grows)
{
    int screen = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    cr_assert(screen >= 0 && grantpt(screen) == 0 && unlockpt(screen) == 0);
    FILE *terminal = fopen(ptsname(screen), "w");
    cr_assert(terminal);
    cn_model *model = line_model(0);
    expect_done(cn_fit(model, DATA, .batch_size = 3, .file = terminal,
                       .callbacks = {{.context = &screen, .on_epoch_end = bar_is_seen}}) != NULL);
    fclose(terminal);
    close(screen);
    cn_model_free(model);
}

Test(fit, evaluate_and_predict_print_only_if_asked)
{
    char text[512];
    double p[SAMPLES];
    cn_model *model = line_model(0);
    FILE *file = tmpfile();
    cn_evaluate(model, DATA, .file = file);
    cn_predict(model, {cn_array(xs, SAMPLES, 1)}, {cn_array(p, SAMPLES, 1)}, .file = file);
    cn_evaluate(model, DATA, .file = file, .verbose = 1);
    cn_evaluate(model, DATA, .file = file, .verbose = 2);
    cn_predict(model, {cn_array(xs, SAMPLES, 1)}, {cn_array(p, SAMPLES, 1)}, .file = file, .verbose = 1,
               .batch_size = 2);
    read_without_times(file, text, sizeof text);
    cr_expect_str_eq(text, "1/1 " BAR " - T T/step - loss: 4.8705\n"
                           "1/1 - T - loss: 4.8705 - T/epoch - T/step\n"
                           "4/4 " BAR " - T T/step\n");
    cn_model_free(model);
}

/* Several inputs and outputs: sum = a + b, twice = 2 a. */

static cn_model *two_by_two(void)
{
    cn_tensor *a = cn_input(2), *b = cn_input(2);
    cn_tensor *sum = cn_call(cn_activation_layer(NULL, .name = "sum"), cn_add(a, b));
    cn_tensor *twice = cn_call(cn_dense(2, .use_bias = false, .name = "twice"), a);
    cn_model *model = cn_model_new({a, b}, {sum, twice});
    const double w[2][2] = {{2, 0}, {0, 2}};
    expect_done(cn_set_weights(model, cn_array(w[0], 2, 2)));
    return model;
}

static const double as[3][2] = {{1, 2}, {3, 4}, {5, 6}}, bs[3][2] = {{1, 1}, {0, 0}, {-1, 2}};
static const double sums[3][2] = {{3, 3}, {3, 4}, {4, 8}}, twices[3][2] = {{2, 4}, {6, 8}, {10, 9}};

Test(fit, several_outputs_have_losses_weights_and_names_of_their_own)
{
    cn_model *model = two_by_two();
    expect_done(cn_compile(model, .optimizer = cn_sgd(0), .losses = {cn_mean_squared_error(), cn_mean_absolute_error()},
                           .loss_weights = {1, 0.5}, .metrics = {cn_metric_of(cn_mean_absolute_error())},
                           .output_metrics = {{{.name = NULL}}, {cn_metric_of(cn_mean_squared_error())}}));
    cn_history *history = cn_fit(model, {cn_array(as[0], 3, 2), cn_array(bs[0], 3, 2)},
                                 {cn_array(sums[0], 3, 2), cn_array(twices[0], 3, 2)}, .batch_size = 2, .verbose = 0,
                                 .validation_x = {cn_array(as[0], 1, 2), cn_array(bs[0], 1, 2)},
                                 .validation_y = {cn_array(sums[0], 1, 2), cn_array(twices[0], 1, 2)});
    expect_done(history != NULL);
    static const struct {
        const char *name;
        double value;
    } expected[] = {{"loss", 1. / 6 + 0.5 * 3 / 6},
                    {"sum_loss", 1. / 6},
                    {"twice_loss", 3. / 6},
                    {"sum_mean_absolute_error", 1. / 6},
                    {"twice_mean_absolute_error", 3. / 6},
                    {"twice_mean_squared_error", 9. / 6},
                    {"val_loss", 0.5},
                    {"val_sum_loss", 0.5},
                    {"val_twice_loss", 0},
                    {"val_sum_mean_absolute_error", 0.5},
                    {"val_twice_mean_absolute_error", 0},
                    {"val_twice_mean_squared_error", 0}};
    int count = (int)(sizeof expected / sizeof *expected);
    cr_assert_eq(cn_history_names(history), count);
    for (int i = 0; i < count; i++) {
        cr_expect_str_eq(cn_history_name(history, i), expected[i].name);
        expect_near(cn_history_of(history, expected[i].name)[0], expected[i].value);
    }
    cn_model_free(model);
}

Test(fit, outputs_of_one_layer_are_told_apart)
{
    const char *names[] = {"loss", "dense_loss", "dense_1_loss", "dense_mean_absolute_error",
                           "dense_1_mean_absolute_error"};
    cn_tensor *a = cn_input(2), *b = cn_input(2);
    cn_layer *shared = cn_dense(2, .name = "dense");
    cn_model *model = cn_model_new({a, b}, {cn_call(shared, a), cn_call(shared, b)});
    expect_done(cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error(),
                           .metrics = {cn_metric_of(cn_mean_absolute_error())}));
    cn_history *history = cn_fit(model, {cn_array(as[0], 3, 2), cn_array(bs[0], 3, 2)},
                                 {cn_array(sums[0], 3, 2), cn_array(twices[0], 3, 2)}, .verbose = 0);
    expect_done(history != NULL);
    cr_assert_eq(cn_history_names(history), 5);
    for (int i = 0; i < 5; i++)
        cr_expect_str_eq(cn_history_name(history, i), names[i]);
    cn_model_free(model);
}

Test(fit, predict_writes_an_array_an_output)
{
    cn_model *model = two_by_two();
    double sum[3][2], twice[3][2];
    expect_done(cn_predict(model, {cn_array(as[0], 3, 2), cn_array(bs[0], 3, 2)},
                           {cn_array(sum[0], 3, 2), cn_array(twice[0], 3, 2)}, .batch_size = 2));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 2; j++) {
            expect_near(sum[i][j], as[i][j] + bs[i][j]);
            expect_near(twice[i][j], 2 * as[i][j]);
        }
    cn_model_free(model);
}

Test(fit, predict_converts_bytes_to_floats_and_these_to_doubles)
{
    const uint8_t x[3][2] = {{0, 255}, {1, 2}, {128, 7}};
    const float w[2][1] = {{0.5f}, {2}}, b[1] = {1};
    double p[3];
    cn_set_default_dtype(CN_F32);
    cn_model *model = cn_sequential(cn_dense(1));
    expect_done(cn_build(model, CN_SHAPE(-1, 2)));
    expect_done(cn_set_weights(model, cn_array(w[0], 2, 1), cn_array(b, 1)));
    expect_done(cn_predict(model, {cn_array(x[0], 3, 2)}, {cn_array(p, 3, 1)}, .batch_size = 2));
    for (int i = 0; i < 3; i++)
        cr_expect_eq(p[i], 0.5 * x[i][0] + 2 * x[i][1] + 1);
    cn_model_free(model);
}

Test(fit, predict_wants_arrays_of_the_right_size)
{
    double p[SAMPLES];
    cn_model *model = line_model(0);
    cr_expect_not(cn_predict(model, {cn_array(xs, SAMPLES, 1)}, {cn_array(p, SAMPLES - 1, 1)}));
    expect_failure(true, CN_SHAPES, "predict: the array has shape (6, 1), not (7, 1)");
    cr_expect_not(cn_predict(model, {cn_array(xs, SAMPLES, 1)}, {cn_array(ys, SAMPLES, 1)}));
    expect_failure(true, CN_ARGUMENT, "predict: output 0 of sequential needs an array that is not const");
    cr_expect_not(cn_predict(model, {cn_array(xs, SAMPLES, 1)}));
    expect_failure(true, CN_ARGUMENT, "predict: output 0 of sequential needs an array that is not const");
    cn_model_free(model);
}

Test(fit, evaluate_gives_loss_and_metrics)
{
    cn_model *model = line_model(0);
    expect_done(cn_compile(model, .optimizer = cn_sgd(1), .loss = cn_mean_squared_error(),
                           .metrics = {cn_metric_of(cn_mean_absolute_error())}));
    cn_logs logs;
    double absolute = 0, loss = cn_evaluate(model, DATA, .batch_size = 3, .logs = &logs);
    for (int i = 0; i < SAMPLES; i++)
        absolute += fabs(error_of(start, i)) / SAMPLES;
    expect_near(loss, mean_loss(start, 0, SAMPLES));
    cr_assert_eq(logs.count, 2);
    cr_expect_str_eq(logs.item[0].name, "loss");
    expect_near(logs.item[0].value, loss);
    expect_near(cn_logs_value(&logs, "mean_absolute_error"), absolute);
    cr_expect(isnan(cn_logs_value(&logs, "accuracy")));
    expect_line(model, start);
    cn_model_free(model);
}

Test(fit, single_batches_train_and_test)
{
    cn_model *model = line_model(0.03);
    line expected = start;
    cn_logs logs;
    expect_near(cn_test_on_batch(model, DATA), mean_loss(start, 0, SAMPLES));
    expect_line(model, start);
    for (int i = 0; i < 3; i++) {
        double loss = cn_train_on_batch(model, DATA, .logs = &logs);
        expect_near(loss, descend(&expected, 0, SAMPLES, NULL, 0.03));
        expect_near(cn_logs_value(&logs, "loss"), loss);
    }
    expect_line(model, expected);
    cn_model_free(model);
}

Test(fit, last_axis_of_size_1_may_be_left_out)
{
    cn_model *model = line_model(0.03);
    line expected = start;
    expect_near(cn_train_on_batch(model, {cn_array(xs, SAMPLES)}, {cn_array(ys, SAMPLES)}),
                descend(&expected, 0, SAMPLES, NULL, 0.03));
    expect_line(model, expected);
    cn_model_free(model);
}

Test(fit, history_is_drawn)
{
    char path[] = "/tmp/cornet-history-XXXXXX", text[64] = {0};
    int descriptor = mkstemp(path);
    cr_assert(descriptor >= 0);
    FILE *file = fdopen(descriptor, "r");
    cn_model *model = line_model(0.01);
    cn_history *history = cn_fit(model, DATA, .epochs = 3, .verbose = 0);
    expect_done(cn_history_plot(history, path));
    cr_expect(fread(text, 1, 4, file) == 4);
    cr_expect_str_eq(text, "<svg");
    fclose(file);
    remove(path);
    cn_model_free(model);
}
