/* Layers that change images at random, and images in data sets. */
#include "core/engine.h"
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
TestSuite(augmentation, .init = count_blocks, .fini = check_blocks);

static cn_tape *training(void)
{
    return cn_tape_new(.training = true);
}

/* Two ends that are one. */
#define FIXED(x) \
    {            \
        (x), (x) \
    }

/* A layer of each class, for images of 4 x 3. */
static cn_layer *layer_number(int i)
{
    switch (i) {
    case 0:
        return cn_random_flip(.name = "flip");
    case 1:
        return cn_random_crop(2, 2, .name = "crop");
    case 2:
        return cn_random_translation({0.4}, {-0.1, 0.3}, .name = "translation");
    case 3:
        return cn_random_zoom({0.3}, .name = "zoom");
    case 4:
        return cn_random_rotation({0.2}, .name = "rotation");
    case 5:
        return cn_random_contrast({0.5}, .name = "contrast");
    default:
        return cn_random_brightness({0.2}, .value_range = {0, 30}, .name = "brightness");
    }
}
enum { LAYERS = 7, CROP = 1, IMAGES = 3, SIZE = IMAGES * 4 * 3 * 2 };

static cn_tensor *some_images(cn_tape *tape, cn_dtype dtype)
{
    return cn_cast(expect_counting(tape, CN_SHAPE(IMAGES, 4, 3, 2)), dtype);
}

/* What holds for all of them */

Test(augmentation, nothing_changes_in_inference)
{
    cn_tape *tape = cn_tape_new();
    for (int i = 0; i < LAYERS; i++)
        if (i != CROP) {
            cn_tensor *x = some_images(tape, CN_F32), *whole = some_images(tape, CN_I32);
            expect_tensors_close(cn_call(layer_number(i), x), x, 0);
            cn_tensor *y = cn_call(layer_number(i), whole);
            cr_expect_eq(cn_dtype_of(y), CN_F32);
            expect_tensors_close(y, x, 0);
            cn_clear_session();
        }
    cn_tape_free(tape);
}

/* The layer's output at a step, from an eager tape or a plan. */
static void run_at(int i, int64_t step, bool planned, float *out, int64_t *count)
{
    cn_tape *tape = cn_tape_new(.training = true, .deferred = planned);
    tape->step_value = step;
    cn_tensor *y = cn_call(layer_number(i), some_images(tape, CN_F32));
    cr_assert(y, "%s", cn_error_message());
    *count = cn_shape_size(cn_shape_of(y));
    cn_view view = cn_array_with(out, CN_ARRAY_F32, true, cn_shape_of(y));
    if (planned) {
        cn_plan *plan = cn_plan_new(tape, {y});
        cr_assert(cn_run(plan, {{.data = NULL}}, {view}, .step = step), "%s", cn_error_message());
        cn_plan_free(plan);
    } else {
        cr_assert(cn_values(y, view), "%s", cn_error_message());
    }
    cn_tape_free(tape);
    cn_clear_session();
}

Test(augmentation, a_step_draws_the_same_bits_planned_and_another_step_others)
{
    for (int i = 0; i < LAYERS; i++) {
        float eager[SIZE], planned[SIZE], other[SIZE];
        int64_t count;
        bool differs = false;
        run_at(i, 5, false, eager, &count);
        run_at(i, 5, true, planned, &count);
        cr_expect(memcmp(eager, planned, (size_t)count * sizeof *eager) == 0, "layer %d", i);
        for (int64_t step = 6; step < 26 && !differs; step++) {
            run_at(i, step, false, other, &count);
            differs = memcmp(eager, other, (size_t)count * sizeof *eager) != 0;
        }
        cr_expect(differs, "layer %d draws the same at every step", i);
    }
}

Test(augmentation, one_image_is_as_a_batch_of_one)
{
    for (int i = 0; i < LAYERS; i++)
        for (int train = 0; train < 2; train++) {
            cn_tape *tape = cn_tape_new(.training = train), *other = cn_tape_new(.training = train);
            tape->step_value = other->step_value = 3;
            cn_tensor *one = expect_counting(tape, CN_SHAPE(4, 3, 2)),
                      *batch = expect_counting(other, CN_SHAPE(1, 4, 3, 2));
            cn_layer *layer = layer_number(i);
            cn_tensor *y = cn_call(layer, batch), *image = cn_call(layer, one);
            cr_assert(y && image, "%s", cn_error_message());
            cn_shape shape = cn_shape_of(y);
            double a[SIZE], b[SIZE];
            int64_t count = cn_shape_size(shape);
            cr_expect_eq(cn_shape_of(image).rank, 3);
            cr_assert(cn_values(y, cn_array(a, count)) && cn_values(image, cn_array(b, count)));
            cr_expect_arr_eq(a, b, (size_t)count * sizeof *a);
            cn_tape_free(tape);
            cn_tape_free(other);
            cn_clear_session();
        }
}

