#include "data/idx.h"
#include "counting_allocator.h"
#include "file_of_bytes.h"
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

TestSuite(idx, .fini = remove_file);

static cn_idx *read_bytes(const void *bytes, size_t count)
{
    return cn_idx_read(file_of(bytes, count));
}
/* Of a string literal, without its last NUL. */
#define READ(literal) read_bytes(literal, sizeof(literal) - 1)

static size_t compress_gzip(const void *bytes, size_t count, unsigned char *out, size_t room)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)bytes,
                       .avail_in = (unsigned)count,
                       .next_out = out,
                       .avail_out = (unsigned)room};
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return room - stream.avail_out;
}

static void expect_array(cn_idx *idx, cn_array_type type, cn_shape shape, const void *data, size_t data_bytes)
{
    cr_assert(idx, "%s", cn_error_message());
    cr_expect_eq(idx->array.type, type);
    cr_expect(cn_shape_equal(idx->array.shape, shape));
    cr_expect_arr_eq(idx->array.data, data, data_bytes);
    cn_idx_free(idx);
}

static void expect_error(cn_code code, const char *reason)
{
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cr_expect(!strncmp(cn_error_message(), file_path, strlen(file_path)), "'%s' does not begin with the path",
              cn_error_message());
    cn_error_clear();
}

#define MATRIX "\0\0\x08\2\0\0\0\2\0\0\0\3\1\2\3\4\5\xff"

Test(idx, reads_unsigned_bytes)
{
    expect_array(READ(MATRIX), CN_ARRAY_U8, CN_SHAPE(2, 3), (uint8_t[]){1, 2, 3, 4, 5, 255}, 6);
}

Test(idx, reads_gzip)
{
    unsigned char packed[256];
    size_t count = compress_gzip(MATRIX, sizeof(MATRIX) - 1, packed, sizeof packed);
    expect_array(read_bytes(packed, count), CN_ARRAY_U8, CN_SHAPE(2, 3), (uint8_t[]){1, 2, 3, 4, 5, 255}, 6);
}

Test(idx, reads_gzip_of_several_members)
{
    unsigned char packed[512];
    size_t count = compress_gzip(MATRIX, 9, packed, sizeof packed);
    count += compress_gzip(&MATRIX[9], sizeof(MATRIX) - 10, packed + count, sizeof packed - count);
    expect_array(read_bytes(packed, count), CN_ARRAY_U8, CN_SHAPE(2, 3), (uint8_t[]){1, 2, 3, 4, 5, 255}, 6);
}

Test(idx, reads_signed_bytes)
{
    expect_array(READ("\0\0\x09\1\0\0\0\2\x80\x7f"), CN_ARRAY_I8, CN_SHAPE(2), (int8_t[]){-128, 127}, 2);
}

Test(idx, reads_big_endian_16_bit_integers_as_32_bit_ones)
{
    expect_array(READ("\0\0\x0b\1\0\0\0\2\1\2\xff\xfe"), CN_ARRAY_I32, CN_SHAPE(2), (int32_t[]){258, -2}, 8);
}

Test(idx, reads_big_endian_32_bit_integers)
{
    expect_array(READ("\0\0\x0c\1\0\0\0\2\1\2\3\4\xff\xff\xff\xfe"), CN_ARRAY_I32, CN_SHAPE(2),
                 (int32_t[]){0x01020304, -2}, 8);
}

Test(idx, reads_big_endian_floats)
{
    expect_array(READ("\0\0\x0d\1\0\0\0\2\x3f\x80\0\0\xc0\x20\0\0"), CN_ARRAY_F32, CN_SHAPE(2), (float[]){1, -2.5f}, 8);
}

Test(idx, reads_big_endian_doubles)
{
    expect_array(READ("\0\0\x0e\1\0\0\0\1\xc0\x04\0\0\0\0\0\0"), CN_ARRAY_F64, CN_SHAPE(1), (double[]){-2.5}, 8);
}

