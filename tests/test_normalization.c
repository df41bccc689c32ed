/* Normalization: the fused operations against their unfused forms, the layers against formulas. That the numbers are
 * Keras' is shown by the golden cases. */
#include "core/kernels/kernels.h"
#include "expect.h"
#include <string.h>

TestSuite(normalization, .fini = expect_clear);

/* Numbers from low - 1 to low + 1 without a pattern. */
static cn_tensor *waves(cn_tape *tape, cn_shape shape, double phase, double low)
{
    int64_t count = cn_shape_size(shape);
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = low + sin((double)i * 1.7 + phase + (double)(i % 7));
    cn_tensor *made = cn_constant_as(tape, cn_array_with(values, CN_ARRAY_F64, false, shape), cn_default_dtype());
    free(values);
    return made;
}

static double *values_of(cn_tensor *tensor)
{
    cr_assert_not_null(tensor, "%s", cn_error_message());
    cn_shape shape = cn_shape_of(tensor);
    double *values = malloc(((size_t)cn_shape_size(shape) + 1) * sizeof *values);
    cr_assert(cn_values(tensor, cn_array_with(values, CN_ARRAY_F64, true, shape)), "%s", cn_error_message());
    return values;
}

static void expect_near(const char *what, int64_t count, const double *got, const double *wanted, double tolerance)
{
    for (int64_t i = 0; i < count; i++)
        cr_assert(fabs(got[i] - wanted[i]) <= tolerance * fmax(1, fabs(wanted[i])),
                  "%s: element %lld is %.9g, not %.9g", what, (long long)i, got[i], wanted[i]);
}

/* The fused forms */

enum { ROWS, RMS, COLUMNS, FORMS };

/* What a form gives, then its gradients to x, scale and offset. */
enum { RESULTS = 4 };

typedef struct setting {
    cn_shape shape;
    int form;
    bool factors; /* with a scale and an offset */
} setting;

static int64_t count_of(const setting *s, int result)
{
    int64_t last = s->shape.dim[s->shape.rank - 1];
    return result < 2 ? cn_shape_size(s->shape) : last;
}

static void run_form(const setting *s, bool second_order, double low, double *result[RESULTS])
{
    cn_tape *tape = cn_tape_new(.second_order = second_order);
    cn_shape last = CN_SHAPE(s->shape.dim[s->shape.rank - 1]);
    cn_tensor *x = waves(tape, s->shape, 0, low), *dy = waves(tape, s->shape, 2, 0);
    cn_tensor *scale = s->factors ? waves(tape, last, 1, 0) : NULL,
              *offset = s->factors ? waves(tape, last, 3, 0) : NULL;
    cn_tensor *batch[CN_BATCH_RESULTS], *y = NULL;
    if (s->form == ROWS)
        y = cn_layer_normalize(x, .gamma = scale, .beta = offset);
    else if (s->form == RMS)
        y = cn_rms_normalize(x, .scale = scale);
    else if (cn_batch_normalize_training((cn_batch_normalize_training_args){x, -1, offset, scale, 1e-3}, batch))
        y = batch[CN_NORMALIZED];
    cn_tensor *of[3] = {x, scale, s->form == RMS ? NULL : offset}, *gradient[3] = {NULL};
    int count = of[2] ? 3 : of[1] ? 2 : 1;
    cr_assert(cn_vjp(&y, &dy, 1, of, count, gradient), "%s", cn_error_message());
    result[0] = values_of(y);
    for (int i = 0; i < 3; i++)
        result[1 + i] = i < count ? values_of(gradient[i]) : NULL;
    cn_tape_free(tape);
}

static void free_results(double *result[RESULTS])
{
    for (int i = 0; i < RESULTS; i++)
        free(result[i]);
}

/* Short and long rows, few and many channels, several pieces, runs of rows that are not full. */
static const cn_shape shapes[] = {
    {1, {5}},        {2, {1, 1}},     {2, {1, 70}},    {2, {7, 3}},     {2, {64, 2}},      {2, {40, 33}},
    {2, {3000, 17}}, {2, {100, 300}}, {2, {3, 20000}}, {2, {20001, 1}}, {3, {30, 50, 48}}, {4, {2, 9, 11, 256}},
};

