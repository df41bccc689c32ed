#include "data/zip.h"
#include "core/arena.h"
#include "core/library.h"
#include "data/words.h"
#include <string.h>
#ifdef CN_HAVE_LIBZIP
#include <zip.h>
#endif

bool cn_is_zip(const void *archive, size_t bytes)
{
    return bytes >= 4 && (memcmp(archive, "PK\3\4", 4) == 0 || memcmp(archive, "PK\5\6", 4) == 0);
}

#ifdef CN_HAVE_LIBZIP

/* clang-format off */
#define ZIP_NAMES(X) \
    X(zip_close) X(zip_discard) X(zip_error_fini) X(zip_error_init) X(zip_error_strerror) X(zip_fclose) \
    X(zip_file_add) X(zip_file_set_dostime) X(zip_fopen) X(zip_fread) X(zip_get_name) X(zip_get_num_entries) \
    X(zip_name_locate) X(zip_open_from_source) X(zip_set_file_compression) X(zip_source_buffer) \
    X(zip_source_buffer_create) X(zip_source_close) X(zip_source_free) X(zip_source_keep) X(zip_source_open) \
    X(zip_source_read) X(zip_source_stat) X(zip_stat)
/* clang-format on */

static struct {
    ZIP_NAMES(CN_LIBRARY_ADDRESS)
} libzip;
static const char *const zip_names[] = {ZIP_NAMES(CN_LIBRARY_NAME) NULL};

static bool fail_zip(const char *name, zip_error_t *error)
{
    cn_fail(CN_FORMAT, "%s: %s", name, libzip.zip_error_strerror(error));
    libzip.zip_error_fini(error);
    return false;
}

/* Of two members of one name programs read one or the other. */
static bool check_names(const cn_zip *zip)
{
    cn_words names = {0};
    int64_t count = cn_zip_members(zip);
    bool fine = true;
    for (int64_t i = 0; fine && i < count; i++) {
        const char *name = cn_zip_member(zip, i);
        int64_t number = name ? cn_words_add(&names, name, strlen(name)) : -1;
        fine = number == i ||
               cn_fail(CN_FORMAT, "%s: there are two members %.80s", zip->name, name ? name : "without a name");
    }
    cn_words_free(&names);
    return fine;
}

bool cn_zip_open(cn_zip *zip, const char *name, const void *archive, size_t bytes)
{
    if (!cn_load_library(CN_LIBZIP_LIBRARY, zip_names, &libzip, name))
        return false;
    zip_error_t error;
    libzip.zip_error_init(&error);
    zip_source_t *source = libzip.zip_source_buffer_create(archive, bytes, 0, &error);
    *zip = (cn_zip){source ? libzip.zip_open_from_source(source, ZIP_RDONLY, &error) : NULL, name, bytes};
    if (!zip->archive) {
        libzip.zip_source_free(source);
        return fail_zip(name, &error);
    }
    if (check_names(zip))
        return true;
    cn_zip_close(zip);
    return false;
}

void cn_zip_close(cn_zip *zip)
{
    libzip.zip_discard(zip->archive);
}

int64_t cn_zip_members(const cn_zip *zip)
{
    return libzip.zip_get_num_entries(zip->archive, 0);
}

bool cn_zip_has(const cn_zip *zip, const char *member)
{
    return libzip.zip_name_locate(zip->archive, member, 0) >= 0;
}

const char *cn_zip_member(const cn_zip *zip, int64_t index)
{
    return index >= 0 ? libzip.zip_get_name(zip->archive, (zip_uint64_t)index, ZIP_FL_ENC_GUESS) : NULL;
}

static bool check_member(const cn_zip *zip, const char *member, const zip_stat_t *is)
{
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((is->valid & wanted) != wanted || is->comp_size > zip->bytes)
        return cn_fail(CN_FORMAT, "%s: the member %.80s has no size that can be", zip->name, member);
    if (is->encryption_method != ZIP_EM_NONE)
        return cn_fail(CN_UNSUPPORTED, "%s: the member %.80s is encrypted", zip->name, member);
    if (is->comp_method != ZIP_CM_STORE && is->comp_method != ZIP_CM_DEFLATE)
        return cn_fail(CN_UNSUPPORTED, "%s: the member %.80s is compressed by method %d", zip->name, member,
                       is->comp_method);
    if ((is->comp_method == ZIP_CM_STORE && is->size != is->comp_size) || is->size / 1100 > is->comp_size + 1 ||
        (is->size >> 32 && is->size / 100 > is->comp_size))
        return cn_fail(CN_FORMAT, "%s: the member %.80s is %llu bytes that would become %llu", zip->name, member,
                       (unsigned long long)is->comp_size, (unsigned long long)is->size);
    return true;
}