Test(augmentation, takes_images_alone)
{
    cn_tape *tape = training();
    for (int i = 0; i < LAYERS; i++) {
        cr_expect_null(cn_call(layer_number(i), cn_zeros(tape, CN_SHAPE(1, 2, 3, 3, 1))));
        cr_expect_eq(cn_error_code(), CN_SHAPES);
        cr_expect(strstr(cn_error_message(), "takes an image or a batch of images, not (1, 2, 3, 3, 1)"), "%s",
                  cn_error_message());
        cn_error_clear();
        cn_clear_session();
    }
    cn_tape_free(tape);
}

Test(augmentation, wrong_arguments_are_refused_by_name)
{
    expect_error(!cn_random_crop(0, 3, .name = "c"), "c: height and width must be positive, not 0 and 3");
    expect_error(!cn_random_translation({1.5}, {0}, .name = "t"),
                 "t: height_factor must be a number or rise from -1 to 1 at most, not {1.5, 0}");
    expect_error(!cn_random_translation({0.5}, {0.3, 0.2}, .name = "t"),
                 "t: width_factor must be a number or rise from -1 to 1 at most, not {0.3, 0.2}");
    expect_error(!cn_random_zoom({0.1}, {-2, 0}, .name = "z"),
                 "z: width_factor must be a number or rise from -1 to 1 at most, not {-2, 0}");
    expect_error(!cn_random_rotation({NAN}, .name = "r"),
                 "r: factor must be a number or rise from -1 to 1 at most, not {nan, 0}");
    expect_error(!cn_random_rotation({0.1}, .interpolation = CN_LANCZOS3, .name = "r"),
                 "r: interpolation must be nearest or bilinear");
    expect_error(!cn_random_contrast({-0.1, 0.1}, .name = "c"),
                 "c: factor must be a number or rise from 0 to 1 at most, not {-0.1, 0.1}");
    expect_error(!cn_random_brightness({0.1}, {1, 1}, .name = "b"), "b: value_range must rise, not {1, 1}");
}

/* RandomFlip */

enum { MANY = 200 };

/* How many of many images 0 1 / 2 3 come out as which of four numbers in their first pixel. */
static void count_first_pixels(cn_layer *layer, int *counts)
{
    cn_tape *tape = training();
    cn_tensor *x = cn_tile(expect_counting(tape, CN_SHAPE(1, 2, 2, 1)), CN_SHAPE(MANY, 1, 1, 1));
    double y[MANY][4];
    cr_assert(cn_values(cn_call(layer, x), cn_array(y[0], MANY, 2, 2, 1)), "%s", cn_error_message());
    memset(counts, 0, 4 * sizeof *counts);
    for (int i = 0; i < MANY; i++) {
        cr_assert(y[i][0] + y[i][3] == 3 && y[i][1] + y[i][2] == 3); /* opposite corners */
        counts[(int)y[i][0]]++;
    }
    cn_tape_free(tape);
}

Test(augmentation, half_of_the_images_are_flipped)
{
    static const struct {
        cn_flip_mode mode;
        int flipped; /* the first pixel */
    } cases[] = {{CN_HORIZONTAL, 1}, {CN_VERTICAL, 2}, {CN_HORIZONTAL_AND_VERTICAL, 3}};
    for (int i = 0; i < 3; i++) {
        int counts[4];
        count_first_pixels(cn_random_flip(cases[i].mode), counts);
        cr_expect_eq(counts[0] + counts[cases[i].flipped], MANY);
        cr_expect(counts[0] > 60 && counts[0] < 140, "%d", counts[0]);
    }
}

