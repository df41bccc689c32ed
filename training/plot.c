#include "training/plot.h"
#include "core/arena.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* In pixels: a panel with its title above the axes, and below them the legend. */
enum {
    PANEL_WIDTH = 520,
    AXES_LEFT = 68,
    AXES_RIGHT = PANEL_WIDTH - 24,
    AXES_TOP = 52,
    AXES_BOTTOM = 352,
    LEGEND_TOP = AXES_BOTTOM + 74,
    LEGEND_ROW = 24,
    LEGEND_SAMPLE = 30, /* of the line, before the name */
    LEGEND_GAP = 24,
    MOST_MARKERS = 40 /* more points than that are drawn as a line alone */
};
static const double character_width = 7.5; /* of the legend's font, roughly */

/* Told apart by eyes that do not see red and green, too, and dark enough on white. */
static const char *const colors[] = {"#0b5cad", "#d1490c", "#0f7b4f", "#8a3fb0",
                                     "#a06a00", "#0a7f91", "#bf2160", "#4a4a4a"};

static const char *color_of(int series)
{
    return colors[(size_t)series % (sizeof colors / sizeof *colors)];
}

typedef struct scale {
    double low, high;  /* values at the ends of the axis */
    double begin, end; /* their coordinates */
    double step;       /* between ticks, which are its multiples: */
    int64_t first, last;
} scale;

static double coordinate(const scale *s, double value)
{
    return s->begin + (value - s->low) / (s->high - s->low) * (s->end - s->begin);
}

static bool drawable(double value)
{
    return fabs(value) < 1e300; /* differences of such values are finite; false for NaN */
}

