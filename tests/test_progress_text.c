/* The expected lines follow the rules of tf.keras.utils.Progbar in Keras 2.9 to 2.12. */
#include "training/progress_text.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define FULL_BAR "[==============================]"

static void expect(cn_text *text, const char *expected)
{
    cr_expect_str_eq(text->data ? text->data : "", expected, "\"%s\" is not \"%s\"", text->data, expected);
    cn_text_free(text);
}

static void expect_bar(cn_progress_state state, const char *expected)
{
    cn_text text = {0};
    size_t width = cn_progress_bar(&text, &state);
    cr_expect_eq(width, strlen(expected));
    expect(&text, expected);
}

static void expect_line(cn_progress_state state, const char *expected)
{
    cn_text text = {0};
    cn_progress_line(&text, &state);
    expect(&text, expected);
}

#define LOGS(...)                             \
    .logs = (const cn_logged[]){__VA_ARGS__}, \
    .log_count = (int)(sizeof((const cn_logged[]){__VA_ARGS__}) / sizeof(cn_logged))
#define STATE(...) ((cn_progress_state){__VA_ARGS__})

Test(progress_text, the_bar_grows_from_dots_over_an_arrow_to_full)
{
    expect_bar(STATE(.step = 0, .steps = 100), "  0/100 [..............................] - ETA: 0s");
    expect_bar(STATE(.step = 1, .steps = 30), " 1/30 [>.............................] - ETA: 0s");
    expect_bar(STATE(.step = 3, .steps = 10, LOGS({"loss", 0.5123})),
               " 3/10 [========>.....................] - ETA: 0s - loss: 0.5123");
    expect_bar(STATE(.step = 10, .steps = 10), "10/10 " FULL_BAR " - ETA: 0s");
}

Test(progress_text, the_last_state_has_the_time_taken)
{
    expect_bar(STATE(.step = 1, .steps = 1, .elapsed = 2, .step_time = 2, .final = true, LOGS({"loss", 0.6944})),
               "1/1 " FULL_BAR " - 2s 2s/step - loss: 0.6944");
}

Test(progress_text, an_unknown_number_of_steps_has_no_bar)
{
    expect_bar(STATE(.step = 7, .elapsed = 1.2, .step_time = 0.171, LOGS({"loss", 1})),
               "      7/Unknown - 1s 171ms/step - loss: 1.0000");
}

Test(progress_text, time_left_is_in_seconds_minutes_or_hours)
{
    expect_bar(STATE(.step = 1, .steps = 2, .step_time = 59.9), "1/2 [==============>...............] - ETA: 59s");
    expect_bar(STATE(.step = 1, .steps = 2, .step_time = 60), "1/2 [==============>...............] - ETA: 60s");
    expect_bar(STATE(.step = 1, .steps = 2, .step_time = 61.5), "1/2 [==============>...............] - ETA: 1:01");
    expect_bar(STATE(.step = 1, .steps = 2, .step_time = 3600), "1/2 [==============>...............] - ETA: 60:00");
    expect_bar(STATE(.step = 1, .steps = 2, .step_time = 36061),
               "1/2 [==============>...............] - ETA: 10:01:01");
    expect_bar(STATE(.step = 1, .steps = 2, .step_time = 1e300),
               "1/2 [==============>...............] - ETA: 277777777777:46:40");
}

Test(progress_text, time_per_step_is_in_seconds_milliseconds_or_microseconds)
{
    cn_progress_state state = {.step = 1, .steps = 1, .elapsed = 0.4, .final = true};
    static const struct {
        double step_time;
        const char *expected;
    } cases[] = {{0, "1/1 " FULL_BAR " - 0s 0s/step"},          {12.4, "1/1 " FULL_BAR " - 0s 12s/step"},
                 {1, "1/1 " FULL_BAR " - 0s 1s/step"},          {0.0124, "1/1 " FULL_BAR " - 0s 12ms/step"},
                 {0.001, "1/1 " FULL_BAR " - 0s 1ms/step"},     {0.9999, "1/1 " FULL_BAR " - 0s 1000ms/step"},
                 {0.000512, "1/1 " FULL_BAR " - 0s 512us/step"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        state.step_time = cases[i].step_time;
        expect_bar(state, cases[i].expected);
    }
}

Test(progress_text, small_values_are_written_with_an_exponent)
{
    expect_bar(STATE(.step = 1, .steps = 1,
                     LOGS({"a", 1.234e-5}, {"b", 0}, {"c", 0.001}, {"d", 0.00101}, {"e", -0.5}, {"f", 12345.678},
                          {"g", (double)NAN}, {"h", -(double)INFINITY}, {"i", -(double)NAN})),
               "1/1 " FULL_BAR " - ETA: 0s - a: 1.2340e-05 - b: 0.0000e+00 - c: 1.0000e-03 - d: 0.0010 - e: -0.5000"
               " - f: 12345.6780 - g: nan - h: -inf - i: nan");
}

Test(progress_text, verbose_2_has_the_time_of_the_epoch_and_of_a_step_at_the_end)
{
    expect_line(STATE(.step = 1, .steps = 1, .elapsed = 0.512, .final = true, LOGS({"loss", 0.6931})),
                "1/1 - 1s - loss: 0.6931 - 512ms/epoch - 512ms/step\n");
    expect_line(STATE(.step = 40, .steps = 40, .elapsed = 8, LOGS({"loss", 2}, {"val_loss", 1e-4})),
                "40/40 - 8s - loss: 2.0000 - val_loss: 1.0000e-04 - 8s/epoch - 200ms/step\n");
}

Test(progress_text, verbose_2_writes_negative_values_with_an_exponent)
{
    expect_line(STATE(.step = 1, .steps = 1, .elapsed = 1, LOGS({"loss", -0.5})),
                "1/1 - 1s - loss: -5.0000e-01 - 1s/epoch - 1s/step\n");
}

static void append(void *text, const char *bytes, size_t size)
{
    cn_text_add_bytes(text, bytes, size);
}

Test(progress, draws_over_the_last_state_on_a_terminal)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 1, .terminal = true, .write = append, .context = &text};
    cn_progress_begin(&progress, 1, 3, 2, 100);
    expect(&text, "Epoch 2/3\n");
    cn_progress_update(&progress, 1, &(cn_logged){"loss", 10.5}, 1, 200);
    expect(&text, "\r1/2 [==============>...............] - ETA: 1:40 - loss: 10.5000");
    cn_progress_update(&progress, 2, &(cn_logged){"loss", 9.5}, 1, 200.25);
    char expected[256];
    memset(expected, '\b', 64);
    strcpy(expected + 64, "\r2/2 " FULL_BAR " - ETA: 0s - loss: 9.5000   ");
    expect(&text, expected);
    cn_progress_end(&progress, 2, &(cn_logged){"loss", 9.5}, 1, 200.5);
    memset(expected, '\b', 61);
    strcpy(expected + 61, "\r2/2 " FULL_BAR " - 100s 500ms/step - loss: 9.5000\n");
    expect(&text, expected);
}