static void expect_unfused(cn_dtype dtype, double low, double tolerance)
{
    cn_set_default_dtype(dtype);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int form = 0; form < 2 * FORMS; form++) {
            const setting s = {shapes[i], form / 2, form % 2 == 1};
            double *fused[RESULTS], *unfused[RESULTS];
            run_form(&s, false, low, fused);
            cn_set_default_dtype(CN_F64);
            run_form(&s, true, low, unfused);
            cn_set_default_dtype(dtype);
            for (int k = 0; k < RESULTS; k++) {
                char what[64];
                snprintf(what, sizeof what, "shape %d, form %d, result %d", (int)i, form, k);
                if (fused[k])
                    expect_near(what, count_of(&s, k), fused[k], unfused[k], tolerance);
            }
            free_results(fused);
            free_results(unfused);
        }
    }
}

Test(normalization, fused_forms_are_the_unfused_ones)
{
    expect_unfused(CN_F64, 0.5, 1e-10);
}

/* The sums of a float32 scale's gradient have 20,000 terms. */
Test(normalization, fused_forms_are_the_unfused_ones_in_float32)
{
    expect_unfused(CN_F32, 0.5, 2e-4);
}

/* One pass over the elements must not lose the variance behind a mean that is 1000 times the deviation, nor where the
 * first rows are unlike the others. */
Test(normalization, batch_moments_of_far_means_keep_their_digits)
{
    enum { N = 4096, CHANNELS = 2 };
    float *x = malloc(N * CHANNELS * sizeof *x);
    for (int i = 0; i < N; i++) {
        x[2 * i] = 1000 + (float)sin(i * 1.3);
        x[2 * i + 1] = i < 300 ? 0 : 50 + (float)sin(i * 1.3);
    }
    double mean[CHANNELS] = {0}, variance[CHANNELS] = {0};
    for (int i = 0; i < N * CHANNELS; i++)
        mean[i % CHANNELS] += (double)x[i] / N;
    for (int i = 0; i < N * CHANNELS; i++)
        variance[i % CHANNELS] += pow((double)x[i] - mean[i % CHANNELS], 2) / N;
    cn_tape *tape = cn_tape_new();
    cn_tensor *results[CN_BATCH_RESULTS], *input = cn_constant(tape, cn_array(x, N, CHANNELS));
    cr_assert(cn_batch_normalize_training((cn_batch_normalize_training_args){.x = input, .axis = 1}, results));
    double *got_mean = values_of(results[CN_BATCH_MEAN]), *got_variance = values_of(results[CN_BATCH_VARIANCE]);
    for (int c = 0; c < CHANNELS; c++) {
        cr_expect(fabs(got_mean[c] - mean[c]) < 1e-6 * mean[c], "mean %.9g, not %.9g", got_mean[c], mean[c]);
        cr_expect(fabs(got_variance[c] - variance[c]) < 2e-5 * variance[c], "variance %.9g, not %.9g", got_variance[c],
                  variance[c]);
    }
    free(got_mean);
    free(got_variance);
    free(x);
    cn_tape_free(tape);
}

Test(normalization, threads_change_no_bit)
{
    for (int form = 0; form < FORMS; form++) {
        const setting s = {CN_SHAPE(3000, 33), form, true};
        double *one[RESULTS], *many[RESULTS];
        cn_set_threads(1);
        run_form(&s, false, 0, one);
        cn_set_threads(3);
        run_form(&s, false, 0, many);
        for (int k = 0; k < RESULTS; k++)
            cr_expect(!one[k] || memcmp(one[k], many[k], (size_t)count_of(&s, k) * sizeof(double)) == 0,
                      "form %d, result %d", form, k);
        free_results(one);
        free_results(many);
    }
}

static cn_tensor *layer_normalized(cn_tensor *x)
{
    return cn_layer_normalize(x, .axes = CN_AXES(0, 2));
}

static cn_tensor *batch_normalized(cn_tensor *x)
{
    cn_tensor *results[CN_BATCH_RESULTS];
    cn_batch_normalize_training((cn_batch_normalize_training_args){.x = x, .axis = 1, .epsilon = 1e-3}, results);
    return results[CN_NORMALIZED];
}

static cn_tensor *group_normalized(cn_tensor *x)
{
    return cn_group_normalize(x, 2);
}

