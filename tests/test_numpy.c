/* What NumPy writes: arrays alone and in archives. */
#include "core/engine.h"
#include "counting_allocator.h"
#include "data/file.h"
#include "data/npy.h"
#include "data/npz.h"
#include "python.h"
#include <limits.h>

TestSuite(numpy, .fini = remove_file);

Test(numpy, npy_is_mapped)
{
    static const char *const versions[] = {"(1, 0)", "(2, 0)", "(3, 0)"};
    for (int i = 0; i < 3; i++) {
        char program[256];
        snprintf(program, sizeof program,
                 "np.lib.format.write_array(open(path, 'wb'), np.arange(1, 7, dtype='f4').reshape(2, 3), version=%s)",
                 versions[i]);
        cn_npy *npy = cn_npy_open(python(program));
        cr_assert(npy, "%s", cn_error_message());
        cr_expect_eq(npy->array.type, CN_ARRAY_F32);
        cr_expect(cn_shape_equal(npy->array.shape, CN_SHAPE(2, 3)));
        cr_expect_arr_eq(npy->array.data, ((const float[]){1, 2, 3, 4, 5, 6}), 6 * sizeof(float));
        cn_npy_free(npy);
    }
}

/* The array of that name has these elements. */
static void expect_array(const cn_npz *npz, const char *name, cn_array_type type, cn_shape shape, const double *wanted)
{
    cn_view array = cn_npz_array(npz, name);
    cr_assert(array.data, "%s", cn_error_message());
    cr_expect_eq(array.type, type, "%s has type %d", name, array.type);
    cr_assert(cn_shape_equal(array.shape, shape), "%s", name);
    for (int64_t i = 0; i < cn_shape_size(shape); i++) {
        double got;
        cn_convert(&got, CN_ARRAY_F64, (const char *)array.data + (size_t)i * cn_array_type_size(type), type, 1);
        cr_expect_eq(got, wanted[i], "%s: element %lld is %g, not %g", name, (long long)i, got, wanted[i]);
    }
}
#define EXPECT(npz, name, type, shape, ...) expect_array((npz), (name), (type), (shape), (const double[]){__VA_ARGS__})

Test(numpy, npz_has_every_type_of_number)
{
    cn_npz *npz = cn_npz_read(python("types = ['f2', 'f4', 'f8', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', '?',"
                                     " '>f4', '>f8', '>i2', '>i8']\n"
                                     "a = np.array([[0, 1, 100], [3, 127, 5]])\n"
                                     "np.savez(open(path, 'wb'), **{t: a.astype(t) for t in types})"));
    static const struct {
        const char *name;
        cn_array_type type;
    } types[] = {{"f2", CN_ARRAY_F32},  {"f4", CN_ARRAY_F32},  {"f8", CN_ARRAY_F64}, {"i1", CN_ARRAY_I8},
                 {"u1", CN_ARRAY_U8},   {"i2", CN_ARRAY_I32},  {"u2", CN_ARRAY_I32}, {"i4", CN_ARRAY_I32},
                 {"u4", CN_ARRAY_I32},  {"i8", CN_ARRAY_I64},  {"u8", CN_ARRAY_I32}, {">f4", CN_ARRAY_F32},
                 {">f8", CN_ARRAY_F64}, {">i2", CN_ARRAY_I32}, {">i8", CN_ARRAY_I32}};
    cr_assert(npz, "%s", cn_error_message());
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        EXPECT(npz, types[i].name, types[i].type, CN_SHAPE(2, 3), 0, 1, 100, 3, 127, 5);
    EXPECT(npz, "?", CN_ARRAY_U8, CN_SHAPE(2, 3), 0, 1, 1, 1, 1, 1);
    cn_npz_free(npz);
}

