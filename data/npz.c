#include "data/npz.h"
#include "core/engine.h"
#include "data/npy_array.h"
#include "data/words.h"
#include "data/zip.h"
#include <stdio.h>
#include <string.h>

typedef struct member {
    cn_view array;
    void *memory; /* that it lies in */
} member;

struct cn_npz {
    cn_words names; /* number i is that of member i */
    member *member;
};

/* Takes over the contents of a member. */
static bool take_array(member *m, const char *name, unsigned char *contents, size_t bytes)
{
    cn_npy_array array;
    m->memory = contents;
    if (!cn_npy_parse(&array, name, contents, bytes))
        return false;
    if (!cn_npy_view(&array, &m->array))
        return true;
    bool floats = array.encoding.kind == CN_ENCODED_FLOAT;
    cn_dtype dtype = !floats ? CN_I32 : array.encoding.bytes == 8 ? CN_F64 : CN_F32;
    size_t count = (size_t)cn_shape_size(array.shape);
    m->memory = cn_allocate(count + 1, cn_dtype_size(dtype));
    bool fine = m->memory && cn_npy_read(&array, name, dtype, m->memory);
    m->array = cn_array_with(m->memory, cn_array_type_of(dtype), false, array.shape);
    cn_release(contents);
    return fine;
}

/* Reads member number `index`, "x.npy", as the array "x". */
static bool read_member(cn_npz *npz, const cn_zip *zip, int index)
{
    const char *entry = cn_zip_member(zip, index);
    if (!entry || !cn_path_ends(entry, ".npy"))
        return cn_fail(CN_FORMAT, "%s: the member %.80s is no array", zip->name, entry ? entry : "without a name");
    int64_t number = cn_words_add(&npz->names, entry, strlen(entry) - strlen(".npy"));
    size_t bytes;
    char name[512];
    snprintf(name, sizeof name, "%.400s: %.80s", zip->name, entry);
    unsigned char *contents = number >= 0 ? cn_zip_read(zip, entry, &bytes) : NULL;
    return contents && take_array(&npz->member[index], name, contents, bytes);
}

static bool read_members(cn_npz *npz, const cn_zip *zip)
{
    int64_t count = cn_zip_members(zip);
    npz->member = cn_allocate((size_t)count + 1, sizeof *npz->member);
    for (int i = 0; npz->member && i < count; i++)
        if (!read_member(npz, zip, i))
            return false;
    return npz->member != NULL;
}

cn_npz *cn_npz_read(const char *path)
{
    if (!path) {
        cn_fail(CN_ARGUMENT, "npz_read: the path is NULL");
        return NULL;
    }
    size_t bytes;
    cn_zip zip;
    unsigned char *archive = cn_failed() ? NULL : cn_read_file(path, &bytes);
    cn_npz *npz = archive ? cn_allocate(1, sizeof *npz) : NULL;
    bool fine = npz && (cn_is_zip(archive, bytes) || cn_fail(CN_FORMAT, "%s: not a .npz archive", path)) &&
                cn_zip_open(&zip, path, archive, bytes);
    if (fine) {
        fine = read_members(npz, &zip);
        cn_zip_close(&zip);
    }
    cn_release(archive);
    if (fine)
        return npz;
    cn_npz_free(npz);
    return NULL;
}

void cn_npz_free(cn_npz *npz)
{
    if (!npz)
        return;
    for (int i = 0; npz->member && i < npz->names.count; i++)
        cn_release(npz->member[i].memory);
    cn_release(npz->member);
    cn_words_free(&npz->names);
    cn_release(npz);
}

int cn_npz_count(const cn_npz *npz)
{
    return npz ? npz->names.count : 0;
}

const char *cn_npz_name(const cn_npz *npz, int index)
{
    return index >= 0 && index < cn_npz_count(npz) ? npz->names.word[index].text : NULL;
}

cn_view cn_npz_array(const cn_npz *npz, const char *name)
{
    int64_t index = npz && name ? cn_words_find(&npz->names, name, strlen(name)) : -1;
    if (index >= 0)
        return npz->member[index].array;
    cn_fail(CN_ARGUMENT, "npz_array: there is no array '%.80s'", name ? name : "");
    return (cn_view){0};
}
