/* Layers that join and reshape: what becomes of masks, wrong arguments, automatic names. */
#include "expect.h"

TestSuite(merging, .fini = expect_clear);

static cn_tensor *constant(cn_tape *tape, const float *values, cn_shape shape)
{
    return cn_constant(tape, cn_array_with(values, CN_ARRAY_F32, false, shape));
}

/* Two sequences of three steps with one feature, a = 2, 3, 4 and b = 5, 6, 1, with masks or without. */
typedef struct pair {
    cn_tape *tape;
    cn_tensor *a, *b;
} pair;

static pair new_pair(const int32_t *mask_a, const int32_t *mask_b)
{
    pair p = {.tape = cn_tape_new()};
    p.a = constant(p.tape, (float[]){2, 3, 4}, CN_SHAPE(1, 3, 1));
    p.b = constant(p.tape, (float[]){5, 6, 1}, CN_SHAPE(1, 3, 1));
    if (mask_a)
        cn_set_mask(p.a, cn_constant(p.tape, cn_array(mask_a, 1, 3)));
    if (mask_b)
        cn_set_mask(p.b, cn_constant(p.tape, cn_array(mask_b, 1, 3)));
    return p;
}

static cn_tensor *merge(const pair *p, cn_layer *layer)
{
    cn_tensors y = cn_call_many(layer, {p->a, p->b});
    cr_assert_eq(y.count, 1, "%s", cn_error_message());
    return y.item[0];
}

/* The first step is masked in both, the second in a, the third in b. */
static const int32_t in_a[] = {0, 0, 1}, in_b[] = {0, 1, 0};

Test(merging, of_masked_inputs_has_the_mask_of_what_counts_in_any)
{
    pair p = new_pair(in_a, in_b);
    cn_layer *layers[] = {cn_add_layer(),     cn_subtract_layer(), cn_multiply_layer(),
                          cn_average_layer(), cn_maximum_layer(),  cn_minimum_layer()};
    for (int i = 0; i < 6; i++)
        EXPECT(cn_mask_of(merge(&p, layers[i])), CN_SHAPE(1, 3), 0, 1, 1);
    cn_tape_free(p.tape);
}

Test(merging, with_an_unmasked_input_has_no_mask)
{
    pair first = new_pair(in_a, NULL), second = new_pair(NULL, in_b);
    cn_layer *layers[] = {cn_add_layer(),     cn_subtract_layer(), cn_multiply_layer(),
                          cn_average_layer(), cn_maximum_layer(),  cn_minimum_layer()};
    for (int i = 0; i < 6; i++)
        cr_assert(!cn_mask_of(merge(&first, layers[i])) && !cn_mask_of(merge(&second, layers[i])), "%s",
                  cn_layer_name(layers[i]));
    cn_tape_free(first.tape);
    cn_tape_free(second.tape);
}

Test(merging, sums_differences_and_averages_take_all_values)
{
    pair p = new_pair(in_a, in_b);
    EXPECT(merge(&p, cn_add_layer()), CN_SHAPE(1, 3, 1), 7, 9, 5);
    EXPECT(merge(&p, cn_subtract_layer()), CN_SHAPE(1, 3, 1), -3, -3, 3);
    EXPECT(merge(&p, cn_average_layer()), CN_SHAPE(1, 3, 1), 3.5, 4.5, 2.5);
    cn_tape_free(p.tape);
}

Test(merging, products_and_extremes_leave_out_what_is_masked)
{
    pair p = new_pair(in_a, in_b);
    EXPECT(merge(&p, cn_multiply_layer()), CN_SHAPE(1, 3, 1), 0, 6, 4);
    cn_tensor *highest = merge(&p, cn_maximum_layer()), *lowest = merge(&p, cn_minimum_layer());
    float values[3];
    for (int i = 0; i < 2; i++) {
        cr_assert(cn_values(i ? lowest : highest, cn_array(values, 1, 3, 1)));
        cr_assert(values[1] == 6 && values[2] == 4, "only the one that counts is left");
    }
    cn_tape_free(p.tape);
}

Test(merging, masks_of_one_input_alone_work_too)
{
    pair p = new_pair(in_a, NULL);
    EXPECT(merge(&p, cn_multiply_layer()), CN_SHAPE(1, 3, 1), 5, 6, 4);
    EXPECT(merge(&p, cn_maximum_layer()), CN_SHAPE(1, 3, 1), 5, 6, 4);
    EXPECT(merge(&p, cn_minimum_layer()), CN_SHAPE(1, 3, 1), 5, 6, 1);
    cn_tape_free(p.tape);
}

Test(merging, concatenates_masks_along_time_with_ones_for_missing_ones)
{
    pair p = new_pair(in_a, NULL);
    EXPECT(cn_mask_of(merge(&p, cn_concatenate_layer(1))), CN_SHAPE(1, 6), 0, 0, 1, 1, 1, 1);
    cn_tape_free(p.tape);
}

