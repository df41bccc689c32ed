/* Private: the bytes of a file, inflated if it is gzip. */
#ifndef CN_DATA_SOURCE_H
#define CN_DATA_SOURCE_H
#include "core/arena.h"

typedef struct cn_source cn_source;

/* NULL with the error set to CN_FILE, or CN_UNSUPPORTED for gzip if the library was built without zlib. */
cn_source *cn_source_open(const char *path);
void cn_source_close(cn_source *source);
/* The number of bytes read, fewer than asked for only at the end of the file; -1 with the error set. To read on to the
 * end checks the checksum of gzip. */
int64_t cn_source_read(cn_source *source, void *out, size_t bytes);
/* Memory with the next bytes, at most that many, and a NUL behind them, to be given to cn_release: it grows with what
 * arrives, since a header may promise more than there is. NULL with the error set. */
unsigned char *cn_source_take(cn_source *source, size_t most, size_t *count);
/* All bytes of a file, as cn_source_take gives them. */
unsigned char *cn_source_all(const char *path, size_t *count);
#endif
