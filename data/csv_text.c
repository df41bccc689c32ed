#include "data/csv_text.h"
#include "data/source.h"
#include <stdlib.h>
#include <string.h>

static bool malformed(const cn_csv_text *t, int64_t line, const char *what)
{
    return cn_fail(CN_FORMAT, "%s: line %lld: %s", t->path, (long long)line, what);
}

static bool check_nul(cn_csv_text *t)
{
    const char *nul = memchr(t->text, '\0', (size_t)(t->end - t->text));
    for (const char *at = t->text; nul && at < nul; at++)
        t->line += *at == '\n';
    return !nul || malformed(t, t->line, "there is a NUL");
}

bool cn_csv_begin(cn_csv_text *t, const char *path, char separator)
{
    size_t bytes;
    *t = (cn_csv_text){.path = path, .separator = separator, .line = 1};
    t->text = t->at = (char *)cn_source_all(path, &bytes);
    if (!t->text)
        return false;
    t->end = t->text + bytes;
    t->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!t->plain)
        return cn_fail(CN_MEMORY, "%s: there is no locale", path);
    /* A byte-order mark. */
    if (bytes >= 3 && memcmp(t->text, "\xEF\xBB\xBF", 3) == 0)
        t->at += 3;
    return check_nul(t);
}

void cn_csv_end(cn_csv_text *t)
{
    if (t->plain)
        freelocale(t->plain);
    cn_release(t->field);
    cn_release(t->text);
}

/* The bytes of the line break that is there. */
static int line_break(const cn_csv_text *t)
{
    return *t->at == '\n' ? 1 : *t->at == '\r' && t->at[1] == '\n' ? 2 : 0;
}

static bool at_end(const cn_csv_text *t)
{
    return t->at == t->end || *t->at == t->separator || line_break(t);
}

static void skip_blanks(cn_csv_text *t)
{
    while ((*t->at == ' ' || *t->at == '\t') && !at_end(t))
        t->at++;
}

/* Moves the text between quotes together, where doubled quotes become single ones. Returns its end. */
static char *read_quoted(cn_csv_text *t)
{
    int64_t line = t->line;
    char *to = ++t->at;
    t->field[t->fields] = to;
    for (; t->at < t->end; t->at++) {
        if (*t->at == '"' && *++t->at != '"') {
            skip_blanks(t);
            if (at_end(t))
                return to;
            malformed(t, t->line, "there is text after a closing quote");
            return NULL;
        }
        t->line += *t->at == '\n';
        *to++ = *t->at;
    }
    malformed(t, line, "a quote is not closed");
    return NULL;
}

/* Returns the end of a field without quotes. */
static char *read_plain(cn_csv_text *t)
{
    char *from = t->field[t->fields] = t->at, *to = from;
    for (; !at_end(t); t->at++) {
        if (*t->at == '\r') {
            malformed(t, t->line, "a carriage return stands alone");
            return NULL;
        }
        if (*t->at != ' ' && *t->at != '\t')
            to = t->at + 1;
    }
    return to;
}

/* Reads a field and what ends it; `last` becomes whether that is the end of the record. */
static bool read_field(cn_csv_text *t, bool *last)
{
    if (!cn_grow((void **)&t->field, t->fields, &t->capacity, sizeof *t->field))
        return false;
    skip_blanks(t);
    char *end = *t->at == '"' ? read_quoted(t) : read_plain(t);
    if (!end)
        return false;
    t->fields++;
    int bytes = line_break(t);
    *last = t->at == t->end || bytes > 0;
    t->at += *last ? bytes : 1;
    t->line += bytes > 0;
    /* Not before what stood there has been seen. */
    *end = '\0';
    return true;
}

int cn_csv_next(cn_csv_text *t)
{
    for (int bytes; (bytes = line_break(t)) > 0; t->line++)
        t->at += bytes;
    if (t->at == t->end)
        return 0;
    t->record = t->line;
    t->fields = 0;
    for (bool last = false; !last;)
        if (!read_field(t, &last))
            return -1;
    return 1;
}

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. */
static bool is_decimal(const char *at)
{
    at += *at == '+' || *at == '-';
    const char *whole = at;
    at = skip_digits(at);
    int64_t digits = at - whole;
    if (*at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at);
        digits += at - fraction;
    }
    if (digits > 0 && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '+' || *at == '-';
        const char *exponent = at;
        at = skip_digits(at);
        digits = at - exponent;
    }
    return digits > 0 && *at == '\0';
}

bool cn_csv_number(const cn_csv_text *t, const char *field, double *number)
{
    if (!is_decimal(field))
        return false;
    *number = strtod_l(field, NULL, t->plain);
    return true;
}
