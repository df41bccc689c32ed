#include "data/cifar.h"
#include "data/source.h"
#include <string.h>

enum { SIDE = 32, PIXELS = SIDE * SIDE, CHANNELS = 3, PICTURE = PIXELS * CHANNELS };

/* What has been read so far. */
typedef struct arrays {
    unsigned char *x, *y, *coarse;
    size_t count;
} arrays;

/* The file has a plane for each color, the array has the colors of a pixel side by side. */
static void take_picture(unsigned char *to, const unsigned char *planes)
{
    for (int pixel = 0; pixel < PIXELS; pixel++)
        for (int channel = 0; channel < CHANNELS; channel++)
            to[pixel * CHANNELS + channel] = planes[channel * PIXELS + pixel];
}

static bool check_label(const char *path, size_t record, int label, int classes)
{
    return label < classes ||
           cn_fail(CN_FORMAT, "%s: record %zu has the label %d of %d classes", path, record, label, classes);
}

static bool grow(unsigned char **bytes, size_t from, size_t to, size_t size)
{
    unsigned char *larger = cn_resize(*bytes, from, to, size);
    *bytes = larger ? larger : *bytes;
    return larger != NULL;
}

static bool take_records(arrays *a, const char *path, const unsigned char *data, size_t bytes, int classes)
{
    size_t labels = classes == 100 ? 2 : 1, size = labels + PICTURE, count = bytes / size, all = a->count + count;
    if (bytes == 0 || bytes % size != 0)
        return cn_fail(CN_FORMAT, "%s: %zu bytes are no whole number of records of %zu", path, bytes, size);
    if (!grow(&a->x, a->count, all, PICTURE) || !grow(&a->y, a->count, all, 1) || !grow(&a->coarse, a->count, all, 1))
        return false;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *record = data + i * size;
        if ((labels == 2 && !check_label(path, i, record[0], 20)) || !check_label(path, i, record[labels - 1], classes))
            return false;
        a->coarse[a->count] = record[0];
        a->y[a->count] = record[labels - 1];
        take_picture(a->x + a->count * PICTURE, record + labels);
        a->count++;
    }
    return true;
}

static bool take_file(arrays *a, const char *path, int classes)
{
    size_t bytes;
    unsigned char *data = cn_source_all(path, &bytes);
    bool fine = data && take_records(a, path, data, bytes, classes);
    cn_release(data);
    return fine;
}

cn_cifar *cn_cifar_read_with(cn_cifar_args args)
{
    arrays a = {0};
    bool fine = (args.path[0] && (args.classes == 10 || args.classes == 100)) ||
                cn_fail(CN_ARGUMENT, "cifar_read: it takes files with 10 or 100 classes");
    for (int i = 0; fine && i < CN_MAX_CIFAR_FILES && args.path[i]; i++)
        fine = take_file(&a, args.path[i], args.classes);
    cn_cifar *cifar = fine ? cn_allocate(1, sizeof *cifar) : NULL;
    if (!cifar) {
        cn_release(a.x);
        cn_release(a.y);
        cn_release(a.coarse);
        return NULL;
    }
    int64_t count = (int64_t)a.count;
    cifar->x = cn_array((const uint8_t *)a.x, count, SIDE, SIDE, CHANNELS);
    cifar->y = cn_array((const uint8_t *)a.y, count, 1);
    if (args.classes == 100)
        cifar->coarse = cn_array((const uint8_t *)a.coarse, count, 1);
    else
        cn_release(a.coarse);
    return cifar;
}

void cn_cifar_free(cn_cifar *cifar)
{
    if (!cifar)
        return;
    cn_release((void *)(uintptr_t)cifar->x.data);
    cn_release((void *)(uintptr_t)cifar->y.data);
    cn_release((void *)(uintptr_t)cifar->coarse.data);
    cn_release(cifar);
}