Test(idx, reads_an_array_without_elements)
{
    expect_array(READ("\0\0\x08\2\0\0\0\0\0\0\0\x1c"), CN_ARRAY_U8, CN_SHAPE(0, 28), "", 0);
}

/* More than the first block of memory, so that it has to grow. */
static unsigned char *large_file(size_t length, size_t *count)
{
    *count = 8 + length;
    unsigned char *bytes = calloc(*count, 1);
    memcpy(bytes, "\0\0\x08\1", 4);
    for (int i = 0; i < 4; i++)
        bytes[4 + i] = (unsigned char)(length >> (24 - 8 * i));
    for (size_t i = 0; i < length; i++)
        bytes[8 + i] = (unsigned char)(i * 31 >> 3);
    return bytes;
}

Test(idx, reads_files_larger_than_a_block)
{
    size_t count, length = 5000001;
    unsigned char *bytes = large_file(length, &count);
    expect_array(read_bytes(bytes, count), CN_ARRAY_U8, CN_SHAPE((int64_t)length), bytes + 8, length);
    free(bytes);
}

Test(idx, frees_null)
{
    cn_idx_free(NULL);
}

Test(idx, does_nothing_while_an_error_is_set)
{
    cn_fail(CN_VALUE, "before");
    cr_expect_null(READ(MATRIX));
    cr_expect_str_eq(cn_error_message(), "before");
}

Test(idx, says_that_a_file_is_missing)
{
    cr_expect_null(cn_idx_read("/nowhere/images.gz"));
    cr_expect_eq(cn_error_code(), CN_FILE);
    cr_expect_str_eq(cn_error_message(), "/nowhere/images.gz: No such file or directory");
}

Test(idx, says_that_a_path_is_a_directory)
{
    cr_expect_null(cn_idx_read("/tmp"));
    cr_expect_eq(cn_error_code(), CN_FILE);
    cr_expect_str_eq(cn_error_message(), "/tmp: Is a directory");
}

