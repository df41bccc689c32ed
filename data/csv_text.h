/* Private: comma-separated values as records of fields. */
#ifndef CN_DATA_CSV_TEXT_H
#define CN_DATA_CSV_TEXT_H
#include "core/arena.h"
#include <locale.h>

typedef struct cn_csv_text {
    const char *path;
    char separator;
    char *text, *at, *end; /* what is read next; there is a NUL at the end */
    int64_t line;          /* where that is */
    int64_t record;        /* the line in which the last record begins */
    char **field;          /* of the last record, each ended by a NUL */
    int fields, capacity;
    locale_t plain; /* "C", whose numbers have a point */
} cn_csv_text;

/* Reads a file. cn_csv_end must follow, whatever is returned. */
bool cn_csv_begin(cn_csv_text *text, const char *path, char separator);
/* Reads the next record; 1, 0 at the end, -1 with the error set. The fields last until the end. */
int cn_csv_next(cn_csv_text *text);
/* A field as a decimal number; false, without an error, if it is none. */
bool cn_csv_number(const cn_csv_text *text, const char *field, double *number);
void cn_csv_end(cn_csv_text *text);
#endif
