/* cn_dot_product_attention: against its formula, against the same written with other operations, and in long sequences.
 */
#include "expect.h"
#include <string.h>

static void teardown(void)
{
    cn_set_default_dtype(CN_F32);
    cn_set_threads(0);
}
TestSuite(attention, .fini = teardown);

typedef struct sizes {
    int64_t batch, queries, keys, heads, groups, size, width;
} sizes;

typedef struct variant {
    const char *name;
    bool is_causal, turned;
    int64_t window;
    double scale;
    cn_shape mask; /* rank 0: none */
    double least;  /* of what is from -1.5 to 1.5: less is hidden */
} variant;

static const variant variants[] = {
    {.name = "plain"},
    {.name = "causal", .is_causal = true},
    {.name = "window", .window = 3},
    {.name = "causal window, scaled", .is_causal = true, .window = 20, .scale = -0.3},
    {.name = "mask of keys", .mask = {4, {1, 1, 1, -1}}, .least = 0},
    {.name = "mask of queries and keys, causal", .mask = {2, {-2, -1}}, .least = -0.2, .is_causal = true},
    {.name = "mask of queries, some of which see nothing", .mask = {3, {1, -2, 1}}, .least = 0},
    {.name = "strided operands", .turned = true, .is_causal = true},
};

/* -1 stands for the number of keys, -2 for that of queries. */
static cn_shape mask_shape(const sizes *s, const variant *v)
{
    cn_shape shape = v->mask;
    for (int d = 0; d < shape.rank; d++)
        shape.dim[d] = shape.dim[d] == -1 ? s->keys : shape.dim[d] == -2 ? s->queries : shape.dim[d];
    return shape;
}

/* Numbers between -1.5 and 1.5 without much order. */
static cn_tensor *scattered(cn_tape *tape, cn_dtype dtype, cn_shape shape, double seed)
{
    cn_tensor *i = cn_arange(tape, seed, seed + (double)cn_shape_size(shape), .dtype = dtype);
    cn_tensor *angle = cn_mul(cn_square(i), cn_scalar(i, 0.7));
    return cn_reshape(cn_mul(cn_sin(angle), cn_scalar(i, 1.5)), shape);
}

static cn_tensor *operand(cn_tape *tape, cn_dtype dtype, bool turned, cn_shape shape, double seed)
{
    if (!turned)
        return scattered(tape, dtype, shape, seed);
    cn_shape other = CN_SHAPE(shape.dim[3], shape.dim[2], shape.dim[0], shape.dim[1]);
    return cn_transpose(scattered(tape, dtype, other, seed), .axes = CN_AXES(2, 3, 1, 0));
}

enum { RESULTS = 4 };
typedef struct results {
    double *values[RESULTS]; /* the result, then the gradients of query, key and value */
    int64_t count[RESULTS];
} results;

static results compute(const sizes *s, const variant *v, cn_dtype dtype, bool second_order, bool planned)
{
    results r;
    cn_tape *tape = cn_tape_new(.second_order = second_order, .deferred = planned);
    cn_tensor *x[] = {operand(tape, dtype, v->turned, CN_SHAPE(s->batch, s->queries, s->heads, s->size), 0.1),
                      operand(tape, dtype, v->turned, CN_SHAPE(s->batch, s->keys, s->groups, s->size), 0.2),
                      operand(tape, dtype, v->turned, CN_SHAPE(s->batch, s->keys, s->groups, s->width), 0.3)};
    cn_tensor *mask = NULL;
    if (v->mask.rank > 0) {
        cn_tensor *level = scattered(tape, dtype, mask_shape(s, v), 0.4);
        mask = cn_greater(level, cn_scalar(level, v->least));
    }
    cn_tensor *y[RESULTS] = {cn_dot_product_attention(x[0], x[1], x[2], .mask = mask, .is_causal = v->is_causal,
                                                      .sliding_window = v->window, .scale = v->scale)};
    cn_tensor *dy = operand(tape, dtype, v->turned, CN_SHAPE(s->batch, s->queries, s->heads, s->width), 0.5);
    cr_assert(cn_vjp(y, &dy, 1, x, 3, y + 1), "%s", cn_error_message());
    cn_view views[RESULTS];
    for (int i = 0; i < RESULTS; i++) {
        r.count[i] = cn_shape_size(cn_shape_of(y[i]));
        r.values[i] = calloc((size_t)r.count[i], sizeof(double));
        views[i] = cn_array_with(r.values[i], CN_ARRAY_F64, true, cn_shape_of(y[i]));
        cr_assert(planned || cn_values(y[i], views[i]), "%s", cn_error_message());
    }
    cn_plan *plan = planned ? cn_plan_new(tape, {y[0], y[1], y[2], y[3]}) : NULL;
    cr_assert(!planned || cn_run(plan, .out = {views[0], views[1], views[2], views[3]}, .step = 0), "%s",
              cn_error_message());
    cn_plan_free(plan);
    cn_tape_free(tape);
    return r;
}

