#include "data/text.h"
#include "core/engine.h"
#include "core/text.h"
#include "data/source.h"
#include "data/words.h"
#include <limits.h>
#include <string.h>

enum { PADDING, UNKNOWN, FIRST_TOKEN };

struct cn_vocabulary {
    cn_vocabulary_args how; /* its text is not kept */
    cn_words words;         /* number i is token FIRST_TOKEN + i */
};

static bool is_punctuation(unsigned char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A copy of a text, with small letters and without punctuation if that is wanted. */
static char *standardize(const cn_vocabulary_args *how, const char *text)
{
    char *copy = cn_allocate(strlen(text) + 1, 1), *to = copy;
    for (const char *at = text; copy && *at; at++)
        if (!how->strip_punctuation || !is_punctuation((unsigned char)*at))
            *to++ = how->lower && *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    return copy;
}

/* The bytes of the token at *at or behind it, 0 if there is none; *at becomes its beginning. */
static size_t next_token(cn_token_kind split, const char **at)
{
    if (split == CN_CHARACTERS)
        return cn_code_point_bytes(*at, 1);
    size_t bytes = 0;
    while (is_space(**at))
        ++*at;
    while ((*at)[bytes] && !is_space((*at)[bytes]))
        bytes++;
    return bytes;
}

/* As Keras' StringLookup sorts them. */
static int by_frequency(const void *a, const void *b)
{
    const cn_word *first = a, *second = b;
    if (first->seen != second->seen)
        return first->seen < second->seen ? 1 : -1;
    return strcmp(second->text, first->text);
}

static bool count_tokens(cn_vocabulary *v, const char *text)
{
    char *copy = standardize(&v->how, text);
    const char *at = copy;
    for (size_t bytes; at && (bytes = next_token(v->how.split, &at)) > 0; at += bytes)
        if (cn_words_add(&v->words, at, bytes) < 0)
            break;
    cn_release(copy);
    int64_t most = v->how.max_tokens ? v->how.max_tokens - FIRST_TOKEN : INT_MAX;
    return !cn_failed() && cn_words_sort(&v->words, by_frequency, most < INT_MAX ? (int)most : INT_MAX);
}

cn_vocabulary *cn_vocabulary_with(cn_vocabulary_args args)
{
    if (!args.text || (args.max_tokens && args.max_tokens <= FIRST_TOKEN)) {
        cn_fail(CN_ARGUMENT, "vocabulary: it takes a text, and .max_tokens is 0 or more than %d", FIRST_TOKEN);
        return NULL;
    }
    cn_vocabulary *v = cn_failed() ? NULL : cn_allocate(1, sizeof *v);
    if (!v)
        return NULL;
    v->how = args;
    v->how.text = NULL;
    if (count_tokens(v, args.text))
        return v;
    cn_vocabulary_free(v);
    return NULL;
}

void cn_vocabulary_free(cn_vocabulary *v)
{
    if (v)
        cn_words_free(&v->words);
    cn_release(v);
}

int64_t cn_vocabulary_size(const cn_vocabulary *v)
{
    return v ? FIRST_TOKEN + v->words.count : 0;
}

const char *cn_vocabulary_token(const cn_vocabulary *v, int64_t number)
{
    if (number < 0 || number >= cn_vocabulary_size(v))
        return NULL;
    return number == PADDING ? "" : number == UNKNOWN ? "[UNK]" : v->words.word[number - FIRST_TOKEN].text;
}

int64_t cn_encode(const cn_vocabulary *v, const char *text, cn_view out)
{
    if (cn_failed())
        return -1;
    if (!v || !text) {
        cn_fail(CN_ARGUMENT, "encode: the vocabulary or the text is NULL");
        return -1;
    }
    if (out.data && (out.shape.rank != 1 || !out.writable || cn_array_type_size(out.type) == 1)) {
        cn_fail(CN_ARGUMENT, "encode: the result needs a vector of int32, int64 or floats that is not const");
        return -1;
    }
    char *copy = standardize(&v->how, text);
    if (!copy)
        return -1;
    int64_t room = out.data ? out.shape.dim[0] : 0, count = 0;
    unsigned char *to = (unsigned char *)(uintptr_t)out.data;
    size_t step = cn_array_type_size(out.type);
    const char *at = copy;
    for (size_t bytes; (bytes = next_token(v->how.split, &at)) > 0; at += bytes, count++) {
        int64_t found = cn_words_find(&v->words, at, bytes);
        int32_t number = found < 0 ? UNKNOWN : FIRST_TOKEN + (int32_t)found;
        if (count < room)
            cn_convert(to + (size_t)count * step, out.type, &number, CN_ARRAY_I32, 1);
    }
    cn_release(copy);
    if (count < room)
        memset(to + (size_t)count * step, 0, (size_t)(room - count) * step);
    return cn_failed() ? -1 : count;
}

char *cn_read_text(const char *path)
{
    size_t bytes;
    unsigned char *text = cn_source_all(path, &bytes);
    const unsigned char *nul = text ? memchr(text, '\0', bytes) : NULL;
    if (!nul)
        return (char *)text;
    cn_fail(CN_FORMAT, "%s: byte %td is a NUL, which no text has", path, nul - text);
    cn_release(text);
    return NULL;
}

void cn_free_text(char *text)
{
    cn_release(text);
}
