/* Layers that prepare features, and what they learn from data. */
#include "counting_allocator.h"
#include "expect.h"
#include "layers/fields.h"
#include <limits.h>
#include <string.h>

static void count_blocks(void)
{
    counting_start(LONG_MAX);
}

static void check_blocks(void)
{
    expect_clear();
    cr_expect_eq(counting.live, 0, "%ld blocks are left", counting.live);
}
TestSuite(features, .init = count_blocks, .fini = check_blocks);

static cn_tensor *doubles(cn_tape *tape, const double *values, cn_shape shape)
{
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_F64, false, shape), CN_F64);
}

static cn_tensor *ints(cn_tape *tape, const int32_t *values, cn_shape shape)
{
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_I32, false, shape), CN_I32);
}

static void expect_close(cn_tensor *got, cn_shape shape, const double *values)
{
    cr_assert(got, "%s", cn_error_message());
    expect_tensors_close(got, doubles(cn_tape_of(got), values, shape), 1e-6);
}
#define EXPECT_CLOSE(tensor, shape, ...) expect_close((tensor), (shape), (const double[]){__VA_ARGS__})

/* Two samples of columns with the means 1, 8, 5 and the variances 1, 1, 1, twice. */
static const float table[4][3] = {{0, 7, 4}, {2, 9, 6}, {0, 7, 4}, {2, 9, 6}};

/* Normalization */

Test(features, normalization_takes_the_statistics_of_each_column)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_normalization();
    cr_assert(cn_adapt(layer, cn_array(table[0], 4, 3)), "%s", cn_error_message());
    EXPECT_CLOSE(cn_call(layer, cn_constant(tape, cn_array(table[0], 1, 3))), CN_SHAPE(1, 3), -1, -1, -1);
    cn_layer *back = cn_normalization(.invert = true);
    cr_assert(cn_adapt(back, cn_array(table[0], 4, 3)));
    EXPECT_CLOSE(cn_call(back, ints(tape, (const int32_t[]){1, 2, 3}, CN_SHAPE(1, 3))), CN_SHAPE(1, 3), 2, 10, 8);
    cn_tape_free(tape);
}

Test(features, normalization_has_one_mean_for_no_axes)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_normalization(CN_SHAPE());
    const int32_t values[] = {1, 2, 3, 4, 5};
    cr_assert(cn_adapt(layer, cn_array(values, 5)), "%s", cn_error_message());
    EXPECT_CLOSE(
        cn_call(layer, cn_constant(tape, cn_array_with((const float[]){1, 2, 3}, CN_ARRAY_F32, false, CN_SHAPE(3)))),
        CN_SHAPE(3), -sqrt(2), -sqrt(0.5), 0);
    cn_tape_free(tape);
}

/* Uneven numbers of shape (6, 2, 3). */
static const double *uneven(void)
{
    static double values[36];
    for (int i = 0; i < 36; i++)
        values[i] = 1e6 + sin(2.1 * i) * (1 + i % 3);
    return values;
}

Test(features, normalization_takes_the_statistics_along_the_other_axes)
{
    for (int kept = 1; kept < 3; kept++) {
        double mean[3] = {0}, variance[3] = {0}, got[3];
        int64_t size = kept == 1 ? 2 : 3;
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i < 36; i++) {
                int64_t slot = kept == 1 ? i / 3 % 2 : i % 3;
                double each = 36.0 / (double)size, d = uneven()[i] - mean[slot];
                *(pass ? &variance[slot] : &mean[slot]) += pass ? d * d / each : uneven()[i] / each;
            }
        cn_set_default_dtype(CN_F64);
        cn_layer *layer = cn_normalization(CN_SHAPE(kept));
        cn_set_default_dtype(CN_F32);
        cr_assert(cn_adapt(layer, cn_array(uneven(), 6, 2, 3)), "%s", cn_error_message());
        cn_values(cn_weight(layer, 0), cn_array(got, size));
        for (int i = 0; i < size; i++)
            cr_expect_float_eq(got[i], mean[i], 1e-9);
        cn_values(cn_weight(layer, 1), cn_array(got, size));
        for (int i = 0; i < size; i++)
            cr_expect_float_eq(got[i], variance[i], 1e-9);
    }
}

