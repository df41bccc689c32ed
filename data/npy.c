#include "data/npy.h"
#include "core/arena.h"
#include "core/engine.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a header says. */
typedef struct header {
    const char *path;
    const char *at, *end; /* of the text still to be read */
    char descr[16];
    bool fortran_order;
    cn_shape shape;
} header;

static bool malformed(const header *h, const char *what)
{
    return cn_fail(CN_FORMAT, "%s: the header is damaged: %s", h->path, what);
}

static void skip_spaces(header *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n'))
        h->at++;
}

static bool take(header *h, char wanted)
{
    skip_spaces(h);
    if (h->at == h->end || *h->at != wanted)
        return false;
    h->at++;
    return true;
}

static bool take_word(header *h, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(h->end - h->at) < length || memcmp(h->at, word, length) != 0)
        return false;
    h->at += length;
    return true;
}

static bool read_string(header *h, char *to, size_t room)
{
    skip_spaces(h);
    char quote = h->at < h->end ? *h->at++ : 0;
    size_t length = 0;
    while (h->at < h->end && *h->at != quote && length + 1 < room)
        to[length++] = *h->at++;
    to[length] = 0;
    return ((quote == '\'' || quote == '"') && h->at < h->end && *h->at++ == quote) ||
           malformed(h, "a short text is wanted");
}

static bool read_bool(header *h, bool *value)
{
    skip_spaces(h);
    *value = take_word(h, "True");
    return *value || take_word(h, "False") || malformed(h, "fortran_order is neither True nor False");
}

static bool read_dimension(header *h, int64_t *dim)
{
    *dim = 0;
    skip_spaces(h);
    const char *first = h->at;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
        if (__builtin_mul_overflow(*dim, 10, dim) || __builtin_add_overflow(*dim, *h->at - '0', dim))
            return malformed(h, "a dimension is too large");
    return h->at > first || malformed(h, "a dimension is no number");
}

static bool read_shape(header *h)
{
    bool comma = true;
    if (!take(h, '('))
        return malformed(h, "the shape is no tuple");
    while (!take(h, ')')) {
        if (!comma)
            return malformed(h, "the shape is no tuple");
        if (h->shape.rank == CN_MAX_RANK)
            return cn_fail(CN_UNSUPPORTED, "%s: more than %d dimensions", h->path, CN_MAX_RANK);
        if (!read_dimension(h, &h->shape.dim[h->shape.rank++]))
            return false;
        comma = take(h, ',');
    }
    /* (3) is a number in Python. */
    return h->shape.rank != 1 || comma || malformed(h, "the shape is no tuple");
}

/* A Python dictionary of exactly three entries, in any order. */
static bool read_dictionary(header *h)
{
    bool seen[3] = {false}, comma = true;
    if (!take(h, '{'))
        return malformed(h, "it is no dictionary");
    while (!take(h, '}')) {
        static const char *const keys[] = {"descr", "fortran_order", "shape"};
        char key[16];
        if (!comma || !read_string(h, key, sizeof key))
            return malformed(h, "it is no dictionary");
        int index = 0;
        while (index < 3 && strcmp(key, keys[index]) != 0)
            index++;
        if (index == 3 || seen[index] || !take(h, ':'))
            return malformed(h, "the keys must be descr, fortran_order and shape, once each");
        seen[index] = true;
        if (index == 0   ? !read_string(h, h->descr, sizeof h->descr)
            : index == 1 ? !read_bool(h, &h->fortran_order)
                         : !read_shape(h))
            return false;
        comma = take(h, ',');
    }
    skip_spaces(h);
    return (h->at == h->end && seen[0] && seen[1] && seen[2]) ||
           malformed(h, "the keys must be descr, fortran_order and shape, once each");
}