Test(merging, concatenates_masks_along_features_to_what_counts_in_any)
{
    pair p = new_pair(in_a, in_b), unmasked = new_pair(in_a, NULL), none = new_pair(NULL, NULL);
    EXPECT(cn_mask_of(merge(&p, cn_concatenate_layer())), CN_SHAPE(1, 3), 0, 1, 1);
    EXPECT(cn_mask_of(merge(&unmasked, cn_concatenate_layer())), CN_SHAPE(1, 3), 1, 1, 1);
    cr_assert_null(cn_mask_of(merge(&none, cn_concatenate_layer())));
    cn_tape_free(p.tape);
    cn_tape_free(unmasked.tape);
    cn_tape_free(none.tape);
}

Test(merging, dot_drops_masks)
{
    pair p = new_pair(in_a, in_b);
    cr_assert_null(cn_mask_of(merge(&p, cn_dot_layer(CN_SHAPE(1)))));
    cn_tape_free(p.tape);
}

Test(merging, a_mask_given_to_the_call_goes_before_that_of_the_input)
{
    pair p = new_pair(in_a, in_b);
    cn_tensor *ones = cn_ones(p.tape, CN_SHAPE(1, 3), .dtype = CN_I32);
    cn_tensors y = cn_call_many(cn_maximum_layer(), {p.a, p.b}, .mask = {ones, ones});
    EXPECT(y.item[0], CN_SHAPE(1, 3, 1), 5, 6, 4);
    EXPECT(cn_mask_of(y.item[0]), CN_SHAPE(1, 3), 1, 1, 1);
    cn_tape_free(p.tape);
}

Test(merging, reshaping_drops_masks)
{
    pair p = new_pair(in_a, NULL);
    cn_layer *layers[] = {cn_flatten(),
                          cn_reshape_layer(CN_SHAPE(1, 3)),
                          cn_permute(CN_SHAPE(2, 1)),
                          cn_cropping1d(),
                          cn_zero_padding1d(),
                          cn_up_sampling1d()};
    for (int i = 0; i < 6; i++)
        cr_assert(!cn_mask_of(cn_call(layers[i], p.a)) && cn_mask_of(p.a), "%s", cn_layer_name(layers[i]));
    cn_tape_free(p.tape);
}

Test(merging, wrong_inputs_are_refused)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *two = cn_ones(tape, CN_SHAPE(2, 3)), *three = cn_ones(tape, CN_SHAPE(3, 3)),
              *wide = cn_ones(tape, CN_SHAPE(2, 4));
    expect_error(cn_call_many(cn_add_layer(), {two}).count == 0, "add: needs at least two inputs, not 1");
    expect_error(cn_call_many(cn_add_layer(), {two, three}).count == 0,
                 "add_1: its inputs are batches of different sizes: (2, 3) and (3, 3)");
    expect_error(cn_call_many(cn_multiply_layer(), {two, wide}).count == 0,
                 "multiply: shapes cannot be broadcast together: (2, 3) x (2, 4)");
    expect_error(cn_call_many(cn_subtract_layer(), {two, two, two}).count == 0, "subtract: needs two inputs, not 3");
    expect_error(cn_call_many(cn_dot_layer(CN_SHAPE(1)), {two}).count == 0, "dot: needs two inputs, not 1");
    expect_error(!cn_dot_layer(CN_SHAPE(0)), "dot_1: axes must be one or two, neither of them the batch, not (0,)");
    expect_error(!cn_dot_layer(), "dot_2: axes must be one or two, neither of them the batch, not ()");
    cr_assert(!cn_call_many(cn_dot_layer(CN_SHAPE(1)), {two, wide}).count && cn_error_code() == CN_SHAPES);
    cn_error_clear();
    cr_assert(!cn_call_many(cn_concatenate_layer(1), {two, three}).count && cn_error_code() == CN_SHAPES);
    cn_error_clear();
    cr_assert(cn_call_many(cn_concatenate_layer(5), {two, two}).count == 0);
    cn_error_clear();
    cn_tape_free(tape);
}

Test(merging, names_are_kerass)
{
    const struct {
        cn_layer *layer;
        const char *name;
    } made[] = {{cn_add_layer(), "add"},
                {cn_subtract_layer(), "subtract"},
                {cn_multiply_layer(), "multiply"},
                {cn_average_layer(), "average"},
                {cn_maximum_layer(), "maximum"},
                {cn_minimum_layer(), "minimum"},
                {cn_concatenate_layer(), "concatenate"},
                {cn_dot_layer(CN_SHAPE(1)), "dot"},
                {cn_flatten(), "flatten"},
                {cn_reshape_layer(CN_SHAPE(2)), "reshape"},
                {cn_permute(CN_SHAPE(2, 1)), "permute"},
                {cn_repeat_vector(2), "repeat_vector"},
                {cn_cropping1d(), "cropping1d"},
                {cn_cropping2d(), "cropping2d"},
                {cn_cropping3d(), "cropping3d"},
                {cn_zero_padding1d(), "zero_padding1d"},
                {cn_zero_padding2d(), "zero_padding2d"},
                {cn_zero_padding3d(), "zero_padding3d"},
                {cn_up_sampling1d(), "up_sampling1d"},
                {cn_up_sampling2d(), "up_sampling2d"},
                {cn_up_sampling3d(), "up_sampling3d"},
                {cn_masking(), "masking"},
                {cn_lambda(cn_square), "lambda"},
                {cn_identity_layer(), "identity"}};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        cr_assert_str_eq(cn_layer_name(made[i].layer), made[i].name);
}
