#include "formats/hdf5_heap.h"
#include <stdint.h>
#include <string.h>

static uint64_t number_at(const unsigned char *at, int bytes)
{
    uint64_t number = 0;
    for (int i = bytes - 1; i >= 0; i--)
        number = number << 8 | at[i];
    return number;
}

/* "HDF5 File Format Specification Version 3.0", III.E: a head, then objects of a head and data padded to 8 bytes;
 * object 0 is what is free, its head counted. */
const char *cn_hdf5_heap_text(const void *image, size_t bytes, const unsigned char reference[CN_HDF5_REFERENCE],
                              size_t *length)
{
    enum { HEAD = 16 };
    static const unsigned char magic[] = {'G', 'C', 'O', 'L', 1};
    uint64_t wanted = number_at(reference, 4), address = number_at(reference + 4, 8);
    uint64_t index = number_at(reference + 12, 4);
    *length = (size_t)wanted;
    if (wanted == 0)
        return "";
    if (index == 0 || address > bytes || bytes - address < HEAD)
        return NULL;
    const unsigned char *heap = (const unsigned char *)image + address;
    uint64_t size = number_at(heap + 8, 8);
    if (memcmp(heap, magic, sizeof magic) != 0 || size > bytes - address)
        return NULL;
    for (uint64_t at = HEAD; at <= size && size - at >= HEAD;) {
        uint64_t is = number_at(heap + at, 2), has = number_at(heap + at + 8, 8);
        if (is == index)
            return has == wanted && has <= size - at - HEAD ? (const char *)heap + at + HEAD : NULL;
        if (has > size - at || (is == 0 && has < HEAD))
            return NULL;
        at += is > 0 ? HEAD + (has + 7) / 8 * 8 : has;
    }
    return NULL;
}
