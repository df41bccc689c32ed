#include "training/plot.h"
#include "read_file.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* The picture, to be freed. */
static char *picture(const cn_plot_series *series, int count)
{
    char path[] = "/tmp/cornet_plot_XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    cr_assert(cn_plot(path, series, count, 1), "%s", cn_error_message());
    char *svg = read_file(path);
    remove(path);
    return svg;
}

static int occurrences(const char *text, const char *part)
{
    int count = 0;
    while ((text = strstr(text, part))) {
        count++;
        text += strlen(part);
    }
    return count;
}

static void expect_picture(const cn_plot_series *series, int count, const char *part, int times)
{
    char *svg = picture(series, count);
    cr_expect_eq(occurrences(svg, part), times, "%s occurs %d times, not %d", part, occurrences(svg, part), times);
    free(svg);
}

static const double falling[] = {0.8, 0.6, 0.5, 0.45}, rising[] = {0.7, 0.8, 0.85, 0.9};

Test(plot, losses_and_other_values_have_a_panel_each)
{
    cn_plot_series series[] = {{"loss", falling, 4}, {"accuracy", rising, 4}, {"val_loss", falling, 4}};
    expect_picture(series, 3, "<g transform=", 2);
    expect_picture(series, 3, "font-weight=\"600\" fill=\"#111\">loss<", 1);
    expect_picture(series, 3, "font-weight=\"600\" fill=\"#111\">accuracy<", 1);
    expect_picture(series, 1, "<g transform=", 1);
    expect_picture(series + 1, 1, "<g transform=", 1);
}

Test(plot, panels_of_several_names_are_titled_for_all_of_them)
{
    cn_plot_series series[] = {{"a_loss", falling, 4}, {"b_loss", falling, 4}, {"c_loss", falling, 4},
                               {"mae", falling, 4},    {"mse", falling, 4},    {"val_mse", falling, 4}};
    expect_picture(series, 6, ">losses<", 1);
    expect_picture(series, 6, ">metrics<", 1);
}

Test(plot, validation_is_dashed_in_the_picture_and_in_the_legend)
{
    cn_plot_series series[] = {{"loss", falling, 4}, {"val_loss", falling, 4}};
    expect_picture(series, 2, "stroke-dasharray", 2);
    expect_picture(series, 1, "stroke-dasharray", 0);
}

Test(plot, ticks_are_round_numbers)
{
    cn_plot_series series = {"loss", falling, 4}; /* from 0.45 to 0.8: steps of 0.1 */
    static const char *const labels[] = {">0.4<", ">0.5<", ">0.6<", ">0.7<", ">0.8<", ">1<", ">2<", ">3<", ">4<"};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        expect_picture(&series, 1, labels[i], 1);
}

Test(plot, a_point_stands_where_its_value_is)
{
    /* 0.5 is halfway up the axis from 0 to 1, which is 300 pixels high and ends at 352; epochs go from 68 to 496. */
    cn_plot_series series = {"loss", (const double[]){1, 0.5, 0}, 3};
    expect_picture(&series, 1, "d=\"M68.0 52.0L282.0 202.0L496.0 352.0\"", 1);
}

Test(plot, values_that_are_not_finite_leave_a_gap)
{
    cn_plot_series series = {"loss", (const double[]){1, 0.5, NAN, 0, -INFINITY, 1}, 6};
    expect_picture(&series, 1, "d=\"M68.0 52.0L153.6 202.0M324.8 352.0M496.0 52.0\"", 1);
    expect_picture(&series, 1, "nan", 0);
    expect_picture(&series, 1, "inf", 0);
}

Test(plot, constant_huge_and_tiny_values_are_drawn)
{
    static const double rows[][2] = {{3, 3}, {0, 0}, {1e299, -1e299}, {1e-310, 0}, {NAN, NAN}, {1e9, 1e9 + 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cn_plot_series series = {"loss", rows[i], 2};
        expect_picture(&series, 1, "</svg>", 1);
        expect_picture(&series, 1, "nan", 0);
    }
}

Test(plot, names_are_escaped)
{
    cn_plot_series series = {"a<b>&\tc", falling, 4};
    expect_picture(&series, 1, ">a&lt;b&gt;&amp; c<", 2);
}

Test(plot, more_series_than_colors_and_long_names_are_drawn)
{
    cn_plot_series series[12];
    for (int i = 0; i < 12; i++)
        series[i] = (cn_plot_series){"a_metric_whose_name_is_longer_than_half_of_the_panel", rising, 4};
    expect_picture(series, 12, "height=\"714\"", 1); /* 450 and eleven rows of the legend more */
}

Test(plot, a_file_that_cannot_be_written_is_an_error)
{
    cn_plot_series series = {"loss", falling, 4};
    cr_assert_not(cn_plot("/nowhere/curve.svg", &series, 1, 1));
    cr_assert_eq(cn_error_code(), CN_FILE);
    cr_assert_str_eq(cn_error_message(), "plot: /nowhere/curve.svg: No such file or directory");
    cn_error_clear();
    cr_assert_not(cn_plot("/dev/full", &series, 1, 1));
    cr_assert_eq(cn_error_code(), CN_FILE);
}

Test(plot, nothing_to_draw_is_an_error)
{
    cr_assert_not(cn_plot("/nowhere/curve.svg", NULL, 0, 1));
    cr_assert_eq(cn_error_code(), CN_ARGUMENT);
}
