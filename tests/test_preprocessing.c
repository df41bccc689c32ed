#include "expect.h"

TestSuite(preprocessing);

static cn_tensor *ints(cn_tape *tape, const int32_t *values, cn_shape shape)
{
    return cn_constant_as(tape, cn_array_with(values, CN_ARRAY_I32, false, shape), CN_I32);
}

Test(preprocessing, categories_are_multi_hot_by_default)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = ints(tape, (const int32_t[]){0, 1, 0, 0, 3, 9}, CN_SHAPE(3, 2));
    EXPECT(cn_call(cn_category_encoding(4), x), CN_SHAPE(3, 4), 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1);
    cn_tape_free(tape);
}

Test(preprocessing, categories_are_counted)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = ints(tape, (const int32_t[]){0, 1, 1, 2, 2, 2}, CN_SHAPE(2, 3));
    EXPECT(cn_call(cn_category_encoding(3, CN_COUNT), x), CN_SHAPE(2, 3), 1, 2, 0, 0, 0, 3);
    cn_tape_free(tape);
}

Test(preprocessing, categories_are_one_hot_along_a_new_axis_unless_the_last_is_1)
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

Test(preprocessing, resizing_keeps_constants_and_interpolates_lines)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = ints(tape, (const int32_t[]){0, 4, 8, 12}, CN_SHAPE(1, 1, 4, 1));
    EXPECT(cn_call(cn_resizing(2, 2), x), CN_SHAPE(1, 2, 2, 1), 2, 10, 2, 10);
    EXPECT(cn_call(cn_resizing(1, 8, .interpolation = CN_NEAREST), x), CN_SHAPE(1, 1, 8, 1), 0, 0, 4, 4, 8, 8, 12, 12);
    cn_tape_free(tape);
}

Test(preprocessing, center_crop_takes_the_middle)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 4, 5, 1));
    EXPECT(cn_call(cn_center_crop(2, 2), x), CN_SHAPE(1, 2, 2, 1), 6, 7, 11, 12);
    cn_tensor *planes = cn_reshape(x, CN_SHAPE(1, 1, 4, 5));
    EXPECT(cn_call(cn_center_crop(2, 2, .data_format = CN_CHANNELS_FIRST), planes), CN_SHAPE(1, 1, 2, 2), 6, 7, 11, 12);
    expect_error(!cn_call(cn_center_crop(5, 2, .name = "crop"), x), "crop: an image of 4 cannot be cropped to 5");
    cn_tape_free(tape);
}

Test(preprocessing, wrong_arguments_are_refused_by_name)
{
    expect_error(!cn_category_encoding(0, .name = "c"), "c: num_tokens must be positive, not 0");
    expect_error(!cn_resizing(0, 3, .name = "r"), "r: height and width must be positive, not 0 and 3");
    expect_error(!cn_center_crop(3, -1, .name = "r"), "r: height and width must be positive, not 3 and -1");
    expect_error(!cn_resizing(3, 3, .pad_to_aspect_ratio = true, .name = "r"),
                 "r: pad_to_aspect_ratio is not supported");
}
