/* Images through affine and projective maps, held against a plain loop over the definition. */
#include "expect.h"
#include <string.h>

TestSuite(affine_transform);

enum { HEIGHT = 4, WIDTH = 5, CHANNELS = 2, IMAGES = 2, PIXELS = HEIGHT * WIDTH * CHANNELS };

static const double *numbers(void)
{
    static double values[IMAGES * PIXELS];
    for (int i = 0; i < IMAGES * PIXELS; i++)
        values[i] = sin(1.7 * i) + 0.1 * i;
    return values;
}

static cn_tensor *images(cn_tape *tape)
{
    return cn_constant_as(
        tape, cn_array_with(numbers(), CN_ARRAY_F64, false, CN_SHAPE(IMAGES, HEIGHT, WIDTH, CHANNELS)), CN_F64);
}

static cn_tensor *transforms(cn_tape *tape, int64_t count, const double *values)
{
    return cn_constant_as(tape, cn_array(values, count, 8), CN_F64);
}
#define TRANSFORM(...) transforms(tape, 1, (const double[8]){__VA_ARGS__})

/* The pixel that stands at a place of an endless axis, -1 for none: each mode as its picture says. */
static int64_t stands_at(cn_fill_mode mode, int64_t place, int64_t size)
{
    bool mirrored = false;
    if (place >= 0 && place < size)
        return place;
    if (mode == CN_FILL_CONSTANT)
        return -1;
    if (mode == CN_FILL_NEAREST)
        return place < 0 ? 0 : size - 1;
    for (; place < 0; mirrored = !mirrored)
        place += size;
    for (; place >= size; mirrored = !mirrored)
        place -= size;
    return mirrored && mode == CN_FILL_REFLECT ? size - 1 - place : place;
}

static double value_at(cn_fill_mode mode, double fill, const double *image, int64_t row, int64_t column, int channel)
{
    int64_t y = stands_at(mode, row, HEIGHT), x = stands_at(mode, column, WIDTH);
    return y < 0 || x < 0 ? fill : image[(y * WIDTH + x) * CHANNELS + channel];
}

static double seen_at(bool bilinear, cn_fill_mode mode, double fill, const double *image, double y, double x,
                      int channel)
{
    if (!bilinear)
        return value_at(mode, fill, image, lround(y), lround(x), channel);
    int64_t row = (int64_t)floor(y), column = (int64_t)floor(x);
    double down = y - (double)row, right = x - (double)column;
    return (1 - down) * (1 - right) * value_at(mode, fill, image, row, column, channel) +
           (1 - down) * right * value_at(mode, fill, image, row, column + 1, channel) +
           down * (1 - right) * value_at(mode, fill, image, row + 1, column, channel) +
           down * right * value_at(mode, fill, image, row + 1, column + 1, channel);
}

static void expect_seen(cn_tensor *got, const double *t, bool bilinear, cn_fill_mode mode, double fill, int64_t height,
                        int64_t width)
{
    double *all = calloc((size_t)(IMAGES * height * width * CHANNELS), sizeof *all), *at = all;
    cr_assert(cn_values(got, cn_array(all, IMAGES, height, width, CHANNELS)), "%s", cn_error_message());
    for (int image = 0; image < IMAGES; image++, t += 8)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++)
                for (int c = 0; c < CHANNELS; c++) {
                    double dx = (double)x, dy = (double)y, k = t[6] * dx + t[7] * dy + 1;
                    double wanted = seen_at(bilinear, mode, fill, numbers() + image * PIXELS,
                                            (t[3] * dx + t[4] * dy + t[5]) / k, (t[0] * dx + t[1] * dy + t[2]) / k, c);
                    cr_assert(fabs(*at++ - wanted) < 1e-12, "mode %d, image %d, (%lld, %lld): %g, not %g", (int)mode,
                              image, (long long)y, (long long)x, at[-1], wanted);
                }
    free(all);
}

