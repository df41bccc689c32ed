#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <string.h>

static void expect_text(cn_shape shape, const char *expected)
{
    char text[CN_SHAPE_TEXT];
    cr_assert_str_eq(cn_shape_text(shape, text, sizeof text), expected);
}

Test(shape, macro_takes_no_dimension_to_eight)
{
    cr_assert_eq(CN_SHAPE().rank, 0);
    cn_shape shape = CN_SHAPE(1, 2, 3, 4, 5, 6, 7, 8);
    cr_assert_eq(shape.rank, 8);
    for (int i = 0; i < shape.rank; i++)
        cr_assert_eq(shape.dim[i], i + 1);
}

Test(shape, nine_dimensions_are_no_shape)
{
    cn_shape shape = CN_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1);
    cr_assert_eq(shape.rank, -1);
    cr_assert_eq(cn_shape_size(shape), -1);
}

Test(shape, size_is_the_product_of_the_dimensions)
{
    cr_assert_eq(cn_shape_size(CN_SHAPE()), 1);
    cr_assert_eq(cn_shape_size(CN_SHAPE(7)), 7);
    cr_assert_eq(cn_shape_size(CN_SHAPE(2, 3, 4)), 24);
    cr_assert_eq(cn_shape_size(CN_SHAPE(5, 0, 3)), 0);
}

Test(shape, size_of_an_open_dimension_is_unknown)
{
    cr_assert_eq(cn_shape_size(CN_SHAPE(-1, 3)), -1);
    cr_assert_eq(cn_shape_size(CN_SHAPE(0, -1)), -1);
}

Test(shape, size_beyond_the_address_space_is_refused)
{
    int64_t large = INT64_C(1) << 32;
    cr_assert_eq(cn_shape_size(CN_SHAPE(large, large)), -1);
    cr_assert_eq(cn_shape_size(CN_SHAPE(large, large, large, large)), -1);
    cr_assert_eq(cn_shape_size(CN_SHAPE(INT64_MAX)), -1);
    cr_assert_eq(cn_shape_size(CN_SHAPE(large, 1024)), large * 1024);
}

Test(shape, strides_beyond_the_address_space_are_refused_wherever_a_dimension_is_empty)
{
    int64_t large = INT64_C(1) << 40;
    cr_assert_eq(cn_shape_size(CN_SHAPE(0, large, large)), -1);
    cr_assert_eq(cn_shape_size(CN_SHAPE(large, large, 0)), -1);
    cr_assert_eq(cn_shape_size(CN_SHAPE(large, 0)), 0);
}

Test(shape, equal_shapes_have_the_same_rank_and_dimensions)
{
    cr_assert(cn_shape_equal(CN_SHAPE(), CN_SHAPE()));
    cr_assert(cn_shape_equal(CN_SHAPE(2, 3), CN_SHAPE(2, 3)));
    cr_assert_not(cn_shape_equal(CN_SHAPE(2, 3), CN_SHAPE(3, 2)));
    cr_assert_not(cn_shape_equal(CN_SHAPE(2, 3), CN_SHAPE(2, 3, 1)));
    cr_assert_not(cn_shape_equal(CN_SHAPE(), CN_SHAPE(1)));
}

Test(shape, equality_ignores_what_lies_beyond_the_rank)
{
    cn_shape a = CN_SHAPE(2, 3), b = CN_SHAPE(2, 3);
    b.dim[2] = 99;
    cr_assert(cn_shape_equal(a, b));
}

Test(shape, text_is_that_of_a_python_tuple)
{
    expect_text(CN_SHAPE(), "()");
    expect_text(CN_SHAPE(3), "(3,)");
    expect_text(CN_SHAPE(2, 3), "(2, 3)");
    expect_text(CN_SHAPE(-1, 28, 28), "(None, 28, 28)");
    expect_text(CN_SHAPE(-1), "(None,)");
}

Test(shape, the_longest_text_fits)
{
    int64_t most = INT64_MAX;
    char text[CN_SHAPE_TEXT];
    cn_shape_text(CN_SHAPE(most, most, most, most, most, most, most, most), text, sizeof text);
    cr_assert_eq(text[strlen(text) - 1], ')');
}

Test(shape, a_rank_that_no_tensor_has_is_named)
{
    expect_text((cn_shape){28, {28, 1}}, "a shape of rank 28");
    expect_text(CN_SHAPE(1, 2, 3, 4, 5, 6, 7, 8, 9), "a shape of rank -1");
}

Test(shape, text_is_cut_to_the_buffer)
{
    char text[5] = "####";
    cn_shape_text(CN_SHAPE(123, 456), text, 4);
    cr_assert_str_eq(text, "(12");
    char untouched = '#';
    cn_shape_text(CN_SHAPE(1), &untouched, 0);
    cr_assert_eq(untouched, '#');
}

Test(shape, element_types_have_sizes_and_numpy_names)
{
    cr_assert_eq(cn_dtype_size(CN_F32), sizeof(float));
    cr_assert_eq(cn_dtype_size(CN_F64), sizeof(double));
    cr_assert_eq(cn_dtype_size(CN_I32), sizeof(int32_t));
    cr_assert_str_eq(cn_dtype_name(CN_F32), "float32");
    cr_assert_str_eq(cn_dtype_name(CN_F64), "float64");
    cr_assert_str_eq(cn_dtype_name(CN_I32), "int32");
    cr_assert_str_eq(cn_dtype_name((cn_dtype)3), "unknown");
}