Test(numpy, npz_has_every_shape_and_order)
{
    cn_npz *npz = cn_npz_read(
        python("a = np.arange(6, dtype='f4')\n"
               "np.savez_compressed(open(path, 'wb'), a, a[5], a[:0], rows=np.asfortranarray(a.reshape(2, 3)),\n"
               "                    bytes=np.asfortranarray(a.reshape(3, 2).astype('u1')))"));
    cr_assert(npz, "%s", cn_error_message());
    cr_expect_eq(cn_npz_count(npz), 5);
    cr_expect_str_eq(cn_npz_name(npz, 0), "rows");
    cr_expect_str_eq(cn_npz_name(npz, 2), "arr_0");
    cr_expect_null(cn_npz_name(npz, 5));
    cr_expect_null(cn_npz_name(npz, -1));
    EXPECT(npz, "arr_0", CN_ARRAY_F32, CN_SHAPE(6), 0, 1, 2, 3, 4, 5);
    EXPECT(npz, "arr_1", CN_ARRAY_F32, CN_SHAPE(), 5);
    EXPECT(npz, "arr_2", CN_ARRAY_F32, CN_SHAPE(0), 0);
    EXPECT(npz, "rows", CN_ARRAY_F32, CN_SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
    EXPECT(npz, "bytes", CN_ARRAY_I32, CN_SHAPE(3, 2), 0, 1, 2, 3, 4, 5);
    cr_expect_null(cn_npz_array(npz, "other").data);
    cr_expect_eq(cn_error_code(), CN_ARGUMENT);
    cn_error_clear();
    cn_npz_free(npz);
}

static void expect_refused(cn_npz *npz, cn_code code, const char *reason)
{
    cr_expect_null(npz);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
}

Test(numpy, npz_refuses_what_is_no_archive_of_numbers)
{
    expect_refused(cn_npz_read(NULL), CN_ARGUMENT, "NULL");
    expect_refused(cn_npz_read("/nonexistent/x.npz"), CN_FILE, "/nonexistent/x.npz");
    expect_refused(cn_npz_read(file_of("", 0)), CN_FORMAT, "not a .npz archive");
    expect_refused(cn_npz_read(file_of("\x93NUMPY", 6)), CN_FORMAT, "not a .npz archive");
    expect_refused(cn_npz_read(python("np.savez(open(path, 'wb'), a=np.array([{}, 2]))")), CN_UNSUPPORTED, "a.npy");
    expect_refused(cn_npz_read(python("np.savez(open(path, 'wb'), a=np.array(['b']))")), CN_UNSUPPORTED, "a.npy");
    expect_refused(cn_npz_read(python("np.savez(open(path, 'wb'), a=np.array([1 << 31]).astype('u4'))")), CN_VALUE,
                   "a.npy");
    expect_refused(cn_npz_read(python("import zipfile\nzipfile.ZipFile(path, 'w').writestr('a.txt', 'a')")), CN_FORMAT,
                   "the member a.txt is no array");
    expect_refused(cn_npz_read(python("import zipfile\nz = zipfile.ZipFile(path, 'w')\n"
                                      "import warnings\nwarnings.simplefilter('ignore')\n"
                                      "for i in 0, 1:\n with z.open('a.npy', 'w') as f: np.save(f, np.arange(i))")),
                   CN_FORMAT, "two members a.npy");
    cn_npz_free(NULL);
    cr_expect_eq(cn_npz_count(NULL), 0);
}

static void expect_survival(const char *program, uint64_t random)
{
    size_t count;
    unsigned char *whole = cn_read_file(python(program), &count);
    cr_assert(whole, "%s", cn_error_message());
    unsigned char *damaged = calloc(count + 16, 1);
    int refused = 0;
    for (int i = 0; i < 500; i++) {
        memcpy(damaged, whole, count);
        const char *path = file_of(damaged, damage(damaged, count, count, &random));
        counting_start(LONG_MAX);
        cn_npz *npz = cn_npz_read(path);
        cr_expect_neq(npz != NULL, cn_failed());
        cr_expect_neq(cn_error_code(), CN_FILE, "%s", cn_error_message());
        for (int k = 0; k < cn_npz_count(npz); k++)
            cr_expect_lt(cn_shape_size(cn_npz_array(npz, cn_npz_name(npz, k)).shape), 100);
        refused += !npz;
        cn_npz_free(npz);
        cr_assert_eq(counting.live, 0);
        cn_set_allocator((cn_allocator){NULL, NULL});
        cn_error_clear();
    }
    cr_expect_gt(refused, 300);
    free(damaged);
    cn_release(whole);
}

Test(numpy, npz_survives_damage)
{
    expect_survival("np.savez(open(path, 'wb'), x=np.arange(6.0).reshape(2, 3), y=np.arange(2))", 31);
    expect_survival("np.savez_compressed(open(path, 'wb'), x=np.arange(6.0).reshape(2, 3), y=np.arange(2))", 32);
}

Test(numpy, npz_running_out_of_memory_leaks_nothing)
{
    const char *path = python("np.savez(open(path, 'wb'), x=np.arange(6, dtype='f2'), y=np.arange(2))");
    bool done = false;
    for (long limit = 0; !done; limit++) {
        counting_start(limit);
        cn_npz *npz = cn_npz_read(path);
        done = npz != NULL;
        cr_assert(done || cn_error_code() == CN_MEMORY, "%s", cn_error_message());
        cn_npz_free(npz);
        cr_assert_eq(counting.live, 0);
        cn_error_clear();
    }
}
