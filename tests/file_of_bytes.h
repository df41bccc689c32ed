/* A file of given bytes, for the tests of readers, and the same damaged in ways that repeat. */
#ifndef CN_TESTS_FILE_OF_BYTES_H
#define CN_TESTS_FILE_OF_BYTES_H
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char file_path[64];

/* Writes the one file of this process anew, in memory where the system has files there; returns its path. */
static inline const char *file_of(const void *bytes, size_t count)
{
    const char *directory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(file_path, sizeof file_path, "%s/cornet-test-%ld", directory, (long)getpid());
    FILE *file = fopen(file_path, "wb");
    cr_assert(file, "cannot write %s", file_path);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    cr_assert_eq(fclose(file), 0);
    return file_path;
}

static inline void remove_file(void)
{
    if (*file_path)
        unlink(file_path);
}

/* splitmix64 */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Cuts the bytes, flips bits, overwrites, repeats or removes some in the first `lies` bytes (where a header makes its
 * promises); returns the new count. There must be room for 16 bytes more. */
static inline size_t damage(unsigned char *bytes, size_t count, size_t lies, uint64_t *random)
{
    size_t at = next_random(random) % lies, length = 1 + next_random(random) % 8;
    if (at + length > count)
        length = count - at;
    switch (next_random(random) % 6) {
    case 0:
        return next_random(random) % count;
    case 1:
        for (size_t flips = length; flips > 0; flips--)
            bytes[next_random(random) % lies] ^= (unsigned char)(1u << next_random(random) % 8);
        return count;
    case 2:
        bytes[at] = (unsigned char)"0123456789{}[]\":,-. \\\xff"[next_random(random) % 22];
        return count;
    case 3:
        memset(bytes + at, next_random(random) % 2 ? 0xFF : 0, length);
        return count;
    case 4:
        memmove(bytes + at + length, bytes + at, count - at);
        return count + length;
    default:
        memmove(bytes + at, bytes + at + length, count - at - length);
        return count - length;
    }
}
#endif
