#include "data/npy.h"
#include "core/arena.h"
#include "data/file.h"
#include "data/npy_array.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
    cn_npy_array array;
    cn_npy *npy = cn_allocate(1, sizeof *npy);
    if (npy && map_file(npy, path) && cn_npy_parse(&array, path, npy->mapping, npy->bytes)) {
        const char *reason = cn_npy_view(&array, &npy->array);
        if (!reason)
            return npy;
        cn_fail(CN_UNSUPPORTED, "%s: elements of type '%s' cannot be mapped: %s", path, array.descr, reason);
    }
    cn_npy_free(npy);
    return NULL;
}

void cn_npy_free(cn_npy *npy)
{
    if (npy && npy->mapping)
        munmap(npy->mapping, npy->bytes);
    cn_release(npy);
}

bool cn_npy_save(const char *path, cn_view array)
{
    int64_t count = cn_shape_size(array.shape), bytes;
    char header[CN_NPY_HEADER];
    if (cn_failed())
        return false;
    if (!path || !array.data)
        return cn_fail(CN_ARGUMENT, "npy_save: needs a path and an array");
    if (array.shape.rank < 0 || array.shape.rank > CN_MAX_RANK || count < 0 ||
        __builtin_mul_overflow(count, (int64_t)cn_array_type_size(array.type), &bytes))
        return cn_fail(CN_SHAPES, "npy_save: %s: the array has no shape", path);
    size_t head = cn_npy_header(header, array.type, array.shape);
    return cn_replace_file(path, (const cn_bytes[]){{header, head}, {array.data, (size_t)bytes}}, 2);
}
