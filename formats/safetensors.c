#include "formats/safetensors.h"
#include "core/arena.h"
#include "data/encoding.h"
#include "data/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef CN_HAVE_JANSSON
#include <jansson.h>
#endif

static const struct {
    const char *name;
    unsigned bits;
} types[] = {
#define TYPE(name, bits) {#name, bits},
    CN_SAFETENSORS_TYPES(TYPE)
#undef TYPE
};
enum { TYPES = sizeof types / sizeof *types };

/* Names from a file are cut in messages: they may be long. */
#define NAME "'%.80s'"

typedef struct text_pair {
    const char *key, *value;
} text_pair;

struct cn_safetensors {
    unsigned char *bytes; /* of the file */
    cn_arena arena;       /* the path, names, texts and entries */
    const char *path;
    cn_safetensors_entry *entries;
    text_pair *metadata;
    size_t entries_count, metadata_count;
};

const char *cn_safetensors_type_name(cn_safetensors_type type)
{
    return (size_t)type < TYPES ? types[type].name : "unknown";
}

void cn_safetensors_close(cn_safetensors *file)
{
    if (file) {
        cn_arena_free(&file->arena);
        cn_release(file->bytes);
    }
    cn_release(file);
}

const char *cn_safetensors_path(const cn_safetensors *file)
{
    return file ? file->path : "";
}

size_t cn_safetensors_count(const cn_safetensors *file)
{
    return file ? file->entries_count : 0;
}

const cn_safetensors_entry *cn_safetensors_at(const cn_safetensors *file, size_t index)
{
    return index < cn_safetensors_count(file) ? &file->entries[index] : NULL;
}

const cn_safetensors_entry *cn_safetensors_find(const cn_safetensors *file, const char *name)
{
    for (size_t i = 0; name && i < cn_safetensors_count(file); i++)
        if (!strcmp(file->entries[i].name, name))
            return &file->entries[i];
    return NULL;
}

const char *cn_safetensors_metadata(const cn_safetensors *file, const char *key)
{
    for (size_t i = 0; file && key && i < file->metadata_count; i++)
        if (!strcmp(file->metadata[i].key, key))
            return file->metadata[i].value;
    return NULL;
}

#ifdef CN_HAVE_JANSSON

enum { LARGEST_HEADER = 100000000 };

/* A file while it is read. */
typedef struct reader {
    const char *path;
    cn_safetensors *file;
    const unsigned char *data;
    size_t data_bytes;
} reader;

static const char *copy_text(reader *r, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = cn_arena_record(&r->file->arena, bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

static bool take_metadata(reader *r, json_t *object)
{
    if (!json_is_object(object))
        return cn_fail(CN_FORMAT, "%s: __metadata__ is not an object", r->path);
    cn_safetensors *file = r->file;
    file->metadata = cn_arena_record(&file->arena, json_object_size(object) * sizeof *file->metadata);
    if (!file->metadata)
        return false;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value))
            return cn_fail(CN_FORMAT, "%s: metadata " NAME " is not a text", r->path, key);
        text_pair *pair = &file->metadata[file->metadata_count++];
        *pair = (text_pair){copy_text(r, key), copy_text(r, json_string_value(value))};
        if (!pair->value)
            return false;
    }
    return true;
}

static bool take_type(reader *r, cn_safetensors_entry *entry, json_t *dtype)
{
    const char *text = json_string_value(dtype);
    for (size_t i = 0; text && i < TYPES; i++)
        if (!strcmp(text, types[i].name)) {
            entry->type = (cn_safetensors_type)i;
            return true;
        }
    return cn_fail(CN_FORMAT, "%s: tensor " NAME ": unknown dtype " NAME, r->path, entry->name, text ? text : "");
}