static bool find_type(const header *h, cn_array_type *type)
{
    static const struct {
        const char *descr;
        cn_array_type type;
    } types[] = {{"f4", CN_ARRAY_F32}, {"f8", CN_ARRAY_F64}, {"i4", CN_ARRAY_I32}, {"i8", CN_ARRAY_I64},
                 {"i1", CN_ARRAY_I8},  {"u1", CN_ARRAY_U8},  {"b1", CN_ARRAY_U8}};
    const char native = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bool one_byte = types[i].descr[1] == '1';
        if (*h->descr && strcmp(h->descr + 1, types[i].descr) == 0 &&
            (*h->descr == native || *h->descr == '=' || (one_byte && strchr("|<>", *h->descr)))) {
            *type = types[i].type;
            return true;
        }
    }
    return cn_fail(CN_UNSUPPORTED, "%s: elements of type '%s' cannot be read", h->path, h->descr);
}

static bool read_array(cn_npy *npy, const char *path)
{
    const unsigned char *file = npy->mapping;
    if (npy->bytes < 10 || memcmp(file, "\x93NUMPY", 6) != 0)
        return cn_fail(CN_FORMAT, "%s: not a .npy file", path);
    if (file[6] < 1 || file[6] > 3 || file[7] != 0)
        return cn_fail(CN_FORMAT, "%s: version %d.%d of the format is not known", path, file[6], file[7]);
    size_t prefix = file[6] == 1 ? 10 : 12, length = file[8] | (size_t)file[9] << 8;
    if (npy->bytes < prefix)
        return cn_fail(CN_FORMAT, "%s: the file ends early", path);
    if (prefix == 12)
        length |= (size_t)file[10] << 16 | (size_t)file[11] << 24;
    if (length > npy->bytes - prefix)
        return cn_fail(CN_FORMAT, "%s: the file ends early, in its header of %zu bytes", path, length);
    header h = {.path = path, .at = (const char *)file + prefix, .end = (const char *)file + prefix + length};
    if (!read_dictionary(&h) || !find_type(&h, &npy->array.type))
        return false;
    if (h.fortran_order && h.shape.rank > 1)
        return cn_fail(CN_UNSUPPORTED, "%s: the array is column-major (fortran_order)", path);
    size_t have = npy->bytes - prefix - length, size = cn_array_type_size(npy->array.type), wanted;
    int64_t count = cn_shape_size(h.shape);
    char text[CN_SHAPE_TEXT];
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &wanted) || wanted > have)
        return cn_fail(CN_FORMAT, "%s: the file has %zu bytes for an array of shape %s", path, have,
                       cn_shape_text(h.shape, text, sizeof text));
    if ((prefix + length) % size != 0)
        return cn_fail(CN_UNSUPPORTED, "%s: the array is not aligned", path);
    npy->array.shape = h.shape;
    npy->array.data = file + prefix + length;
    return true;
}

static bool map_file(cn_npy *npy, const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return cn_fail(CN_FILE, "%s: %s", path, strerror(errno));
    bool fine = fstat(file, &status) == 0;
    if (fine && S_ISREG(status.st_mode) && status.st_size > 0) {
        void *mapping = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        fine = mapping != MAP_FAILED;
        npy->mapping = fine ? mapping : NULL;
        npy->bytes = fine ? (size_t)status.st_size : 0;
    }
    if (!fine)
        cn_fail(CN_FILE, "%s: %s", path, strerror(errno));
    close(file);
    return fine;
}

cn_npy *cn_npy_open(const char *path)
{
    if (cn_failed())
        return NULL;
    if (!path) {
        cn_fail(CN_ARGUMENT, "npy_open: the path is NULL");
        return NULL;
    }
    cn_npy *npy = cn_allocate(1, sizeof *npy);
    if (npy && map_file(npy, path) && read_array(npy, path))
        return npy;
    cn_npy_free(npy);
    return NULL;
}

void cn_npy_free(cn_npy *npy)
{
    if (npy && npy->mapping)
        munmap(npy->mapping, npy->bytes);
    cn_release(npy);
}
