#include "core/engine.h"
#include "expect.h"

static cn_tape *tape;

static void setup(void)
{
    tape = cn_tape_new();
}

static void teardown(void)
{
    cn_tape_free(tape);
}

TestSuite(shaping, .init = setup, .fini = teardown);

static cn_tensor *counting(cn_shape shape)
{
    return expect_counting(tape, shape);
}

static bool shares(cn_tensor *view, cn_tensor *x)
{
    return view && cn_base(view) == cn_base(x);
}

/* Views */

Test(shaping, reshape_resolves_one_open_dimension)
{
    EXPECT(cn_reshape(counting(CN_SHAPE(2, 3)), CN_SHAPE(3, -1)), CN_SHAPE(3, 2), 0, 1, 2, 3, 4, 5);
    EXPECT(cn_ravel(counting(CN_SHAPE(2, 2))), CN_SHAPE(4), 0, 1, 2, 3);
    EXPECT(cn_reshape(counting(CN_SHAPE(1)), CN_SHAPE()), CN_SHAPE(), 0);
}

Test(shaping, reshape_refuses_another_number_of_elements)
{
    cn_tensor *x = counting(CN_SHAPE(2, 3));
    expect_error(!cn_reshape(x, CN_SHAPE(4)), "reshape: the elements do not fit into (4,): (2, 3)");
    expect_error(!cn_reshape(x, CN_SHAPE(4, -1)), "reshape: the elements do not fit into (4, None): (2, 3)");
    expect_error(!cn_reshape(x, CN_SHAPE(-1, -1)), "reshape: the elements do not fit into (None, None): (2, 3)");
}

Test(shaping, reshape_of_a_transposed_tensor_is_a_view_where_axes_stay_whole)
{
    cn_tensor *x = counting(CN_SHAPE(2, 6)), *transposed = cn_transpose(x);
    cn_tensor *split = cn_reshape(transposed, CN_SHAPE(3, 1, 2, 2));
    cr_assert(shares(split, x));
    EXPECT(split, CN_SHAPE(3, 1, 2, 2), 0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11);
    cn_tensor *flat = cn_reshape(transposed, CN_SHAPE(-1));
    cr_assert_not(shares(flat, x));
    EXPECT(flat, CN_SHAPE(12), 0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11);
}

Test(shaping, expand_dims_and_squeeze_add_and_remove_axes_of_one)
{
    cn_tensor *x = counting(CN_SHAPE(2, 2));
    EXPECT(cn_expand_dims(x, 1), CN_SHAPE(2, 1, 2), 0, 1, 2, 3);
    EXPECT(cn_expand_dims(x, -1), CN_SHAPE(2, 2, 1), 0, 1, 2, 3);
    cn_tensor *wide = cn_reshape(x, CN_SHAPE(1, 2, 1, 2));
    EXPECT(cn_squeeze(wide), CN_SHAPE(2, 2), 0, 1, 2, 3);
    EXPECT(cn_squeeze(wide, .axis = -2), CN_SHAPE(1, 2, 2), 0, 1, 2, 3);
    EXPECT(cn_squeeze(wide, .axes = CN_AXES(0, 2)), CN_SHAPE(2, 2), 0, 1, 2, 3);
    cr_assert(shares(cn_squeeze(wide), x));
}

Test(shaping, squeeze_refuses_an_axis_of_another_size)
{
    expect_error(!cn_squeeze(counting(CN_SHAPE(2, 3)), .axis = 1), "squeeze: axis 1 has size 3, not 1: (2, 3)");
}

Test(shaping, transpose_permutes_axes)
{
    cn_tensor *x = counting(CN_SHAPE(1, 2, 3));
    EXPECT(cn_transpose(x), CN_SHAPE(3, 2, 1), 0, 3, 1, 4, 2, 5);
    EXPECT(cn_transpose(x, .axes = CN_AXES(-1, 0, 1)), CN_SHAPE(3, 1, 2), 0, 3, 1, 4, 2, 5);
    EXPECT(cn_swapaxes(x, 1, -1), CN_SHAPE(1, 3, 2), 0, 3, 1, 4, 2, 5);
    cr_assert(shares(cn_transpose(x), x));
}

