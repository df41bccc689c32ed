/* Tables as text: comma-separated values (RFC 4180), read into arrays. */
#ifndef CN_DATA_CSV_H
#define CN_DATA_CSV_H
#include <math.h>
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_csv {
    cn_view x;                /* (rows, columns), floats */
    cn_view y;                /* the label, (rows, 1): floats, or int32 if it is a category; no data without .label */
    const char *const *names; /* of the columns of x */
    struct cn_csv_categories *categories;
} cn_csv;

enum { CN_MAX_CSV_COLUMNS = 64 };

/* The arguments of cn_csv_read; the lists end with NULL. */
typedef struct cn_csv_args {
    const char *path;
    const char *columns[CN_MAX_CSV_COLUMNS]; /* of x, by name; all but the label if there are none */
    const char *label;
    const char *categories[CN_MAX_CSV_COLUMNS]; /* columns, the label too, whose texts become numbers */
    bool header CN_DEFAULT(true); /* the first line names the columns; without it they are "0", "1", ... */
    char separator CN_DEFAULT(',');
    double missing CN_DEFAULT((double)NAN); /* what is in x for an empty field */
    const char *missing_text;               /* a field of this text, "NA" for instance, counts as empty */
    bool drop_missing;                      /* leaves out rows in which a field that is wanted is empty */
    const cn_csv *like;                     /* in place of columns, label and categories: as that table was read */
    cn_dtype dtype CN_DEFAULT(cn_default_dtype()); /* of the floats */
} cn_csv_args;
/* Reads a file, plain or gzip:
 *     cn_csv *train = cn_csv_read("iris.csv", .label = "species", .categories = {"species"});
 *     cn_csv *test = cn_csv_read("test.csv", .like = train);
 *     cn_fit(model, {train->x}, {train->y});
 * Numbers are decimal, with a point in every locale. A category is the place of its text among all different ones of
 * the column in the order of their bytes, with .like among those of that table. Fields in double quotes may contain
 * separators, line breaks and, doubled, quotes; spaces around fields, empty lines and a byte-order mark do not count.
 *
 * NULL with the error set, to a message with file, line and column:
 *   CN_FILE         the file cannot be read,
 *   CN_FORMAT       it is no such text: rows differ in their number of fields, a quote is not closed, ...
 *   CN_VALUE        a field is no number or too large for the type, a label is missing, .like has no such category,
 *   CN_ARGUMENT     there is no column of that name, or two,
 *   CN_UNSUPPORTED  it is gzip and the library was built without zlib. */
#define CN_CSV_DEFAULTS .header = true, .separator = ',', .missing = (double)NAN, .dtype = cn_default_dtype()
#define cn_csv_read(...) cn_csv_read_with((cn_csv_args){CN_CSV_DEFAULTS, .path = __VA_ARGS__})
CN_API cn_csv *cn_csv_read_with(cn_csv_args args);
/* Frees the arrays too; NULL is fine. */
CN_API void cn_csv_free(cn_csv *csv);

/* The number of texts of a category, 0 if the column is none, and the text of a number; NULL if there is none. */
CN_API int64_t cn_csv_classes(const cn_csv *csv, const char *column);
CN_API const char *cn_csv_class(const cn_csv *csv, const char *column, int64_t number);

#ifdef __cplusplus
}
#endif
#endif
