#include "core/array_text.h"
#include "training/fitting.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct csv_logger {
    cn_csv_logger_args args;
    FILE *file;
    bool has_header;
    char **key; /* of the columns behind the epoch; NULL before the first */
    int count;
} csv_logger;

static bool fail_file(const csv_logger *c)
{
    return cn_fail(CN_FILE, "CSVLogger: %s: %s", c->args.filename, strerror(errno));
}

static bool open_table(void *context, cn_model *model)
{
    csv_logger *c = context;
    (void)model;
    if (!(c->file = fopen(c->args.filename, c->args.append ? "a+" : "w")))
        return fail_file(c);
    c->has_header = c->args.append && fgetc(c->file) != EOF;
    return fseek(c->file, 0, SEEK_END) == 0 || fail_file(c);
}

static int alphabetically(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Without validation so far there are columns for it all the same. */
static bool name_columns(csv_logger *c, const cn_logs *logs)
{
    bool validates = false;
    if (!(c->key = cn_allocate(2 * (size_t)logs->count + 1, sizeof *c->key)))
        return false;
    for (int i = 0; i < logs->count; i++) {
        validates = validates || strncmp(logs->item[i].name, "val_", 4) == 0;
        if (!(c->key[c->count++] = cn_copy_string(logs->item[i].name)))
            return false;
    }
    qsort(c->key, (size_t)c->count, sizeof *c->key, alphabetically);
    for (int i = 0, trained = c->count; !validates && i < trained; i++) {
        char *key = cn_allocate(strlen(c->key[i]) + 5, 1);
        if (!key)
            return false;
        strcat(strcpy(key, "val_"), c->key[i]);
        c->key[c->count++] = key;
    }
    return true;
}

/* Quoted where it would not be read back as it is. */
static void add_field(cn_text *line, const csv_logger *c, const char *field)
{
    const char special[] = {c->args.separator, '"', '\r', '\n', '\0'};
    bool quoted = strpbrk(field, special) != NULL;
    cn_text_add(line, quoted ? "\"" : "");
    for (; *field; field++) {
        cn_text_add(line, *field == '"' ? "\"" : "");
        cn_text_add_bytes(line, field, 1);
    }
    cn_text_add(line, quoted ? "\"" : "");
}

static bool write_line(csv_logger *c, cn_text *line)
{
    cn_text_add(line, "\r\n");
    bool done = !line->failed &&
                ((fwrite(line->data, 1, line->size, c->file) == line->size && fflush(c->file) == 0) || fail_file(c));
    cn_text_free(line);
    return done;
}

static bool write_header(csv_logger *c)
{
    cn_text line = {0};
    cn_text_add(&line, "epoch");
    for (int i = 0; i < c->count; i++) {
        cn_text_add_bytes(&line, &c->args.separator, 1);
        add_field(&line, c, c->key[i]);
    }
    c->has_header = true;
    return write_line(c, &line);
}

static bool write_epoch(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    csv_logger *c = context;
    cn_text line = {0};
    (void)model;
    if ((!c->key && !name_columns(c, logs)) || (!c->has_header && !write_header(c)))
        return false;
    cn_text_format(&line, "%d", epoch);
    for (int i = 0; i < c->count; i++) {
        double value = cn_logs_value(logs, c->key[i]);
        cn_text_add_bytes(&line, &c->args.separator, 1);
        if (!cn_logs_have(logs, c->key[i]))
            cn_text_add(&line, "NA");
        else
            cn_array_text(&line, &value, CN_F64, CN_SHAPE(), NULL, NULL);
    }
    return write_line(c, &line);
}

static bool close_table(void *context, cn_model *model, const cn_logs *logs)
{
    csv_logger *c = context;
    (void)model;
    (void)logs;
    int failed = fclose(c->file);
    c->file = NULL;
    return failed == 0 || fail_file(c);
}

static void free_table(void *context)
{
    csv_logger *c = context;
    if (c->file)
        fclose(c->file);
    for (int i = 0; i < c->count; i++)
        cn_release(c->key[i]);
    cn_release(c->key);
}

cn_csv_logger_args cn_csv_logger_defaults(void)
{
    return (cn_csv_logger_args){CN_CSV_LOGGER_DEFAULTS};
}

cn_callback cn_csv_logger_with(cn_csv_logger_args args)
{
    static const cn_callback row = {.name = "CSVLogger",
                                    .state_size = sizeof(csv_logger),
                                    .on_train_begin = open_table,
                                    .on_epoch_end = write_epoch,
                                    .on_train_end = close_table,
                                    .close = free_table};
    if (!args.filename || !*args.filename)
        cn_fail(CN_ARGUMENT, "CSVLogger: the filename is not given");
    if (args.separator == '\0' || args.separator == '"' || args.separator == '\r' || args.separator == '\n')
        cn_fail(CN_ARGUMENT, "CSVLogger: that separator cannot be used");
    return cn_callback_like(&row, &args, sizeof args);
}
