#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "core/random_numbers.h"
#include "expect.h"
#include <string.h>

enum { MANY = 200000 };

static const char *const instruction_sets[] = {"baseline", "avx2", "avx512"};

/* The generator */

/* Vectors of Random123, the authors' library: the generator of ten rounds with counter and key as given. */
Test(random, the_generator_gives_the_vectors_of_its_authors)
{
    uint32_t zeros[4], ones[4], pi[4];
    cn_philox_block(0, 0, 0, 0, zeros);
    cn_philox_block(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, ones);
    cn_philox_block(0x299f31d0a4093822, 0x03707344, 0x13198a2e, 0x85a308d3243f6a88, pi);
    cr_assert_arr_eq(zeros, ((uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}), sizeof zeros);
    cr_assert_arr_eq(ones, ((uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}), sizeof ones);
    cr_assert_arr_eq(pi, ((uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}), sizeof pi);
}

Test(random, every_instruction_set_makes_the_same_words)
{
    cn_draw draw = {.key = 0x123456789ABCDEF0, .call = 7, .step = 0xFFFFFFF0};
    uint64_t first = 0xFFFFFFFD; /* the counter's lower half overflows on the way */
    for (size_t s = 0; s < sizeof instruction_sets / sizeof *instruction_sets; s++) {
        const cn_kernels *kernels = cn_kernels_named(instruction_sets[s]);
        for (int64_t blocks = 0; kernels && blocks < 21; blocks++) {
            uint32_t words[4 * 21], wanted[4];
            kernels->random->words(&draw, first, blocks, words);
            for (int64_t b = 0; b < blocks; b++) {
                cn_philox_block(draw.key, draw.call, draw.step, first + (uint64_t)b, wanted);
                cr_assert_arr_eq(words + 4 * b, wanted, sizeof wanted, "%s, block %lld of %lld", kernels->name,
                                 (long long)b, (long long)blocks);
            }
        }
    }
}

/* Wherever a draw is cut, and however much is drawn, an element is the same. */
Test(random, an_element_does_not_depend_on_what_is_drawn_with_it)
{
    cn_draw draw = {.key = 11, .call = 2, .step = 3, .a = 0.25, .b = 2};
    enum { COUNT = 1100 };
    for (int distribution = 0; distribution < CN_DRAW_KINDS; distribution++) {
        for (int wide = 0; wide < 2; wide++) {
            double whole[COUNT], parts[COUNT];
            size_t element = wide ? sizeof(double) : sizeof(float);
            cn_draw_loop *loop = cn_kernels_now()->random->draw[distribution][wide];
            loop(&draw, 0, COUNT, whole);
            for (int64_t first = 0, count = 4; first < COUNT; first += count, count += 36) {
                int64_t some = COUNT - first < count ? COUNT - first : count;
                loop(&draw, first, some, (char *)parts + (size_t)first * element);
            }
            cr_assert_arr_eq(parts, whole, COUNT * element, "distribution %d", distribution);
        }
    }
}

/* Distributions */

typedef struct moments {
    double mean, variance, skewness, least, most;
} moments;

static double *values_of(cn_tensor *x)
{
    double *values = malloc((size_t)cn_shape_size(cn_shape_of(x)) * sizeof *values);
    cr_assert_not_null(x, "%s", cn_error_message());
    cr_assert(cn_values(x, cn_array_with(values, CN_ARRAY_F64, true, cn_shape_of(x))), "%s", cn_error_message());
    return values;
}

static moments moments_of(cn_tensor *x)
{
    double *values = values_of(x);
    moments m = {.least = INFINITY, .most = -INFINITY};
    for (int i = 0; i < MANY; i++) {
        m.mean += values[i] / MANY;
        m.least = fmin(m.least, values[i]);
        m.most = fmax(m.most, values[i]);
    }
    for (int i = 0; i < MANY; i++) {
        m.variance += (values[i] - m.mean) * (values[i] - m.mean) / MANY;
        m.skewness += pow(values[i] - m.mean, 3) / MANY;
    }
    free(values);
    return m;
}