static void discard(results *r)
{
    for (int i = 0; i < RESULTS; i++)
        free(r->values[i]);
}

static void expect_near(const results *got, const results *wanted, double tolerance, const char *what)
{
    for (int k = 0; k < RESULTS; k++) {
        double largest = 0, error = 0;
        for (int64_t i = 0; i < got->count[k]; i++) {
            largest = fmax(largest, fabs(wanted->values[k][i]));
            double difference = fabs(got->values[k][i] - wanted->values[k][i]);
            error = difference <= error ? error : difference; /* NaN counts */
        }
        cr_expect(largest > 0 && error <= tolerance * largest, "%s: %d is wrong by %g of %g", what, k, error, largest);
    }
}

static void expect_agreement(sizes s)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        for (int dtype = CN_F32; dtype <= CN_F64; dtype++) {
            results fused = compute(&s, &variants[i], (cn_dtype)dtype, false, false);
            results unfused = compute(&s, &variants[i], (cn_dtype)dtype, true, false);
            expect_near(&fused, &unfused, dtype == CN_F64 ? 1e-12 : 1e-5, variants[i].name);
            discard(&fused);
            discard(&unfused);
        }
}

Test(attention, fused_agrees_with_unfused_for_few_places)
{
    expect_agreement((sizes){2, 5, 7, 4, 2, 3, 6});
}

Test(attention, fused_agrees_with_unfused_over_several_tiles)
{
    expect_agreement((sizes){2, 150, 137, 2, 1, 8, 5});
}

Test(attention, fused_agrees_with_unfused_for_more_queries_than_keys)
{
    expect_agreement((sizes){2, 90, 11, 3, 3, 1, 1});
}

Test(attention, weights_values_by_the_softmax_of_scaled_products)
{
    cn_tape *tape = cn_tape_new();
    /* Two keys, whose products with the query are 0 and ln 3: weights 1/4 and 3/4. */
    cn_tensor *query = cn_full(tape, CN_SHAPE(1, 1, 1, 1), log(3), .dtype = CN_F64);
    cn_tensor *key = expect_counting(tape, CN_SHAPE(1, 2, 1, 1));
    cn_tensor *value = cn_mul(expect_counting(tape, CN_SHAPE(1, 2, 1, 1)), cn_scalar(key, 4));
    double y = cn_item(cn_reshape(cn_dot_product_attention(query, key, value), CN_SHAPE()));
    cr_expect_float_eq(y, 3, 1e-14);
    cn_tape_free(tape);
}

Test(attention, neighbouring_heads_share_keys_and_values)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *query = cn_zeros(tape, CN_SHAPE(1, 1, 4, 1), .dtype = CN_F64);
    cn_tensor *value = expect_counting(tape, CN_SHAPE(1, 1, 2, 1));
    EXPECT(cn_dot_product_attention(query, value, value), CN_SHAPE(1, 1, 4, 1), 0, 0, 1, 1);
    cn_tape_free(tape);
}

Test(attention, query_that_sees_nothing_gets_the_mean_of_all_values)
{
    const int32_t seen_keys[4] = {0, 1, 1, 0};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 4, 1, 1));
    cn_tensor *seen = cn_constant_as(tape, cn_array(seen_keys, 4), CN_I32);
    /* The first query sees key 0 at most, which is hidden. */
    cn_tensor *y = cn_dot_product_attention(cn_zeros_like(x), x, x, .mask = seen, .is_causal = true);
    EXPECT(y, CN_SHAPE(1, 4, 1, 1), 1.5, 1, 1.5, 1.5);
    cn_tape_free(tape);
}

Test(attention, nan_is_not_taken_for_what_is_hidden)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_full(tape, CN_SHAPE(1, 2, 1, 1), NAN, .dtype = CN_F64);
    EXPECT(cn_dot_product_attention(x, x, cn_ones_like(x)), CN_SHAPE(1, 2, 1, 1), NAN, NAN);
    cn_tape_free(tape);
}

static bool same_bits(const results *a, const results *b)
{
    for (int i = 0; i < RESULTS; i++)
        if (memcmp(a->values[i], b->values[i], (size_t)a->count[i] * sizeof(double)) != 0)
            return false;
    return true;
}

