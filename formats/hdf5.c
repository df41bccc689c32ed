#include "formats/hdf5.h"
#include "core/library.h"
#include "formats/hdf5_bytes.h"
#include <string.h>
#ifdef CN_HAVE_HDF5
#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#endif

bool cn_is_hdf5(const void *image, size_t bytes)
{
    return bytes >= 8 && memcmp(image, "\211HDF\r\n\032\n", 8) == 0;
}

#ifdef CN_HAVE_HDF5

/* HDF5's macros call these two for each constant; the second aborts where versions differ. */
#undef H5OPEN
#undef H5CHECK
#define H5OPEN
#define H5CHECK

/* What HDF5's own macros call H5T_NATIVE_FLOAT is *H5T_NATIVE_FLOAT_g once H5open has been called. */
/* clang-format off */
#define HDF5_NAMES(X) \
    X(H5Aclose) X(H5Acreate_by_name) X(H5Aexists_by_name) X(H5Aget_space) X(H5Aget_type) X(H5Aopen_by_name) \
    X(H5Aread) X(H5Awrite) X(H5Dclose) X(H5Dcreate2) X(H5Dget_create_plist) X(H5Dget_space) X(H5Dget_type) \
    X(H5Dopen2) X(H5Dread) X(H5Dwrite) X(H5Eget_auto2) X(H5Eset_auto2) X(H5Fclose) X(H5Fcreate) X(H5Fflush) \
    X(H5Fget_file_image) X(H5Fopen) X(H5Gclose) X(H5Gcreate2) X(H5Gget_info_by_name) X(H5Lexists) X(H5Lget_info) \
    X(H5Oget_info_by_name2) X(H5PLget_loading_state) X(H5PLset_loading_state) X(H5Pclose) X(H5Pcreate) \
    X(H5Pget_chunk) X(H5Pget_external_count) X(H5Pget_filter2) X(H5Pget_layout) X(H5Pget_nfilters) \
    X(H5Pset_fapl_core) X(H5Pset_fclose_degree) X(H5Pset_file_image) X(H5Pset_obj_track_times) X(H5Sclose) \
    X(H5Screate) X(H5Screate_simple) X(H5Sget_simple_extent_dims) X(H5Sget_simple_extent_ndims) \
    X(H5Sget_simple_extent_npoints) X(H5Tclose) X(H5Tcopy) X(H5Tcreate) X(H5Tequal) X(H5Tget_class) X(H5Tget_size) \
    X(H5Tis_variable_str) X(H5Tregister) X(H5Tset_cset) X(H5Tset_ebias) X(H5Tset_fields) X(H5Tset_size) \
    X(H5Tunregister) X(H5P_CLS_FILE_ACCESS_ID_g) X(H5P_CLS_DATASET_CREATE_ID_g) X(H5T_C_S1_g) X(H5T_IEEE_F32BE_g) \
    X(H5T_IEEE_F32LE_g) X(H5T_IEEE_F64BE_g) X(H5T_IEEE_F64LE_g) X(H5T_NATIVE_DOUBLE_g) X(H5T_NATIVE_FLOAT_g) \
    X(H5T_NATIVE_INT32_g) X(H5T_STD_I16BE_g) X(H5T_STD_I16LE_g) X(H5T_STD_I32BE_g) X(H5T_STD_I32LE_g) \
    X(H5T_STD_I64BE_g) X(H5T_STD_I64LE_g) X(H5T_STD_I8BE_g) X(H5T_STD_I8LE_g) X(H5T_STD_U16BE_g) X(H5T_STD_U16LE_g) \
    X(H5T_STD_U32BE_g) X(H5T_STD_U32LE_g) X(H5T_STD_U64BE_g) X(H5T_STD_U64LE_g) X(H5T_STD_U8BE_g) X(H5T_STD_U8LE_g) \
    X(H5open)
/* clang-format on */

static struct {
    HDF5_NAMES(CN_LIBRARY_ADDRESS)
} hdf5;
static const char *const hdf5_names[] = {HDF5_NAMES(CN_LIBRARY_NAME) NULL};