Test(affine_transform, every_fill_mode_is_as_its_definition)
{
    static const double maps[][IMAGES * 8] = {
        {0.8, -0.6, 0.7, 0.6, 0.8, -0.4, 0, 0, 1.7, 0, -4, 0.3, -2.2, 9, 0, 0},
        {-1, 0, 4, 0, -1, 3, 0, 0, 1, 0, 21.25, 0, 1, -33.5, 0, 0},
        {1, 0.1, -0.2, 0, 1.2, 0.1, 0.05, -0.02, 0.1, 3, -8, 2, 0.4, -7.7, 0.1, 0.2}};
    cn_tape *tape = cn_tape_new();
    for (int map = 0; map < 3; map++)
        for (int mode = CN_FILL_REFLECT; mode <= CN_FILL_NEAREST; mode++)
            for (int bilinear = 0; bilinear < 2; bilinear++) {
                cn_tensor *y = cn_image_affine_transform(images(tape), transforms(tape, IMAGES, maps[map]),
                                                         .interpolation = bilinear ? CN_BILINEAR : CN_NEAREST,
                                                         .fill_mode = (cn_fill_mode)mode, .fill_value = 7.5);
                expect_seen(y, maps[map], bilinear, (cn_fill_mode)mode, 7.5, HEIGHT, WIDTH);
                y = cn_image_affine_transform(images(tape), transforms(tape, IMAGES, maps[map]),
                                              .interpolation = bilinear ? CN_BILINEAR : CN_NEAREST,
                                              .fill_mode = (cn_fill_mode)mode, .fill_value = 7.5, .size = {2, 7});
                expect_seen(y, maps[map], bilinear, (cn_fill_mode)mode, 7.5, 2, 7);
            }
    cn_tape_free(tape);
}

Test(affine_transform, float32_is_as_float64_but_for_rounding)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *t = TRANSFORM(0.75, -0.5, 0.5, 0.25, 1, -1.25, 0, 0);
    cn_tensor *y = cn_image_affine_transform(images(tape), t, .fill_mode = CN_FILL_REFLECT);
    cn_tensor *single =
        cn_image_affine_transform(cn_cast(images(tape), CN_F32), cn_cast(t, CN_F32), .fill_mode = CN_FILL_REFLECT);
    expect_tensors_close(single, y, 1e-6);
    cn_tape_free(tape);
}

Test(affine_transform, one_transform_is_for_all_images)
{
    static const double both[] = {1, 0.5, -1, 0.25, 1, 2, 0, 0, 1, 0.5, -1, 0.25, 1, 2, 0, 0};
    cn_tape *tape = cn_tape_new();
    cn_tensor *y = cn_image_affine_transform(images(tape), transforms(tape, 1, both));
    expect_tensors_close(y, cn_image_affine_transform(images(tape), transforms(tape, 2, both)), 0);
    cn_tape_free(tape);
}

Test(affine_transform, channels_may_come_first)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *t = TRANSFORM(1, 0.5, -1, 0.25, 1, 2, 0, 0), *planes = cn_moveaxis(images(tape), -1, 1);
    cn_tensor *y = cn_image_affine_transform(planes, t, .data_format = CN_CHANNELS_FIRST, .size = {3, 2});
    expect_tensors_close(cn_moveaxis(y, 1, -1), cn_image_affine_transform(images(tape), t, .size = {3, 2}), 0);
    cn_tape_free(tape);
}

Test(affine_transform, what_does_not_count_may_be_nan)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_reshape(
        cn_constant_as(tape, cn_array_with((const double[]){1, 2, NAN, 4}, CN_ARRAY_F64, false, CN_SHAPE(4)), CN_F64),
        CN_SHAPE(1, 1, 4, 1));
    EXPECT(cn_image_affine_transform(x, TRANSFORM(1, 0, 1, 0, 1, 0, 0, 0), .fill_value = INFINITY),
           CN_SHAPE(1, 1, 4, 1), 2, NAN, 4, INFINITY);
    cn_tape_free(tape);
}