Test(augmentation, a_seed_draws_the_same_in_each_run)
{
    double a[MANY], b[MANY], c[MANY];
    double *runs[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        cn_tape *tape = training();
        tape->step_value = 1;
        cn_tensor *x = cn_tile(expect_counting(tape, CN_SHAPE(1, 1, 2, 1)), CN_SHAPE(MANY, 1, 1, 1));
        cn_tensor *y = cn_call(cn_random_flip(.seed = i < 2 ? 17 : 18, .name = "flip"), x);
        cr_assert(cn_values(cn_getitem(y, {CN_ALL, CN_AT(0), CN_AT(0), CN_AT(0)}), cn_array(runs[i], MANY)), "%s",
                  cn_error_message());
        cn_tape_free(tape);
        cn_clear_session();
    }
    cr_expect_arr_eq(a, b, sizeof a);
    cr_expect_arr_neq(a, c, sizeof a);
}

/* RandomCrop */

Test(augmentation, a_crop_is_a_part_and_every_part_comes_up)
{
    int times[3][3] = {{0}};
    cn_layer *layer = cn_random_crop(2, 3);
    for (int step = 0; step < 200; step++) {
        cn_tape *tape = training();
        tape->step_value = step;
        double y[2][2][3];
        cr_assert(cn_values(cn_call(layer, expect_counting(tape, CN_SHAPE(2, 4, 5, 1))), cn_array(y[0][0], 2, 2, 3, 1)),
                  "%s", cn_error_message());
        int top = (int)y[0][0][0] / 5, left = (int)y[0][0][0] % 5;
        cr_assert(top >= 0 && top < 3 && left >= 0 && left < 3, "%g", y[0][0][0]);
        for (int i = 0; i < 12; i++)
            cr_assert_eq(y[i / 6][i / 3 % 2][i % 3], 20 * (i / 6) + 5 * (top + i / 3 % 2) + left + i % 3);
        times[top][left]++;
        cn_tape_free(tape);
    }
    for (int i = 0; i < 9; i++)
        cr_expect(times[i / 3][i % 3] > 0, "place %d", i);
}

Test(augmentation, a_crop_in_inference_and_of_less_is_the_resized_middle)
{
    for (int train = 0; train < 2; train++) {
        cn_tape *tape = cn_tape_new(.training = train);
        cn_tensor *x = expect_counting(tape, train ? CN_SHAPE(1, 4, 4, 2) : CN_SHAPE(1, 8, 6, 2));
        cn_layer *resized = cn_resizing(6, 3, .crop_to_aspect_ratio = true);
        expect_tensors_close(cn_call(cn_random_crop(6, 3), x), cn_call(resized, x), 0);
        cn_tape_free(tape);
    }
}

/* RandomTranslation */

Test(augmentation, translation_moves_down_and_right)
{
    cn_tape *tape = training();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 4, 2, 1)); /* rows 01 23 45 67 */
    EXPECT(cn_call(cn_random_translation(FIXED(0.25), {0}), x), CN_SHAPE(1, 4, 2, 1), 0, 1, 0, 1, 2, 3, 4, 5);
    EXPECT(cn_call(cn_random_translation(FIXED(-0.25), {0}, CN_FILL_CONSTANT, .fill_value = 9), x),
           CN_SHAPE(1, 4, 2, 1), 2, 3, 4, 5, 6, 7, 9, 9);
    EXPECT(cn_call(cn_random_translation({0, 0}, FIXED(0.5), CN_FILL_WRAP), x), CN_SHAPE(1, 4, 2, 1), 1, 0, 3, 2, 5, 4,
           7, 6);
    EXPECT(cn_call(cn_random_translation({0}, FIXED(-0.5), CN_FILL_NEAREST), x), CN_SHAPE(1, 4, 2, 1), 1, 1, 3, 3, 5, 5,
           7, 7);
    EXPECT(cn_call(cn_random_translation(FIXED(0.125), {0}, CN_FILL_NEAREST), x), CN_SHAPE(1, 4, 2, 1), 0, 1, 1, 2, 3,
           4, 5, 6);
    EXPECT(cn_call(cn_random_translation(FIXED(0.5), {0}, .data_format = CN_CHANNELS_FIRST),
                   cn_reshape(x, CN_SHAPE(1, 1, 4, 2))),
           CN_SHAPE(1, 1, 4, 2), 2, 3, 0, 1, 0, 1, 2, 3);
    cn_tape_free(tape);
}

