#include "data/source.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#ifdef CN_HAVE_ZLIB
#include <zlib.h>
#endif

/* zlib's own gzread would not notice that the checksum at the end is missing if exactly the data is read. */
struct cn_source {
    const char *path;
    FILE *file;
    const unsigned char *next; /* of the bytes in the buffer */
    size_t left;
    bool gzip;
    bool may_end; /* gzip: not within a member */
#ifdef CN_HAVE_ZLIB
    z_stream z;
#endif
    unsigned char buffer[1 << 16];
};

static bool refill(cn_source *s)
{
    s->next = s->buffer;
    s->left = fread(s->buffer, 1, sizeof s->buffer, s->file);
    return !ferror(s->file) || cn_fail(CN_FILE, "%s: %s", s->path, strerror(errno));
}

#ifdef CN_HAVE_ZLIB

static bool begin_gzip(cn_source *s)
{
    s->gzip = inflateInit2(&s->z, MAX_WBITS + 16) == Z_OK;
    return s->gzip || cn_fail(CN_MEMORY, "%s: out of memory", s->path);
}

static void end_gzip(cn_source *s)
{
    if (s->gzip)
        inflateEnd(&s->z);
}

/* Inflates some of the bytes in the buffer; how many come out of it, -1 with the error set. */
static int64_t inflate_some(cn_source *s, unsigned char *out, size_t bytes)
{
    z_stream *z = &s->z;
    unsigned room = bytes < 1u << 30 ? (unsigned)bytes : 1u << 30;
    z->next_in = (unsigned char *)(uintptr_t)s->next;
    z->avail_in = (unsigned)s->left;
    z->next_out = out;
    z->avail_out = room;
    int code = inflate(z, Z_NO_FLUSH);
    s->may_end = code == Z_STREAM_END;
    if (s->may_end)
        code = inflateReset(z);
    if (code != Z_OK) {
        cn_fail(code == Z_MEM_ERROR ? CN_MEMORY : CN_FORMAT, "%s: cannot inflate the gzip data: %s", s->path,
                z->msg ? z->msg : zError(code));
        return -1;
    }
    s->next = z->next_in;
    s->left = z->avail_in;
    return room - z->avail_out;
}

#else

static bool begin_gzip(cn_source *s)
{
    return cn_fail(CN_UNSUPPORTED, "%s: this build reads no gzip, it needs zlib (Debian: zlib1g-dev)", s->path);
}

static void end_gzip(cn_source *s)
{
    (void)s;
}

static int64_t inflate_some(cn_source *s, unsigned char *out, size_t bytes)
{
    (void)s, (void)out, (void)bytes;
    return -1;
}

#endif

cn_source *cn_source_open(const char *path)
{
    if (cn_failed())
        return NULL;
    if (!path) {
        cn_fail(CN_ARGUMENT, "the path of a file is NULL");
        return NULL;
    }
    cn_source *s = cn_allocate(1, sizeof *s);
    if (!s)
        return NULL;
    s->path = path;
    s->file = fopen(path, "rbe");
    bool fine = s->file ? refill(s) : cn_fail(CN_FILE, "%s: %s", path, strerror(errno));
    if (fine && s->left >= 2 && s->next[0] == 0x1F && s->next[1] == 0x8B)
        fine = begin_gzip(s);
    if (fine)
        return s;
    cn_source_close(s);
    return NULL;
}

void cn_source_close(cn_source *s)
{
    if (!s)
        return;
    end_gzip(s);
    if (s->file)
        fclose(s->file);
    cn_release(s);
}

static int64_t copy_some(cn_source *s, unsigned char *out, size_t bytes)
{
    size_t count = s->left < bytes ? s->left : bytes;
    memcpy(out, s->next, count);
    s->next += count;
    s->left -= count;
    return (int64_t)count;
}

int64_t cn_source_read(cn_source *s, void *out, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        if (!s->left && !refill(s))
            return -1;
        if (!s->left && s->gzip && !s->may_end) {
            cn_fail(CN_FORMAT, "%s: the gzip data ends early", s->path);
            return -1;
        }
        if (!s->left)
            break;
        unsigned char *to = (unsigned char *)out + done;
        int64_t count = s->gzip ? inflate_some(s, to, bytes - done) : copy_some(s, to, bytes - done);
        if (count < 0)
            return -1;
        done += (size_t)count;
    }
    return (int64_t)done;
}

unsigned char *cn_source_take(cn_source *s, size_t most, size_t *count)
{
    enum { FIRST_BLOCK = 1 << 16 };
    size_t have = 0, room = most < FIRST_BLOCK ? most : FIRST_BLOCK;
    unsigned char *data = cn_allocate(room + 1, 1);
    while (data && have < most) {
        if (have == room) {
            size_t larger_room = room < most / 2 ? room * 2 : most;
            unsigned char *larger = cn_resize(data, room + 1, larger_room + 1, 1);
            if (!larger)
                break;
            data = larger;
            room = larger_room;
        }
        int64_t got = cn_source_read(s, data + have, room - have);
        if (got < 0)
            break;
        have += (size_t)got;
        if (have < room)
            break;
    }
    if (cn_failed()) {
        cn_release(data);
        return NULL;
    }
    data[have] = '\0';
    *count = have;
    return data;
}

unsigned char *cn_source_all(const char *path, size_t *count)
{
    cn_source *s = cn_source_open(path);
    unsigned char *data = s ? cn_source_take(s, SIZE_MAX - 1, count) : NULL;
    cn_source_close(s);
    return data;
}