static cn_tensor *batch_normalized_by_others(cn_tensor *x)
{
    cn_tensor *mean = cn_mean(x, .axes = CN_AXES(0, 1)), *variance = cn_var(x, .axes = CN_AXES(0, 1));
    return cn_batch_normalize(x, mean, variance, .scale = mean, .offset = variance);
}

Test(normalization, planned_is_eager)
{
    expect_planned("layer", layer_normalized, CN_SHAPE(3, 2, 4));
    expect_planned("batch", batch_normalized, CN_SHAPE(3, 2, 4));
    expect_planned("group", group_normalized, CN_SHAPE(3, 2, 4));
    expect_planned("by others", batch_normalized_by_others, CN_SHAPE(3, 2, 4));
}

Test(normalization, no_samples_are_no_error)
{
    cn_tape *tape = cn_tape_new();
    EXPECT(cn_layer_normalize(cn_zeros(tape, CN_SHAPE(0, 3))), CN_SHAPE(0, 3), 0);
    cn_tensor *results[CN_BATCH_RESULTS];
    cr_assert(cn_batch_normalize_training(
        (cn_batch_normalize_training_args){.x = cn_zeros(tape, CN_SHAPE(0, 2)), .axis = -1}, results));
    EXPECT(results[CN_BATCH_MEAN], CN_SHAPE(2), NAN, NAN);
    cn_tape_free(tape);
}

Test(normalization, operations_refuse_what_does_not_fit)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_zeros(tape, CN_SHAPE(2, 4)), *two = cn_zeros(tape, CN_SHAPE(2)),
              *four = cn_zeros(tape, CN_SHAPE(4));
    expect_error(!cn_layer_normalize(x, .gamma = two),
                 "layer_normalization: input 1 has not the shape (4,): (2, 4) x (2,)");
    expect_error(!cn_layer_normalize(x, .axis = 2),
                 "layer_normalization: there is no axis 2 in a tensor of rank 2: (2, 4)");
    expect_error(!cn_rms_normalize(cn_cast(x, CN_I32)), "rms_normalization: is for floats, not int32: (2, 4)");
    expect_error(!cn_rms_normalize(x, .scale = cn_cast(four, CN_F64)),
                 "rms_normalization: input 1 is float64, not float32: (2, 4) x (4,)");
    expect_error(!cn_group_normalize(x, 3), "group_normalization: 4 channels cannot be cut into 3 groups: (2, 4)");
    expect_error(!cn_group_normalize(x, 1, .axis = 0), "group_normalization: axis 0 is that of the samples: (2, 4)");
    expect_error(!cn_batch_normalize(x, four, two),
                 "batch_normalization: input 2 has not the shape (4,): (2, 4) x (4,) x (2,)");
    cn_tape_free(tape);
}

/* The layers */

#define EXPECT_GRADIENTS(layer, ...)                                                                   \
    cr_expect(cn_gradient_check_layer(NULL, (layer), .input_count = 1, __VA_ARGS__), "%s: %s", #layer, \
              cn_error_message())

Test(normalization, gradients_of_layers)
{
    cn_set_default_dtype(CN_F64); /* for the wrapped layer */
    const cn_shape flat = CN_SHAPE(4, 3), deep = CN_SHAPE(2, 3, 2, 4);
    EXPECT_GRADIENTS(cn_batch_normalization(), .inputs = {flat}, .training = true);
    EXPECT_GRADIENTS(cn_batch_normalization(.axis = 1), .inputs = {deep}, .training = true);
    EXPECT_GRADIENTS(cn_batch_normalization(.center = false), .inputs = {deep}, .training = true);
    EXPECT_GRADIENTS(cn_batch_normalization(.scale = false), .inputs = {deep}, .training = true);
    EXPECT_GRADIENTS(cn_batch_normalization(), .inputs = {deep});
    EXPECT_GRADIENTS(cn_batch_normalization(.axis = 1, .renorm = true), .inputs = {deep});
    EXPECT_GRADIENTS(cn_layer_normalization(), .inputs = {flat});
    EXPECT_GRADIENTS(cn_layer_normalization(CN_SHAPE(2, 1)), .inputs = {deep});
    EXPECT_GRADIENTS(cn_layer_normalization(.center = false, .scale = false), .inputs = {deep});
    EXPECT_GRADIENTS(cn_layer_normalization(.rms_scaling = true), .inputs = {deep});
    EXPECT_GRADIENTS(cn_group_normalization(2), .inputs = {deep});
    EXPECT_GRADIENTS(cn_group_normalization(-1, .axis = 1), .inputs = {deep});
    EXPECT_GRADIENTS(cn_rms_normalization(), .inputs = {flat});
    EXPECT_GRADIENTS(cn_rms_normalization(CN_SHAPE(1)), .inputs = {deep});
    EXPECT_GRADIENTS(cn_unit_normalization(), .inputs = {flat});
    EXPECT_GRADIENTS(cn_unit_normalization(CN_SHAPE(1, 2)), .inputs = {deep});
    EXPECT_GRADIENTS(cn_spectral_normalization(cn_dense(2)), .inputs = {flat});
}