unsigned char *cn_zip_read(const cn_zip *zip, const char *member, size_t *bytes)
{
    zip_stat_t is;
    *bytes = 0;
    if (libzip.zip_stat(zip->archive, member, 0, &is) != 0) {
        cn_fail(CN_FORMAT, "%s: has no member %.80s", zip->name, member);
        return NULL;
    }
    if (!check_member(zip, member, &is))
        return NULL;
    unsigned char *contents = cn_allocate((size_t)is.size + 1, 1);
    zip_file_t *file = contents ? libzip.zip_fopen(zip->archive, member, 0) : NULL;
    char more;
    /* The CRC is checked where the end is read. */
    bool done = file && libzip.zip_fread(file, contents, is.size) == (zip_int64_t)is.size &&
                libzip.zip_fread(file, &more, 1) == 0;
    if (file && libzip.zip_fclose(file) != 0)
        done = false;
    if (!done) {
        cn_fail(CN_FORMAT, "%s: the member %.80s is damaged", zip->name, member);
        cn_release(contents);
        return NULL;
    }
    *bytes = (size_t)is.size;
    return contents;
}

/* Writing */

static bool add_entry(zip_t *archive, const cn_zip_entry *entry)
{
    zip_source_t *source = libzip.zip_source_buffer(archive, entry->contents.data, entry->contents.size, 0);
    zip_int64_t index = source ? libzip.zip_file_add(archive, entry->name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
        libzip.zip_source_free(source);
        return false;
    }
    /* 1980-01-01, so that the same contents make the same file. */
    return libzip.zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
           libzip.zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 1 << 5 | 1, 0) == 0;
}

static unsigned char *bytes_of(zip_source_t *source, size_t *bytes)
{
    zip_stat_t is;
    unsigned char *all = NULL;
    if (libzip.zip_source_open(source) != 0)
        return NULL;
    if (libzip.zip_source_stat(source, &is) == 0 && (all = cn_allocate((size_t)is.size + 1, 1)) &&
        libzip.zip_source_read(source, all, is.size) != (zip_int64_t)is.size) {
        cn_release(all);
        all = NULL;
    }
    libzip.zip_source_close(source);
    *bytes = all ? (size_t)is.size : 0;
    return all;
}

/* libzip writes no archive without members: this is the record at its end. */
static unsigned char *make_empty(size_t *bytes)
{
    unsigned char *archive = cn_allocate(*bytes = 22, 1);
    return archive ? memcpy(archive, "PK\5\6", 4) : NULL;
}

unsigned char *cn_zip_make(const char *name, const cn_zip_entry *entries, size_t count, size_t *bytes)
{
    if (count == 0)
        return make_empty(bytes);
    if (!cn_load_library(CN_LIBZIP_LIBRARY, zip_names, &libzip, name))
        return NULL;
    zip_error_t error;
    libzip.zip_error_init(&error);
    zip_source_t *source = libzip.zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *archive = source ? libzip.zip_open_from_source(source, ZIP_TRUNCATE, &error) : NULL;
    unsigned char *all = NULL;
    if (archive) {
        libzip.zip_source_keep(source);
        bool done = true;
        for (size_t i = 0; done && i < count; i++)
            done = add_entry(archive, &entries[i]);
        if (done && libzip.zip_close(archive) == 0)
            all = bytes_of(source, bytes);
        else
            libzip.zip_discard(archive);
    }
    libzip.zip_source_free(source);
    libzip.zip_error_fini(&error);
    if (!all)
        cn_fail(CN_MEMORY, "%s: the archive cannot be made", name);
    return all;
}

#else

static bool lacks(const char *name)
{
    return cn_fail(CN_UNSUPPORTED, "%s: this build has no zip archives, it needs libzip (Debian: libzip-dev)", name);
}

bool cn_zip_open(cn_zip *zip, const char *name, const void *archive, size_t bytes)
{
    (void)archive;
    *zip = (cn_zip){NULL, name, bytes};
    return lacks(name);
}

void cn_zip_close(cn_zip *zip)
{
    (void)zip;
}

int64_t cn_zip_members(const cn_zip *zip)
{
    (void)zip;
    return 0;
}

bool cn_zip_has(const cn_zip *zip, const char *member)
{
    (void)zip;
    (void)member;
    return false;
}

const char *cn_zip_member(const cn_zip *zip, int64_t index)
{
    (void)zip;
    (void)index;
    return NULL;
}

unsigned char *cn_zip_read(const cn_zip *zip, const char *member, size_t *bytes)
{
    (void)member;
    *bytes = 0;
    lacks(zip->name);
    return NULL;
}

unsigned char *cn_zip_make(const char *name, const cn_zip_entry *entries, size_t count, size_t *bytes)
{
    (void)entries;
    (void)count;
    *bytes = 0;
    lacks(name);
    return NULL;
}

#endif