Test(augmentation, a_number_stands_for_both_signs)
{
    cn_tape *tape = training();
    cn_tensor *x =
        cn_tile(cn_reshape(cn_arange(tape, 101, .dtype = CN_F64), CN_SHAPE(1, 101, 1, 1)), CN_SHAPE(MANY, 1, 1, 1));
    double y[MANY], least = 0, most = 0;
    cn_tensor *middle = cn_getitem(cn_call(cn_random_translation({0.2}, {0}), x), {CN_ALL, CN_AT(50)});
    cr_assert(cn_values(middle, cn_array(y, MANY, 1, 1)), "%s", cn_error_message());
    for (int i = 0; i < MANY; i++) {
        least = fmin(least, y[i] - 50);
        most = fmax(most, y[i] - 50);
    }
    cr_expect(least >= -20.2 && least < -15 && most <= 20.2 && most > 15, "%g %g", least, most);
    cn_tape_free(tape);
}

/* RandomZoom: row y of 5 is row 2 + (y - 2) zoom of the image, and so for columns; image[y][x] = 5 y + x is linear. */

Test(augmentation, zooming_stretches_about_the_middle)
{
    cn_tape *tape = training();
    double out[25], in[25], half[25];
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 5, 5, 1));
    cr_assert(cn_values(cn_call(cn_random_zoom(FIXED(0.5), FIXED(0.8), CN_FILL_CONSTANT), x), cn_array(out, 25)));
    cr_assert(cn_values(cn_call(cn_random_zoom(FIXED(-0.5)), x), cn_array(in, 25)));
    cr_assert(cn_values(cn_call(cn_random_zoom(FIXED(-0.5), {0}), x), cn_array(half, 25)));
    for (int i = 0; i < 25; i++) {
        double row = i / 5 - 2, column = i % 5 - 2, y = 2 + 1.5 * row, z = 2 + 1.8 * column;
        if (fabs(row) < 2 && fabs(column) < 2)
            cr_expect_float_eq(out[i], 5 * y + z, 1e-12);
        cr_expect_float_eq(in[i], 5 * (2 + 0.5 * row) + 2 + 0.5 * column, 1e-12);
        cr_expect_float_eq(half[i], 5 * (2 + 0.5 * row) + 2 + column, 1e-12);
    }
    cr_expect(out[0] == 0 && out[2] == 0 && out[24] == 0, "what lies beyond is filled");
    cn_tape_free(tape);
}

Test(augmentation, one_zoom_is_drawn_for_both_directions_unless_two_factors_are_given)
{
    for (int both = 0; both < 2; both++) {
        cn_tape *tape = training();
        cn_tensor *x = cn_tile(expect_counting(tape, CN_SHAPE(1, 5, 5, 1)), CN_SHAPE(MANY, 1, 1, 1));
        cn_layer *layer = both ? cn_random_zoom({-0.9, 0}, {-0.9, 0}) : cn_random_zoom({-0.9, 0});
        double y[MANY][5][5];
        bool differ = false;
        cr_assert(cn_values(cn_call(layer, x), cn_array(y[0][0], MANY, 5, 5, 1)), "%s", cn_error_message());
        for (int i = 0; i < MANY; i++) {
            double down = (y[i][3][2] - y[i][2][2]) / 5, across = y[i][2][3] - y[i][2][2];
            cr_assert(down > 0.1 - 1e-9 && down < 1 + 1e-9 && across > 0.1 - 1e-9 && across < 1 + 1e-9);
            differ = differ || fabs(down - across) > 1e-9;
        }
        cr_expect_eq(differ, both);
        cn_tape_free(tape);
    }
}

/* RandomRotation */

Test(augmentation, rotation_is_counter_clockwise)
{
    cn_tape *tape = training();
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 3, 3, 1)); /* 012 345 678 */
    expect_tensors_close(cn_call(cn_random_rotation(FIXED(0.25)), x),
                         cn_reshape(cn_constant_as(tape,
                                                   cn_array_with((const int32_t[]){2, 5, 8, 1, 4, 7, 0, 3, 6},
                                                                 CN_ARRAY_I32, false, CN_SHAPE(9)),
                                                   CN_F64),
                                    CN_SHAPE(1, 3, 3, 1)),
                         1e-12);
    cn_tensor *wide = expect_counting(tape, CN_SHAPE(1, 3, 4, 1));
    expect_tensors_close(cn_call(cn_random_rotation(FIXED(-0.5), .interpolation = CN_NEAREST), wide),
                         cn_flip(wide, .axes = CN_AXES(1, 2)), 0);
    cn_tape_free(tape);
}

