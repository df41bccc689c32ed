#include "models/summary_text.h"
#include <string.h>

enum { MOST_COLUMNS = 5, GAP = 2, TRAINABLE_WIDTH = 11, LONGEST_LINE = 1 << 20 };

#define OVERLINE "\u00AF"

typedef struct layout {
    int columns, line_length;
    int ends[MOST_COLUMNS];
    cn_write write;
    void *context;
    cn_text line;
} layout;

static int column_start(const layout *l, int column)
{
    return column ? l->ends[column - 1] : 0;
}

static int column_room(const layout *l, int column)
{
    int gap = column < l->columns - 1 ? GAP : 0;
    return l->ends[column] - column_start(l, column) - gap;
}

static bool lay_out(layout *l, const cn_summary *summary)
{
    static const double chain[] = {.45, .85, 1}, graph[] = {.33, .55, .67, 1};
    const double *positions = summary->positions ? summary->positions : summary->connections ? graph : chain;
    l->columns = summary->connections ? 4 : 3;
    l->line_length = summary->line_length ? summary->line_length : summary->connections ? 98 : 65;
    double unit = positions[l->columns - 1] <= 1 ? l->line_length : 1;
    bool fits = l->line_length <= LONGEST_LINE;
    for (int c = 0; c < l->columns && fits; c++) {
        double end = positions[c] * unit;
        fits = end >= 0 && end <= LONGEST_LINE;
        l->ends[c] = fits ? (int)end : 0;
    }
    if (summary->show_trainable) {
        l->line_length += TRAINABLE_WIDTH;
        l->ends[l->columns++] = l->line_length;
    }
    for (int c = 0; c < l->columns && fits; c++)
        fits = column_room(l, c) > 0;
    return fits || cn_fail(CN_ARGUMENT, "summary: a line of %d characters and its positions leave a column no room",
                           l->line_length);
}

static void end_line(layout *l)
{
    cn_text_add(&l->line, "\n");
    if (!l->line.failed)
        l->write(l->context, l->line.data, l->line.size);
    l->line.size = 0;
}

static void write_rule(layout *l, char character)
{
    cn_text_fill(&l->line, character, l->line_length);
    end_line(l);
}

/* A line between layers, with the bars of the models around it. */
static void write_separator(layout *l, const char *character, int bars)
{
    cn_text_fill(&l->line, '|', bars);
    for (int i = 2 * bars; i < l->line_length; i++)
        cn_text_add(&l->line, character);
    cn_text_fill(&l->line, '|', bars);
    end_line(l);
}

/* The bytes of a field that stand on its next line: a field is broken after a tuple or a string of a list, and where
 * the column is full. */
static size_t next_piece(const char *field, int room)
{
    size_t size = cn_code_point_bytes(field, (size_t)room);
    for (size_t i = 0; i + 1 < size; i++)
        if (strchr(")}]'", field[i]) && field[i + 1] == ',')
            return i + 2;
    return size;
}

static void write_row(layout *l, const char *const *fields, int depth)
{
    const char *rest[MOST_COLUMNS];
    memcpy(rest, fields, (size_t)l->columns * sizeof *rest);
    for (bool more = true; more && !l->line.failed;) {
        more = false;
        for (int c = 0; c < l->columns; c++) {
            if (c == 0) {
                cn_text_fill(&l->line, '|', depth);
                cn_text_add(&l->line, " ");
            }
            size_t size = next_piece(rest[c], column_room(l, c));
            cn_text_add_bytes(&l->line, rest[c], size);
            rest[c] += size;
            more |= *rest[c] != '\0';
            /* The first column's leading space is not counted in its room, so a full one shifts what follows. */
            cn_text_fill(&l->line, ' ', c < l->columns - 1 ? GAP : 0);
            int64_t width = l->line.failed ? 0 : (int64_t)cn_code_points(l->line.data, l->line.size);
            cn_text_fill(&l->line, ' ', l->ends[c] - depth - width);
        }
        cn_text_fill(&l->line, '|', depth);
        end_line(l);
    }
}

static void write_layer(layout *l, const cn_summary *summary, int i)
{
    const cn_summary_row *row = &summary->rows[i];
    const char *fields[MOST_COLUMNS] = {row->layer, row->output_shape, row->parameters};
    int columns = 3;
    if (summary->connections)
        fields[columns++] = row->connected_to;
    if (summary->show_trainable)
        fields[columns] = row->trainable ? "Y" : "N";
    write_row(l, fields, row->depth);
    int next_depth = i + 1 < summary->row_count ? row[1].depth : 0;
    if (next_depth > row->depth)
        write_separator(l, OVERLINE, next_depth);
    else if (next_depth == row->depth)
        write_separator(l, " ", row->depth);
    for (int depth = row->depth - 1; depth >= next_depth; depth--)
        write_separator(l, OVERLINE, depth);
}

static void write_total(layout *l, const char *name, int64_t count)
{
    int64_t group = 1;
    while (count / group >= 1000)
        group *= 1000;
    cn_text_format(&l->line, "%s: %d", name, (int)(count / group));
    while ((group /= 1000) > 0)
        cn_text_format(&l->line, ",%03d", (int)(count / group % 1000));
    end_line(l);
}

bool cn_summary_text(const cn_summary *summary, cn_write write, void *context)
{
    static const char *const header_row[] = {"Layer (type)", "Output Shape", "Param #", "Connected to"};
    layout l = {.write = write, .context = context};
    if (!lay_out(&l, summary))
        return false;
    const char *header[MOST_COLUMNS];
    memcpy(header, header_row, sizeof header_row);
    if (summary->show_trainable)
        header[l.columns - 1] = "Trainable";
    cn_text_format(&l.line, "Model: \"%s\"", summary->model);
    end_line(&l);
    write_rule(&l, '_');
    write_row(&l, header, 0);
    write_rule(&l, '=');
    for (int i = 0; i < summary->row_count; i++)
        write_layer(&l, summary, i);
    write_rule(&l, '=');
    write_total(&l, "Total params", summary->trainable + summary->non_trainable);
    write_total(&l, "Trainable params", summary->trainable);
    write_total(&l, "Non-trainable params", summary->non_trainable);
    write_rule(&l, '_');
    bool written = !l.line.failed;
    cn_text_free(&l.line);
    return written;
}
