/* The bytes of a file, ended by a NUL, to be freed; the test fails if it cannot be read. */
#ifndef CN_TESTS_READ_FILE_H
#define CN_TESTS_READ_FILE_H
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s cannot be opened", path);
    size_t size = 0, capacity = 1 << 16;
    char *bytes = malloc(capacity);
    for (size_t count; bytes && (count = fread(bytes + size, 1, capacity - size - 1, file)) > 0;) {
        size += count;
        if (size + 1 == capacity)
            bytes = realloc(bytes, capacity *= 2);
    }
    cr_assert(bytes && !ferror(file));
    fclose(file);
    bytes[size] = '\0';
    return bytes;
}
#endif