static double normal_cdf(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

static double truncated_cdf(double z)
{
    return (normal_cdf(z) - normal_cdf(-2)) / (normal_cdf(2) - normal_cdf(-2));
}

static double uniform_cdf(double x)
{
    return x;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's distance, below 1.95 / sqrt(n) for 999 of 1,000 seeds; seeds are fixed. */
static void expect_distribution(const char *name, cn_tensor *x, double (*cdf)(double))
{
    double *values = values_of(x), distance = 0;
    qsort(values, MANY, sizeof *values, compare_doubles);
    for (int i = 0; i < MANY; i++) {
        double p = cdf(values[i]);
        distance = fmax(distance, fmax(fabs(p - (double)i / MANY), fabs(p - (i + 1.0) / MANY)));
    }
    cr_assert_lt(distance, 1.95 / sqrt(MANY), "%s: %g", name, distance);
    free(values);
}

Test(random, samples_have_their_distributions)
{
    for (int type = CN_F32; type <= CN_F64; type++) {
        cn_tape *tape = cn_tape_new();
        cn_dtype dtype = (cn_dtype)type;
        expect_distribution("uniform", cn_sample_uniform(tape, CN_SHAPE(MANY), .dtype = dtype), uniform_cdf);
        expect_distribution("normal", cn_sample_normal(tape, CN_SHAPE(MANY), .dtype = dtype), normal_cdf);
        expect_distribution("truncated normal", cn_sample_truncated_normal(tape, CN_SHAPE(MANY), .dtype = dtype),
                            truncated_cdf);
        cn_tape_free(tape);
    }
}

Test(random, samples_have_the_moments_asked_for)
{
    cn_tape *tape = cn_tape_new();
    moments m = moments_of(cn_sample_uniform(tape, CN_SHAPE(MANY), -3, 1));
    cr_assert_float_eq(m.mean, -1, 0.01);
    cr_assert_float_eq(m.variance, 16.0 / 12, 0.02);
    cr_assert(m.least >= -3 && m.most < 1);
    m = moments_of(cn_sample_normal(tape, CN_SHAPE(MANY), 5, 2));
    cr_assert_float_eq(m.mean, 5, 0.02);
    cr_assert_float_eq(m.variance, 4, 0.05);
    cr_assert_float_eq(m.skewness, 0, 0.2);
    cr_assert(m.most > 5 + 2 * 4 && m.least < 5 - 2 * 4);
    m = moments_of(cn_sample_truncated_normal(tape, CN_SHAPE(MANY), 1, 0.5));
    cr_assert_float_eq(m.mean, 1, 0.01);
    cr_assert_float_eq(m.variance, 0.25 * 0.7737413, 0.005); /* 1 - 4 phi(2) / (2 Phi(2) - 1) */
    cr_assert(m.least >= 0 && m.most <= 2);
    m = moments_of(cn_sample_bernoulli(tape, CN_SHAPE(MANY), 0.3));
    cr_assert_float_eq(m.mean, 0.3, 0.005);
    cr_assert(m.least == 0 && m.most == 1);
    cn_tape_free(tape);
}

Test(random, neighbours_are_not_correlated)
{
    cn_tape *tape = cn_tape_new();
    double *x = values_of(cn_sample_normal(tape, CN_SHAPE(MANY)));
    for (int lag = 1; lag <= 8; lag++) {
        double sum = 0;
        for (int i = 0; i + lag < MANY; i++)
            sum += x[i] * x[i + lag];
        cr_assert_float_eq(sum / MANY, 0, 4 / sqrt(MANY), "lag %d", lag);
    }
    free(x);
    cn_tape_free(tape);
}

Test(random, a_dropout_mask_keeps_the_mean)
{
    cn_tape *tape = cn_tape_new();
    double *mask = values_of(cn_dropout_mask(tape, CN_SHAPE(MANY), 0.2, .dtype = CN_F64)), kept = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(mask[i] == 0 || mask[i] == 1 / (1 - 0.2));
        kept += mask[i] != 0;
    }
    cr_assert_float_eq(kept / MANY, 0.8, 0.004);
    free(mask);
    EXPECT(cn_dropout_mask(tape, CN_SHAPE(3), 0), CN_SHAPE(3), 1, 1, 1);
    EXPECT(cn_dropout_mask(tape, CN_SHAPE(3), 1), CN_SHAPE(3), 0, 0, 0);
    cn_tape_free(tape);
}

/* What fixes the numbers */

enum { FEW = 8 };

static void draw_few(int64_t step, uint64_t stream, int64_t seed, int calls_before, double *out)
{
    cn_tape *tape = cn_tape_new();
    tape->step_value = step;
    tape->stream = stream;
    tape->random_calls = calls_before;
    cn_tensor *x = cn_sample_uniform(tape, CN_SHAPE(FEW), .seed = seed, .dtype = CN_F64);
    cr_assert(cn_values(x, cn_array(out, FEW)), "%s", cn_error_message());
    cn_tape_free(tape);
}

Test(random, numbers_are_fixed_by_seed_stream_call_and_step)
{
    double x[FEW], again[FEW], other[FEW];
    draw_few(1, 2, 3, 4, x);
    draw_few(1, 2, 3, 4, again);
    cr_assert_arr_eq(x, again, sizeof x);
    for (int which = 0; which < 4; which++) {
        draw_few(1 + (which == 0), 2 + (which == 1), 3 + (which == 2), 4 + (which == 3), other);
        for (int i = 0; i < FEW; i++)
            cr_assert(x[i] != other[i], "change %d, element %d", which, i);
    }
}

Test(random, a_tape_draws_anew_when_it_is_reset_and_at_each_call)
{
    double x[3][FEW];
    cn_tape *tape = cn_tape_new();
    cn_values(cn_sample_normal(tape, CN_SHAPE(FEW)), cn_array(x[0], FEW));
    cn_values(cn_sample_normal(tape, CN_SHAPE(FEW)), cn_array(x[1], FEW));
    cn_tape_reset(tape);
    cn_values(cn_sample_normal(tape, CN_SHAPE(FEW)), cn_array(x[2], FEW));
    cr_assert_not(cn_failed());
    for (int i = 0; i < FEW; i++)
        cr_assert(x[0][i] != x[1][i] && x[0][i] != x[2][i] && x[1][i] != x[2][i]);
    cn_tape_free(tape);
}

Test(random, numbers_do_not_depend_on_the_number_of_threads)
{
    float *one = malloc(MANY * sizeof *one), *more = malloc(MANY * sizeof *more);
    for (int threads = 1; threads <= 3; threads++) {
        cn_set_threads(threads);
        cn_tape *tape = cn_tape_new();
        tape->step_value = 9;
        cr_assert(cn_values(cn_sample_normal(tape, CN_SHAPE(MANY)), cn_array(threads == 1 ? one : more, MANY)));
        if (threads > 1)
            cr_assert_arr_eq(one, more, MANY * sizeof *one);
        cn_tape_free(tape);
    }
    cn_set_threads(0);
    free(one);
    free(more);
}

Test(random, a_plan_draws_by_the_step_of_its_run)
{
    cn_tape *tape = cn_tape_new(.deferred = true), *eager = cn_tape_new();
    cn_plan *plan = cn_plan_new(tape, {cn_sample_normal(tape, CN_SHAPE(FEW))});
    float first[FEW], second[FEW], wanted[FEW];
    cr_assert(cn_run(plan, {{0}}, {cn_array(first, FEW)}, .step = 5), "%s", cn_error_message());
    cr_assert(cn_run(plan, {{0}}, {cn_array(second, FEW)}, .step = 6));
    cr_assert(memcmp(first, second, sizeof first) != 0);
    eager->step_value = 5;
    cr_assert(cn_values(cn_sample_normal(eager, CN_SHAPE(FEW)), cn_array(wanted, FEW)));
    cr_assert_arr_eq(first, wanted, sizeof first);
    cn_plan_free(plan);
    cn_tape_free(tape);
    cn_tape_free(eager);
}

Test(random, samples_refuse_what_makes_no_sense)
{
    cn_tape *tape = cn_tape_new();
    expect_error(!cn_sample_normal(tape, CN_SHAPE(2, -1)), "normal: (2, None) is not a shape");
    expect_error(!cn_sample_uniform(tape, CN_SHAPE(2), .dtype = CN_I32), "uniform: draws floats only");
    expect_error(!cn_sample_bernoulli(tape, CN_SHAPE(2), 1.5), "bernoulli: p must be from 0 to 1, not 1.5");
    expect_error(!cn_dropout_mask(tape, CN_SHAPE(2), -1), "dropout_mask: rate must be from 0 to 1, not -1");
    expect_error(!cn_sample_normal(NULL, CN_SHAPE(2)),
                 "normal: needs a tape that runs; in a model's graph use a layer");
    cn_tape_free(tape);
}
