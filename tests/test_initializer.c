/* Initializers: their distributions, fans and repeatability. */
#include "core/random_numbers.h"
#include "cornet.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 200, COLUMNS = 300, COUNT = ROWS * COLUMNS };

static double values[COUNT], others[COUNT];

static void fill(cn_initializer initializer, cn_shape shape, double *to)
{
    cr_assert(initializer.fill(&initializer, shape, 1, 2, to), "%s", cn_error_message());
}

static double mean_of(const double *x, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += x[i];
    return sum / count;
}

static double deviation_of(const double *x, int count)
{
    double mean = mean_of(x, count), sum = 0;
    for (int i = 0; i < count; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / count);
}

static double largest_of(const double *x, int count)
{
    double most = 0;
    for (int i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* Within five standard errors for 60,000 numbers. */
static void expect_spread(double mean, double deviation)
{
    cr_assert_float_eq(mean_of(values, COUNT), mean, 5 * deviation / sqrt(COUNT));
    cr_assert_float_eq(deviation_of(values, COUNT), deviation, 5 * deviation / sqrt(2 * COUNT));
}

Test(initializer, philox_gives_the_known_answers)
{
    uint32_t out[4];
    cn_philox_block(0, 0, 0, 0, out);
    static const uint32_t zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    cr_assert_eq(memcmp(out, zeros, sizeof out), 0);
    cn_philox_block(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, out);
    static const uint32_t ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    cr_assert_eq(memcmp(out, ones, sizeof out), 0);
}

Test(initializer, constants_are_the_same_everywhere)
{
    fill(cn_init_constant(2.5), CN_SHAPE(2, 3), values);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(values[i], 2.5);
    fill(cn_init_ones(), CN_SHAPE(1), values);
    cr_assert_eq(values[0], 1);
    fill(cn_init_zeros(), CN_SHAPE(), values);
    cr_assert_eq(values[0], 0);
}

Test(initializer, identity_is_gain_times_the_unit_matrix)
{
    fill(cn_init_identity(3), CN_SHAPE(2, 3), values);
    static const double expected[] = {3, 0, 0, 0, 3, 0};
    cr_assert_eq(memcmp(values, expected, sizeof expected), 0);
}

Test(initializer, random_normal_has_its_mean_and_deviation)
{
    fill(cn_init_random_normal(), CN_SHAPE(ROWS, COLUMNS), values);
    expect_spread(0, 0.05);
    fill(cn_init_random_normal(2, 0.5), CN_SHAPE(ROWS, COLUMNS), values);
    expect_spread(2, 0.5);
}

Test(initializer, truncated_normal_stays_within_two_deviations)
{
    fill(cn_init_truncated_normal(0, 1), CN_SHAPE(ROWS, COLUMNS), values);
    cr_assert_leq(largest_of(values, COUNT), 2);
    expect_spread(0, 0.8796256610342398);
}

Test(initializer, random_uniform_fills_its_interval)
{
    fill(cn_init_random_uniform(), CN_SHAPE(ROWS, COLUMNS), values);
    expect_spread(0, 0.1 / sqrt(12));
    cr_assert_leq(largest_of(values, COUNT), 0.05);
    cr_assert_geq(largest_of(values, COUNT), 0.0499);
}

Test(initializer, scaling_goes_by_the_fans_of_a_matrix)
{
    cn_shape shape = CN_SHAPE(ROWS, COLUMNS);
    fill(cn_init_glorot_uniform(), shape, values);
    cr_assert_float_eq(largest_of(values, COUNT), sqrt(6.0 / (ROWS + COLUMNS)), 1e-4);
    fill(cn_init_he_uniform(), shape, values);
    cr_assert_float_eq(largest_of(values, COUNT), sqrt(6.0 / ROWS), 1e-4);
    fill(cn_init_lecun_uniform(), shape, values);
    cr_assert_float_eq(largest_of(values, COUNT), sqrt(3.0 / ROWS), 1e-4);
    fill(cn_init_glorot_normal(), shape, values);
    expect_spread(0, sqrt(2.0 / (ROWS + COLUMNS)));
    fill(cn_init_he_normal(), shape, values);
    expect_spread(0, sqrt(2.0 / ROWS));
    fill(cn_init_lecun_normal(), shape, values);
    expect_spread(0, sqrt(1.0 / ROWS));
    fill(cn_init_variance_scaling(3, .mode = CN_FAN_OUT, .distribution = CN_UNTRUNCATED_NORMAL), shape, values);
    expect_spread(0, sqrt(3.0 / COLUMNS));
    cr_assert_gt(largest_of(values, COUNT), 3 * sqrt(3.0 / COLUMNS));
}

Test(initializer, fans_of_a_convolution_count_its_receptive_field)
{
    fill(cn_init_he_uniform(), CN_SHAPE(4, 5, 30, 100), values);
    cr_assert_float_eq(largest_of(values, COUNT), sqrt(6.0 / (4 * 5 * 30)), 1e-4);
    fill(cn_init_glorot_uniform(), CN_SHAPE(COUNT), values);
    cr_assert_float_eq(largest_of(values, COUNT), sqrt(6.0 / (2.0 * COUNT)), 1e-5);
}

/* The product of two rows (or columns) of a matrix. */
static double product_of(const double *x, int64_t i, int64_t j, int64_t count, int64_t across, int64_t along)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += x[i * across + k * along] * x[j * across + k * along];
    return sum;
}

static void expect_orthonormal(int64_t rows, int64_t columns, cn_shape shape, double gain)
{
    bool tall = rows >= columns;
    fill(cn_init_orthogonal(gain), shape, values);
    int64_t count = tall ? columns : rows;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < count; j++)
            cr_assert_float_eq(product_of(values, i, j, tall ? rows : columns, tall ? 1 : columns, tall ? columns : 1),
                               i == j ? gain * gain : 0, 1e-12, "%lld %lld", (long long)i, (long long)j);
}

