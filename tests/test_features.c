/* Layers that prepare features. */
#include "counting_allocator.h"
#include "expect.h"
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

static cn_tensor *ints(cn_tape *tape, const int32_t *values, cn_shape shape)
{
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_I32, false, shape), CN_I32);
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
}
