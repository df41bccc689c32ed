/* Private: whole files in memory, and files that are replaced as a whole. */
#ifndef CN_DATA_FILE_H
#define CN_DATA_FILE_H
#include "core/error.h"

/* The bytes of a regular file, to be given to cn_release; NULL with the error set. */
unsigned char *cn_read_file(const char *path, size_t *bytes);

/* The first bytes of a regular file, `most` or fewer. */
bool cn_read_beginning(const char *path, void *bytes, size_t most, size_t *count);

typedef struct cn_bytes {
    const void *data;
    size_t size;
} cn_bytes;

/* Makes a file of these pieces, one after the other, or puts it in the place of the one that is there, whose
 * permissions it keeps: a process that is killed at any moment, or a failure, leaves the old file or the new one,
 * whole. A file beside it, PATH.tmp and a number, may be left by a kill. */
bool cn_replace_file(const char *path, const cn_bytes *pieces, size_t count);

/* Makes the directories that a file's path leads through, where they are missing. */
bool cn_make_directories(const char *path);

/* Whether a path ends so: ".weights.h5". */
bool cn_path_ends(const char *path, const char *ending);
#endif