static bool take_shape(reader *r, cn_safetensors_entry *entry, json_t *shape)
{
    if (!json_is_array(shape))
        return cn_fail(CN_FORMAT, "%s: tensor " NAME ": no shape", r->path, entry->name);
    size_t i;
    json_t *dim;
    json_array_foreach(shape, i, dim)
    {
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return cn_fail(CN_FORMAT, "%s: tensor " NAME ": dimension %zu is not an integer from 0", r->path,
                           entry->name, i);
        if (i < CN_MAX_RANK)
            entry->shape.dim[i] = json_integer_value(dim);
    }
    if (i > CN_MAX_RANK)
        return cn_fail(CN_UNSUPPORTED, "%s: tensor " NAME ": %zu dimensions, more than %d", r->path, entry->name, i,
                       CN_MAX_RANK);
    entry->shape.rank = (int)i;
    return true;
}

static bool take_offsets(reader *r, cn_safetensors_entry *entry, json_t *offsets)
{
    json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return cn_fail(CN_FORMAT, "%s: tensor " NAME ": data_offsets are not two integers", r->path, entry->name);
    int64_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || begin > end || (uint64_t)end > r->data_bytes)
        return cn_fail(CN_FORMAT, "%s: tensor " NAME ": data_offsets %lld to %lld are not in the %zu bytes of data",
                       r->path, entry->name, (long long)begin, (long long)end, r->data_bytes);
    int64_t bits = cn_shape_size(entry->shape);
    if (bits < 0 || __builtin_mul_overflow(bits, (int64_t)types[entry->type].bits, &bits) || bits % 8 ||
        bits / 8 != end - begin) {
        char text[CN_SHAPE_TEXT];
        return cn_fail(CN_FORMAT, "%s: tensor " NAME ": %lld bytes do not hold %s of %s", r->path, entry->name,
                       (long long)(end - begin), cn_shape_text(entry->shape, text, sizeof text),
                       types[entry->type].name);
    }
    entry->data = r->data + begin;
    entry->bytes = (size_t)(end - begin);
    return true;
}

static int by_offset(const void *left, const void *right)
{
    const cn_safetensors_entry *a = left, *b = right;
    if (a->data != b->data)
        return (const char *)a->data < (const char *)b->data ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool take_entries(reader *r, json_t *header)
{
    cn_safetensors *file = r->file;
    file->entries = cn_arena_record(&file->arena, json_object_size(header) * sizeof *file->entries);
    if (!file->entries)
        return false;
    const char *name;
    json_t *value;
    json_object_foreach(header, name, value)
    {
        if (!strcmp(name, "__metadata__")) {
            if (!take_metadata(r, value))
                return false;
            continue;
        }
        cn_safetensors_entry *entry = &file->entries[file->entries_count++];
        entry->name = copy_text(r, name);
        if (!entry->name || !take_type(r, entry, json_object_get(value, "dtype")) ||
            !take_shape(r, entry, json_object_get(value, "shape")) ||
            !take_offsets(r, entry, json_object_get(value, "data_offsets")))
            return false;
    }
    qsort(file->entries, file->entries_count, sizeof *file->entries, by_offset);
    return true;
}

/* The tensors must cover the data without gap or overlap. */
static bool check_cover(reader *r)
{
    size_t end = 0;
    for (size_t i = 0; i < r->file->entries_count; i++) {
        const cn_safetensors_entry *entry = &r->file->entries[i];
        size_t begin = (size_t)((const unsigned char *)entry->data - r->data);
        if (begin != end)
            return cn_fail(CN_FORMAT, "%s: tensor " NAME " begins at byte %zu of the data, not at %zu", r->path,
                           entry->name, begin, end);
        end += entry->bytes;
    }
    if (end != r->data_bytes)
        return cn_fail(CN_FORMAT, "%s: %zu bytes of data, but the tensors have %zu", r->path, r->data_bytes, end);
    return true;
}

static json_t *read_header(reader *r, const unsigned char *text, size_t bytes)
{
    json_error_t error;
    json_t *header = json_loadb((const char *)text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!header)
        cn_fail(CN_FORMAT, "%s: header, byte %d: %s", r->path, error.position, error.text);
    else if (!json_is_object(header))
        cn_fail(CN_FORMAT, "%s: the header is not a JSON object", r->path);
    return header;
}

static bool read_all(reader *r, const unsigned char *bytes, size_t size)
{
    enum { PREFIX = 8 };
    uint64_t header_bytes = 0;
    if (size < PREFIX)
        return cn_fail(CN_FORMAT, "%s: is no safetensors file: it has %zu bytes", r->path, size);
    for (int i = PREFIX - 1; i >= 0; i--)
        header_bytes = header_bytes << 8 | bytes[i];
    if (header_bytes > LARGEST_HEADER || header_bytes > size - PREFIX)
        return cn_fail(CN_FORMAT, "%s: is no safetensors file: a header of %llu bytes in a file of %zu", r->path,
                       (unsigned long long)header_bytes, size);
    r->data = bytes + PREFIX + header_bytes;
    r->data_bytes = size - PREFIX - (size_t)header_bytes;
    json_t *header = read_header(r, bytes + PREFIX, (size_t)header_bytes);
    bool fine = !cn_failed() && take_entries(r, header) && check_cover(r);
    json_decref(header);
    return fine;
}

cn_safetensors *cn_safetensors_open(const char *path)
{
    if (cn_failed())
        return NULL;
    if (!path) {
        cn_fail(CN_ARGUMENT, "safetensors_open: the path is NULL");
        return NULL;
    }
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) {
        cn_fail(CN_UNSUPPORTED, "%s: safetensors files are read on little-endian machines only", path);
        return NULL;
    }
    size_t size;
    reader r = {.path = path, .file = cn_allocate(1, sizeof *r.file)};
    if (r.file && (r.file->path = copy_text(&r, path)) && (r.file->bytes = cn_read_file(path, &size)) &&
        read_all(&r, r.file->bytes, size))
        return r.file;
    cn_safetensors_close(r.file);
    return NULL;
}