Test(shaping, moveaxis_keeps_the_order_of_the_others)
{
    cn_tensor *x = counting(CN_SHAPE(2, 1, 3));
    EXPECT(cn_moveaxis(x, 0, -1), CN_SHAPE(1, 3, 2), 0, 3, 1, 4, 2, 5);
    EXPECT(cn_moveaxis(x, .sources = CN_AXES(2, 0), .destinations = CN_AXES(0, 1)), CN_SHAPE(3, 2, 1), 0, 3, 1, 4, 2,
           5);
}

Test(shaping, transpose_refuses_what_is_no_permutation)
{
    cn_tensor *x = counting(CN_SHAPE(2, 3));
    expect_error(!cn_transpose(x, .axes = CN_AXES(0, 0)), "transpose: axis 0 is named twice: (2, 3)");
    expect_error(!cn_transpose(x, .axes = CN_AXES(0, 1, 2)), "transpose: 3 axes are given: (2, 3)");
    expect_error(!cn_transpose(x, .axes = CN_AXES(0, 2)),
                 "transpose: there is no axis 2 in a tensor of rank 2: (2, 3)");
}

Test(shaping, getitem_takes_what_python_takes)
{
    cn_tensor *x = counting(CN_SHAPE(3, 4));
    EXPECT(cn_getitem(x, {CN_AT(1)}), CN_SHAPE(4), 4, 5, 6, 7);
    EXPECT(cn_getitem(x, {CN_ALL, CN_AT(-1)}), CN_SHAPE(3), 3, 7, 11);
    EXPECT(cn_getitem(x, {CN_AT(-1), CN_AT(0)}), CN_SHAPE(), 8);
    EXPECT(cn_getitem(x, {CN_RANGE(CN_NONE, CN_NONE, -2), CN_RANGE(1, 3)}), CN_SHAPE(2, 2), 9, 10, 1, 2);
    EXPECT(cn_getitem(x, {CN_RANGE(-2, CN_NONE), CN_RANGE(CN_NONE, -3)}), CN_SHAPE(2, 1), 4, 8);
    EXPECT(cn_getitem(x, {CN_AT(0), CN_RANGE(2, 0, -1)}), CN_SHAPE(2), 2, 1);
    EXPECT(cn_getitem(x, {CN_AT(0), CN_RANGE(-100, 100, 3)}), CN_SHAPE(2), 0, 3);
    EXPECT(cn_getitem(x, {CN_AT(0), CN_RANGE(100, -100, INT64_MIN)}), CN_SHAPE(1), 3);
    EXPECT(cn_getitem(x, {CN_AT(0), CN_RANGE(3, 1)}), CN_SHAPE(0), 0);
}

Test(shaping, slices_are_views_even_backwards)
{
    cn_tensor *x = counting(CN_SHAPE(3, 4));
    cn_tensor *back = cn_getitem(x, {CN_RANGE(CN_NONE, CN_NONE, -1), CN_RANGE(CN_NONE, CN_NONE, -3)});
    cr_assert(shares(back, x));
    EXPECT(back, CN_SHAPE(3, 2), 11, 8, 7, 4, 3, 0);
    EXPECT(cn_add(back, back), CN_SHAPE(3, 2), 22, 16, 14, 8, 6, 0);
    EXPECT(cn_sum(back), CN_SHAPE(), 33);
    EXPECT(cn_reshape(back, CN_SHAPE(2, 3)), CN_SHAPE(2, 3), 11, 8, 7, 4, 3, 0);
    cn_tensor *again = cn_getitem(back, {CN_AT(1), CN_RANGE(CN_NONE, CN_NONE, -1)});
    cr_assert(shares(again, x));
    EXPECT(again, CN_SHAPE(2), 4, 7);
}

Test(shaping, getitem_names_what_is_wrong)
{
    cn_tensor *x = counting(CN_SHAPE(3, 4));
    expect_error(!cn_getitem(x, {CN_ALL, CN_AT(4)}), "getitem: index 4 is outside axis 1 of size 4: (3, 4)");
    expect_error(!cn_getitem(x, {CN_RANGE(0, 2, 0)}), "getitem: the step along axis 0 is 0: (3, 4)");
    expect_error(!cn_getitem(x, {CN_ALL, CN_ALL, CN_AT(0)}), "getitem: there are more indices than axes: (3, 4)");
}

