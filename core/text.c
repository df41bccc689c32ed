#include "core/text.h"
#include "core/arena.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Makes room for `count` more bytes and a NUL. */
static bool reserve(cn_text *text, size_t count)
{
    if (text->failed)
        return false;
    size_t needed;
    text->failed = __builtin_add_overflow(text->size + 1, count, &needed) || needed > SIZE_MAX / 2;
    if (text->failed)
        return cn_fail(CN_MEMORY, "out of memory: a text of more than %zu bytes", text->size);
    if (needed <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    char *larger = cn_resize(text->data, text->size, capacity, 1);
    if (!larger) {
        text->failed = true;
        return false;
    }
    text->data = larger;
    text->capacity = capacity;
    return true;
}

void cn_text_add_bytes(cn_text *text, const char *bytes, size_t count)
{
    if (!reserve(text, count))
        return;
    memcpy(text->data + text->size, bytes, count);
    text->size += count;
    text->data[text->size] = '\0';
}

void cn_text_add(cn_text *text, const char *string)
{
    cn_text_add_bytes(text, string, strlen(string));
}

void cn_text_fill(cn_text *text, char character, int64_t count)
{
    if (count <= 0 || !reserve(text, (size_t)count))
        return;
    memset(text->data + text->size, character, (size_t)count);
    text->size += (size_t)count;
    text->data[text->size] = '\0';
}

void cn_text_format(cn_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int count = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (count > 0 && reserve(text, (size_t)count)) {
        vsnprintf(text->data + text->size, (size_t)count + 1, format, again);
        text->size += (size_t)count;
    }
    va_end(again);
}

static bool part_of_number(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+';
}

void cn_text_number(cn_text *text, char conversion, int decimals, double value)
{
    char buffer[400]; /* 309 digits before the point, 32 after it */
    if (isnan(value))
        value = (double)NAN; /* without the sign that some have and Python does not show */
    const char *format = conversion == 'f' ? "%.*f" : conversion == 'e' ? "%.*e" : "%.*g";
    snprintf(buffer, sizeof buffer, format, decimals, value);
    for (const char *rest = buffer; *rest;) {
        size_t count = 0;
        while (part_of_number(rest[count]))
            count++;
        cn_text_add_bytes(text, rest, count);
        rest += count;
        if (*rest)
            cn_text_add(text, ".");
        while (*rest && !part_of_number(*rest))
            rest++;
    }
}

void cn_text_free(cn_text *text)
{
    cn_release(text->data);
    *text = (cn_text){0};
}

void cn_write_to_file(void *file, const char *text, size_t size)
{
    fwrite(text, 1, size, file);
    fflush(file);
}

static bool continues_code_point(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t cn_code_points(const char *utf8, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += !continues_code_point(utf8[i]);
    return count;
}

size_t cn_code_point_bytes(const char *utf8, size_t count)
{
    size_t bytes = 0;
    for (; utf8[bytes]; bytes++)
        if (!continues_code_point(utf8[bytes]) && count-- == 0)
            break;
    return bytes;
}
