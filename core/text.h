/* Private: text that grows, and numbers as text in every locale. */
#ifndef CN_CORE_TEXT_H
#define CN_CORE_TEXT_H
#include "core/error.h"

/* Where text goes: called with pieces of UTF-8, in order. */
typedef void (*cn_write)(void *context, const char *text, size_t size);
/* To a FILE, and at once: a progress bar is to be seen though its line has not ended. */
void cn_write_to_file(void *file, const char *text, size_t size);

/* {0} is empty. Functions add at the end; after one has run out of memory (the error is set) `failed` is true and the
 * others do nothing, so that it is looked at once, at the end. */
typedef struct cn_text {
    char *data; /* NULL or ended by a NUL that size does not count */
    size_t size, capacity;
    bool failed;
} cn_text;
void cn_text_add(cn_text *text, const char *string);
void cn_text_add_bytes(cn_text *text, const char *bytes, size_t count);
/* Adds `count` times the character, none if count is negative. */
void cn_text_fill(cn_text *text, char character, int64_t count);
/* Adds what printf would write. For %f, %e, %g there is cn_text_number: printf follows the locale. */
void cn_text_format(cn_text *text, const char *format, ...) CN_FORMAT_(2, 3);
/* Adds printf's "%.{decimals}{conversion}" with a decimal point; conversion is 'f', 'e' or 'g', decimals at most 32. */
void cn_text_number(cn_text *text, char conversion, int decimals, double value);
void cn_text_free(cn_text *text);

/* The number of code points in UTF-8 text. */
size_t cn_code_points(const char *utf8, size_t bytes);
/* The bytes that the first `count` code points of a string take; all of it if it has fewer. */
size_t cn_code_point_bytes(const char *utf8, size_t count);
#endif