static void expect_same_weights(cn_layer *a, cn_layer *b, int64_t size)
{
    double x[8], y[8];
    cr_assert_leq(size, 8);
    for (int weight = 0; weight < 2; weight++) {
        cr_assert(cn_values(cn_weight(a, weight), cn_array(x, size)) &&
                  cn_values(cn_weight(b, weight), cn_array(y, size)));
        for (int64_t i = 0; i < size; i++)
            cr_expect_float_eq(x[i], y[i], 1e-9);
    }
}

Test(features, normalization_adapts_to_batches_as_to_the_whole)
{
    cn_set_default_dtype(CN_F64);
    cn_layer *whole = cn_normalization(CN_SHAPE(2, 1)), *parts = cn_normalization(CN_SHAPE(1, -1));
    cn_set_default_dtype(CN_F32);
    cr_assert(cn_adapt(whole, cn_array(uneven(), 6, 2, 3)));
    cn_dataset *data = cn_dataset_batch(cn_dataset_arrays({cn_array(uneven(), 6, 2, 3)}), 4);
    cr_assert(cn_adapt(parts, data), "%s", cn_error_message());
    expect_same_weights(whole, parts, 6);
    cr_assert(cn_adapt(parts, data)); /* again: in place of what was learnt */
    expect_same_weights(whole, parts, 6);
    cn_dataset_free(data);
}

Test(features, normalization_has_keras_weights)
{
    cn_layer *layer = cn_normalization(.name = "n");
    cr_assert(cn_build(layer, CN_SHAPE(-1, 3)));
    cr_assert_eq(cn_weight_count(layer), 3);
    static const char *const names[] = {"n/mean", "n/variance", "n/count"};
    for (int i = 0; i < 3; i++)
        cr_expect_str_eq(cn_name_of(cn_weight(layer, i)), names[i]);
    cr_expect_eq(cn_dtype_of(cn_weight(layer, 2)), CN_I32);
    cr_expect_eq(cn_count_params(layer), 7);
    float mean[3], variance[3];
    int32_t count[1];
    cr_assert(cn_get_weights(layer, cn_array(mean, 3), cn_array(variance, 3),
                             cn_array_with(count, CN_ARRAY_I32, true, CN_SHAPE())));
    cr_expect(mean[0] == 0 && variance[2] == 1 && count[0] == 0);
}

Test(features, normalization_is_given_its_statistics)
{
    double mean[] = {1, 2}, variance[] = {4, 0};
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_normalization(.mean = cn_array(mean, 2), .variance = cn_array(variance, 2));
    mean[0] = 50; /* they were copied */
    EXPECT_CLOSE(cn_call(layer, doubles(tape, (const double[]){3, 2, 5, 2 + 1e-7}, CN_SHAPE(2, 2))), CN_SHAPE(2, 2), 1,
                 0, 2, 1);
    cr_expect_eq(cn_weight_count(layer), 0);
    cn_layer *scalar =
        cn_normalization(.mean = cn_array_with((const int32_t[]){3}, CN_ARRAY_I32, false, CN_SHAPE()),
                         .variance = cn_array_with((const int32_t[]){2}, CN_ARRAY_I32, false, CN_SHAPE()));
    EXPECT_CLOSE(cn_call(scalar, doubles(tape, (const double[]){1, 2, 3}, CN_SHAPE(3, 1))), CN_SHAPE(3, 1), -sqrt(2),
                 -sqrt(0.5), 0);
    /* Of shape (3) they belong to the last of the axes. */
    const float of_last[] = {0, 10, 20}, ones[] = {1, 1, 1};
    cn_layer *two = cn_normalization(CN_SHAPE(1, 2), cn_array(of_last, 3), cn_array(ones, 3));
    EXPECT_CLOSE(cn_call(two, cn_zeros(tape, CN_SHAPE(1, 2, 3))), CN_SHAPE(1, 2, 3), 0, -10, -20, 0, -10, -20);
    cn_layer *copy = cn_layer_copy(two, "copy");
    EXPECT_CLOSE(cn_call(copy, cn_zeros(tape, CN_SHAPE(1, 1, 3))), CN_SHAPE(1, 1, 3), 0, -10, -20);
    cn_tape_free(tape);
}