#else

cn_safetensors *cn_safetensors_open(const char *path)
{
    cn_fail(CN_UNSUPPORTED, "%s: this build reads no safetensors files, it needs jansson (Debian: libjansson-dev)",
            path);
    return NULL;
}

#endif

bool cn_safetensors_read(const cn_safetensors_entry *entry, cn_dtype dtype, void *out)
{
    static const cn_encoding encodings[CN_SAFETENSORS_C64] = {
        [CN_SAFETENSORS_BOOL] = {CN_ENCODED_BOOL, 1, false},   [CN_SAFETENSORS_U8] = {CN_ENCODED_UINT, 1, false},
        [CN_SAFETENSORS_I8] = {CN_ENCODED_INT, 1, false},      [CN_SAFETENSORS_U16] = {CN_ENCODED_UINT, 2, false},
        [CN_SAFETENSORS_I16] = {CN_ENCODED_INT, 2, false},     [CN_SAFETENSORS_F16] = {CN_ENCODED_FLOAT, 2, false},
        [CN_SAFETENSORS_BF16] = {CN_ENCODED_BFLOAT, 2, false}, [CN_SAFETENSORS_U32] = {CN_ENCODED_UINT, 4, false},
        [CN_SAFETENSORS_I32] = {CN_ENCODED_INT, 4, false},     [CN_SAFETENSORS_F32] = {CN_ENCODED_FLOAT, 4, false},
        [CN_SAFETENSORS_U64] = {CN_ENCODED_UINT, 8, false},    [CN_SAFETENSORS_I64] = {CN_ENCODED_INT, 8, false},
        [CN_SAFETENSORS_F64] = {CN_ENCODED_FLOAT, 8, false},
    };
    char name[128];
    if (cn_failed())
        return false;
    if (!entry)
        return cn_fail(CN_ARGUMENT, "safetensors_read: there is no tensor, the entry is NULL");
    snprintf(name, sizeof name, "tensor " NAME " of %s", entry->name, types[entry->type].name);
    return entry->type < CN_SAFETENSORS_C64
               ? cn_decode(name, encodings[entry->type], entry->data, cn_shape_size(entry->shape), dtype, out)
               : cn_fail(CN_UNSUPPORTED, "%s cannot be read as %s", name, cn_dtype_name(dtype));
}