Test(progress, counts_characters_not_bytes)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 1, .terminal = true, .write = append, .context = &text};
    cn_progress_begin(&progress, 0, 1, 1, 0);
    cn_progress_update(&progress, 1, &(cn_logged){"ошибка", 1}, 1, 1);
    cn_text_free(&text);
    cn_progress_end(&progress, 1, &(cn_logged){"ошибка", 1}, 1, 1);
    cr_assert_eq(strspn(text.data, "\b"), strlen("1/1 " FULL_BAR " - ETA: 0s - 123456: 1.0000"));
    cn_text_free(&text);
}

Test(progress, is_drawn_at_most_every_twentieth_of_a_second)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 1, .terminal = true, .write = append, .context = &text};
    cn_progress_begin(&progress, 0, 1, 3, 0);
    cn_progress_update(&progress, 1, NULL, 0, 0.01);
    cr_assert_gt(text.size, 0);
    cn_text_free(&text);
    cn_progress_update(&progress, 2, NULL, 0, 0.05);
    cr_assert_eq(text.size, 0);
    cn_progress_update(&progress, 3, NULL, 0, 0.07);
    cr_assert_gt(text.size, 0);
    cn_text_free(&text);
    cn_progress_end(&progress, 3, NULL, 0, 0.07);
    cr_assert_gt(text.size, 0, "the last state is always drawn");
    cn_text_free(&text);
}

Test(progress, is_one_line_an_epoch_without_control_characters_elsewhere)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 1, .write = append, .context = &text};
    for (int epoch = 0; epoch < 2; epoch++) {
        cn_progress_begin(&progress, epoch, 2, 4, 10 * epoch);
        for (int step = 1; step <= 4; step++)
            cn_progress_update(&progress, step, &(cn_logged){"loss", 2}, 1, 10 * epoch + step);
        cn_progress_end(&progress, 4, &(cn_logged){"loss", 1}, 1, 10 * epoch + 4);
    }
    expect(&text, "Epoch 1/2\n4/4 " FULL_BAR " - 4s 1s/step - loss: 1.0000\n"
                  "Epoch 2/2\n4/4 " FULL_BAR " - 4s 1s/step - loss: 1.0000\n");
}

Test(progress, leaves_the_first_step_out_of_the_estimate)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 1, .write = append, .context = &text};
    cn_progress_begin(&progress, 0, 1, 5, 0);
    cn_progress_update(&progress, 1, NULL, 0, 8);
    cn_progress_end(&progress, 5, NULL, 0, 16);
    expect(&text, "5/5 " FULL_BAR " - 16s 2s/step\n");
}

Test(progress, knows_the_number_of_steps_at_the_end)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 1, .terminal = true, .write = append, .context = &text};
    cn_progress_begin(&progress, 0, 1, 0, 0);
    cn_progress_update(&progress, 1, NULL, 0, 1);
    expect(&text, "\r      1/Unknown - 1s 1s/step");
    cn_progress_end(&progress, 2, NULL, 0, 3);
    cr_assert_str_eq(text.data + strspn(text.data, "\b"), "\r2/2 " FULL_BAR " - 3s 2s/step\n");
    cn_text_free(&text);
}

Test(progress, verbose_2_is_one_line_an_epoch)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 2, .terminal = true, .write = append, .context = &text};
    cn_progress_begin(&progress, 0, 2, 4, 0);
    cn_progress_update(&progress, 4, NULL, 0, 4);
    cn_progress_end(&progress, 4, &(cn_logged){"loss", 1}, 1, 4);
    expect(&text, "Epoch 1/2\n4/4 - 4s - loss: 1.0000 - 4s/epoch - 1s/step\n");
}

Test(progress, verbose_0_is_silent)
{
    cn_text text = {0};
    cn_progress progress = {.verbose = 0, .terminal = true, .write = append, .context = &text};
    cn_progress_begin(&progress, 0, 2, 1, 0);
    cn_progress_update(&progress, 1, NULL, 0, 1);
    cn_progress_end(&progress, 1, NULL, 0, 1);
    cr_assert_eq(text.size, 0);
}
