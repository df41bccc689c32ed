#include "data/csv.h"
#include "core/engine.h"
#include "data/csv_text.h"
#include "data/words.h"
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A column of which something is wanted. */
typedef struct column {
    const char *name;
    int field; /* in a record */
    bool category;
    cn_words classes;
} column;

/* What has been read, the columns of x first and then the label. */
struct cn_csv_categories {
    cn_arena arena; /* of the names */
    column *column;
    const char **name;
    int count;
    bool label;
};
typedef struct cn_csv_categories table;

typedef struct reader {
    const cn_csv_args *args;
    cn_csv_text text;
    table *table;
    double *row;      /* the one that is read */
    unsigned char *x; /* `rows` rows of floats, with room for more */
    double *y;        /* their labels, if there are any */
    int64_t rows, room;
    int fields; /* of each record */
} reader;

static const char *copy_name(table *t, const char *name)
{
    char *copy = cn_arena_record(&t->arena, strlen(name) + 1);
    return copy ? strcpy(copy, name) : NULL;
}

/* Columns */

static int columns_of_x(const table *t)
{
    return t->count - t->label;
}

static int length_of(const char *const *list)
{
    int length = 0;
    while (length < CN_MAX_CSV_COLUMNS && list[length])
        length++;
    return length;
}

static const column *find_column(const table *t, const char *name)
{
    for (int i = 0; t && name && i < t->count; i++)
        if (strcmp(t->column[i].name, name) == 0)
            return &t->column[i];
    return NULL;
}

/* The place of a name among the fields of the header. */
static int find_field(const reader *r, char *const *header, const char *name)
{
    int found = -1;
    for (int i = 0; i < r->text.fields; i++) {
        if (strcmp(header[i], name) != 0)
            continue;
        if (found >= 0) {
            cn_fail(CN_ARGUMENT, "%s: there are two columns '%.80s'", r->args->path, name);
            return -1;
        }
        found = i;
    }
    if (found < 0)
        cn_fail(CN_ARGUMENT, "%s: there is no column '%.80s'", r->args->path, name);
    return found;
}

static bool add_column(table *t, const char *name, int field)
{
    column *c = &t->column[t->count++];
    *c = (column){.name = copy_name(t, name), .field = field};
    return c->name && field >= 0;
}

static bool make_room(table *t, int columns)
{
    t->column = cn_allocate((size_t)columns + 1, sizeof *t->column);
    t->name = cn_allocate((size_t)columns + 1, sizeof *t->name);
    return t->column && t->name;
}

static bool mark_category(table *t, const char *name)
{
    bool found = false;
    for (int i = 0; i < t->count; i++) {
        bool is = strcmp(t->column[i].name, name) == 0;
        t->column[i].category |= is;
        found |= is;
    }
    return found;
}

static bool choose_columns(reader *r, char *const *header)
{
    const cn_csv_args *args = r->args;
    table *t = r->table;
    int chosen = length_of(args->columns), label = args->label ? find_field(r, header, args->label) : -1;
    if (cn_failed() || !make_room(t, chosen > r->text.fields ? chosen : r->text.fields))
        return false;
    for (int i = 0; i < chosen; i++)
        if (!add_column(t, args->columns[i], find_field(r, header, args->columns[i])))
            return false;
    for (int i = 0; chosen == 0 && i < r->text.fields; i++)
        if (i != label && !add_column(t, header[i], i))
            return false;
    t->label = args->label != NULL;
    if (t->label && !add_column(t, args->label, label))
        return false;
    for (int i = 0; i < length_of(args->categories); i++)
        if (!mark_category(t, args->categories[i]))
            return cn_fail(CN_ARGUMENT, "%s: the category '%.80s' is no column that is read", args->path,
                           args->categories[i]);
    return true;
}

static bool copy_columns(reader *r, char *const *header)
{
    const table *from = r->args->like->categories;
    table *t = r->table;
    if (!make_room(t, from->count))
        return false;
    t->label = from->label;
    for (int i = 0; i < from->count; i++) {
        const column *c = &from->column[i];
        if (!add_column(t, c->name, find_field(r, header, c->name)))
            return false;
        t->column[i].category = c->category;
        for (int k = 0; k < c->classes.count; k++)
            if (cn_words_add(&t->column[i].classes, c->classes.word[k].text, c->classes.word[k].bytes) < 0)
                return false;
    }
    return true;
}

/* Names for a table without a header. */
static char **number_columns(reader *r)
{
    char **header = cn_arena_record(&r->table->arena, (size_t)r->text.fields * sizeof *header);
    for (int i = 0; header && i < r->text.fields; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        header[i] = (char *)(uintptr_t)copy_name(r->table, name);
        if (!header[i])
            return NULL;
    }
    return header;
}