Test(features, normalization_refuses_what_does_not_fit)
{
    const float three[] = {1, 2, 3};
    expect_error(!cn_normalization(.name = "n", .mean = cn_array(three, 3)),
                 "n: mean and variance are given together, or neither");
    expect_error(!cn_normalization(.name = "n", .mean = cn_array(three, 3), .variance = cn_array(three, 2)),
                 "n: mean and variance must have one shape, of as many dimensions as axes at most");
    expect_error(!cn_normalization(CN_SHAPE(), cn_array(three, 3), cn_array(three, 3), .name = "n"),
                 "n: mean and variance must have one shape, of as many dimensions as axes at most");
    cn_layer *given = cn_normalization(.name = "n", .mean = cn_array(three, 3), .variance = cn_array(three, 3));
    expect_error(!cn_build(given, CN_SHAPE(-1, 4)), "n: a mean of shape (3,) does not fit axes of sizes (4,)");
    expect_error(!cn_adapt(given, cn_array(three, 1, 3)), "n: was given its mean and variance");
    cn_layer *first = cn_normalization(CN_SHAPE(0), .name = "f");
    expect_error(!cn_build(first, CN_SHAPE(5, 3)), "f: axis 0 of (None, 3) is not one with a size, behind the batch");
    cn_layer *open = cn_normalization(.name = "o");
    expect_error(!cn_build(open, CN_SHAPE(-1, -1)),
                 "o: axis -1 of (None, None) is not one with a size, behind the batch");
    cr_expect_eq(cn_weight_count(open), 0);
    cr_assert(cn_adapt(open, cn_array(table[0], 4, 3)));
    expect_error(!cn_adapt(open, cn_array(table[0], 6, 2)), "o: cannot adapt to a batch of shape (6, 2)");
    expect_error(!cn_adapt(open, cn_array(table[0], 0, 3)), "o: there is nothing to adapt to");
    cn_tape *tape = cn_tape_new();
    expect_error(!cn_call(open, cn_zeros(tape, CN_SHAPE(2, 4))), "o: built for (None, 3), got (2, 4)");
    EXPECT_CLOSE(cn_call(open, cn_constant(tape, cn_array(table[1], 1, 3))), CN_SHAPE(1, 3), 1, 1, 1); /* as it was */
    cn_tape_free(tape);
}

/* Adapting */

Test(features, adapting_is_for_layers_that_learn_and_for_data)
{
    expect_error(!cn_adapt(cn_flatten(.name = "f"), cn_array(table[0], 4, 3)), "adapt: f learns nothing from data");
    expect_error(!cn_adapt((cn_layer *)NULL, cn_array(table[0], 4, 3)), "adapt: no layer learns nothing from data");
    expect_error(!cn_adapt(cn_normalization(), cn_array((const float *)NULL, 4, 3)),
                 "adapt: the first axis of an array must be the samples");
    expect_error(!cn_adapt(cn_normalization(), (cn_dataset *)NULL), "iterate: the data set is NULL");
    cn_dataset *samples = cn_dataset_arrays({cn_array(table[0], 12)});
    expect_error(!cn_adapt(cn_normalization(), samples), "adapt: the data set must be batched");
    cn_dataset_free(samples);
}

