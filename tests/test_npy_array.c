#include "data/npy_array.h"
#include "file_of_bytes.h"

/* An array as NumPy writes it: the header's text, then the data. */
static size_t build(unsigned char *bytes, const char *header, const void *data, size_t data_bytes)
{
    size_t length = strlen(header);
    memcpy(bytes, "\x93NUMPY\1\0", 8);
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + 10, header, length);
    if (data_bytes)
        memcpy(bytes + 10 + length, data, data_bytes);
    return 10 + length + data_bytes;
}

static void expect_numbers(const char *header, const void *data, size_t data_bytes, cn_shape shape,
                           const double *numbers)
{
    unsigned char bytes[1024];
    cn_npy_array array;
    double got[64];
    size_t size = build(bytes, header, data, data_bytes);
    cr_assert(cn_npy_parse(&array, "a", bytes, size), "%s", cn_error_message());
    cr_assert(cn_shape_equal(array.shape, shape));
    cr_assert(cn_npy_read(&array, "a", CN_F64, got), "%s", cn_error_message());
    for (int64_t i = 0; i < cn_shape_size(shape); i++)
        cr_expect_eq(got[i], numbers[i], "element %lld is %g", (long long)i, got[i]);
}
#define NUMBERS(...) ((const double[]){__VA_ARGS__})

Test(npy_array, every_type_and_byte_order)
{
    expect_numbers("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", "\0\0\x80\x3f\0\0\0\xc0", 8,
                   CN_SHAPE(2), NUMBERS(1, -2));
    expect_numbers("{'descr': '>f8', 'fortran_order': False, 'shape': (), }", "\x3f\xf8\0\0\0\0\0\0", 8, CN_SHAPE(),
                   NUMBERS(1.5));
    expect_numbers("{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", "\0\x3e", 2, CN_SHAPE(1), NUMBERS(1.5));
    expect_numbers("{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}", "\xff\xfe\x01\0", 4, CN_SHAPE(2),
                   NUMBERS(-2, 256));
    expect_numbers("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", "\xff\x01", 2, CN_SHAPE(2),
                   NUMBERS(255, 1));
    expect_numbers("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", "\0\x01", 2, CN_SHAPE(2), NUMBERS(0, 1));
    expect_numbers("{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}", "\xff\xff\xff\xff\xff\xff\xff\xff", 8,
                   CN_SHAPE(1), NUMBERS(-1));
}

Test(npy_array, fortran_order_becomes_row_major)
{
    expect_numbers("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3), }", "\1\4\2\5\3\6", 6, CN_SHAPE(2, 3),
                   NUMBERS(1, 2, 3, 4, 5, 6));
}

static void expect_refused(const char *header, size_t data_bytes, cn_code code)
{
    unsigned char bytes[1024];
    static const unsigned char data[64];
    cn_npy_array array;
    size_t size = build(bytes, header, data, data_bytes);
    cr_expect_not(cn_npy_parse(&array, "a", bytes, size), "%s is read", header);
    cr_expect_eq(cn_error_code(), code, "%s: %s", header, cn_error_message());
    cn_error_clear();
}

Test(npy_array, refuses_what_it_cannot_be)
{
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8, CN_FORMAT);
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 8, CN_FORMAT);
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", 8, CN_FORMAT);
    expect_refused("{'descr': '<f4', 'fortran_order': False}", 8, CN_FORMAT);
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 8, CN_FORMAT);
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'a': 1}", 8, CN_FORMAT);
    expect_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }", 8, CN_FORMAT);
    expect_refused("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8, CN_UNSUPPORTED);
    expect_refused("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, CN_UNSUPPORTED);
    expect_refused("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, CN_UNSUPPORTED);
    expect_refused("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }", 8,
                   CN_UNSUPPORTED);
}

Test(npy_array, writes_the_header_that_numpy_writes)
{
    char header[CN_NPY_HEADER];
    cr_assert_eq(cn_npy_header(header, CN_ARRAY_F32, CN_SHAPE(2, 3)), 128);
    static const char text[] = "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   ";
    cr_expect_arr_eq(header, text, sizeof text - 1);
    cr_expect_eq(header[127], '\n');
}

Test(npy_array, survives_damaged_arrays)
{
    unsigned char good[256], bad[320], data[24] = {1, 2, 3};
    size_t count = build(good, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }   \n", data, 24);
    uint64_t random = 3;
    int refused = 0;
    for (int round = 0; round < 4000; round++) {
        memcpy(bad, good, count);
        size_t size = damage(bad, count, count - 24, &random);
        cn_npy_array array;
        double numbers[1024];
        bool done = cn_npy_parse(&array, "a", bad, size);
        if (done && cn_shape_size(array.shape) <= 1024)
            done = cn_npy_read(&array, "a", CN_F64, numbers);
        cr_expect_eq(done, !cn_failed());
        refused += !done;
        cn_error_clear();
    }
    cr_expect_gt(refused, 0);
}