static cn_tensor *call_masked(cn_tape *tape, cn_tensor *const *x, void *layer)
{
    const int32_t counts[4] = {1, 0, 1, 1};
    cn_tensor *mask = cn_constant(tape, cn_array(counts, 2, 2));
    cn_tensors y = cn_call_many((cn_layer *)layer, {x[0]}, .mask = {mask}, .training = CN_TRAINING);
    return y.count ? y.item[0] : NULL;
}

Test(normalization, gradient_of_masked_batch_normalization)
{
    cn_set_default_dtype(CN_F64);
    cn_layer *layer = cn_batch_normalization();
    cr_assert(cn_gradient_check(NULL, call_masked, .context = layer, .input_count = 1, .inputs = {CN_SHAPE(2, 2, 3)}),
              "%s", cn_error_message());
}

Test(normalization, weights_are_keras)
{
    cn_layer *batch = cn_batch_normalization(.renorm = true), *layer = cn_layer_normalization();
    cn_layer *spectral = cn_spectral_normalization(cn_dense(2));
    const char *const names[] = {"gamma",         "beta",        "moving_mean",  "moving_variance",
                                 "moving_stddev", "renorm_mean", "renorm_stddev"};
    cr_assert(cn_build(batch, CN_SHAPE(-1, 5, 3)) && cn_build(layer, CN_SHAPE(-1, 5, 3)) &&
              cn_build(spectral, CN_SHAPE(-1, 3)));
    cr_assert_eq(cn_weight_count(batch), 7);
    for (int i = 0; i < 7; i++) {
        char path[64];
        snprintf(path, sizeof path, "batch_normalization/%s", names[i]);
        cr_expect_str_eq(cn_name_of(cn_weight(batch, i)), path);
    }
    cr_expect_str_eq(cn_layer_name(layer), "layer_normalization");
    cr_expect_str_eq(cn_layer_name(cn_rms_normalization()), "rms_normalization");
    cr_expect_str_eq(cn_layer_name(cn_group_normalization()), "group_normalization");
    cr_expect_str_eq(cn_layer_name(cn_unit_normalization()), "unit_normalization");
    cr_assert_eq(cn_weight_count(spectral), 3);
    cr_expect_str_eq(cn_name_of(cn_weight(spectral, 0)), "spectral_normalization/dense/kernel");
    cr_expect_str_eq(cn_name_of(cn_weight(spectral, 1)), "spectral_normalization/vector_u");
    cr_expect_str_eq(cn_name_of(cn_weight(spectral, 2)), "spectral_normalization/dense/bias");
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(spectral, 1)), CN_SHAPE(1, 2)));
}

Test(normalization, wrong_layers_are_refused)
{
    cn_layer *layer = cn_batch_normalization(.axis = 2, .name = "bn");
    expect_error(!cn_build(layer, CN_SHAPE(-1, 3)), "bn: there is no axis 2 in an input of (None, 3)");
    cr_expect_eq(cn_weight_count(layer), 0);
    expect_error(!cn_build(cn_batch_normalization(.name = "open"), CN_SHAPE(-1, -1)),
                 "open: axis 1 of its input must be known, got (None, None)");
    expect_error(!cn_build(cn_layer_normalization(CN_SHAPE(1, -1), .name = "ln"), CN_SHAPE(-1, 3)),
                 "ln: axis 1 is named twice");
    expect_error(!cn_layer_normalization(CN_SHAPE(), .name = "none"), "none: needs an axis to normalize");
    expect_error(!cn_group_normalization(0, .name = "gn"),
                 "gn: groups must be positive, or -1 for as many as there are channels, not 0");
    expect_error(!cn_build(cn_group_normalization(.name = "gn"), CN_SHAPE(-1, 4)),
                 "gn: 4 channels cannot be cut into 32 groups");
    expect_error(!cn_batch_normalization(.renorm = true, .renorm_clipping = {2, 1, 1}, .name = "rn"),
                 "rn: renorm_clipping needs rmin <= rmax and dmax >= 0, not 2, 1 and 1");
    expect_error(!cn_spectral_normalization(.name = "sn"), "sn: needs a layer to wrap");
    expect_error(!cn_spectral_normalization(cn_dense(2), 0, .name = "sn"),
                 "sn: power_iterations must be positive, not 0");
    expect_error(!cn_build(cn_spectral_normalization(cn_flatten(.name = "flat"), .name = "sn"), CN_SHAPE(-1, 4)),
                 "sn: flat has neither a kernel nor embeddings");
}