Test(shaping, slice_takes_a_part)
{
    cn_tensor *x = counting(CN_SHAPE(3, 4));
    EXPECT(cn_slice(x, CN_SHAPE(1, 2), CN_SHAPE(2, 1)), CN_SHAPE(2, 1), 6, 10);
    EXPECT(cn_slice(x, CN_SHAPE(2, 1), CN_SHAPE(-1, 2)), CN_SHAPE(1, 2), 9, 10);
    cr_assert(shares(cn_slice(x, CN_SHAPE(1, 2), CN_SHAPE(2, 1)), x));
    expect_error(!cn_slice(x, CN_SHAPE(2, 0), CN_SHAPE(2, 4)), "slice: there is no part (2, 4) at (2, 0): (3, 4)");
    expect_error(!cn_slice(x, CN_SHAPE(INT64_MIN, 0), CN_SHAPE(-1, -1)),
                 "slice: there is no part (None, None) at (None, 0): (3, 4)");
}

Test(shaping, flip_reverses_axes)
{
    cn_tensor *x = counting(CN_SHAPE(2, 3));
    EXPECT(cn_flip(x), CN_SHAPE(2, 3), 5, 4, 3, 2, 1, 0);
    EXPECT(cn_flip(x, .axis = 0), CN_SHAPE(2, 3), 3, 4, 5, 0, 1, 2);
    EXPECT(cn_flip(x, .axes = CN_AXES(-1)), CN_SHAPE(2, 3), 2, 1, 0, 5, 4, 3);
    cr_assert(shares(cn_flip(x), x));
}

/* Copies */

Test(shaping, pad_surrounds_with_a_value)
{
    cn_tensor *x = counting(CN_SHAPE(1, 2));
    EXPECT(cn_pad(x, {{1, 0}, {0, 2}}), CN_SHAPE(2, 4), 0, 0, 0, 0, 0, 1, 0, 0);
    EXPECT(cn_pad(x, {{0, 0}, {1, 1}}, .value = 9), CN_SHAPE(1, 4), 9, 0, 1, 9);
    EXPECT(cn_pad(cn_transpose(x), {{1, 1}}, .value = 9), CN_SHAPE(4, 1), 9, 0, 1, 9);
}

Test(shaping, pad_mirrors_with_and_without_the_edge)
{
    cn_tensor *x = counting(CN_SHAPE(3));
    EXPECT(cn_pad(x, {{2, 1}}, .mode = CN_PAD_REFLECT), CN_SHAPE(6), 2, 1, 0, 1, 2, 1);
    EXPECT(cn_pad(x, {{2, 3}}, .mode = CN_PAD_SYMMETRIC), CN_SHAPE(8), 1, 0, 0, 1, 2, 2, 1, 0);
}

Test(shaping, pad_names_what_is_wrong)
{
    cn_tensor *x = counting(CN_SHAPE(3));
    expect_error(!cn_pad(x, {{3, 0}}, .mode = CN_PAD_REFLECT), "pad: axis 0 is too short to mirror 3 elements: (3,)");
    expect_error(!cn_pad(x, {{-1, 0}}), "pad: axis 0 cannot be padded by -1 and 0: (3,)");
    expect_error(!cn_pad(x, {{0, 0}, {1, 1}}), "pad: there are widths for more axes than there are: (3,)");
}

Test(shaping, tile_repeats_the_whole)
{
    cn_tensor *x = counting(CN_SHAPE(2, 2));
    EXPECT(cn_tile(x, CN_SHAPE(2)), CN_SHAPE(2, 4), 0, 1, 0, 1, 2, 3, 2, 3);
    EXPECT(cn_tile(x, CN_SHAPE(2, 1)), CN_SHAPE(4, 2), 0, 1, 2, 3, 0, 1, 2, 3);
    EXPECT(cn_tile(counting(CN_SHAPE(2)), CN_SHAPE(2, 2)), CN_SHAPE(2, 4), 0, 1, 0, 1, 0, 1, 0, 1);
    EXPECT(cn_tile(x, CN_SHAPE(0, 1)), CN_SHAPE(0, 2), 0);
}