static bool adapt_to_parts(bool normalization)
{
    cn_layer *layer = normalization ? cn_normalization() : cn_discretization(.num_bins = 2, .epsilon = 0.2);
    cn_dataset *data = cn_dataset_batch(cn_dataset_arrays({cn_array(table[0], 4, 3)}), 2);
    bool done = cn_adapt(layer, data);
    cn_dataset_free(data);
    return done;
}

Test(features, running_out_of_memory_while_adapting_leaves_nothing_behind)
{
    for (int normalization = 0; normalization < 2; normalization++) {
        bool done = false;
        for (long limit = 0; !done && limit < 500; limit++) {
            counting_start(limit);
            done = adapt_to_parts(normalization);
            cr_assert(done || cn_error_code() == CN_MEMORY, "%s", cn_error_message());
            cn_error_clear();
            cn_clear_session();
            cr_assert_eq(counting.live, 0, "%ld blocks are left after %ld", counting.live, limit);
        }
        cr_expect(done, "never enough");
    }
}

/* CategoryEncoding */

Test(features, categories_are_multi_hot_by_default)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = ints(tape, (const int32_t[]){0, 1, 0, 0, 3, 9}, CN_SHAPE(3, 2));
    EXPECT(cn_call(cn_category_encoding(4), x), CN_SHAPE(3, 4), 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1);
    cn_tape_free(tape);
}

Test(features, categories_are_counted)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = ints(tape, (const int32_t[]){0, 1, 1, 2, 2, 2}, CN_SHAPE(2, 3));
    EXPECT(cn_call(cn_category_encoding(3, CN_COUNT), x), CN_SHAPE(2, 3), 1, 2, 0, 0, 0, 3);
    cn_tape_free(tape);
}

Test(features, categories_are_one_hot_along_a_new_axis_unless_the_last_is_1)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = ints(tape, (const int32_t[]){2, 0}, CN_SHAPE(2, 1));
    cn_layer *layer = cn_category_encoding(3, CN_ONE_HOT);
    EXPECT(cn_call(layer, x), CN_SHAPE(2, 3), 0, 0, 1, 1, 0, 0);
    EXPECT(cn_call(cn_category_encoding(3, CN_ONE_HOT), cn_reshape(x, CN_SHAPE(1, 2))), CN_SHAPE(1, 2, 3), 0, 0, 1, 1,
           0, 0);
    EXPECT(cn_call(cn_category_encoding(2), cn_cast(x, CN_F64)), CN_SHAPE(2, 2), 0, 0, 1, 0);
    cn_tape_free(tape);
}

Test(features, categories_of_any_rank)
{
    cn_tape *tape = cn_tape_new();
    const int32_t two[] = {2, 0};
    EXPECT(cn_call(cn_category_encoding(3), ints(tape, two, CN_SHAPE())), CN_SHAPE(3), 0, 0, 1);
    EXPECT(cn_call(cn_category_encoding(3, CN_COUNT), ints(tape, two, CN_SHAPE(2))), CN_SHAPE(3), 1, 0, 1);
    EXPECT(cn_call(cn_category_encoding(3, CN_ONE_HOT), ints(tape, two, CN_SHAPE(2))), CN_SHAPE(2, 3), 0, 0, 1, 1, 0,
           0);
    expect_error(!cn_call(cn_category_encoding(3, CN_COUNT, .name = "c"), ints(tape, two, CN_SHAPE(1, 1, 2))),
                 "c: counts inputs of rank 2 at most, got (1, 1, 2)");
    cn_tape_free(tape);
}

Test(features, categories_are_counted_with_weights)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = ints(tape, (const int32_t[]){0, 1, 1, 2}, CN_SHAPE(2, 2));
    cn_tensor *weights =
        cn_constant(tape, cn_array_with((const float[]){0.5, 2, 4, 8}, CN_ARRAY_F32, false, CN_SHAPE(2, 2)));
    cn_layer *layer = cn_category_encoding(3, CN_COUNT);
    EXPECT(cn_call_many(layer, {x, weights}).item[0], CN_SHAPE(2, 3), 0.5, 2, 0, 0, 4, 8);
    expect_error(!cn_call_many(cn_category_encoding(3, .name = "m"), {x, weights}).count,
                 "m: takes weights for counting alone, of the shape of its input");
    expect_error(!cn_call_many(cn_category_encoding(3, CN_COUNT, .name = "c"), {x, cn_ravel(weights)}).count,
                 "c: takes weights for counting alone, of the shape of its input");
    cn_tape_free(tape);
}