Test(normalization, a_failed_call_leaves_the_moving_statistics)
{
    cn_layer *layer = cn_batch_normalization();
    cn_tape *tape = cn_tape_new(.training = true);
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2)));
    cr_expect_null(cn_call(layer, cn_ones(tape, CN_SHAPE(4, 3))));
    cn_error_clear();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(4, 2));
    cn_call_many(layer, {x}, .mask = {cn_ones(tape, CN_SHAPE(4, 2), .dtype = CN_I32)});
    cr_expect_eq(cn_error_code(), CN_SHAPES);
    expect_error(true, "batch_normalization: its mask has rank 2, not one less than its input's 2");
    EXPECT(cn_read(tape, cn_weight(layer, 2)), CN_SHAPE(2), 0, 0);
    EXPECT(cn_read(tape, cn_weight(layer, 3)), CN_SHAPE(2), 1, 1);
    cn_tape_free(tape);
}

Test(normalization, masks_pass_but_for_rms_and_spectral)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(2, 3, 4)), *mask = cn_ones(tape, CN_SHAPE(2, 3), .dtype = CN_I32);
    cn_layer *const pass[] = {cn_batch_normalization(), cn_layer_normalization(), cn_group_normalization(2),
                              cn_unit_normalization()};
    cn_layer *const drop[] = {cn_rms_normalization(), cn_spectral_normalization(cn_dense(2))};
    for (size_t i = 0; i < sizeof pass / sizeof *pass; i++)
        cr_expect_eq(cn_mask_of(cn_call_many(pass[i], {x}, .mask = {mask}).item[0]), mask, "%s",
                     cn_layer_name(pass[i]));
    for (size_t i = 0; i < sizeof drop / sizeof *drop; i++)
        cr_expect_null(cn_mask_of(cn_call_many(drop[i], {x}, .mask = {mask}).item[0]), "%s", cn_layer_name(drop[i]));
    cn_tape_free(tape);
}

/* The factors of a channel come first: five numbers a channel, then the product with all that follows. */
Test(normalization, inference_is_an_epilogue)
{
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(64, 32)), *y = cn_call(cn_dense(48), x);
    y = cn_relu(cn_call(cn_batch_normalization(), y));
    cn_plan *plan = cn_plan_new(tape, {y});
    cr_assert(plan, "%s", cn_error_message());
    cr_expect_eq(cn_plan_describe(plan).kernels, 5 + 1);
    cn_plan_free(plan);
    cn_tape_free(tape);
}

/* Training with batch normalization: two steps of gradient descent on the squared error, by the formulas. */

enum { SAMPLES = 8, BATCH = 4, CHANNELS = 2 };
static const double momentum = 0.75, epsilon = 1e-3, rate = 0.1;

typedef struct norm {
    double gamma[CHANNELS], beta[CHANNELS], mean[CHANNELS], variance[CHANNELS];
} norm;

static void training_data(double *x, double *y)
{
    for (int i = 0; i < SAMPLES * CHANNELS; i++) {
        x[i] = 2 * sin(1.3 * i) + i % CHANNELS;
        y[i] = cos(0.7 * i);
    }
}

