#include "data/idx.h"
#include "core/arena.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#ifdef CN_HAVE_ZLIB
#include <zlib.h>
#endif

void cn_idx_free(cn_idx *idx)
{
    if (idx)
        cn_release(idx->data);
    cn_release(idx);
}

#ifdef CN_HAVE_ZLIB

/* Memory follows the bytes that arrive, not what the header promises. */
enum { FIRST_BLOCK = 1 << 20 };

/* The bytes of a file, inflated if it is gzip. zlib's own gzread would not notice that the checksum at the end is
 * missing if exactly the data is read. */
typedef struct source {
    const char *path;
    FILE *file;
    bool gzip;
    bool may_end; /* not within a gzip member */
    z_stream z;
    unsigned char buffer[1 << 16];
} source;

static bool refill(source *s)
{
    s->z.next_in = s->buffer;
    s->z.avail_in = (unsigned)fread(s->buffer, 1, sizeof s->buffer, s->file);
    if (ferror(s->file))
        return cn_fail(CN_FILE, "%s: %s", s->path, strerror(errno));
    return s->z.avail_in || s->may_end || cn_fail(CN_FORMAT, "%s: the gzip data ends early", s->path);
}

static bool open_source(source *s, const char *path)
{
    s->path = path;
    s->may_end = true;
    s->file = fopen(path, "rb");
    if (!s->file)
        return cn_fail(CN_FILE, "%s: %s", path, strerror(errno));
    if (!refill(s))
        return false;
    if (s->z.avail_in >= 2 && s->buffer[0] == 0x1F && s->buffer[1] == 0x8B) {
        s->gzip = inflateInit2(&s->z, MAX_WBITS + 16) == Z_OK;
        return s->gzip || cn_fail(CN_MEMORY, "%s: out of memory", path);
    }
    return true;
}

static void close_source(source *s)
{
    if (s->gzip)
        inflateEnd(&s->z);
    if (s->file)
        fclose(s->file);
}

static void copy_plain(z_stream *z)
{
    unsigned count = z->avail_in < z->avail_out ? z->avail_in : z->avail_out;
    memcpy(z->next_out, z->next_in, count);
    z->next_in += count;
    z->avail_in -= count;
    z->next_out += count;
    z->avail_out -= count;
}

/* The number of bytes read, fewer than asked for only at the end of the file; -1 with the error set. */
static int64_t read_some(source *s, void *out, size_t bytes)
{
    z_stream *z = &s->z;
    z->next_out = out;
    z->avail_out = (unsigned)bytes;
    while (z->avail_out) {
        if (!z->avail_in && !refill(s))
            return -1;
        if (!z->avail_in)
            break;
        if (!s->gzip) {
            copy_plain(z);
            continue;
        }
        int code = inflate(z, Z_NO_FLUSH);
        s->may_end = code == Z_STREAM_END;
        if (s->may_end)
            code = inflateReset(z);
        if (code != Z_OK) {
            cn_fail(code == Z_MEM_ERROR ? CN_MEMORY : CN_FORMAT, "%s: cannot inflate the gzip data: %s", s->path,
                    z->msg ? z->msg : zError(code));
            return -1;
        }
    }
    return (int64_t)(bytes - z->avail_out);
}

static bool read_exactly(source *s, void *out, size_t bytes)
{
    int64_t got = read_some(s, out, bytes);
    return got == (int64_t)bytes || (got >= 0 && cn_fail(CN_FORMAT, "%s: the file ends early", s->path));
}

static size_t element_size(unsigned type)
{
    switch (type) {
    case CN_IDX_U8:
    case CN_IDX_I8:
        return 1;
    case CN_IDX_I16:
        return 2;
    case CN_IDX_I32:
    case CN_IDX_F32:
        return 4;
    case CN_IDX_F64:
        return 8;
    default:
        return 0;
    }
}

/* Sets type and shape; `bytes` becomes the size of the data. */
static bool read_header(source *s, cn_idx *idx, size_t *bytes)
{
    unsigned char magic[4], dim[4];
    if (!read_exactly(s, magic, sizeof magic))
        return false;
    size_t size = element_size(magic[2]);
    if (magic[0] || magic[1] || !size || !magic[3])
        return cn_fail(CN_FORMAT, "%s: not an IDX file: it begins with %02x %02x %02x %02x", s->path, magic[0],
                       magic[1], magic[2], magic[3]);
    if (magic[3] > CN_MAX_RANK)
        return cn_fail(CN_UNSUPPORTED, "%s: %d dimensions, more than %d", s->path, magic[3], CN_MAX_RANK);
    idx->type = (cn_idx_type)magic[2];
    idx->shape.rank = magic[3];
    for (int i = 0; i < idx->shape.rank; i++) {
        if (!read_exactly(s, dim, sizeof dim))
            return false;
        idx->shape.dim[i] = (int64_t)((uint32_t)dim[0] << 24 | (uint32_t)dim[1] << 16 | (uint32_t)dim[2] << 8 | dim[3]);
    }
    int64_t count = cn_shape_size(idx->shape);
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, bytes)) {
        char text[CN_SHAPE_TEXT];
        return cn_fail(CN_FORMAT, "%s: no file has the size %s", s->path, cn_shape_text(idx->shape, text, sizeof text));
    }
    return true;
}

static bool read_data(source *s, cn_idx *idx, size_t bytes)
{
    size_t have = 0, room = bytes < FIRST_BLOCK ? bytes : FIRST_BLOCK;
    idx->data = cn_allocate(room, 1);
    while (idx->data && have < bytes) {
        if (have == room) {
            size_t larger_room = room < bytes / 2 ? room * 2 : bytes;
            void *larger = cn_resize(idx->data, room, larger_room, 1);
            if (!larger)
                return false;
            idx->data = larger;
            room = larger_room;
        }
        size_t piece = room - have < FIRST_BLOCK ? room - have : FIRST_BLOCK;
        if (!read_exactly(s, (unsigned char *)idx->data + have, piece))
            return false;
        have += piece;
    }
    /* Reading on to the end checks the checksum of gzip too. */
    unsigned char beyond;
    int64_t more = idx->data ? read_some(s, &beyond, 1) : -1;
    return more == 0 || (more > 0 && cn_fail(CN_FORMAT, "%s: the file has more data than its header says", s->path));
}

static void to_native_order(unsigned char *data, size_t bytes, size_t size)
{
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || size == 1)
        return;
    for (size_t begin = 0; begin < bytes; begin += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char byte = data[begin + i];
            data[begin + i] = data[begin + size - 1 - i];
            data[begin + size - 1 - i] = byte;
        }
}

cn_idx *cn_idx_read(const char *path)
{
    if (cn_failed())
        return NULL;
    if (!path) {
        cn_fail(CN_ARGUMENT, "idx_read: the path is NULL");
        return NULL;
    }
    source *s = cn_allocate(1, sizeof *s);
    cn_idx *idx = cn_allocate(1, sizeof *idx);
    size_t bytes = 0;
    bool fine = s && idx && open_source(s, path) && read_header(s, idx, &bytes) && read_data(s, idx, bytes);
    if (s)
        close_source(s);
    cn_release(s);
    if (!fine) {
        cn_idx_free(idx);
        return NULL;
    }
    to_native_order(idx->data, bytes, element_size(idx->type));
    return idx;
}

#else

cn_idx *cn_idx_read(const char *path)
{
    cn_fail(CN_UNSUPPORTED, "%s: this build reads no IDX files, it needs zlib (Debian: zlib1g-dev)", path);
    return NULL;
}

#endif