Test(augmentation, a_linear_image_is_turned_exactly)
{
    cn_tape *tape = training();
    double y[9][11], angle = 0.05 * 2 * acos(-1);
    cn_tensor *x = expect_counting(tape, CN_SHAPE(1, 9, 11, 1)); /* 11 row + column */
    cr_assert(cn_values(cn_call(cn_random_rotation(FIXED(0.05)), x), cn_array(y[0], 99)), "%s", cn_error_message());
    for (int i = 3; i < 6; i++)
        for (int j = 3; j < 8; j++) {
            double up = 4 - i, right = j - 5; /* from the middle; what is seen comes from there turned clockwise */
            double from_right = right * cos(angle) + up * sin(angle), from_up = up * cos(angle) - right * sin(angle);
            cr_expect_float_eq(y[i][j], 11 * (4 - from_up) + 5 + from_right, 1e-9);
        }
    cn_tape_free(tape);
}

/* RandomContrast and RandomBrightness */

Test(augmentation, contrast_scales_the_distance_from_the_mean_of_a_channel)
{
    cn_tape *tape = training();
    double x[MANY][3][2], y[MANY][3][2], least = 1, most = 1;
    for (int i = 0; i < MANY * 6; i++)
        x[i / 6][i / 2 % 3][i % 2] = 100 + 20 * sin(i);
    cn_tensor *input = cn_constant_as(tape, cn_array(x[0][0], MANY, 1, 3, 2), CN_F64);
    cr_assert(cn_values(cn_call(cn_random_contrast({0.4, 0.6}), input), cn_array(y[0][0], MANY, 1, 3, 2)), "%s",
              cn_error_message());
    for (int i = 0; i < MANY; i++) {
        double mean[2], factor = (y[i][0][0] - y[i][1][0]) / (x[i][0][0] - x[i][1][0]);
        for (int c = 0; c < 2; c++)
            mean[c] = (x[i][0][c] + x[i][1][c] + x[i][2][c]) / 3;
        for (int p = 0; p < 6; p++)
            cr_assert_float_eq(y[i][p / 2][p % 2], (x[i][p / 2][p % 2] - mean[p % 2]) * factor + mean[p % 2], 1e-9);
        least = fmin(least, factor);
        most = fmax(most, factor);
    }
    cr_expect(least >= 0.6 && least < 0.65 && most <= 1.6 && most > 1.55, "%g %g", least, most);
    cn_tape_free(tape);
}

Test(augmentation, brightness_adds_a_share_of_the_range_and_stays_in_it)
{
    cn_tape *tape = training();
    cn_tensor *x = cn_reshape(
        cn_constant_as(tape, cn_array_with((const double[]){0, 0.5, 0.75, 1}, CN_ARRAY_F64, false, CN_SHAPE(4)),
                       CN_F64),
        CN_SHAPE(1, 2, 2, 1));
    EXPECT(cn_call(cn_random_brightness(FIXED(0.25), {0, 1}), x), CN_SHAPE(1, 2, 2, 1), 0.25, 0.75, 1, 1);
    EXPECT(cn_call(cn_random_brightness(FIXED(-0.25), {-1, 3}), x), CN_SHAPE(1, 2, 2, 1), -1, -0.5, -0.25, 0);
    EXPECT(cn_call(cn_random_contrast({0, 0}, {0.25, 0.8}), x), CN_SHAPE(1, 2, 2, 1), 0.25, 0.5, 0.75, 0.8);
    cn_tape_free(tape);
}

/* In a model and in data sets */

static float pictures[8][4][4];
static int32_t kinds[8];

static void paint(void)
{
    for (int i = 0; i < 8 * 16; i++)
        pictures[i / 16][i / 4 % 4][i % 4] = (float)(i * 37 % 101) / 101;
    for (int i = 0; i < 8; i++)
        kinds[i] = i % 2;
}

Test(augmentation, a_model_augments_as_it_trains_and_not_as_it_predicts)
{
    paint();
    cn_model *model = cn_sequential(cn_input_layer(4, 4, 1), cn_random_flip(), cn_random_rotation({0.1}),
                                    cn_random_crop(4, 4), cn_flatten(), cn_dense(2, cn_softmax));
    cn_compile(model, .optimizer = cn_sgd(0.01), .loss = cn_sparse_categorical_crossentropy());
    float before[8][2], after[8][2];
    const cn_view x = cn_array(pictures[0][0], 8, 4, 4, 1);
    cr_assert(cn_predict(model, {x}, {cn_array(before[0], 8, 2)}) && cn_predict(model, {x}, {cn_array(after[0], 8, 2)}),
              "%s", cn_error_message());
    cr_expect_arr_eq(before, after, sizeof before);
    cr_assert(cn_fit(model, {x}, {cn_array(kinds, 8)}, .epochs = 3, .verbose = 0), "%s", cn_error_message());
    cn_model_free(model);
}

