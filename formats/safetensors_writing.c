#include "core/arena.h"
#include "data/file.h"
#include "formats/safetensors.h"
#include <stdlib.h>
#include <string.h>
#ifdef CN_HAVE_JANSSON
#include <jansson.h>

static size_t bytes_of(const cn_safetensors_tensor *tensor)
{
    return (size_t)cn_shape_size(tensor->shape) * cn_dtype_size(tensor->dtype);
}

/* As the reference implementation orders them, so that all data is aligned: by type, then by name. */
static int by_type_and_name(const void *left, const void *right)
{
    static const int rank[] = {[CN_F64] = 0, [CN_F32] = 1, [CN_I32] = 2};
    const cn_safetensors_tensor *a = *(const cn_safetensors_tensor *const *)left,
                                *b = *(const cn_safetensors_tensor *const *)right;
    return rank[a->dtype] != rank[b->dtype] ? rank[a->dtype] - rank[b->dtype] : strcmp(a->name, b->name);
}

static bool add_text(json_t *header, const char *path, const cn_safetensors_text *texts)
{
    json_t *metadata = texts && texts->key ? json_object() : NULL;
    for (; metadata && texts->key; texts++)
        if (json_object_get(metadata, texts->key) ||
            json_object_set_new(metadata, texts->key, json_string(texts->value)) != 0) {
            json_decref(metadata);
            return cn_fail(CN_ARGUMENT, "%s: the text '%.80s' is not UTF-8 or there twice", path, texts->key);
        }
    return !metadata || json_object_set_new(header, "__metadata__", metadata) == 0 ||
           cn_fail(CN_MEMORY, "%s: out of memory", path);
}

static bool add_tensor(json_t *header, const char *path, const cn_safetensors_tensor *tensor, size_t *end)
{
    cn_safetensors_type type = tensor->dtype == CN_F64   ? CN_SAFETENSORS_F64
                               : tensor->dtype == CN_F32 ? CN_SAFETENSORS_F32
                                                         : CN_SAFETENSORS_I32;
    json_t *shape = json_array();
    for (int d = 0; d < tensor->shape.rank; d++)
        json_array_append_new(shape, json_integer(tensor->shape.dim[d]));
    size_t begin = *end;
    *end += bytes_of(tensor);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", cn_safetensors_type_name(type), "shape", shape,
                              "data_offsets", (json_int_t)begin, (json_int_t)*end);
    return (entry && json_object_set_new(header, tensor->name, entry) == 0) ||
           cn_fail(CN_ARGUMENT, "%s: the name '%.80s' is not UTF-8", path, tensor->name);
}

static json_t *make_header(const char *path, const cn_safetensors_tensor *const *sorted, size_t count,
                           const cn_safetensors_text *texts)
{
    json_t *header = json_object();
    size_t end = 0;
    bool done = header && add_text(header, path, texts);
    for (size_t i = 0; done && i < count; i++)
        done = add_tensor(header, path, sorted[i], &end);
    if (!done) {
        json_decref(header);
        return NULL;
    }
    return header;
}

/* The header, padded so that the data begins at a multiple of 8, and its length before it. */
static unsigned char *make_prefix(json_t *header, size_t *bytes)
{
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT), padded = (length + 7) / 8 * 8;
    unsigned char *prefix = length ? cn_allocate(8 + padded, 1) : NULL;
    if (!prefix)
        return NULL;
    memset(prefix + 8, ' ', padded);
    json_dumpb(header, (char *)prefix + 8, length, JSON_COMPACT);
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    *bytes = 8 + padded;
    return prefix;
}

static bool check_tensors(const char *path, const cn_safetensors_tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const cn_safetensors_tensor *tensor = &tensors[i];
        if (!tensor->name || strcmp(tensor->name, "__metadata__") == 0)
            return cn_fail(CN_ARGUMENT, "%s: tensor %zu has no name that it may have", path, i);
        if (tensor->shape.rank < 0 || tensor->shape.rank > CN_MAX_RANK || cn_shape_size(tensor->shape) < 0)
            return cn_fail(CN_SHAPES, "%s: tensor '%.80s' has no shape", path, tensor->name);
        if (!tensor->data && bytes_of(tensor) > 0)
            return cn_fail(CN_ARGUMENT, "%s: tensor '%.80s' has no data", path, tensor->name);
    }
    return true;
}

bool cn_safetensors_write(const char *path, const cn_safetensors_tensor *tensors, size_t count,
                          const cn_safetensors_text *texts)
{
    if (cn_failed())
        return false;
    if (!path || (!tensors && count > 0))
        return cn_fail(CN_ARGUMENT, "safetensors_write: needs a path and tensors");
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        return cn_fail(CN_UNSUPPORTED, "%s: safetensors files are written on little-endian machines only", path);
    if (!check_tensors(path, tensors, count))
        return false;
    const cn_safetensors_tensor **sorted = cn_allocate(count + 1, sizeof *sorted);
    cn_bytes *pieces = cn_allocate(count + 1, sizeof *pieces);
    bool done = sorted && pieces;
    for (size_t i = 0; done && i < count; i++)
        sorted[i] = &tensors[i];
    if (done)
        qsort(sorted, count, sizeof *sorted, by_type_and_name);
    json_t *header = done ? make_header(path, sorted, count, texts) : NULL;
    unsigned char *prefix = header ? make_prefix(header, &pieces[0].size) : NULL;
    done = prefix != NULL;
    if (done && json_object_size(header) != count + (texts && texts->key))
        done = cn_fail(CN_ARGUMENT, "%s: two tensors have one name", path);
    for (size_t i = 0; done && i < count; i++)
        pieces[i + 1] = (cn_bytes){sorted[i]->data, bytes_of(sorted[i])};
    if (done)
        pieces[0].data = prefix;
    done = done && cn_replace_file(path, pieces, count + 1);
    json_decref(header);
    cn_release(prefix);
    cn_release(pieces);
    cn_release(sorted);
    return done || cn_fail(CN_MEMORY, "%s: out of memory", path);
}

#else

bool cn_safetensors_write(const char *path, const cn_safetensors_tensor *tensors, size_t count,
                          const cn_safetensors_text *texts)
{
    (void)tensors;
    (void)count;
    (void)texts;
    return cn_fail(CN_UNSUPPORTED,
                   "%s: this build writes no safetensors files, it needs jansson (Debian: libjansson-dev)", path);
}

#endif