Test(features, category_encoding_refuses_wrong_arguments)
{
    expect_error(!cn_category_encoding(0, .name = "c"), "c: num_tokens must be positive, not 0");
    expect_error(!cn_category_encoding(3, CN_INT, .name = "c"), "c: output_mode must be multi_hot, one_hot or count");
}

/* Discretization */

static const double bounds[] = {0, 1, 2};

Test(features, numbers_lie_in_bins)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = doubles(tape, (const double[]){-1.5, 1, 3.4, 0.5, 0, 3, 1.3, 0}, CN_SHAPE(2, 4));
    cn_tensor *bins = cn_call(cn_discretization(cn_array(bounds, 3)), x);
    EXPECT(bins, CN_SHAPE(2, 4), 0, 2, 3, 1, 1, 3, 2, 1);
    cr_expect_eq(cn_dtype_of(bins), CN_I32);
    x = cn_reshape(x, CN_SHAPE(4, 2));
    EXPECT(cn_call(cn_discretization(cn_array(bounds, 3), .output_mode = CN_COUNT), x), CN_SHAPE(4, 4), 1, 0, 1, 0, 0,
           1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0);
    EXPECT(cn_call(cn_discretization(cn_array(bounds, 1), .output_mode = CN_MULTI_HOT), x), CN_SHAPE(4, 2), 1, 1, 0, 1,
           0, 1, 0, 1);
    EXPECT(cn_call(cn_discretization(cn_array(bounds, 3), .output_mode = CN_ONE_HOT), cn_reshape(x, CN_SHAPE(8, 1))),
           CN_SHAPE(8, 4), 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0,
           0);
    EXPECT(cn_call(cn_discretization(cn_array(bounds, 0)), x), CN_SHAPE(4, 2), 0, 0, 0, 0, 0, 0, 0, 0);
    cn_tape_free(tape);
}

static void expect_boundaries(const cn_layer *layer, int64_t count, const double *wanted)
{
    const cn_field *field = cn_field_named(layer->type, "bin_boundaries");
    const cn_view *got = (const void *)((const char *)layer + field->offset);
    cr_assert(got->data && got->type == CN_ARRAY_F64 && cn_shape_equal(got->shape, CN_SHAPE(count)));
    for (int64_t i = 0; i < count; i++)
        cr_expect_float_eq(((const double *)got->data)[i], wanted[i], 1e-5);
}
#define EXPECT_BOUNDARIES(layer, count, ...) expect_boundaries((layer), (count), (const double[]){__VA_ARGS__})

/* The boundaries are those of Keras' own summaries, in NumPy, of the same batches. */
Test(features, bins_are_found_as_keras_finds_them)
{
    cn_tape *tape = cn_tape_new();
    const double few[] = {-1.5, 1, 3.4, 0.5, 0, 3, 1.3, 0};
    cn_layer *layer = cn_discretization(.num_bins = 4);
    cr_assert(cn_adapt(layer, cn_array(few, 2, 4)), "%s", cn_error_message());
    EXPECT_BOUNDARIES(layer, 3, 0, 0.5, 1.3);
    cn_layer *copy = cn_layer_copy(layer, "copy");
    EXPECT(cn_call(copy, doubles(tape, few, CN_SHAPE(2, 4))), CN_SHAPE(2, 4), 0, 2, 3, 2, 1, 3, 3, 1);

    double many[1000];
    for (int i = 0; i < 1000; i++)
        many[i] = (i * 37 % 101) / 10.0;
    cr_assert(cn_adapt(layer, cn_array(many, 1000))); /* it has not been called itself: what it found is replaced */
    EXPECT_BOUNDARIES(layer, 3, 2.4750001, 4.9500003, 7.425);

    cn_dataset *parts = cn_dataset_batch(cn_dataset_arrays({cn_array(many, 1000)}), 100);
    layer = cn_discretization(.num_bins = 3, .epsilon = 0.1);
    cr_assert(cn_adapt(layer, parts));
    EXPECT_BOUNDARIES(layer, 2, 3.419564, 6.727156);
    cn_dataset_free(parts);

    layer = cn_discretization(.num_bins = 5);
    cr_assert(cn_adapt(layer, cn_array_with((const float[]){0, 1, 5}, CN_ARRAY_F32, false, CN_SHAPE(1, 3))));
    EXPECT_BOUNDARIES(layer, 2, 0, 1); /* there are fewer numbers than bins */
    cn_tape_free(tape);
}