/* All first inputs of a pass, and how many elements there were. */
static int read_pass(cn_dataset *data, uint64_t pass, float *to)
{
    int count = 0;
    cn_element element;
    cn_iterator *iterator = cn_iterate(data, pass);
    for (; cn_next(iterator, &element); count++) {
        int64_t size = cn_shape_size(element.x[0].shape);
        cr_assert_eq(element.x[0].type, CN_ARRAY_F32);
        memcpy(to, element.x[0].data, (size_t)size * sizeof *to);
        to += size;
    }
    cn_iterator_free(iterator);
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    return count;
}

Test(augmentation, a_data_set_is_mapped_by_a_layer)
{
    uint8_t bytes[2][2][2] = {{{0, 51}, {102, 153}}, {{204, 255}, {0, 51}}};
    float got[8];
    cn_dataset *data = cn_dataset_arrays({cn_array(bytes[0][0], 2, 2, 2, 1)});
    data = cn_dataset_map_layer(cn_dataset_map_layer(data, cn_rescaling(1.0 / 255)), cn_resizing(1, 2));
    cr_assert_eq(read_pass(data, 0, got), 2);
    const double wanted[] = {0.2, 0.4, 0.4, 0.6};
    for (int i = 0; i < 4; i++)
        cr_expect_float_eq(got[i], wanted[i], 1e-6);
    cn_dataset_free(data);
}

static cn_dataset *augmented(cn_layer *layer, bool prefetched)
{
    cn_dataset *data = cn_dataset_arrays({cn_array(pictures[0][0], 8, 4, 4, 1)}, {cn_array(kinds, 8)});
    data = cn_dataset_map_layer(cn_dataset_batch(data, 3), layer);
    return prefetched ? cn_dataset_prefetch(data, 2) : data;
}

Test(augmentation, a_pass_is_augmented_anew_and_repeats_prefetched_too)
{
    paint();
    cn_set_seed(5);
    cn_layer *layer = cn_random_translation({0.3}, {0.3});
    float first[128], again[128], ahead[128], second[128];
    cn_dataset *data = augmented(layer, false), *prefetched = augmented(layer, true);
    cr_assert_eq(read_pass(data, 0, first), 3);
    read_pass(data, 0, again);
    read_pass(data, 1, second);
    read_pass(prefetched, 0, ahead);
    cr_expect_arr_eq(first, again, sizeof first);
    cr_expect_arr_eq(first, ahead, sizeof first);
    cr_expect_arr_neq(first, second, sizeof first);
    cn_dataset_free(data);
    cn_dataset_free(prefetched);
    cn_set_seed(0);
}

Test(augmentation, a_data_set_passes_a_layer_s_error_on)
{
    paint();
    cn_dataset *data = cn_dataset_arrays({cn_array(pictures[0][0], 8, 16)});
    expect_error(!cn_dataset_map_layer(data, NULL), "dataset_map_layer: the layer is NULL");
    data = cn_dataset_map_layer(cn_dataset_arrays({cn_array(pictures[0][0], 8, 16)}), cn_resizing(2, 2, .name = "r"));
    cn_element element;
    cn_iterator *iterator = cn_iterate(data, 0);
    expect_error(!cn_next(iterator, &element), "r: expected an input of rank 3 or more, got (16,)");
    cn_iterator_free(iterator);
    cn_dataset_free(data);
}

static bool read_augmented(void)
{
    cn_element element;
    cn_dataset *data = augmented(cn_random_zoom({0.2}), false);
    cn_iterator *iterator = cn_iterate(data, 0);
    int count = 0;
    while (cn_next(iterator, &element))
        count++;
    cn_iterator_free(iterator);
    cn_dataset_free(data);
    return count == 3;
}

Test(augmentation, running_out_of_memory_in_a_data_set_leaves_nothing_behind)
{
    bool done = false;
    paint();
    for (long limit = 0; !done && limit < 1000; limit++) {
        counting_start(limit);
        done = read_augmented();
        cr_assert(done || cn_error_code() == CN_MEMORY, "%s", cn_error_message());
        cn_error_clear();
        cn_clear_session();
        cr_assert_eq(counting.live, 0, "%ld blocks are left after %ld", counting.live, limit);
    }
    cr_expect(done, "never enough");
}