Test(affine_transform, places_that_are_no_numbers_or_far_away_are_outside)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 2, 2, 1));
    EXPECT(cn_image_affine_transform(x, TRANSFORM(1, 0, NAN, 0, 1, 0, 0, 0), .fill_value = 9), CN_SHAPE(1, 2, 2, 1), 9,
           9, 9, 9);
    EXPECT(cn_image_affine_transform(x, TRANSFORM(1, 0, 0, 0, 1, 1e300, 0, 0), .fill_mode = CN_FILL_NEAREST),
           CN_SHAPE(1, 2, 2, 1), 2, 3, 2, 3);
    EXPECT(cn_image_affine_transform(x, TRANSFORM(0, 0, -INFINITY, 0, 1, 0, 0, 0), .fill_mode = CN_FILL_NEAREST),
           CN_SHAPE(1, 2, 2, 1), 0, 0, 2, 2);
    cn_tape_free(tape);
}

static cn_tensor *turn(cn_tensor *x)
{
    cn_tape *tape = cn_tape_of(x);
    return cn_image_affine_transform(x, TRANSFORM(0.8, -0.6, 0.7, 0.6, 0.8, -0.4, 0.01, 0), .size = {3, 4},
                                     .fill_mode = CN_FILL_REFLECT);
}

static cn_tensor *pick(cn_tensor *x)
{
    cn_tape *tape = cn_tape_of(x);
    return cn_image_affine_transform(x, TRANSFORM(0.8, -0.6, 0.7, 0.6, 0.8, -0.4, 0, 0), .interpolation = CN_NEAREST,
                                     .fill_value = 2);
}

Test(affine_transform, has_gradients_of_both_orders)
{
    expect_derivatives("bilinear", turn, CN_SHAPE(2, 3, 3, 2));
    expect_derivatives("nearest", pick, CN_SHAPE(2, 3, 3, 2));
}

Test(affine_transform, is_planned_as_it_runs)
{
    expect_planned("bilinear", turn, CN_SHAPE(2, 3, 3, 2));
    expect_planned("nearest", pick, CN_SHAPE(2, 3, 3, 2));
}

Test(affine_transform, has_no_gradient_for_the_transforms)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *t = TRANSFORM(1, 0, 0.5, 0, 1, 0, 0, 0);
    cn_tensor *loss = cn_sum(cn_image_affine_transform(images(tape), t));
    cr_expect_null(cn_grad(loss, t));
    cr_expect_eq(cn_error_code(), CN_GRADIENT);
    cr_expect(strstr(cn_error_message(), "affine_transform: has no gradient for the transforms"), "%s",
              cn_error_message());
    cn_error_clear();
    cn_tape_free(tape);
}

Test(affine_transform, refuses_what_it_cannot_take)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = images(tape), *t = TRANSFORM(1, 0, 0, 0, 1, 0, 0, 0);
    expect_error(!cn_image_affine_transform(cn_cast(x, CN_F32), t),
                 "affine_transform: takes images and transforms of one type of floats: (2, 4, 5, 2) x (1, 8)");
    expect_error(!cn_image_affine_transform(cn_reshape(x, CN_SHAPE(8, 5, 2)), t),
                 "affine_transform: takes a batch of images, of rank 4: (8, 5, 2) x (1, 8)");
    expect_error(!cn_image_affine_transform(x, cn_reshape(t, CN_SHAPE(2, 4))),
                 "affine_transform: takes eight numbers for each image, or for all: (2, 4, 5, 2) x (2, 4)");
    expect_error(!cn_image_affine_transform(x, t, .interpolation = CN_BICUBIC),
                 "affine_transform: interpolation is nearest or bilinear: (2, 4, 5, 2) x (1, 8)");
    cn_tape_free(tape);
}