Test(initializer, orthogonal_has_orthonormal_rows_or_columns)
{
    expect_orthonormal(20, 20, CN_SHAPE(20, 20), 1);
    expect_orthonormal(30, 7, CN_SHAPE(30, 7), 1);
    expect_orthonormal(8, 32, CN_SHAPE(8, 32), 1.5);
    expect_orthonormal(12, 5, CN_SHAPE(3, 4, 5), 1);
    expect_orthonormal(1, 1, CN_SHAPE(1, 1), 1);
}

Test(initializer, orthogonal_is_uniform_over_signs)
{
    int positive = 0;
    for (int i = 0; i < 400; i++) {
        cn_initializer initializer = cn_init_orthogonal();
        cr_assert(initializer.fill(&initializer, CN_SHAPE(3, 3), (uint64_t)i, 0, values));
        positive += values[0] > 0;
    }
    cr_assert(positive > 150 && positive < 250, "%d of 400", positive);
}

Test(initializer, that_needs_a_matrix_says_so)
{
    cn_initializer orthogonal = cn_init_orthogonal(), identity = cn_init_identity();
    cr_assert_not(orthogonal.fill(&orthogonal, CN_SHAPE(3), 0, 0, values));
    cr_assert_str_eq(cn_error_message(), "initializer Orthogonal: needs rank 2 or more, got shape (3,)");
    cn_error_clear();
    cr_assert_not(identity.fill(&identity, CN_SHAPE(3, 1, 1), 0, 0, values));
    cr_assert_str_eq(cn_error_message(), "initializer Identity: needs a matrix, got shape (3, 1, 1)");
    cn_error_clear();
}

static void weights_of(const char *name, cn_initializer initializer, double *to)
{
    cn_layer *layer = cn_dense(10, .kernel_initializer = initializer, .name = name);
    cr_assert(cn_build(layer, CN_SHAPE(-1, 10)), "%s", cn_error_message());
    cr_assert(cn_values(cn_weight(layer, 0), cn_array(to, 100)));
    cn_layer_free(layer);
}

Test(initializer, draws_by_the_threads_seed_and_the_weights_name, .fini = cn_clear_session)
{
    weights_of("a", cn_init_glorot_uniform(), values);
    weights_of("a", cn_init_glorot_uniform(), others);
    cr_assert_eq(memcmp(values, others, 100 * sizeof *values), 0);
    weights_of("b", cn_init_glorot_uniform(), others);
    cr_assert_neq(memcmp(values, others, 100 * sizeof *values), 0);
    cn_set_seed(5);
    weights_of("a", cn_init_glorot_uniform(), others);
    cr_assert_neq(memcmp(values, others, 100 * sizeof *values), 0);
}

Test(initializer, with_a_seed_gives_the_same_wherever_it_is_used, .fini = cn_clear_session)
{
    weights_of("a", cn_init_he_normal(.seed = 3), values);
    cn_set_seed(9);
    weights_of("b", cn_init_he_normal(.seed = 3), others);
    cr_assert_eq(memcmp(values, others, 100 * sizeof *values), 0);
}

static bool count_up(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *to)
{
    (void)self, (void)seed, (void)stream;
    for (int64_t i = 0; i < cn_shape_size(shape); i++)
        to[i] = (double)i;
    return true;
}

Test(initializer, of_the_users_own_fills_weights, .fini = cn_clear_session)
{
    weights_of("a", cn_init_from("CountUp", count_up), values);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(values[i], i);
}

Test(initializer, are_found_by_kerass_names)
{
    static const char *const names[][2] = {
        {"glorot_uniform", "GlorotUniform"}, {"HeNormal", "HeNormal"}, {"uniform", "RandomUniform"},
        {"normal", "RandomNormal"},          {"zeros", "Zeros"},       {"orthogonal", "Orthogonal"}};
    cn_initializer found;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert(cn_initializer_named(names[i][0], &found, NULL));
        cr_assert_str_eq(found.name, names[i][1]);
    }
    const cn_option *options;
    cr_assert(cn_initializer_named("variance_scaling", &found, &options));
    cr_assert_str_eq(options[1].name, "mode");
    cr_assert_str_eq(options[1].choices[(int)found.option[1]], "fan_in");
    cr_assert_not(cn_initializer_named("glorot", &found, NULL));
    cr_assert_not(cn_initializer_named(NULL, &found, NULL));
}

Test(initializer, a_scale_that_is_not_above_zero_is_refused)
{
    cn_init_variance_scaling(-1);
    cr_assert_str_eq(cn_error_message(), "initializer VarianceScaling: scale is -1; it must be above 0");
    cn_error_clear();
}
