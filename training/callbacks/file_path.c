#include "training/callbacks/file_path.h"
#include "core/array_text.h"
#include <ctype.h>
#include <string.h>

enum { MOST_WIDTH = 99, MOST_DECIMALS = 32 };

/* What stands behind the colon: "02d", ".3f". */
typedef struct specification {
    bool zeros;
    int width, decimals; /* -1: none */
    char type;           /* '\0': none */
} specification;

static const char *parse_number(const char *text, int *number)
{
    for (*number = 0; isdigit((unsigned char)*text) && *number < 1000; text++)
        *number = 10 * *number + (*text - '0');
    return text;
}

/* The end is a brace. */
static bool parse(specification *s, const char *text, const char *end, bool whole)
{
    *s = (specification){.zeros = *text == '0', .decimals = -1};
    text = parse_number(text, &s->width);
    if (*text == '.')
        text = parse_number(text + 1, &s->decimals);
    if (text < end && strchr(whole ? "defg" : "efg", *text))
        s->type = *text++;
    bool has_decimals = s->type == 'e' || s->type == 'f' || s->type == 'g';
    return text == end && s->width <= MOST_WIDTH && s->decimals <= MOST_DECIMALS && (s->decimals < 0 || has_decimals);
}

static void add_value(cn_text *path, const specification *s, double value, bool whole)
{
    cn_text number = {0};
    if (s->type == 'd' || (s->type == '\0' && whole))
        cn_text_format(&number, "%lld", (long long)value);
    else if (s->type == '\0')
        cn_array_text(&number, &value, CN_F64, CN_SHAPE(), NULL, NULL);
    else
        cn_text_number(&number, s->type, s->decimals < 0 ? 6 : s->decimals, value);
    path->failed = path->failed || number.failed;
    if (!number.failed) {
        bool sign = s->zeros && *number.data == '-';
        cn_text_add(path, sign ? "-" : "");
        cn_text_fill(path, s->zeros ? '0' : ' ', s->width - (int64_t)number.size);
        cn_text_add(path, number.data + sign);
    }
    cn_text_free(&number);
}

/* The value in braces that begins at `at`; returns what follows, or NULL with the error set. */
static const char *add_field(cn_text *path, const char *pattern, const char *at, int epoch, int64_t batch,
                             const cn_logs *logs)
{
    const char *end = strchr(at, '}'), *colon = end ? memchr(at, ':', (size_t)(end - at)) : NULL;
    char name[128];
    specification s = {.decimals = -1};
    size_t length = end ? (size_t)((colon ? colon : end) - at) : 0;
    if (!end || length >= sizeof name) {
        cn_fail(CN_ARGUMENT, "ModelCheckpoint: %s: a brace is not closed", pattern);
        return NULL;
    }
    memcpy(name, at, length);
    name[length] = '\0';
    bool is_epoch = strcmp(name, "epoch") == 0, is_batch = batch >= 0 && strcmp(name, "batch") == 0;
    if (!is_epoch && !is_batch && !cn_logs_have(logs, name)) {
        cn_fail(CN_ARGUMENT, "ModelCheckpoint: %s: there is no value named %s", pattern, name);
        return NULL;
    }
    if (colon && !parse(&s, colon + 1, end, is_epoch || is_batch)) {
        cn_fail(CN_ARGUMENT, "ModelCheckpoint: %s: the format of %s is not known", pattern, name);
        return NULL;
    }
    double value = is_epoch ? epoch : is_batch ? (double)batch : cn_logs_value(logs, name);
    add_value(path, &s, value, is_epoch || is_batch);
    return end + 1;
}

bool cn_format_path(cn_text *path, const char *pattern, int epoch, int64_t batch, const cn_logs *logs)
{
    for (const char *at = pattern; *at;) {
        bool doubled = (*at == '{' || *at == '}') && at[1] == *at;
        if (*at == '}' && !doubled)
            return cn_fail(CN_ARGUMENT, "ModelCheckpoint: %s: a brace is not opened", pattern);
        if (*at == '{' && !doubled) {
            if (!(at = add_field(path, pattern, at + 1, epoch, batch, logs)))
                return false;
        } else {
            cn_text_add_bytes(path, at, 1);
            at += doubled ? 2 : 1;
        }
    }
    return !path->failed;
}
