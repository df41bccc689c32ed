/* Private: zip archives in memory, through libzip. A library that was built without it opens and makes none and says
 * so.
 */
#ifndef CN_DATA_ZIP_H
#define CN_DATA_ZIP_H
#include "data/file.h"

/* Whether bytes begin as an archive does. */
bool cn_is_zip(const void *archive, size_t bytes);

typedef struct cn_zip {
    struct zip *archive;
    const char *name; /* for messages; the caller's */
    size_t bytes;
} cn_zip;
/* The bytes must stay until the archive is closed, which must be done after success alone. */
bool cn_zip_open(cn_zip *zip, const char *name, const void *archive, size_t bytes);
void cn_zip_close(cn_zip *zip);
int64_t cn_zip_members(const cn_zip *zip);
bool cn_zip_has(const cn_zip *zip, const char *member);
/* NULL for an index out of range. */
const char *cn_zip_member(const cn_zip *zip, int64_t index);
/* The contents of a member, checked against its CRC and followed by a NUL, to be given to cn_release. NULL with the
 * error set, also for a member that would be larger than 4 GiB and 100 times what is stored. */
unsigned char *cn_zip_read(const cn_zip *zip, const char *member, size_t *bytes);

/* The bytes of an archive that stores these members, to be given to cn_release. */
typedef struct cn_zip_entry {
    const char *name;
    cn_bytes contents;
} cn_zip_entry;
unsigned char *cn_zip_make(const char *name, const cn_zip_entry *entries, size_t count, size_t *bytes);
#endif
