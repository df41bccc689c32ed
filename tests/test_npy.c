#include "data/npy.h"
#include "core/engine.h"
#include "counting_allocator.h"
#include "file_of_bytes.h"
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(npy, .fini = remove_file);

/* A file as NumPy writes it: the header padded to a multiple of 64 bytes. */
static size_t npy_bytes(unsigned char *to, const char *dictionary, const void *data, size_t count)
{
    size_t length = strlen(dictionary), total = (10 + length + 1 + 63) / 64 * 64;
    memset(to, ' ', total);
    memcpy(to, "\x93NUMPY\1\0", 8);
    to[8] = (unsigned char)((total - 10) & 0xFF);
    to[9] = (unsigned char)((total - 10) >> 8);
    memcpy(to + 10, dictionary, length);
    to[total - 1] = '\n';
    memcpy(to + total, data, count);
    return total + count;
}

static cn_npy *open_array(const char *dictionary, const void *data, size_t count)
{
    unsigned char bytes[1024];
    return cn_npy_open(file_of(bytes, npy_bytes(bytes, dictionary, data, count)));
}
#define MATRIX "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
static const float matrix[] = {1, 2, 3, 4, 5, 6};

static void expect_refused(cn_npy *npy, cn_code code, const char *reason)
{
    cr_expect_null(npy);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
    cn_npy_free(npy);
}

Test(npy, maps_a_matrix)
{
    cn_npy *npy = open_array(MATRIX, matrix, sizeof matrix);
    cr_assert(npy, "%s", cn_error_message());
    cr_expect_eq(npy->array.type, CN_ARRAY_F32);
    cr_expect(cn_shape_equal(npy->array.shape, CN_SHAPE(2, 3)));
    cr_expect_not(npy->array.writable);
    cr_expect_arr_eq(npy->array.data, matrix, sizeof matrix);
    cn_npy_free(npy);
}

Test(npy, saves_what_it_can_map)
{
    static const float single[] = {1, 2, 3, 4, 5, 6};
    static const int64_t wide[] = {INT64_MIN, -1, INT64_MAX};
    static const uint8_t bytes[] = {0, 255};
    const cn_view arrays[] = {cn_array(single, 2, 3), cn_array(wide, 3), cn_array(bytes, 1, 2, 1),
                              cn_array(single, 0, 3), cn_array_with(single, CN_ARRAY_F32, false, CN_SHAPE())};
    const char *path = file_of("old", 3);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        cr_assert(cn_npy_save(path, arrays[i]), "%s", cn_error_message());
        cn_npy *npy = cn_npy_open(path);
        cr_assert(npy, "%s", cn_error_message());
        cr_expect_eq(npy->array.type, arrays[i].type);
        cr_expect(cn_shape_equal(npy->array.shape, arrays[i].shape));
        size_t size = (size_t)cn_shape_size(arrays[i].shape) * cn_array_type_size(arrays[i].type);
        cr_expect(memcmp(npy->array.data, arrays[i].data, size) == 0);
        cn_npy_free(npy);
    }
}

Test(npy, does_not_save_what_is_no_array)
{
    static const float number = 1;
    cr_expect_not(cn_npy_save("/nonexistent/x.npy", cn_array(&number, 1)));
    cr_expect_eq(cn_error_code(), CN_FILE, "%s", cn_error_message());
    cn_error_clear();
    cr_expect_not(cn_npy_save("x.npy", (cn_view){.data = NULL}));
    cr_expect_eq(cn_error_code(), CN_ARGUMENT, "%s", cn_error_message());
    cn_error_clear();
    cr_expect_not(cn_npy_save("x.npy", cn_array(&number, -2)));
    cr_expect_eq(cn_error_code(), CN_SHAPES, "%s", cn_error_message());
    cn_error_clear();
}

Test(npy, saves_in_the_place_of_no_device)
{
    const char *pipe = "/tmp/cornet-test-npy-pipe";
    unlink(pipe);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    cr_expect(!cn_npy_save(pipe, cn_array(matrix, 2, 3)));
    cr_expect_eq(cn_error_code(), CN_FILE);
    cr_expect_str_eq(cn_error_message(), "/tmp/cornet-test-npy-pipe: is not a regular file");
    cn_error_clear();
    struct stat is;
    cr_expect(stat(pipe, &is) == 0 && S_ISFIFO(is.st_mode));
    unlink(pipe);
}