/* HDF5 may be built without locks of its own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static H5E_auto2_t report;
static void *report_to;
static unsigned plugins;

enum { PATH_BYTES = 1024, LARGEST_ATTRIBUTE = 64512 /* as Keras divides lists */ };

static hid_t memory_access(void)
{
    hid_t access = hdf5.H5Pcreate(*hdf5.H5P_CLS_FILE_ACCESS_ID_g);
    hdf5.H5Pset_fapl_core(access, 1 << 16, false);
    hdf5.H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    return access;
}

static bool begin(cn_hdf5 *file, const char *name)
{
    pthread_mutex_lock(&lock);
    *file = (cn_hdf5){.file = -1, .name = name};
    if (!cn_load_library(CN_HDF5_LIBRARY, hdf5_names, &hdf5, name))
        return false;
    hdf5.H5open();
    hdf5.H5Eget_auto2(H5E_DEFAULT, &report, &report_to);
    hdf5.H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hdf5.H5PLget_loading_state(&plugins);
    hdf5.H5PLset_loading_state(0); /* no file makes us load code */
    return true;
}

bool cn_hdf5_open(cn_hdf5 *file, const char *name, const void *image, size_t bytes)
{
    if (!begin(file, name))
        return false;
    hid_t access = memory_access();
    file->image = image;
    file->bytes = bytes;
    hdf5.H5Pset_file_image(access, (void *)(uintptr_t)image, bytes);
    file->file = hdf5.H5Fopen("cornet", H5F_ACC_RDONLY, access);
    hdf5.H5Pclose(access);
    return file->file >= 0 || cn_fail(CN_FORMAT, "%s: is damaged or no HDF5 file", name);
}

bool cn_hdf5_create(cn_hdf5 *file, const char *name)
{
    if (!begin(file, name))
        return false;
    hid_t access = memory_access();
    file->file = hdf5.H5Fcreate("cornet", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    hdf5.H5Pclose(access);
    return file->file >= 0 || cn_fail(CN_MEMORY, "%s: HDF5 cannot make a file in memory", name);
}

unsigned char *cn_hdf5_image(cn_hdf5 *file, size_t *bytes)
{
    hdf5.H5Fflush(file->file, H5F_SCOPE_GLOBAL);
    ssize_t size = hdf5.H5Fget_file_image(file->file, NULL, 0);
    unsigned char *image = size > 0 ? cn_allocate((size_t)size, 1) : NULL;
    if (image && hdf5.H5Fget_file_image(file->file, image, (size_t)size) != size) {
        cn_release(image);
        image = NULL;
    }
    if (!image)
        cn_fail(CN_MEMORY, "%s: HDF5 does not give the file", file->name);
    *bytes = image ? (size_t)size : 0;
    return image;
}

void cn_hdf5_close(cn_hdf5 *file)
{
    if (file->file >= 0)
        hdf5.H5Fclose(file->file);
    cn_arena_free(&file->arena);
    if (hdf5.H5open) {
        hdf5.H5PLset_loading_state(plugins);
        hdf5.H5Eset_auto2(H5E_DEFAULT, report, report_to);
    }
    pthread_mutex_unlock(&lock);
}

/* Paths */

/* Calls `step` for each part of the path, from the first on. */
static bool each_part(cn_hdf5 *file, const char *path, bool (*step)(cn_hdf5 *file, const char *part))
{
    char part[PATH_BYTES];
    size_t length = strlen(path);
    if (length >= sizeof part)
        return false;
    for (size_t i = 1; i <= length; i++)
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (!step(file, part))
                return false;
        }
    return true;
}