static void step(norm *n, const double *x, const double *y)
{
    for (int c = 0; c < CHANNELS; c++) {
        double mean = 0, variance = 0, dgamma = 0, dbeta = 0;
        for (int i = 0; i < BATCH; i++)
            mean += x[i * CHANNELS + c] / BATCH;
        for (int i = 0; i < BATCH; i++)
            variance += pow(x[i * CHANNELS + c] - mean, 2) / BATCH;
        for (int i = 0; i < BATCH; i++) {
            double xhat = (x[i * CHANNELS + c] - mean) / sqrt(variance + epsilon);
            double dy = 2 * (xhat * n->gamma[c] + n->beta[c] - y[i * CHANNELS + c]) / (BATCH * CHANNELS);
            dgamma += dy * xhat;
            dbeta += dy;
        }
        n->gamma[c] -= rate * dgamma;
        n->beta[c] -= rate * dbeta;
        n->mean[c] = n->mean[c] * momentum + mean * (1 - momentum);
        n->variance[c] = n->variance[c] * momentum + variance * (1 - momentum);
    }
}

static cn_model *norm_model(cn_layer **layer)
{
    cn_set_default_dtype(CN_F64);
    *layer = cn_batch_normalization(.momentum = momentum);
    cn_model *model = cn_sequential(cn_input_layer(CHANNELS), *layer);
    cr_assert(cn_compile(model, .optimizer = cn_sgd(rate), .loss = cn_mean_squared_error()), "%s", cn_error_message());
    return model;
}

static void expect_norm(cn_layer *layer, const norm *wanted)
{
    const double *const weight[] = {wanted->gamma, wanted->beta, wanted->mean, wanted->variance};
    for (int i = 0; i < 4; i++) {
        double *got = values_of(cn_weight(layer, i));
        expect_near(cn_name_of(cn_weight(layer, i)), CHANNELS, got, weight[i], 1e-12);
        free(got);
    }
}

static const norm beginning = {{1, 1}, {0, 0}, {0, 0}, {1, 1}};

Test(normalization, fit_moves_statistics_once_a_step)
{
    double x[SAMPLES * CHANNELS], y[SAMPLES * CHANNELS];
    training_data(x, y);
    cn_layer *layer;
    cn_model *model = norm_model(&layer);
    cr_assert(cn_fit(model, {cn_array(x, SAMPLES, CHANNELS)}, {cn_array(y, SAMPLES, CHANNELS)}, .batch_size = BATCH,
                     .epochs = 2, .shuffle = false, .verbose = 0),
              "%s", cn_error_message());
    norm n = beginning;
    for (int epoch = 0; epoch < 2; epoch++)
        for (int i = 0; i < SAMPLES * CHANNELS; i += BATCH * CHANNELS)
            step(&n, x + i, y + i);
    expect_norm(layer, &n);
    cn_model_free(model);
}

Test(normalization, predict_and_evaluate_use_moving_statistics_and_leave_them)
{
    double x[SAMPLES * CHANNELS], y[SAMPLES * CHANNELS], predicted[SAMPLES * CHANNELS], wanted[SAMPLES * CHANNELS];
    training_data(x, y);
    cn_layer *layer;
    cn_model *model = norm_model(&layer);
    const cn_view in = cn_array(x, SAMPLES, CHANNELS), target = cn_array(y, SAMPLES, CHANNELS);
    norm n = beginning;
    for (int round = 0; round < 2; round++) {
        double loss = 0;
        for (int i = 0; i < SAMPLES * CHANNELS; i++) {
            int c = i % CHANNELS;
            wanted[i] = (x[i] - n.mean[c]) / sqrt(n.variance[c] + epsilon) * n.gamma[c] + n.beta[c];
            loss += pow(wanted[i] - y[i], 2) / (SAMPLES * CHANNELS);
        }
        cr_assert(cn_predict(model, {in}, {cn_array(predicted, SAMPLES, CHANNELS)}), "%s", cn_error_message());
        expect_near("predicted", SAMPLES * CHANNELS, predicted, wanted, 1e-12);
        double evaluated = cn_evaluate(model, {in}, {target}, .verbose = 0);
        expect_near("loss", 1, &evaluated, &loss, 1e-12);
        expect_norm(layer, &n);
        cr_assert(cn_fit(model, {in}, {target}, .batch_size = BATCH, .shuffle = false, .verbose = 0));
        step(&n, x, y);
        step(&n, x + BATCH * CHANNELS, y + BATCH * CHANNELS);
    }
    cn_model_free(model);
}