Test(npy, knows_the_element_types)
{
    static const struct {
        const char *descr;
        cn_array_type type;
    } types[] = {{"<f4", CN_ARRAY_F32}, {"<f8", CN_ARRAY_F64}, {"<i4", CN_ARRAY_I32}, {"<i8", CN_ARRAY_I64},
                 {"|i1", CN_ARRAY_I8},  {"|u1", CN_ARRAY_U8},  {"|b1", CN_ARRAY_U8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char dictionary[80];
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }",
                 types[i].descr);
        cn_npy *npy = open_array(dictionary, (const char[8]){0}, 8);
        cr_assert(npy, "%s", cn_error_message());
        cr_expect_eq(npy->array.type, types[i].type);
        cn_npy_free(npy);
    }
}

Test(npy, accepts_a_scalar_and_a_vector_in_column_order)
{
    cn_npy *npy = open_array("{'shape': (), 'descr': '<f4', 'fortran_order': False}", matrix, 4);
    cr_assert(npy, "%s", cn_error_message());
    cr_expect_eq(npy->array.shape.rank, 0);
    cn_npy_free(npy);
    npy = open_array("{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }", matrix, sizeof matrix);
    cr_assert(npy, "%s", cn_error_message());
    cn_npy_free(npy);
}

Test(npy, refuses_what_it_cannot_view)
{
    expect_refused(open_array("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", matrix, 24),
                   CN_UNSUPPORTED, "'>f4'");
    expect_refused(open_array("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", matrix, 24), CN_UNSUPPORTED,
                   "'|O'");
    expect_refused(open_array("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", matrix, 24), CN_UNSUPPORTED,
                   "column-major");
    expect_refused(open_array("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", matrix, 24),
                   CN_UNSUPPORTED, "more than 8 dimensions");
}

Test(npy, refuses_headers_that_lie)
{
    static const char *const shapes[] = {
        "(2, 4)", "(9223372036854775807, 3)", "(99999999999999999999,)", "(-1, 3)", "(6)", "(2 3)", "(2, 3", "[2, 3]"};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char dictionary[120];
        snprintf(dictionary, sizeof dictionary, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shapes[i]);
        expect_refused(open_array(dictionary, matrix, sizeof matrix), CN_FORMAT, i == 0 ? "24 bytes" : "");
    }
    expect_refused(open_array("{'descr': '<f4', 'shape': (2, 3), }", matrix, 24), CN_FORMAT, "once each");
    expect_refused(open_array(MATRIX "x", matrix, 24), CN_FORMAT, "once each");
    expect_refused(cn_npy_open(file_of("\x93NUMPY\4\0\0\0", 10)), CN_FORMAT, "version 4.0");
    expect_refused(cn_npy_open(file_of("\x93NUMPY\2\0\0\0", 10)), CN_FORMAT, "ends early");
    expect_refused(cn_npy_open(file_of("", 0)), CN_FORMAT, "not a .npy file");
    expect_refused(cn_npy_open("/nonexistent/x.npy"), CN_FILE, "/nonexistent/x.npy");
    expect_refused(cn_npy_open("/"), CN_FORMAT, "not a .npy file");
}

Test(npy, survives_damage)
{
    unsigned char whole[1024], damaged[1024];
    size_t count = npy_bytes(whole, MATRIX, matrix, sizeof matrix);
    uint64_t random = 6;
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
        memcpy(damaged, whole, count);
        size_t left = damage(damaged, count, 10 + sizeof MATRIX, &random);
        const char *path = file_of(damaged, left);
        counting_start(LONG_MAX);
        cn_npy *npy = cn_npy_open(path);
        cr_expect_neq(npy != NULL, cn_failed());
        if (npy) {
            /* What is promised is there. */
            size_t bytes = (size_t)cn_shape_size(npy->array.shape) * (npy->array.type == CN_ARRAY_F64 ? 8 : 1), sum = 0;
            for (size_t b = 0; b < bytes; b++)
                sum += ((const unsigned char *)npy->array.data)[b];
            cr_expect_lt(sum, 1 << 20);
        }
        refused += !npy;
        cn_npy_free(npy);
        cr_assert_eq(counting.live, 0);
        cn_set_allocator((cn_allocator){NULL, NULL});
        cn_error_clear();
    }
    cr_expect_gt(refused, 500);
}

Test(npy, running_out_of_memory_leaks_nothing)
{
    unsigned char bytes[1024];
    const char *path = file_of(bytes, npy_bytes(bytes, MATRIX, matrix, sizeof matrix));
    bool done = false;
    for (long limit = 0; !done; limit++) {
        counting_start(limit);
        cn_npy *npy = cn_npy_open(path);
        done = npy != NULL;
        cr_assert(done || cn_error_code() == CN_MEMORY);
        cn_npy_free(npy);
        cr_assert_eq(counting.live, 0);
        cn_error_clear();
    }
}