static bool is_hard_link(cn_hdf5 *file, const char *part)
{
    H5L_info_t link;
    return hdf5.H5Lexists(file->file, part, H5P_DEFAULT) > 0 &&
           hdf5.H5Lget_info(file->file, part, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
}

bool cn_hdf5_has(cn_hdf5 *file, const char *path)
{
    return strcmp(path, "/") == 0 || each_part(file, path, is_hard_link);
}

static bool make_one_group(cn_hdf5 *file, const char *part)
{
    if (hdf5.H5Lexists(file->file, part, H5P_DEFAULT) > 0)
        return true;
    hid_t group = hdf5.H5Gcreate2(file->file, part, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return group >= 0 && hdf5.H5Gclose(group) >= 0;
}

bool cn_hdf5_make_group(cn_hdf5 *file, const char *path)
{
    return each_part(file, path, make_one_group) || cn_fail(CN_FILE, "%s: cannot make the group %s", file->name, path);
}

int64_t cn_hdf5_members(cn_hdf5 *file, const char *path)
{
    H5G_info_t info;
    return cn_hdf5_has(file, path) && hdf5.H5Gget_info_by_name(file->file, path, &info, H5P_DEFAULT) >= 0
               ? (int64_t)info.nlinks
               : 0;
}

/* Data sets */

static hid_t number_type(cn_dtype dtype)
{
    return dtype == CN_F32   ? *hdf5.H5T_NATIVE_FLOAT_g
           : dtype == CN_F64 ? *hdf5.H5T_NATIVE_DOUBLE_g
                             : *hdf5.H5T_NATIVE_INT32_g;
}

/* Numbers of a type that is written everywhere: IEEE's floats and two's complement. */
static bool is_plain_number(hid_t type)
{
    const hid_t types[] = {
        *hdf5.H5T_IEEE_F32LE_g, *hdf5.H5T_IEEE_F64LE_g, *hdf5.H5T_STD_I32LE_g,  *hdf5.H5T_STD_I64LE_g,
        *hdf5.H5T_STD_I8LE_g,   *hdf5.H5T_STD_U8LE_g,   *hdf5.H5T_STD_I16LE_g,  *hdf5.H5T_STD_U16LE_g,
        *hdf5.H5T_STD_U32LE_g,  *hdf5.H5T_STD_U64LE_g,  *hdf5.H5T_IEEE_F32BE_g, *hdf5.H5T_IEEE_F64BE_g,
        *hdf5.H5T_STD_I8BE_g,   *hdf5.H5T_STD_I16BE_g,  *hdf5.H5T_STD_I32BE_g,  *hdf5.H5T_STD_I64BE_g,
        *hdf5.H5T_STD_U8BE_g,   *hdf5.H5T_STD_U16BE_g,  *hdf5.H5T_STD_U32BE_g,  *hdf5.H5T_STD_U64BE_g};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (hdf5.H5Tequal(type, types[i]) > 0)
            return true;
    hid_t half = hdf5.H5Tcopy(*hdf5.H5T_IEEE_F32LE_g);
    hdf5.H5Tset_fields(half, 15, 10, 5, 0, 10);
    hdf5.H5Tset_size(half, 2);
    hdf5.H5Tset_ebias(half, 15);
    bool is_half = hdf5.H5Tequal(type, half) > 0;
    hdf5.H5Tclose(half);
    return is_half;
}

/* Only what Keras' writers use: other filters would be more code that trusts the file. */
static bool are_filters_known(hid_t creation)
{
    int count = hdf5.H5Pget_nfilters(creation);
    for (int i = 0; i < count; i++) {
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t filter = hdf5.H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return false;
    }
    return count >= 0;
}

/* A chunk cannot become more than deflate makes of all the file. */
static bool are_chunks_possible(const cn_hdf5 *file, hid_t creation, size_t item)
{
    hsize_t dims[H5S_MAX_RANK];
    int rank = hdf5.H5Pget_layout(creation) == H5D_CHUNKED ? hdf5.H5Pget_chunk(creation, H5S_MAX_RANK, dims) : 0;
    uint64_t bytes = item;
    for (int d = 0; d < rank; d++)
        if (__builtin_mul_overflow(bytes, dims[d], &bytes) || bytes / 1100 > file->bytes)
            return false;
    return rank >= 0;
}

static bool check_storage(const cn_hdf5 *file, const char *path, hid_t data)
{
    hid_t creation = hdf5.H5Dget_create_plist(data), type = hdf5.H5Dget_type(data);
    bool inside =
        creation >= 0 && hdf5.H5Pget_external_count(creation) == 0 && hdf5.H5Pget_layout(creation) != H5D_VIRTUAL;
    bool plain = type >= 0 && is_plain_number(type), known = inside && are_filters_known(creation);
    bool possible = known && plain && are_chunks_possible(file, creation, hdf5.H5Tget_size(type));
    if (creation >= 0)
        hdf5.H5Pclose(creation);
    if (type >= 0)
        hdf5.H5Tclose(type);
    if (possible)
        return true;
    return cn_fail(CN_UNSUPPORTED, "%s: %s %s", file->name, path,
                   !inside  ? "has its numbers in another file"
                   : !plain ? "does not hold plain numbers"
                   : !known ? "is compressed in a way that is not known"
                            : "has chunks that are larger than the file can have");
}

static bool check_shape(const cn_hdf5 *file, const char *path, hid_t data, cn_shape wanted)
{
    hid_t space = hdf5.H5Dget_space(data);
    hsize_t dims[H5S_MAX_RANK] = {0};
    int rank = hdf5.H5Sget_simple_extent_ndims(space);
    if (rank >= 0)
        hdf5.H5Sget_simple_extent_dims(space, dims, NULL);
    hdf5.H5Sclose(space);
    cn_shape shape = {.rank = rank};
    bool equal = rank == wanted.rank;
    for (int d = 0; d < rank && d < CN_MAX_RANK; d++) {
        shape.dim[d] = dims[d] > INT64_MAX ? INT64_MAX : (int64_t)dims[d];
        equal = equal && shape.dim[d] == wanted.dim[d];
    }
    char is[CN_SHAPE_TEXT], want[CN_SHAPE_TEXT];
    shape.rank = rank > CN_MAX_RANK ? CN_MAX_RANK : rank;
    return equal || cn_fail(CN_SHAPES, "%s: %s has shape %s, the weight %s", file->name, path,
                            cn_shape_text(shape, is, sizeof is), cn_shape_text(wanted, want, sizeof want));
}

bool cn_hdf5_read(cn_hdf5 *file, const char *path, cn_dtype dtype, cn_shape shape, void *numbers)
{
    hid_t data = cn_hdf5_has(file, path) ? hdf5.H5Dopen2(file->file, path, H5P_DEFAULT) : -1;
    if (data < 0)
        return cn_fail(CN_FORMAT, "%s: has no data set %s", file->name, path);
    bool done = check_storage(file, path, data) && check_shape(file, path, data, shape);
    if (done && cn_shape_size(shape) > 0 &&
        hdf5.H5Dread(data, number_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) < 0)
        done = cn_fail(CN_FORMAT, "%s: the numbers of %s cannot be read", file->name, path);
    hdf5.H5Dclose(data);
    return done;
}

bool cn_hdf5_write(cn_hdf5 *file, const char *path, cn_dtype dtype, cn_shape shape, const void *numbers)
{
    char group[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash && (size_t)(slash - path) < sizeof group) {
        memcpy(group, path, (size_t)(slash - path));
        group[slash - path] = '\0';
        if (!cn_hdf5_make_group(file, group))
            return false;
    }
    hsize_t dims[CN_MAX_RANK] = {0};
    for (int d = 0; d < shape.rank; d++)
        dims[d] = (hsize_t)shape.dim[d];
    hid_t stored = dtype == CN_F32   ? *hdf5.H5T_IEEE_F32LE_g
                   : dtype == CN_F64 ? *hdf5.H5T_IEEE_F64LE_g
                                     : *hdf5.H5T_STD_I32LE_g;
    hid_t space = shape.rank > 0 ? hdf5.H5Screate_simple(shape.rank, dims, NULL) : hdf5.H5Screate(H5S_SCALAR);
    hid_t creation = hdf5.H5Pcreate(*hdf5.H5P_CLS_DATASET_CREATE_ID_g);
    hdf5.H5Pset_obj_track_times(creation, false);
    hid_t data = hdf5.H5Dcreate2(file->file, path, stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    bool done = data >= 0 && (cn_shape_size(shape) == 0 ||
                              hdf5.H5Dwrite(data, number_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0);
    if (data >= 0)
        hdf5.H5Dclose(data);
    hdf5.H5Pclose(creation);
    hdf5.H5Sclose(space);
    return done || cn_fail(CN_FILE, "%s: cannot make the data set %s", file->name, path);
}

/* Attributes */

static hid_t text_type(size_t size)
{
    hid_t type = hdf5.H5Tcopy(*hdf5.H5T_C_S1_g);
    hdf5.H5Tset_size(type, size);
    hdf5.H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* HDF5 1.10 trusts the lengths and heaps of such texts, so it is asked for the references alone: this conversion leaves
 * them as they are in the file. */
static herr_t keep_references(hid_t from, hid_t to, H5T_cdata_t *conversion, size_t count, size_t stride,
                              size_t background_stride, void *references, void *background, hid_t transfer)
{
    (void)from, (void)to, (void)count, (void)stride, (void)background_stride, (void)references, (void)background;
    (void)transfer;
    conversion->need_bkg = H5T_BKG_NO;
    return 0;
}

static bool read_references(hid_t attribute, hid_t type, void *references)
{
    static const char name[] = "cornet";
    hid_t reference = hdf5.H5Tcreate(H5T_OPAQUE, CN_HDF5_REFERENCE);
    bool done = hdf5.H5Tregister(H5T_PERS_SOFT, name, type, reference, keep_references) >= 0;
    if (done) {
        done = hdf5.H5Aread(attribute, reference, references) >= 0;
        hdf5.H5Tunregister(H5T_PERS_SOFT, name, type, reference, keep_references);
    }
    hdf5.H5Tclose(reference);
    return done;
}

/* Copies the texts that lie in room for each, or where the references there say. */
static bool take_texts(cn_hdf5 *file, const char *room, size_t size, bool variable, const char **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *from = room + i * size;
        size_t length = strnlen(from, size);
        if (variable)
            from = cn_hdf5_heap_text(file->image, file->bytes, (const unsigned char *)from, &length);
        char *copy = from ? cn_arena_record(&file->arena, length + 1) : NULL;
        if (!copy)
            return false;
        if (length > 0)
            memcpy(copy, from, length);
        list[i] = copy;
    }
    return true;
}

/* The texts of an attribute of one type or the other. NULL with the error set. */
static const char **read_texts(cn_hdf5 *file, hid_t attribute, const char *name, size_t *count)
{
    hid_t type = hdf5.H5Aget_type(attribute), space = hdf5.H5Aget_space(attribute);
    hssize_t points = hdf5.H5Sget_simple_extent_npoints(space);
    bool texts = hdf5.H5Tget_class(type) == H5T_STRING, variable = texts && hdf5.H5Tis_variable_str(type) > 0;
    size_t size = variable ? CN_HDF5_REFERENCE : hdf5.H5Tget_size(type);
    const char **list = NULL;
    *count = points > 0 ? (size_t)points : 0;
    /* All that is read lies in the attribute, so no more than the file has is asked for. */
    bool fits = points == 0 || (points > 0 && texts && size > 0 && *count <= file->bytes / size);
    if (fits && (list = cn_arena_record(&file->arena, (*count + 1) * sizeof *list)) && *count > 0) {
        char *room = cn_arena_record(&file->arena, *count * size);
        fits = room && (variable ? read_references(attribute, type, room) : hdf5.H5Aread(attribute, type, room) >= 0) &&
               take_texts(file, room, size, variable, list, *count);
    }
    hdf5.H5Tclose(type);
    hdf5.H5Sclose(space);
    if (fits && list)
        return list;
    cn_fail(CN_FORMAT, "%s: the attribute %s does not hold texts of this file", file->name, name);
    return NULL;
}

static const char **read_attribute(cn_hdf5 *file, const char *path, const char *name, size_t *count)
{
    H5O_info_t info;
    *count = 0;
    if (!cn_hdf5_has(file, path))
        return NULL;
    if (hdf5.H5Oget_info_by_name2(file->file, path, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0 ||
        !cn_hdf5_attributes_fit(file->image, file->bytes, info.addr)) {
        cn_fail(CN_FORMAT, "%s: the attributes of %s are damaged", file->name, path);
        return NULL;
    }
    if (hdf5.H5Aexists_by_name(file->file, path, name, H5P_DEFAULT) <= 0)
        return NULL;
    hid_t attribute = hdf5.H5Aopen_by_name(file->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) {
        cn_fail(CN_FORMAT, "%s: the attribute %s cannot be read", file->name, name);
        return NULL;
    }
    const char **list = read_texts(file, attribute, name, count);
    hdf5.H5Aclose(attribute);
    return list;
}

const char *cn_hdf5_text(cn_hdf5 *file, const char *path, const char *attribute)
{
    size_t count;
    const char **list = read_attribute(file, path, attribute, &count);
    return list && count > 0 ? list[0] : NULL;
}

const char **cn_hdf5_names(cn_hdf5 *file, const char *path, const char *attribute, size_t *count)
{
    const char **all = read_attribute(file, path, attribute, count);
    if (all || cn_failed())
        return all;
    for (int part = 0;; part++) {
        char name[128];
        size_t more;
        snprintf(name, sizeof name, "%s%d", attribute, part);
        const char **list = read_attribute(file, path, name, &more);
        if (!list)
            return cn_failed() ? NULL : all;
        const char **joined = cn_arena_record(&file->arena, (*count + more + 1) * sizeof *joined);
        if (!joined)
            return NULL;
        if (*count > 0)
            memcpy(joined, all, *count * sizeof *joined);
        memcpy(joined + *count, list, more * sizeof *joined);
        all = joined;
        *count += more;
    }
}

static bool write_attribute(cn_hdf5 *file, const char *path, const char *name, hid_t type, hid_t space,
                            const void *data)
{
    hid_t attribute =
        hdf5.H5Acreate_by_name(file->file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool done = attribute >= 0 && hdf5.H5Awrite(attribute, type, data) >= 0;
    if (attribute >= 0)
        hdf5.H5Aclose(attribute);
    hdf5.H5Sclose(space);
    hdf5.H5Tclose(type);
    return done || cn_fail(CN_FILE, "%s: cannot write the attribute %s", file->name, name);
}

bool cn_hdf5_set_text(cn_hdf5 *file, const char *path, const char *attribute, const char *text)
{
    return write_attribute(file, path, attribute, text_type(H5T_VARIABLE), hdf5.H5Screate(H5S_SCALAR), &text);
}

static bool set_some_names(cn_hdf5 *file, const char *path, const char *attribute, const char *const *names,
                           size_t count, size_t longest)
{
    hsize_t dims[1] = {count};
    char *room = cn_allocate(count + 1, longest);
    if (!room)
        return false;
    for (size_t i = 0; i < count; i++)
        memcpy(room + i * longest, names[i], strlen(names[i]));
    bool done = write_attribute(file, path, attribute, text_type(longest), hdf5.H5Screate_simple(1, dims, NULL), room);
    cn_release(room);
    return done;
}

bool cn_hdf5_set_names(cn_hdf5 *file, const char *path, const char *attribute, const char *const *names, size_t count)
{
    size_t longest = 1;
    for (size_t i = 0; i < count; i++)
        longest = strlen(names[i]) > longest ? strlen(names[i]) : longest;
    size_t parts = (count * longest + LARGEST_ATTRIBUTE - 1) / LARGEST_ATTRIBUTE;
    while (parts > 1 && (count + parts - 1) / parts * longest > LARGEST_ATTRIBUTE)
        parts++;
    if (parts <= 1)
        return set_some_names(file, path, attribute, names, count, longest);
    for (size_t part = 0, at = 0; part < parts; part++) {
        char name[128];
        size_t size = count / parts + (part < count % parts);
        snprintf(name, sizeof name, "%s%zu", attribute, part);
        if (!set_some_names(file, path, name, names + at, size, longest))
            return false;
        at += size;
    }
    return true;
}
#endif