Test(normalization, a_frozen_layer_runs_in_inference_also_inside_a_frozen_model)
{
    double x[SAMPLES * CHANNELS], y[SAMPLES * CHANNELS];
    training_data(x, y);
    cn_layer *layer;
    cn_model *inner = norm_model(&layer);
    cn_set_trainable(inner, false);
    cn_model *model = cn_sequential(cn_input_layer(CHANNELS), cn_model_layer(inner), cn_dense(CHANNELS));
    cr_assert(cn_compile(model, .optimizer = cn_sgd(rate), .loss = cn_mean_squared_error()), "%s", cn_error_message());
    cr_assert(cn_fit(model, {cn_array(x, SAMPLES, CHANNELS)}, {cn_array(y, SAMPLES, CHANNELS)}, .verbose = 0), "%s",
              cn_error_message());
    expect_norm(layer, &beginning);
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *out = cn_call(layer, cn_constant(tape, cn_array(x, SAMPLES, CHANNELS)));
    double *got = values_of(out), wanted[SAMPLES * CHANNELS];
    for (int i = 0; i < SAMPLES * CHANNELS; i++)
        wanted[i] = x[i] / sqrt(1 + epsilon);
    expect_near("frozen", SAMPLES * CHANNELS, got, wanted, 1e-12);
    free(got);
    cn_tape_free(tape);
    cn_model_free(model);
    cn_model_free(inner);
}

Test(normalization, an_eager_call_in_training_moves_statistics)
{
    double x[SAMPLES * CHANNELS], y[SAMPLES * CHANNELS];
    training_data(x, y);
    cn_set_default_dtype(CN_F64);
    cn_layer *layer = cn_batch_normalization(.momentum = momentum);
    cn_tape *tape = cn_tape_new();
    cn_tensor *in = cn_constant(tape, cn_array(x, BATCH, CHANNELS));
    norm n = beginning, moved = beginning;
    cr_assert(cn_call(layer, in));
    expect_norm(layer, &n);
    cr_assert_eq(cn_call_many(layer, {in}, .training = CN_TRAINING).count, 1);
    step(&moved, x, y);
    memcpy(n.mean, moved.mean, sizeof n.mean);
    memcpy(n.variance, moved.variance, sizeof n.variance);
    expect_norm(layer, &n);
    cn_tape_free(tape);
}

/* Batch renormalization (Ioffe 2017): r and d clipped, and constants to the gradient. */
Test(normalization, renorm_corrects_by_its_averages)
{
    enum { N = 4 };
    const double x[N] = {1, 2, 4, 9}, keep = 0.9, m = 0.5, s = 2, rmax = 1.25, dmax = 0.5;
    double mean = 0, variance = 0;
    for (int i = 0; i < N; i++)
        mean += x[i] / N;
    for (int i = 0; i < N; i++)
        variance += (x[i] - mean) * (x[i] - mean) / N;
    const double stddev = sqrt(variance + epsilon), r = fmin(stddev / s, rmax), d = fmin((mean - m) / s, dmax);
    cn_set_default_dtype(CN_F64);
    cn_layer *layer =
        cn_batch_normalization(.renorm = true, .renorm_momentum = keep, .renorm_clipping = {0, rmax, dmax});
    cr_assert(cn_build(layer, CN_SHAPE(-1, 1)));
    cr_assert(cn_variable_set(cn_weight(layer, 5), cn_array(&m, 1)));
    cr_assert(cn_variable_set(cn_weight(layer, 6), cn_array(&s, 1)));
    cn_tape *tape = cn_tape_new(.training = true);
    cn_tensor *in = cn_constant(tape, cn_array(x, N, 1)), *y = cn_call(layer, in);
    cn_tensor *plain = cn_call(cn_batch_normalization(), in);
    double *got = values_of(y), *slope = values_of(cn_grad(cn_sum(cn_mul(y, in)), in));
    double *plain_slope = values_of(cn_grad(cn_sum(cn_mul(plain, in)), in)), *xhat = values_of(plain);
    double wanted[N], wanted_slope[N];
    for (int i = 0; i < N; i++) {
        wanted[i] = (x[i] - mean) / stddev * r + d;
        wanted_slope[i] = (plain_slope[i] - xhat[i]) * r + wanted[i];
    }
    expect_near("y", N, got, wanted, 1e-12);
    expect_near("gradient", N, slope, wanted_slope, 1e-9);
    const double moving_stddev = 0.99 + 0.01 * stddev;
    const double weights[] = {0.01 * mean, moving_stddev * moving_stddev - epsilon, moving_stddev,
                              m * keep + mean * (1 - keep), s * keep + stddev * (1 - keep)};
    for (int i = 0; i < 5; i++) {
        double *weight = values_of(cn_weight(layer, 2 + i));
        expect_near(cn_name_of(cn_weight(layer, 2 + i)), 1, weight, &weights[i], 1e-12);
        free(weight);
    }
    free(got);
    free(slope);
    free(plain_slope);
    free(xhat);
    cn_tape_free(tape);
}