Test(attention, threads_and_plans_change_no_bit)
{
    const sizes s = {4, 70, 60, 4, 2, 16, 16};
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        cn_set_threads(1);
        results alone = compute(&s, &variants[i], CN_F32, false, false);
        cn_set_threads(3);
        results shared = compute(&s, &variants[i], CN_F32, false, false);
        results planned = compute(&s, &variants[i], CN_F32, false, true);
        cr_expect(same_bits(&alone, &shared), "%s", variants[i].name);
        cr_expect(same_bits(&alone, &planned), "%s", variants[i].name);
        discard(&alone);
        discard(&shared);
        discard(&planned);
    }
}

Test(attention, long_sequences_take_no_memory_for_all_scores)
{
    const int64_t places = 8192;
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(1, places, 1, 8)), *y = cn_dot_product_attention(x, x, x);
    cn_plan *plan = cn_plan_new(tape, {cn_grad(cn_sum(y), x)});
    cr_assert_not_null(plan, "%s", cn_error_message());
    cr_expect_lt(cn_plan_describe(plan).block_bytes, places * places * (int64_t)sizeof(float) / 4);
    cn_plan_free(plan);
    cn_tape_free(tape);
}

Test(attention, gradient_without_its_result)
{
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(1, 3, 1, 2), .dtype = CN_F64);
    cn_tensor *slope = cn_grad(cn_sum(cn_dot_product_attention(x, x, x)), x);
    cn_plan *plan = cn_plan_new(tape, {slope});
    /* All places alike: each value counts once in all. */
    double in[6] = {1, 1, 1, 1, 1, 1}, out[6];
    cr_assert(cn_run(plan, {cn_array(in, 1, 3, 1, 2)}, {cn_array(out, 1, 3, 1, 2)}), "%s", cn_error_message());
    for (int i = 0; i < 6; i++)
        cr_expect_float_eq(out[i], 1, 1e-12);
    cn_plan_free(plan);
    cn_tape_free(tape);
}

/* What a call with tensors of these shapes says, nothing having been recorded. */
static void expect_refusal(cn_code code, const char *part, cn_shape query, cn_shape key, cn_shape value, cn_shape mask,
                           int64_t window)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *m = mask.rank > 0 ? cn_ones(tape, mask, .dtype = CN_I32) : NULL;
    cr_expect_null(cn_dot_product_attention(cn_ones(tape, query), cn_ones(tape, key), cn_ones(tape, value), .mask = m,
                                            .sliding_window = window));
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), "dot_product_attention: ") && strstr(cn_error_message(), part), "%s",
              cn_error_message());
    cn_error_clear();
    cn_tape_free(tape);
}

Test(attention, refuses_what_does_not_fit)
{
    const cn_shape x = CN_SHAPE(2, 3, 4, 5), none = {.rank = 0};
    expect_refusal(CN_SHAPES, "(batch, places, heads, size)", CN_SHAPE(2, 3, 5), x, x, none, 0);
    expect_refusal(CN_SHAPES, "batches of different sizes", CN_SHAPE(1, 3, 4, 5), x, x, none, 0);
    expect_refusal(CN_SHAPES, "a value for each key", x, x, CN_SHAPE(2, 4, 4, 5), none, 0);
    expect_refusal(CN_SHAPES, "queries of size 5 do not fit keys of size 6", x, CN_SHAPE(2, 3, 4, 6), x, none, 0);
    expect_refusal(CN_SHAPES, "4 heads of the query cannot share 3 of the key", x, CN_SHAPE(2, 3, 3, 5),
                   CN_SHAPE(2, 3, 3, 5), none, 0);
    expect_refusal(CN_SHAPES, "there are no keys", x, CN_SHAPE(2, 0, 4, 5), CN_SHAPE(2, 0, 4, 5), none, 0);
    expect_refusal(CN_SHAPES, "the mask does not fit", x, x, x, CN_SHAPE(2, 3), 0);
    expect_refusal(CN_SHAPES, "the mask does not fit", x, x, x, CN_SHAPE(1, 2, 4, 3, 3), 0);
    expect_refusal(CN_ARGUMENT, "sliding_window must be positive, not -1", x, x, x, none, -1);
}

Test(attention, refuses_operands_of_different_types)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 1, 2)), *y = cn_cast(x, CN_F64);
    cr_expect_null(cn_dot_product_attention(x, y, x));
    cr_expect_eq(cn_error_code(), CN_TYPE);
    cn_error_clear();
    cn_tape_free(tape);
}