Test(shaping, repeat_repeats_each_element)
{
    cn_tensor *x = counting(CN_SHAPE(2, 2));
    EXPECT(cn_repeat(x, 2), CN_SHAPE(8), 0, 0, 1, 1, 2, 2, 3, 3);
    EXPECT(cn_repeat(x, 2, 0), CN_SHAPE(4, 2), 0, 1, 0, 1, 2, 3, 2, 3);
    EXPECT(cn_repeat(x, 2, -1), CN_SHAPE(2, 4), 0, 0, 1, 1, 2, 2, 3, 3);
    expect_error(!cn_repeat(x, -1, 0), "repeat: axis 0 cannot be repeated -1 times: (2, 2)");
}

Test(shaping, roll_moves_around)
{
    cn_tensor *x = counting(CN_SHAPE(2, 3));
    EXPECT(cn_roll(x, 1), CN_SHAPE(2, 3), 5, 0, 1, 2, 3, 4);
    EXPECT(cn_roll(x, -1, 1), CN_SHAPE(2, 3), 1, 2, 0, 4, 5, 3);
    EXPECT(cn_roll(x, 5, 0), CN_SHAPE(2, 3), 3, 4, 5, 0, 1, 2);
    EXPECT(cn_roll(x, 6), CN_SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
}

Test(shaping, triangles_keep_one_side_of_a_diagonal)
{
    cn_tensor *x = cn_reshape(cn_arange(tape, 1, 7, .dtype = CN_F64), CN_SHAPE(2, 3));
    EXPECT(cn_tril(x), CN_SHAPE(2, 3), 1, 0, 0, 4, 5, 0);
    EXPECT(cn_tril(x, -1), CN_SHAPE(2, 3), 0, 0, 0, 4, 0, 0);
    EXPECT(cn_triu(x), CN_SHAPE(2, 3), 1, 2, 3, 0, 5, 6);
    EXPECT(cn_triu(x, 1), CN_SHAPE(2, 3), 0, 2, 3, 0, 0, 6);
    EXPECT(cn_tril(x, INT64_MAX), CN_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    EXPECT(cn_triu(x, INT64_MIN), CN_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    expect_error(!cn_tril(counting(CN_SHAPE(3))), "tril: needs a matrix: (3,)");
}

Test(shaping, empty_tensors_keep_their_shapes)
{
    cn_tensor *x = counting(CN_SHAPE(0, 3));
    EXPECT(cn_reshape(x, CN_SHAPE(3, 0)), CN_SHAPE(3, 0), 0);
    EXPECT(cn_transpose(x), CN_SHAPE(3, 0), 0);
    EXPECT(cn_flip(x), CN_SHAPE(0, 3), 0);
    EXPECT(cn_roll(x, 2), CN_SHAPE(0, 3), 0);
    EXPECT(cn_tril(x), CN_SHAPE(0, 3), 0);
    EXPECT(cn_tile(x, CN_SHAPE(2, 2)), CN_SHAPE(0, 6), 0);
    EXPECT(cn_pad(x, {{1, 0}}, .value = 2), CN_SHAPE(1, 3), 2, 2, 2);
}

/* Joining */

Test(shaping, concatenate_joins_along_an_axis)
{
    cn_tensor *a = counting(CN_SHAPE(2, 2)), *b = cn_negative(counting(CN_SHAPE(2, 1)));
    EXPECT(cn_concatenate({a, b}, .axis = 1), CN_SHAPE(2, 3), 0, 1, 0, 2, 3, -1);
    EXPECT(cn_concatenate({a, a}), CN_SHAPE(4, 2), 0, 1, 2, 3, 0, 1, 2, 3);
    EXPECT(cn_concatenate({cn_transpose(a), b, a}, .axis = -1), CN_SHAPE(2, 5), 0, 2, 0, 0, 1, 1, 3, -1, 2, 3);
    EXPECT(cn_concatenate({cn_zeros(tape, CN_SHAPE(0, 2), .dtype = CN_F64), a}), CN_SHAPE(2, 2), 0, 1, 2, 3);
}

Test(shaping, stack_joins_along_a_new_axis)
{
    cn_tensor *a = counting(CN_SHAPE(2)), *b = cn_negative(a);
    EXPECT(cn_stack({a, b}), CN_SHAPE(2, 2), 0, 1, 0, -1);
    EXPECT(cn_stack({a, b}, .axis = -1), CN_SHAPE(2, 2), 0, 0, 1, -1);
}

Test(shaping, joining_names_what_is_wrong)
{
    cn_tensor *a = counting(CN_SHAPE(2, 2)), *b = counting(CN_SHAPE(3, 2));
    expect_error(!cn_concatenate({a, b}, .axis = 1),
                 "concatenate: input 1 differs in another axis than 1: (2, 2) x (3, 2)");
    expect_error(!cn_concatenate({a, cn_arange(tape, 2)}), "concatenate: float64 with int32: (2, 2) x (2,)");
    expect_error(!cn_stack({a, b}), "stack: the shape of input 1 differs: (2, 2) x (3, 2)");
    expect_error(!cn_concatenate({NULL}), "concatenate: there is no tensor");
}

Test(shaping, split_cuts_equally_or_at_points)
{
    cn_tensor *x = counting(CN_SHAPE(2, 4));
    cn_tensors halves = cn_split(x, .sections = 2, .axis = 1);
    cr_assert_eq(halves.count, 2);
    EXPECT(halves.item[0], CN_SHAPE(2, 2), 0, 1, 4, 5);
    EXPECT(halves.item[1], CN_SHAPE(2, 2), 2, 3, 6, 7);
    cn_tensors parts = cn_split(x, .points = CN_POINTS(1, -1), .axis = -1);
    cr_assert_eq(parts.count, 3);
    EXPECT(parts.item[0], CN_SHAPE(2, 1), 0, 4);
    EXPECT(parts.item[1], CN_SHAPE(2, 2), 1, 2, 5, 6);
    EXPECT(parts.item[2], CN_SHAPE(2, 1), 3, 7);
}

Test(shaping, unstack_undoes_stack)
{
    cn_tensors columns = cn_unstack(counting(CN_SHAPE(2, 3)), 3, 1);
    cr_assert_eq(columns.count, 3);
    EXPECT(columns.item[2], CN_SHAPE(2), 2, 5);
}

Test(shaping, split_names_what_is_wrong)
{
    cn_tensor *x = counting(CN_SHAPE(7));
    expect_error(cn_split(x, .sections = 3).count == 0, "split: axis 0 cannot be cut into 3 equal sections: (7,)");
    expect_error(cn_split(x, .points = CN_POINTS(5, 2)).count == 0, "split: axis 0 cannot be cut at 2 after 5: (7,)");
    expect_error(cn_split(x, .sections = 33).count == 0, "split: 33 outputs are not between 1 and 32");
    expect_error(cn_unstack(x, 3, 0).count == 0, "unstack: axis 0 has not size 3: (7,)");
}

Test(shaping, hundreds_of_steps_are_taken_apart_and_put_together)
{
    enum { STEPS = 300 };
    cn_tensor *x = counting(CN_SHAPE(2, STEPS, 2)), *step[STEPS];
    cr_assert(cn_unstack_many(x, 1, STEPS, step));
    EXPECT(step[STEPS - 1], CN_SHAPE(2, 2), 598, 599, 1198, 1199);
    cn_tensor *difference = cn_sum(cn_square(cn_sub(cn_stack_many(step, STEPS, 1), x)));
    EXPECT(difference, CN_SHAPE(), 0);
    cr_assert(cn_split_many(x, 1, STEPS, step));
    EXPECT(step[1], CN_SHAPE(2, 1, 2), 2, 3, 602, 603);
    EXPECT(cn_sum(cn_square(cn_sub(cn_concatenate_many(step, STEPS, 1), x))), CN_SHAPE(), 0);
}

Test(shaping, large_joins_do_not_depend_on_threads)
{
    cn_tensor *a = counting(CN_SHAPE(1000, 100)), *b = counting(CN_SHAPE(1000, 7));
    cn_tensor *wanted = cn_sum(cn_square(b));
    for (int threads = 1; threads <= 3; threads++) {
        cn_set_threads(threads);
        cn_tensors parts = cn_split(cn_concatenate({a, b}, .axis = 1), .points = CN_POINTS(100), .axis = 1);
        EXPECT(cn_sum(cn_square(cn_sub(parts.item[0], a))), CN_SHAPE(), 0);
        EXPECT(cn_sum(cn_square(parts.item[1])), CN_SHAPE(), cn_item(wanted));
    }
    cn_set_threads(0);
}

/* Gradients */

static cn_tensor *reshaped(cn_tensor *x)
{
    return cn_reshape(cn_transpose(x), CN_SHAPE(2, -1));
}
static cn_tensor *transposed(cn_tensor *x)
{
    return cn_transpose(x, .axes = CN_AXES(1, 2, 0));
}
static cn_tensor *sliced(cn_tensor *x)
{
    return cn_getitem(x, {CN_RANGE(CN_NONE, CN_NONE, -2), CN_AT(1), CN_RANGE(1, CN_NONE)});
}
static cn_tensor *padded(cn_tensor *x)
{
    return cn_pad(x, {{1, 0}, {0, 2}, {1, 1}}, .value = 3);
}
static cn_tensor *reflected(cn_tensor *x)
{
    return cn_pad(x, {{1, 2}, {1, 0}, {0, 1}}, .mode = CN_PAD_REFLECT);
}
static cn_tensor *mirrored(cn_tensor *x)
{
    return cn_pad(x, {{3, 2}, {1, 0}}, .mode = CN_PAD_SYMMETRIC);
}
static cn_tensor *tiled(cn_tensor *x)
{
    return cn_tile(x, CN_SHAPE(2, 1, 1, 3));
}
static cn_tensor *repeated(cn_tensor *x)
{
    return cn_repeat(x, 3, 1);
}
static cn_tensor *flipped(cn_tensor *x)
{
    return cn_flip(x, .axes = CN_AXES(0, 2));
}
static cn_tensor *rolled(cn_tensor *x)
{
    return cn_add(cn_roll(x, 5), cn_roll(x, 1, 2));
}
static cn_tensor *lower(cn_tensor *x)
{
    return cn_tril(x, 1);
}
static cn_tensor *upper(cn_tensor *x)
{
    return cn_triu(x);
}
static cn_tensor *concatenated(cn_tensor *x)
{
    return cn_concatenate({x, cn_slice(x, CN_SHAPE(0, 0, 0), CN_SHAPE(-1, 1, -1)), cn_mul(x, x)}, .axis = 1);
}
static cn_tensor *stacked(cn_tensor *x)
{
    return cn_stack({x, cn_mul(x, x), cn_flip(x)}, .axis = 2);
}
static cn_tensor *split_in_three(cn_tensor *x)
{
    cn_tensors parts = cn_split(x, .sections = 3);
    return cn_mul(parts.item[0], cn_square(parts.item[2]));
}
static cn_tensor *split_at_points(cn_tensor *x)
{
    cn_tensors parts = cn_split(x, .points = CN_POINTS(1, 3), .axis = 2);
    return cn_mul(parts.item[0], parts.item[1]);
}
static cn_tensor *unstacked(cn_tensor *x)
{
    cn_tensors parts = cn_unstack(x, 2, 1);
    return cn_mul(parts.item[0], parts.item[1]);
}

static const struct {
    const char *name;
    expect_function *function;
} cases[] = {
    {"reshape", reshaped},
    {"transpose", transposed},
    {"getitem", sliced},
    {"pad", padded},
    {"reflect", reflected},
    {"symmetric", mirrored},
    {"tile", tiled},
    {"repeat", repeated},
    {"flip", flipped},
    {"roll", rolled},
    {"tril", lower},
    {"triu", upper},
    {"concatenate", concatenated},
    {"stack", stacked},
    {"split", split_in_three},
    {"split at points", split_at_points},
    {"unstack", unstacked},
};

Test(shaping, derivatives_agree_with_central_differences)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_derivatives(cases[i].name, cases[i].function, CN_SHAPE(3, 2, 4));
}

Test(shaping, planned_runs_give_the_same_bits)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_planned(cases[i].name, cases[i].function, CN_SHAPE(3, 2, 4));
}

Test(shaping, one_axis_and_several_at_once_are_an_error)
{
    cn_tensor *x = cn_full(tape, CN_SHAPE(1, 2, 1));
    expect_error(!cn_flip(x, 0, CN_AXES(1, 2)), "flip: takes .axis or up to 8 .axes: (1, 2, 1)");
    expect_error(!cn_squeeze(x, .axis = 0, .axes = CN_AXES(2)), "squeeze: takes .axis or up to 8 .axes: (1, 2, 1)");
    cr_assert_eq(cn_split(cn_full(tape, CN_SHAPE(4)), 2, .points = CN_POINTS(1)).count, 0);
    cr_assert_eq(cn_error_code(), CN_ARGUMENT);
    cn_error_clear();
}
