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

TestSuite(creation, .init = setup, .fini = teardown);

Test(creation, full_fills_a_shape_in_the_default_type)
{
    cn_tensor *x = cn_full(tape, CN_SHAPE(2, 2), 1.5);
    EXPECT(x, CN_SHAPE(2, 2), 1.5, 1.5, 1.5, 1.5);
    cr_assert_eq(cn_dtype_of(x), CN_F32);
    cn_set_default_dtype(CN_F64);
    cr_assert_eq(cn_dtype_of(cn_full(tape, CN_SHAPE(1), 1)), CN_F64);
    cn_set_default_dtype(CN_F32);
}

Test(creation, zeros_and_ones_take_a_type)
{
    cn_tensor *zeros = cn_zeros(tape, CN_SHAPE(3), .dtype = CN_I32);
    EXPECT(zeros, CN_SHAPE(3), 0, 0, 0);
    cr_assert_eq(cn_dtype_of(zeros), CN_I32);
    EXPECT(cn_ones(tape, CN_SHAPE(), .dtype = CN_F64), CN_SHAPE(), 1);
}

Test(creation, like_takes_shape_and_type)
{
    cn_tensor *x = cn_arange(tape, 3);
    EXPECT(cn_full_like(x, 7), CN_SHAPE(3), 7, 7, 7);
    EXPECT(cn_zeros_like(x), CN_SHAPE(3), 0, 0, 0);
    EXPECT(cn_ones_like(x), CN_SHAPE(3), 1, 1, 1);
    cr_assert_eq(cn_dtype_of(cn_ones_like(x)), CN_I32);
}

Test(creation, arange_counts_from_zero)
{
    cn_tensor *x = cn_arange(tape, 4);
    EXPECT(x, CN_SHAPE(4), 0, 1, 2, 3);
    cr_assert_eq(cn_dtype_of(x), CN_I32);
}

Test(creation, arange_stops_before_stop)
{
    EXPECT(cn_arange(tape, 2, 8, 3), CN_SHAPE(2), 2, 5);
    EXPECT(cn_arange(tape, 2, 9, 3), CN_SHAPE(3), 2, 5, 8);
    EXPECT(cn_arange(tape, 3, 0, -1), CN_SHAPE(3), 3, 2, 1);
    EXPECT(cn_arange(tape, 0, 1, 0.25, .dtype = CN_F64), CN_SHAPE(4), 0, 0.25, 0.5, 0.75);
}

Test(creation, arange_backwards_is_empty)
{
    EXPECT(cn_arange(tape, 3, 1), CN_SHAPE(0), 0);
}

Test(creation, arange_refuses_what_is_no_range)
{
    expect_error(!cn_arange(tape, 0, 5, 0), "arange: from 0 to 5 by 0 is not a range");
    expect_error(!cn_arange(tape, 0.5, 5),
                 "arange: from 0.5 to 5 by 1 are not whole numbers; .dtype chooses a float type");
}

Test(creation, eye_has_ones_on_a_diagonal)
{
    EXPECT(cn_identity(tape, 2), CN_SHAPE(2, 2), 1, 0, 0, 1);
    EXPECT(cn_eye(tape, 2, 3, 1), CN_SHAPE(2, 3), 0, 1, 0, 0, 0, 1);
    EXPECT(cn_eye(tape, 3, 2, .k = -1, .dtype = CN_I32), CN_SHAPE(3, 2), 0, 0, 1, 0, 0, 1);
}

Test(creation, a_shape_that_is_none_is_refused)
{
    expect_error(!cn_zeros(tape, CN_SHAPE(2, -1)), "full: (2, None) is not a shape");
    expect_error(!cn_eye(tape, -2), "eye: (None, None) is not a shape");
}

Test(creation, an_int32_takes_whole_numbers_of_its_range)
{
    EXPECT(cn_full(tape, CN_SHAPE(1), -7, .dtype = CN_I32), CN_SHAPE(1), -7);
    expect_error(!cn_full(tape, CN_SHAPE(1), 1.5, .dtype = CN_I32), "full: 1.5 is no int32");
    expect_error(!cn_full(tape, CN_SHAPE(1), 3e9, .dtype = CN_I32), "full: 3e+09 is no int32");
    cn_tensor *x = cn_zeros(tape, CN_SHAPE(1), .dtype = CN_I32);
    expect_error(!cn_full_like(x, INFINITY), "full_like: inf is no int32: (1,)");
    expect_error(!cn_pad(x, {{1, 0}}, .value = 0.5), "pad: 0.5 is no int32: (1,)");
}

Test(creation, a_tape_is_needed)
{
    cr_assert_null(cn_zeros(NULL, CN_SHAPE(2)));
    cr_assert_eq(cn_error_code(), CN_TAPE);
}
