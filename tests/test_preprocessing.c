#include "expect.h"

TestSuite(preprocessing);

Test(preprocessing, resizing_keeps_constants_and_interpolates_lines)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_cast(cn_reshape(cn_arange(tape, 0, 16, 4), CN_SHAPE(1, 1, 4, 1)), CN_I32);
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
    cn_tape_free(tape);
}

Test(preprocessing, one_image_is_taken_as_a_batch)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(4, 5, 1));
    EXPECT(cn_call(cn_center_crop(2, 2), x), CN_SHAPE(2, 2, 1), 6, 7, 11, 12);
    EXPECT(cn_call(cn_resizing(1, 1, .interpolation = CN_NEAREST), x), CN_SHAPE(1, 1, 1), 12);
    expect_error(!cn_call(cn_resizing(1, 1, .name = "r"), cn_reshape(x, CN_SHAPE(4, 5, 1, 1, 1))),
                 "r: takes an image or a batch of images, not (4, 5, 1, 1, 1)");
    cn_tape_free(tape);
}

/* Of 2 x 6 the middle of 2 x 2; for height 4 and width 4 that is stretched. */
Test(preprocessing, the_aspect_ratio_is_kept_by_cropping)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 2, 6, 1)),
              *middle = cn_slice(x, CN_SHAPE(0, 0, 2, 0), CN_SHAPE(1, 2, 2, 1));
    cn_tensor *wanted = cn_image_resize(middle, {4, 4});
    expect_tensors_close(cn_call(cn_resizing(4, 4, .crop_to_aspect_ratio = true), x), wanted, 0);
    expect_tensors_close(cn_call(cn_center_crop(4, 4), x), wanted, 0);
    EXPECT(cn_call(cn_resizing(1, 3, CN_NEAREST, .crop_to_aspect_ratio = true), x), CN_SHAPE(1, 1, 3, 1), 7, 9, 11);
    cn_tape_free(tape);
}

Test(preprocessing, the_aspect_ratio_is_kept_by_framing)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 2, 4, 1)); /* 0123 4567 */
    EXPECT(cn_call(cn_resizing(4, 4, .pad_to_aspect_ratio = true, .fill_value = 9), x), CN_SHAPE(1, 4, 4, 1), 9, 9, 9,
           9, 0, 1, 2, 3, 4, 5, 6, 7, 9, 9, 9, 9);
    cn_tensor *planes = cn_transpose(cn_reshape(x, CN_SHAPE(1, 1, 2, 4)), .axes = CN_AXES(0, 1, 3, 2));
    EXPECT(
        cn_call(cn_resizing(2, 2, CN_NEAREST, .pad_to_aspect_ratio = true, .data_format = CN_CHANNELS_FIRST), planes),
        CN_SHAPE(1, 1, 2, 2), 1, 0, 3, 0);
    cn_tape_free(tape);
}

Test(preprocessing, wrong_arguments_are_refused_by_name)
{
    expect_error(!cn_resizing(0, 3, .name = "r"), "r: height and width must be positive, not 0 and 3");
    expect_error(!cn_center_crop(3, -1, .name = "r"), "r: height and width must be positive, not 3 and -1");
    expect_error(!cn_resizing(3, 3, .crop_to_aspect_ratio = true, .pad_to_aspect_ratio = true, .name = "r"),
                 "r: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other");
    expect_error(!cn_rescaling(1 / 255, .name = "r"), "r: scale is 0, as 1 / 255 of integers is; 1.0 / 255 is not");
    expect_error(!cn_rescaling(.offset = -1, .name = "r"),
                 "r: scale is 0, as 1 / 255 of integers is; 1.0 / 255 is not");
    expect_error(!cn_resizing(3, 3, .fill_mode = CN_FILL_WRAP, .name = "r"), "r: fill_mode must be constant");
}