#define REJECTS(behaviour, literal, reason) \
    Test(idx, rejects_##behaviour)          \
    {                                       \
        cr_expect_null(READ(literal));      \
        expect_error(CN_FORMAT, reason);    \
    }

REJECTS(an_empty_file, "", "the file ends early")
REJECTS(a_file_of_three_bytes, "\0\0\x08", "the file ends early")
REJECTS(a_first_byte_that_is_not_0, "\1\0\x08\1\0\0\0\1a", "begins with 01 00 08 01")
REJECTS(a_second_byte_that_is_not_0, "\0\1\x08\1\0\0\0\1a", "begins with 00 01 08 01")
REJECTS(an_unknown_type, "\0\0\x0a\1\0\0\0\1a", "begins with 00 00 0a 01")
REJECTS(no_dimensions, "\0\0\x08\0a", "begins with 00 00 08 00")
REJECTS(missing_dimensions, "\0\0\x08\2\0\0\0\1\0\0\0", "the file ends early")
REJECTS(missing_data, "\0\0\x08\1\0\0\0\3ab", "the file ends early")
REJECTS(data_that_ends_within_an_element, "\0\0\x0c\1\0\0\0\1abc", "the file ends early")
REJECTS(data_beyond_the_last_element, "\0\0\x08\1\0\0\0\3abcd", "more data than its header says")
REJECTS(a_size_that_is_a_lie,
        "\0\0\x08\2\xff\xff\xff\xff\0\0\xff\xff"
        "a",
        "the file ends early")
REJECTS(a_size_that_overflows,
        "\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
        "a",
        "no file has the size")

Test(idx, refuses_more_dimensions_than_tensors_have)
{
    cr_expect_null(READ("\0\0\x08\x09\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"
                        "a"));
    expect_error(CN_UNSUPPORTED, "9 dimensions");
}

Test(idx, rejects_gzip_that_ends_early)
{
    size_t count;
    unsigned char *bytes = large_file(3000000, &count), *packed = malloc(count);
    size_t packed_count = compress_gzip(bytes, count, packed, count);
    for (size_t cut = 1; cut <= 9; cut++) {
        cr_expect_null(read_bytes(packed, packed_count - cut));
        expect_error(CN_FORMAT, "the gzip data ends early");
    }
    cr_expect_null(read_bytes(packed, packed_count / 2));
    expect_error(CN_FORMAT, "the gzip data ends early");
    free(packed);
    free(bytes);
}

Test(idx, rejects_gzip_with_a_wrong_checksum)
{
    unsigned char packed[256];
    size_t count = compress_gzip(MATRIX, sizeof(MATRIX) - 1, packed, sizeof packed);
    packed[count - 8] ^= 1;
    cr_expect_null(read_bytes(packed, count));
    expect_error(CN_FORMAT, "cannot inflate the gzip data");
}

Test(idx, rejects_bytes_after_gzip)
{
    unsigned char packed[256];
    size_t count = compress_gzip(MATRIX, sizeof(MATRIX) - 1, packed, sizeof packed);
    memcpy(packed + count, "junk", 4);
    cr_expect_null(read_bytes(packed, count + 4));
    expect_error(CN_FORMAT, "cannot inflate the gzip data");
}

static void expect_survival(const unsigned char *original, size_t count, size_t lies, uint64_t seed)
{
    static unsigned char bytes[1024];
    int read = 0, rejected = 0;
    for (int round = 0; round < 1500; round++) {
        memcpy(bytes, original, count);
        const char *path = file_of(bytes, damage(bytes, count, lies, &seed));
        counting_start(LONG_MAX);
        cn_idx *idx = cn_idx_read(path);
        if (idx) {
            cr_assert_geq(cn_shape_size(idx->array.shape), 0);
            cr_assert_lt(cn_shape_size(idx->array.shape), 1024);
            read++;
        } else {
            cr_assert(cn_error_code() == CN_FORMAT || cn_error_code() == CN_UNSUPPORTED, "%s", cn_error_message());
            rejected++;
        }
        cn_error_clear();
        cn_idx_free(idx);
        cr_assert_eq(counting.live, 0);
        cn_set_allocator((cn_allocator){NULL, NULL});
    }
    cr_expect_gt(read, 0);
    cr_expect_gt(rejected, 1000);
}

Test(idx, survives_damaged_files)
{
    const char file[] = "\0\0\x0b\3\0\0\0\2\0\0\0\2\0\0\0\1\1\2\3\4\5\6\7\x08";
    expect_survival((const unsigned char *)file, sizeof file - 1, sizeof file - 1, 21);
    expect_survival((const unsigned char *)file, sizeof file - 1, 16, 22);
}

Test(idx, survives_damaged_gzip_files)
{
    unsigned char packed[512];
    size_t count = compress_gzip(MATRIX, sizeof(MATRIX) - 1, packed, sizeof packed);
    expect_survival(packed, count, count, 23);
}

Test(idx, running_out_of_memory_leaks_nothing)
{
    static const char file[] = "\0\0\x0b\1\0\0\0\2\1\2\xff\xfe";
    const char *path = file_of(file, sizeof file - 1);
    bool done = false;
    for (long limit = 0; !done; limit++) {
        counting_start(limit);
        cn_idx *idx = cn_idx_read(path);
        done = idx != NULL;
        cr_assert(done || cn_error_code() == CN_MEMORY, "%s", cn_error_message());
        cn_idx_free(idx);
        cr_assert_eq(counting.live, 0);
        cn_error_clear();
    }
}

Test(idx, null_is_no_path)
{
    cr_expect_null(cn_idx_read(NULL));
    cr_expect_eq(cn_error_code(), CN_ARGUMENT);
    cn_error_clear();
}