Test(features, discretization_refuses_wrong_use)
{
    const double falling[] = {1, 0};
    expect_error(!cn_discretization(.name = "d"), "d: needs bin_boundaries or num_bins");
    expect_error(!cn_discretization(.num_bins = 0, .name = "d"), "d: num_bins must be positive, not 0");
    expect_error(!cn_discretization(.num_bins = 2, .epsilon = 1, .name = "d"),
                 "d: epsilon must be between 0 and 1, not 1");
    expect_error(!cn_discretization(cn_array(falling, 2), .name = "d"), "d: bin_boundaries must ascend");
    expect_error(!cn_discretization(cn_array(bounds, 1, 3), .name = "d"), "d: bin_boundaries must be of rank 1");
    cn_tape *tape = cn_tape_new();
    cn_layer *fresh = cn_discretization(.num_bins = 2, .name = "fresh");
    expect_error(!cn_call(fresh, doubles(tape, bounds, CN_SHAPE(3))),
                 "fresh: has no boundaries yet: give bin_boundaries, or adapt it first");
    expect_error(!cn_adapt(fresh, cn_array(bounds, 0, 3)), "fresh: there is nothing to adapt to");
    cr_assert(cn_adapt(fresh, cn_array(bounds, 3)));
    EXPECT(cn_call(fresh, doubles(tape, bounds, CN_SHAPE(3))), CN_SHAPE(3), 0, 1, 1);
    expect_error(!cn_adapt(fresh, cn_array(bounds, 3)), "fresh: has been called with its boundaries; adapt it before");
    expect_error(!cn_adapt(cn_discretization(cn_array(bounds, 3), .name = "d"), cn_array(bounds, 3)),
                 "d: was given its boundaries; give num_bins instead");
    cn_tape_free(tape);
}

/* In a model */

Test(features, a_model_begins_with_what_was_learnt)
{
    cn_layer *layer = cn_normalization();
    cr_assert(cn_adapt(layer, cn_array(table[0], 4, 3)));
    cn_model *model = cn_sequential(cn_input_layer(3), layer, cn_dense(1, .kernel_initializer = cn_init_ones()));
    cn_compile(model, .optimizer = cn_sgd(0.1), .loss = cn_mean_squared_error());
    const float y[4] = {0};
    float out[4];
    cr_assert(cn_predict(model, {cn_array(table[0], 4, 3)}, {cn_array(out, 4, 1)}), "%s", cn_error_message());
    for (int i = 0; i < 4; i++)
        cr_expect_float_eq(out[i], i % 2 ? 3 : -3, 1e-5);
    cr_assert(cn_fit(model, {cn_array(table[0], 4, 3)}, {cn_array(y, 4, 1)}, .epochs = 2, .verbose = 0), "%s",
              cn_error_message());
    float mean[3];
    cn_values(cn_weight(layer, 0), cn_array(mean, 3));
    cr_expect(mean[0] == 1 && mean[1] == 8 && mean[2] == 5, "training leaves the statistics alone");
    cn_model_free(model);
}