/* Spectral normalization of a kernel with singular values 3 and 2: iterating finds 3. */
Test(normalization, spectral_divides_the_kernel_by_its_largest_singular_value)
{
    const double kernel[] = {3, 0, 0, 2}, u[] = {0.6, 0.8}, x[] = {1, 1};
    cn_set_default_dtype(CN_F64);
    cn_layer *layer = cn_spectral_normalization(cn_dense(2, .use_bias = false), .power_iterations = 30);
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2)));
    cr_assert(cn_variable_set(cn_weight(layer, 0), cn_array(kernel, 2, 2)));
    cr_assert(cn_variable_set(cn_weight(layer, 1), cn_array(u, 1, 2)));
    cn_tape *tape = cn_tape_new();
    cn_tensor *in = cn_constant(tape, cn_array(x, 1, 2));
    EXPECT(cn_call(layer, in), CN_SHAPE(1, 2), 3, 2);
    double *y = values_of(cn_call_many(layer, {in}, .training = CN_TRAINING).item[0]);
    double *w = values_of(cn_weight(layer, 0)), *direction = values_of(cn_weight(layer, 1));
    expect_near("y", 2, y, (double[]){1, 2 / 3.}, 1e-9);
    expect_near("kernel", 4, w, (double[]){1, 0, 0, 2 / 3.}, 1e-9);
    expect_near("vector_u", 2, direction, (double[]){1, 0}, 1e-9);
    free(y);
    free(w);
    free(direction);
    cn_tape_free(tape);
}

Test(normalization, spectral_leaves_a_kernel_of_zeros)
{
    const double u[] = {0.6, 0.8};
    cn_set_default_dtype(CN_F64);
    cn_layer *layer = cn_spectral_normalization(cn_dense(2, .kernel_initializer = cn_init_zeros()));
    cr_assert(cn_build(layer, CN_SHAPE(-1, 2)));
    cr_assert(cn_variable_set(cn_weight(layer, 1), cn_array(u, 1, 2)));
    cn_tape *tape = cn_tape_new(.training = true);
    EXPECT(cn_call(layer, cn_ones(tape, CN_SHAPE(1, 2), .dtype = CN_F64)), CN_SHAPE(1, 2), 0, 0);
    EXPECT(cn_read(tape, cn_weight(layer, 1)), CN_SHAPE(1, 2), 0.6, 0.8);
    cn_tape_free(tape);
}

/* The kernel is trained from where the division left it. */
Test(normalization, fit_with_spectral_normalization)
{
    const double x[] = {1, 2}, y[] = {1}, kernel[] = {3, 4}, u[] = {1};
    cn_set_default_dtype(CN_F64);
    cn_layer *layer = cn_spectral_normalization(cn_dense(1, .use_bias = false));
    cn_model *model = cn_sequential(cn_input_layer(2), layer);
    cr_assert(cn_variable_set(cn_weight(layer, 0), cn_array(kernel, 2, 1)));
    cr_assert(cn_variable_set(cn_weight(layer, 1), cn_array(u, 1, 1)));
    cr_assert(cn_compile(model, .optimizer = cn_sgd(0.1), .loss = cn_mean_squared_error()), "%s", cn_error_message());
    cr_assert(cn_fit(model, {cn_array(x, 1, 2)}, {cn_array(y, 1, 1)}, .verbose = 0), "%s", cn_error_message());
    const double slope = 2 * (0.6 + 2 * 0.8 - 1);
    double *w = values_of(cn_weight(layer, 0));
    expect_near("kernel", 2, w, (double[]){0.6 - 0.1 * slope, 0.8 - 0.1 * slope * 2}, 1e-9);
    free(w);
    cn_model_free(model);
}
