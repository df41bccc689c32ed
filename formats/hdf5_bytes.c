#include "formats/hdf5_bytes.h"
#include <string.h>

static uint64_t number_at(const unsigned char *at, int bytes)
{
    uint64_t number = 0;
    for (int i = bytes - 1; i >= 0; i--)
        number = number << 8 | at[i];
    return number;
}

/* By the "HDF5 File Format Specification Version 3.0". Heaps, III.E: a head, then objects of a head and data padded to
 * 8 bytes; object 0 is what is free, its head counted. */
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

/* Object headers, IV.A.1 */

static size_t padded(size_t size, bool pads)
{
    return pads ? (size + 7) / 8 * 8 : size;
}

/* How many elements a shape has (IV.A.2.b); UINT64_MAX for what is none. */
static uint64_t points_of(const unsigned char *space, size_t size)
{
    size_t head = size > 0 && space[0] == 1 ? 8 : 4;
    if (size < head || (space[0] != 1 && space[0] != 2))
        return UINT64_MAX;
    size_t rank = space[1], lists = space[2] & 1 ? 2 : 1;
    if (rank > 32 || size - head < rank * 8 * lists)
        return UINT64_MAX;
    uint64_t points = space[0] == 2 && space[3] == 2 ? 0 : 1; /* 2: a space without elements */
    for (size_t d = 0; d < rank; d++)
        if (__builtin_mul_overflow(points, number_at(space + head + 8 * d, 8), &points))
            return UINT64_MAX;
    return points;
}

/* Whether a type (IV.A.2.d) is of a class that attributes of Keras have, whole: an integer, a float, a text, or texts
 * of variable length, whose characters have a type, too. */
static bool is_whole_type(const unsigned char *type, size_t size)
{
    static const size_t more[] = {[0] = 4, [1] = 12, [3] = 0};
    unsigned class = size >= 8 ? type[0] & 15u : 15;
    if (class == 9)
        return size >= 16 && (type[8] & 15u) != 9 && number_at(type + 4, 4) == CN_HDF5_REFERENCE &&
               is_whole_type(type + 8, size - 8);
    return (class == 0 || class == 1 || class == 3) && size - 8 >= more[class];
}

/* IV.A.2.m */
static bool attribute_fits(const unsigned char *attribute, size_t size)
{
    if (size < 9 || attribute[0] < 1 || attribute[0] > 3)
        return false;
    bool pads = attribute[0] == 1;
    size_t head = attribute[0] == 3 ? 9 : 8, name = (size_t)number_at(attribute + 2, 2);
    size_t type = (size_t)number_at(attribute + 4, 2), space = (size_t)number_at(attribute + 6, 2);
    size_t type_at = head + padded(name, pads), space_at = type_at + padded(type, pads);
    size_t data_at = space_at + padded(space, pads);
    if (data_at > size || !memchr(attribute + head, '\0', name) || !is_whole_type(attribute + type_at, type))
        return false;
    uint64_t points = points_of(attribute + space_at, space), item = number_at(attribute + type_at + 4, 4);
    return points == 0 || (item > 0 && points <= (size - data_at) / item);
}

bool cn_hdf5_attributes_fit(const void *image, size_t bytes, uint64_t address)
{
    enum { HEAD = 16, MESSAGE = 8, ATTRIBUTE = 0x0C, CONTINUED = 0x10, MOST_BLOCKS = 1 << 10 };
    const unsigned char *file = image, *header = file + address;
    if (address > bytes || bytes - address < HEAD)
        return false;
    if (header[0] != 1)
        return memcmp(header, "OHDR", 4) == 0;
    /* Blocks of messages: each may say where the next one is. */
    uint64_t block = address + HEAD, left = number_at(header + 8, 4), next = 0, next_size = 0;
    for (int blocks = 0; blocks < MOST_BLOCKS; blocks++) {
        if (block > bytes || left > bytes - block)
            return false;
        for (uint64_t at = block, end = block + left; end - at >= MESSAGE;) {
            uint64_t type = number_at(file + at, 2), size = number_at(file + at + 2, 2);
            if (size > end - at - MESSAGE)
                return false;
            if (type == ATTRIBUTE && !attribute_fits(file + at + MESSAGE, (size_t)size))
                return false;
            if (type == CONTINUED && size >= 16) {
                if (next_size > 0)
                    return false;
                next = number_at(file + at + MESSAGE, 8);
                next_size = number_at(file + at + MESSAGE + 8, 8);
            }
            at += MESSAGE + size;
        }
        if (next_size == 0)
            return true;
        block = next;
        left = next_size;
        next_size = 0;
    }
    return false;
}