/* 1, 2 or 5 times a power of ten, at least range / parts. */
static double round_step(double range, int parts)
{
    double least = range / parts, power = pow(10, floor(log10(least))), factor = least / power;
    return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

static scale value_scale(const cn_plot_series *series, int count)
{
    double low = INFINITY, high = -INFINITY;
    for (const cn_plot_series *one = series; one < series + count; one++)
        for (int64_t i = 0; i < one->count; i++)
            if (drawable(one->values[i])) {
                low = fmin(low, one->values[i]);
                high = fmax(high, one->values[i]);
            }
    if (low > high) {
        low = 0;
        high = 1;
    }
    double magnitude = fmax(fabs(low), fabs(high));
    if (high - low <= 1e-9 * magnitude || high - low < 1e-300) {
        double margin = magnitude > 1e-290 ? magnitude / 10 : 1;
        low -= margin;
        high += margin;
    }
    double step = round_step(high - low, 5), first = floor(low / step), last = ceil(high / step);
    return (scale){first * step, last * step, AXES_BOTTOM, AXES_TOP, step, (int64_t)first, (int64_t)last};
}

static scale epoch_scale(int64_t first_epoch, int64_t epochs)
{
    double first = (double)first_epoch, last = first + (double)(epochs - 1), margin = epochs > 1 ? 0 : 1;
    double step = fmax(1, round_step(fmax(1, last - first), 8));
    return (scale){first - margin,
                   last + margin,
                   AXES_LEFT,
                   AXES_RIGHT,
                   step,
                   (int64_t)ceil(first / step),
                   (int64_t)floor(last / step)};
}

static void add_coordinates(cn_text *svg, const char *before, double x, const char *between, double y)
{
    cn_text_add(svg, before);
    cn_text_number(svg, 'f', 1, x);
    cn_text_add(svg, between);
    cn_text_number(svg, 'f', 1, y);
}

static void add_escaped(cn_text *svg, const char *text)
{
    for (; *text; text++) {
        const char *escaped = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (escaped)
            cn_text_add(svg, escaped);
        else /* XML has no control characters */
            cn_text_fill(svg, (unsigned char)*text < ' ' ? ' ' : *text, 1);
    }
}

static void add_tick_label(cn_text *svg, double value, const scale *s)
{
    double largest = fmax(fabs(s->low), fabs(s->high));
    int last_place = (int)floor(log10(s->step) + 1e-9);
    if (largest < 1e6 && last_place >= -5)
        cn_text_number(svg, 'f', last_place < 0 ? -last_place : 0, value);
    else
        cn_text_number(svg, 'g', (int)fmin(floor(log10(largest)) - last_place + 1, 17), value);
}

static void add_axes(cn_text *svg, const scale *x, const scale *y)
{
    cn_text_add(svg, "<g stroke=\"#e2e2e2\">\n");
    for (int64_t i = y->first; i <= y->last; i++) {
        double at = coordinate(y, (double)i * y->step);
        add_coordinates(svg, "<line x1=\"", AXES_LEFT, "\" y1=\"", at);
        add_coordinates(svg, "\" x2=\"", AXES_RIGHT, "\" y2=\"", at);
        cn_text_add(svg, "\"/>\n");
    }
    cn_text_add(svg, "</g>\n<g fill=\"#333\" text-anchor=\"end\">\n");
    for (int64_t i = y->first; i <= y->last; i++) {
        double value = (double)i * y->step;
        add_coordinates(svg, "<text x=\"", AXES_LEFT - 10, "\" y=\"", coordinate(y, value) + 4.5);
        cn_text_add(svg, "\">");
        add_tick_label(svg, value, y);
        cn_text_add(svg, "</text>\n");
    }
    cn_text_add(svg, "</g>\n<g fill=\"#333\" stroke=\"none\" text-anchor=\"middle\">\n");
    for (int64_t i = x->first; i <= x->last; i++) {
        double value = (double)i * x->step, at = coordinate(x, value);
        add_coordinates(svg, "<path stroke=\"#333\" d=\"M", at, " ", AXES_BOTTOM);
        add_coordinates(svg, "v5\"/><text x=\"", at, "\" y=\"", AXES_BOTTOM + 22);
        cn_text_add(svg, "\">");
        cn_text_number(svg, 'f', 0, value);
        cn_text_add(svg, "</text>\n");
    }
    add_coordinates(svg, "<text x=\"", (AXES_LEFT + AXES_RIGHT) / 2.0, "\" y=\"", AXES_BOTTOM + 44);
    cn_text_add(svg, "\">epoch</text>\n</g>\n");
    add_coordinates(svg, "<line stroke=\"#333\" x1=\"", AXES_LEFT, "\" y1=\"", AXES_BOTTOM);
    add_coordinates(svg, "\" x2=\"", AXES_RIGHT, "\" y2=\"", AXES_BOTTOM);
    cn_text_add(svg, "\"/>\n");
}

static bool of_validation(const char *name)
{
    return strncmp(name, "val_", 4) == 0;
}

static void begin_line(cn_text *svg, const char *name, const char *color)
{
    cn_text_format(svg, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2.2\" stroke-linejoin=\"round\"%s d=\"",
                   color, of_validation(name) ? " stroke-dasharray=\"7 4\"" : "");
}

static void add_curve(cn_text *svg, const cn_plot_series *series, int64_t first_epoch, const scale *x, const scale *y,
                      const char *color)
{
    begin_line(svg, series->name, color);
    bool drawn = false;
    for (int64_t i = 0; i < series->count; i++) {
        double value = series->values[i];
        if (drawable(value))
            add_coordinates(svg, drawn ? "L" : "M", coordinate(x, (double)(first_epoch + i)), " ",
                            coordinate(y, value));
        drawn = drawable(value);
    }
    cn_text_format(svg, "\"/>\n<g fill=\"%s\">\n", color);
    for (int64_t i = 0; i < series->count; i++) {
        bool alone = (i == 0 || !drawable(series->values[i - 1])) &&
                     (i + 1 == series->count || !drawable(series->values[i + 1]));
        if (drawable(series->values[i]) && (alone || series->count <= MOST_MARKERS)) {
            add_coordinates(svg, "<circle cx=\"", coordinate(x, (double)(first_epoch + i)), "\" cy=\"",
                            coordinate(y, series->values[i]));
            cn_text_add(svg, "\" r=\"3\"/>\n");
        }
    }
    cn_text_add(svg, "</g>\n");
}

/* Adds the legend and returns the coordinate below it. */
static int add_legend(cn_text *svg, const cn_plot_series *series, int count)
{
    double x = AXES_LEFT;
    int y = LEGEND_TOP;
    for (int m = 0; m < count; m++) {
        const char *name = series[m].name, *color = color_of(m);
        double width = LEGEND_SAMPLE + 8 + character_width * (double)cn_code_points(name, strlen(name));
        if (x > AXES_LEFT && x + width > AXES_RIGHT) {
            x = AXES_LEFT;
            y += LEGEND_ROW;
        }
        begin_line(svg, name, color);
        add_coordinates(svg, "M", x, " ", y);
        cn_text_format(svg, "h%d\"/>", LEGEND_SAMPLE);
        add_coordinates(svg, "<text x=\"", x + LEGEND_SAMPLE + 8, "\" y=\"", y + 4.5);
        cn_text_add(svg, "\" fill=\"#111\">");
        add_escaped(svg, name);
        cn_text_add(svg, "</text>\n");
        x += width + LEGEND_GAP;
    }
    return y + LEGEND_ROW;
}

static const char *base_name(const char *name)
{
    return of_validation(name) ? name + 4 : name;
}

static bool is_loss(const char *name)
{
    size_t size = strlen(name);
    return strcmp(name, "loss") == 0 || (size > 5 && strcmp(name + size - 5, "_loss") == 0);
}

/* Adds the curves with their axes and legend, `left` pixels to the right, and returns the coordinate below them. */
static int add_panel(cn_text *svg, const cn_plot_series *series, int count, int64_t first_epoch, int left)
{
    const char *name = base_name(series[0].name), *title = name;
    int64_t epochs = 1;
    for (int m = 0; m < count; m++) {
        if (strcmp(base_name(series[m].name), name) != 0)
            title = is_loss(name) ? "losses" : "metrics";
        epochs = series[m].count > epochs ? series[m].count : epochs;
    }
    scale x = epoch_scale(first_epoch, epochs), y = value_scale(series, count);
    cn_text_format(svg,
                   "<g transform=\"translate(%d 0)\">\n"
                   "<text x=\"%d\" y=\"32\" font-size=\"17\" font-weight=\"600\" fill=\"#111\">",
                   left, AXES_LEFT);
    add_escaped(svg, title);
    cn_text_add(svg, "</text>\n");
    add_axes(svg, &x, &y);
    for (int m = 0; m < count; m++)
        add_curve(svg, &series[m], first_epoch, &x, &y, color_of(m));
    int bottom = add_legend(svg, series, count);
    cn_text_add(svg, "</g>\n");
    return bottom;
}

/* `series` has the losses first. */
static void add_picture(cn_text *svg, const cn_plot_series *series, int losses, int others, int64_t first_epoch)
{
    cn_text panels = {0};
    int width = 0, height = 0;
    for (int panel = 0; panel < 2; panel++) {
        int count = panel == 0 ? losses : others;
        if (count == 0)
            continue;
        int bottom = add_panel(&panels, panel == 0 ? series : series + losses, count, first_epoch, width);
        height = bottom > height ? bottom : height;
        width += PANEL_WIDTH;
    }
    cn_text_format(svg,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\" font-size=\"13\">\n"
                   "<title>Training curves</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                   width, height, width, height);
    if (panels.data)
        cn_text_add_bytes(svg, panels.data, panels.size);
    cn_text_add(svg, "</svg>\n");
    svg->failed |= panels.failed;
    cn_text_free(&panels);
}

static bool write_file(const char *path, const cn_text *text)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return cn_fail(CN_FILE, "plot: %s: %s", path, strerror(errno));
    bool written = fwrite(text->data, 1, text->size, file) == text->size;
    int error = errno;
    if (fclose(file) != 0 && written) {
        written = false;
        error = errno;
    }
    return written || cn_fail(CN_FILE, "plot: %s: %s", path, strerror(error));
}

bool cn_plot(const char *path, const cn_plot_series *series, int count, int64_t first_epoch)
{
    cn_plot_series *sorted = cn_allocate((size_t)(count > 0 ? count : 0), sizeof *sorted);
    if (!sorted)
        return false;
    int64_t values = 0;
    int losses = 0, used = 0;
    for (int m = 0; m < count; m++) {
        values += series[m].count;
        losses += is_loss(series[m].name);
    }
    for (int panel = 0; panel < 2; panel++)
        for (int m = 0; m < count; m++)
            if (is_loss(series[m].name) == (panel == 0))
                sorted[used++] = series[m];
    cn_text svg = {0};
    bool done = false;
    if (values == 0) {
        cn_fail(CN_ARGUMENT, "plot: there is no value to draw");
    } else {
        add_picture(&svg, sorted, losses, count - losses, first_epoch);
        done = !svg.failed && write_file(path, &svg);
    }
    cn_text_free(&svg);
    cn_release(sorted);
    return done;
}
