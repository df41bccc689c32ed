#include "core/error.h"
#include <stdarg.h>
#include <stdio.h>

typedef struct error_record {
    cn_code code;
    char message[512];
} error_record;

static _Thread_local error_record record;

bool cn_failed(void)
{
    return record.code != CN_OK;
}

cn_code cn_error_code(void)
{
    return record.code;
}

const char *cn_error_message(void)
{
    return record.code == CN_OK ? "" : record.message;
}

const char *cn_error_text(cn_code code)
{
    static const char *const texts[] = {
#define TEXT(name, text) text,
        CN_ERRORS(TEXT)
#undef TEXT
    };
    return (size_t)code < sizeof texts / sizeof *texts ? texts[code] : "unknown error";
}

void cn_error_clear(void)
{
    record.code = CN_OK;
}

bool cn_fail(cn_code code, const char *format, ...)
{
    if (record.code != CN_OK)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(record.message, sizeof record.message, format, arguments);
    va_end(arguments);
    record.code = code;
    return false;
}