/* Reads the header, or the first row if there is none. */
static int begin_table(reader *r)
{
    int found = cn_csv_next(&r->text);
    if (found == 0)
        cn_fail(CN_FORMAT, "%s: there is nothing in it", r->args->path);
    if (found <= 0)
        return -1;
    r->fields = r->text.fields;
    char **header = r->args->header ? r->text.field : number_columns(r);
    if (!header || !(r->args->like ? copy_columns(r, header) : choose_columns(r, header)))
        return -1;
    if (columns_of_x(r->table) == 0) {
        cn_fail(CN_FORMAT, "%s: there is no column but the label", r->args->path);
        return -1;
    }
    return r->args->header ? cn_csv_next(&r->text) : 1;
}

/* Rows */

static bool fail_field(const reader *r, const column *c, cn_code code, const char *what)
{
    return cn_fail(code, "%s: line %lld: column '%.80s': '%.80s' %s", r->args->path, (long long)r->text.record, c->name,
                   r->text.field[c->field], what);
}

static bool is_missing(const reader *r, const column *c)
{
    const char *field = r->text.field[c->field];
    return !*field || (r->args->missing_text && strcmp(field, r->args->missing_text) == 0);
}

static bool drops_row(const reader *r)
{
    for (int i = 0; r->args->drop_missing && i < r->table->count; i++)
        if (is_missing(r, &r->table->column[i]))
            return true;
    return false;
}

static bool read_class(const reader *r, column *c, double *value)
{
    const char *field = r->text.field[c->field];
    int64_t number = r->args->like ? cn_words_find(&c->classes, field, strlen(field))
                                   : cn_words_add(&c->classes, field, strlen(field));
    *value = (double)number;
    if (number > 1 << FLT_MANT_DIG)
        return cn_fail(CN_UNSUPPORTED, "%s: column '%.80s' has too many categories", r->args->path, c->name);
    return number >= 0 || fail_field(r, c, CN_VALUE, "is no category of the other table");
}

static bool read_number(const reader *r, const column *c, double *value)
{
    if (!cn_csv_number(&r->text, r->text.field[c->field], value))
        return fail_field(r, c, CN_VALUE, "is no number");
    return fabs(*value) <= (r->args->dtype == CN_F32 ? (double)FLT_MAX : DBL_MAX) ||
           fail_field(r, c, CN_VALUE, "is too large");
}

static bool read_row(reader *r)
{
    const table *t = r->table;
    for (int i = 0; i < t->count; i++) {
        column *c = &t->column[i];
        bool label = i == columns_of_x(t);
        if (is_missing(r, c) && label)
            return fail_field(r, c, CN_VALUE, "is no label");
        if (is_missing(r, c))
            r->row[i] = c->category ? (double)NAN : r->args->missing;
        else if (!(c->category ? read_class(r, c, &r->row[i]) : read_number(r, c, &r->row[i])))
            return false;
    }
    return true;
}

static bool grow_rows(reader *r)
{
    size_t width, room = r->room ? 2 * (size_t)r->room : 64;
    if (__builtin_mul_overflow((size_t)columns_of_x(r->table), cn_dtype_size(r->args->dtype), &width))
        return cn_fail(CN_MEMORY, "%s: the rows are too long", r->args->path);
    unsigned char *x = cn_resize(r->x, (size_t)r->rows, room, width);
    r->x = x ? x : r->x;
    double *y = x ? cn_resize(r->y, (size_t)r->rows, room, sizeof *y) : NULL;
    r->y = y ? y : r->y;
    r->room = y ? (int64_t)room : r->room;
    return y != NULL;
}

static bool add_row(reader *r)
{
    int columns = columns_of_x(r->table);
    cn_dtype dtype = r->args->dtype;
    if (drops_row(r))
        return true;
    if ((r->rows == r->room && !grow_rows(r)) || !read_row(r))
        return false;
    if (r->table->label)
        r->y[r->rows] = r->row[columns];
    unsigned char *x = r->x + (size_t)r->rows++ * (size_t)columns * cn_dtype_size(dtype);
    return cn_convert(x, cn_array_type_of(dtype), r->row, CN_ARRAY_F64, columns);
}

static bool read_rows(reader *r)
{
    int found = begin_table(r);
    r->row = found >= 0 ? cn_allocate((size_t)r->table->count, sizeof *r->row) : NULL;
    for (; r->row && found > 0; found = cn_csv_next(&r->text)) {
        if (r->text.fields != r->fields)
            return cn_fail(CN_FORMAT, "%s: line %lld: %d fields, the lines before it have %d", r->args->path,
                           (long long)r->text.record, r->text.fields, r->fields);
        if (!add_row(r))
            return false;
    }
    return r->row && found == 0;
}

/* Categories in the order of their texts */

static int by_text(const void *a, const void *b)
{
    return strcmp(((const cn_word *)a)->text, ((const cn_word *)b)->text);
}

/* The numbers of a category were those of the first appearance while reading; NaN stood for missing ones. */
static void renumber(const reader *r, int index, const double *place)
{
    int columns = columns_of_x(r->table);
    cn_array_type type = cn_array_type_of(r->args->dtype);
    size_t size = cn_dtype_size(r->args->dtype);
    for (int64_t row = 0; row < r->rows; row++) {
        unsigned char *x = r->x + ((size_t)row * (size_t)columns + (size_t)index) * size;
        double number = r->y[row];
        if (index < columns)
            cn_convert(&number, CN_ARRAY_F64, x, type, 1);
        number = isnan(number) ? r->args->missing : place[(int64_t)number];
        if (index < columns)
            cn_convert(x, type, &number, CN_ARRAY_F64, 1);
        else
            r->y[row] = number;
    }
}

static bool order_classes(reader *r, int index)
{
    cn_words *classes = &r->table->column[index].classes;
    double *place = cn_allocate((size_t)classes->count + 1, sizeof *place);
    bool fine = place && (r->args->like || cn_words_sort(classes, by_text, INT_MAX));
    for (int i = 0; fine && i < classes->count; i++)
        place[classes->word[i].number] = i;
    if (fine)
        renumber(r, index, place);
    cn_release(place);
    return fine;
}

/* The results */

static bool take_label(const reader *r, cn_csv *csv)
{
    bool category = r->table->column[columns_of_x(r->table)].category;
    cn_dtype dtype = category ? CN_I32 : r->args->dtype;
    void *y = cn_allocate((size_t)r->rows, cn_dtype_size(dtype));
    csv->y = cn_array_with(y, cn_array_type_of(dtype), false, CN_SHAPE(r->rows, 1));
    for (int64_t i = 0; y && category && i < r->rows; i++)
        ((int32_t *)y)[i] = (int32_t)r->y[i];
    return y && (category || cn_convert(y, csv->y.type, r->y, CN_ARRAY_F64, r->rows));
}

static bool take_table(reader *r, cn_csv *csv)
{
    table *t = r->table;
    for (int i = 0; i < t->count; i++) {
        t->name[i] = t->column[i].name;
        if (t->column[i].category && !order_classes(r, i))
            return false;
    }
    if (r->rows == 0)
        return cn_fail(CN_FORMAT, "%s: there are no rows", r->args->path);
    csv->x = cn_array_with(r->x, cn_array_type_of(r->args->dtype), false, CN_SHAPE(r->rows, columns_of_x(t)));
    r->x = NULL;
    csv->names = t->name;
    return !t->label || take_label(r, csv);
}

static bool check_arguments(const cn_csv_args *args)
{
    if (args->dtype != CN_F32 && args->dtype != CN_F64)
        return cn_fail(CN_ARGUMENT, "csv_read: .dtype must be a float type");
    if (!args->separator || strchr("\"\r\n ", args->separator))
        return cn_fail(CN_ARGUMENT, "csv_read: .separator cannot be a quote, a space, the end of a line or none");
    if (args->like && (args->columns[0] || args->label || args->categories[0]))
        return cn_fail(CN_ARGUMENT, "csv_read: .like has columns, label and categories of its own");
    return !cn_failed();
}

cn_csv *cn_csv_read_with(cn_csv_args args)
{
    if (!check_arguments(&args))
        return NULL;
    cn_csv *csv = cn_allocate(1, sizeof *csv);
    reader r = {.args = &args, .table = csv ? cn_allocate(1, sizeof *r.table) : NULL};
    bool fine = r.table && cn_csv_begin(&r.text, args.path, args.separator);
    if (csv)
        csv->categories = r.table;
    fine = fine && read_rows(&r) && take_table(&r, csv);
    cn_csv_end(&r.text);
    cn_release(r.row);
    cn_release(r.x);
    cn_release(r.y);
    if (fine)
        return csv;
    cn_csv_free(csv);
    return NULL;
}

void cn_csv_free(cn_csv *csv)
{
    if (!csv)
        return;
    table *t = csv->categories;
    for (int i = 0; t && i < t->count; i++)
        cn_words_free(&t->column[i].classes);
    if (t) {
        cn_release(t->column);
        cn_release(t->name);
        cn_arena_free(&t->arena);
    }
    cn_release(t);
    cn_release((void *)(uintptr_t)csv->x.data);
    cn_release((void *)(uintptr_t)csv->y.data);
    cn_release(csv);
}

int64_t cn_csv_classes(const cn_csv *csv, const char *name)
{
    const column *c = csv ? find_column(csv->categories, name) : NULL;
    return c ? c->classes.count : 0;
}

const char *cn_csv_class(const cn_csv *csv, const char *name, int64_t number)
{
    const column *c = csv ? find_column(csv->categories, name) : NULL;
    return c && number >= 0 && number < c->classes.count ? c->classes.word[number].text : NULL;
}
