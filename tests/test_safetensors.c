#include "formats/safetensors.h"
#include "file_of_bytes.h"
#include <math.h>

TestSuite(safetensors, .fini = remove_file);

static unsigned char bytes[1 << 16];

static size_t build(const char *header, const void *data, size_t data_bytes)
{
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
    memcpy(bytes + 8, header, length);
    if (data_bytes)
        memcpy(bytes + 8 + length, data, data_bytes);
    return 8 + length + data_bytes;
}

static cn_safetensors *open_built(const char *header, const void *data, size_t data_bytes)
{
    return cn_safetensors_open(file_of(bytes, build(header, data, data_bytes)));
}

/* Opens a file that must be good and has one tensor. */
static cn_safetensors *open_one(const char *header, const void *data, size_t data_bytes)
{
    cn_safetensors *file = open_built(header, data, data_bytes);
    cr_assert(file, "%s", cn_error_message());
    cr_assert_eq(cn_safetensors_count(file), 1);
    return file;
}

static void expect_error(cn_code code, const char *reason)
{
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cr_expect(!strncmp(cn_error_message(), file_path, strlen(file_path)), "'%s' does not begin with the path",
              cn_error_message());
    cn_error_clear();
}

Test(safetensors, gives_names_types_shapes_and_data_in_the_order_of_the_data)
{
    struct {
        double matrix[6];
        int32_t vector[2];
        float scalar;
    } data = {{1, 2, 3, 4, 5, -6.5}, {7, -8}, 0.25f};
    cn_safetensors *file = open_built("{\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[56,60]},"
                                      "\"matrix\":{\"dtype\":\"F64\",\"shape\":[2,3],\"data_offsets\":[0,48]},"
                                      "\"vector\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[48,56]}}",
                                      &data, 60);
    cr_assert(file, "%s", cn_error_message());
    cr_assert_eq(cn_safetensors_count(file), 3);
    const cn_safetensors_entry *matrix = cn_safetensors_at(file, 0), *vector = cn_safetensors_at(file, 1),
                               *scalar = cn_safetensors_at(file, 2);
    cr_expect_str_eq(matrix->name, "matrix");
    cr_expect_eq(matrix->type, CN_SAFETENSORS_F64);
    cr_expect(cn_shape_equal(matrix->shape, CN_SHAPE(2, 3)));
    cr_expect_eq(matrix->bytes, 48);
    cr_expect_arr_eq(matrix->data, data.matrix, 48);
    cr_expect_str_eq(vector->name, "vector");
    cr_expect_eq(vector->type, CN_SAFETENSORS_I32);
    cr_expect_arr_eq(vector->data, data.vector, 8);
    cr_expect_str_eq(scalar->name, "scalar");
    cr_expect_eq(scalar->shape.rank, 0);
    cr_expect_arr_eq(scalar->data, &data.scalar, 4);
    cr_expect_null(cn_safetensors_at(file, 3));
    cn_safetensors_close(file);
}

Test(safetensors, finds_a_tensor_by_its_name)
{
    cn_safetensors *file = open_built("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                      "\"b/\\u00e9\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                                      "\5\6", 2);
    const cn_safetensors_entry *entry = cn_safetensors_find(file, "b/\xc3\xa9");
    cr_assert(entry);
    cr_expect_eq(*(const unsigned char *)entry->data, 6);
    cr_expect_null(cn_safetensors_find(file, "c"));
    cr_expect_not(cn_failed());
    cn_safetensors_close(file);
}

Test(safetensors, gives_metadata_by_key)
{
    cn_safetensors *file = open_built("{\"__metadata__\":{\"format\":\"pt\",\"note\":\"\"}}", NULL, 0);
    cr_assert(file, "%s", cn_error_message());
    cr_expect_str_eq(cn_safetensors_metadata(file, "format"), "pt");
    cr_expect_str_eq(cn_safetensors_metadata(file, "note"), "");
    cr_expect_null(cn_safetensors_metadata(file, "form"));
    cr_expect_eq(cn_safetensors_count(file), 0);
    cn_safetensors_close(file);
}

Test(safetensors, accepts_whitespace_around_the_header_and_data_at_odd_addresses)
{
    double value = 0.1, got = 0;
    cn_safetensors *file =
        open_one(" \t\r\n{\"x\" : {\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}\n  ", &value, 8);
    cr_expect(cn_safetensors_read(cn_safetensors_at(file, 0), CN_F64, &got));
    cr_expect_eq(got, value);
    cn_safetensors_close(file);
}

Test(safetensors, accepts_tensors_without_elements)
{
    cn_safetensors *file = open_built("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                      "\"none\":{\"dtype\":\"F32\",\"shape\":[3,0,2],\"data_offsets\":[0,0]},"
                                      "\"last\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[4,4]}}",
                                      "abcd", 4);
    cr_assert(file, "%s", cn_error_message());
    cr_expect_eq(cn_safetensors_find(file, "none")->bytes, 0);
    cr_expect(cn_safetensors_read(cn_safetensors_find(file, "none"), CN_F64, NULL));
    cr_expect(cn_shape_equal(cn_safetensors_find(file, "none")->shape, CN_SHAPE(3, 0, 2)));
    cn_safetensors_close(file);
}

Test(safetensors, accepts_an_empty_file_of_tensors)
{
    cn_safetensors *file = open_built("{}", NULL, 0);
    cr_assert(file, "%s", cn_error_message());
    cr_expect_eq(cn_safetensors_count(file), 0);
    cn_safetensors_close(file);
}

Test(safetensors, ignores_other_keys_of_a_tensor)
{
    cn_safetensors_close(
        open_one("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"unit\":\"m\"}}", "a", 1));
}

/* Types and their sizes in bits as the format's table has them. */
Test(safetensors, knows_every_type)
{
    static const struct {
        const char *name;
        int bits;
    } table[] = {{"BOOL", 8},    {"U8", 8},   {"I8", 8},          {"F8_E5M2", 8},    {"F8_E4M3", 8}, {"I16", 16},
                 {"U16", 16},    {"F16", 16}, {"BF16", 16},       {"I32", 32},       {"U32", 32},    {"F32", 32},
                 {"I64", 64},    {"U64", 64}, {"F64", 64},        {"C64", 64},       {"F8_E8M0", 8}, {"F6_E2M3", 6},
                 {"F6_E3M2", 6}, {"F4", 4},   {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}};
    static const char data[64];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char header[128];
        snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[2,4],\"data_offsets\":[0,%d]}}",
                 table[i].name, table[i].bits);
        cn_safetensors *file = open_one(header, data, (size_t)table[i].bits);
        cr_expect_str_eq(cn_safetensors_type_name(cn_safetensors_at(file, 0)->type), table[i].name);
        cn_safetensors_close(file);
    }
}

static void expect_values(const char *dtype, const void *data, size_t size, const double *expected, int count)
{
    char header[128];
    snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%zu]}}", dtype, count,
             size * (size_t)count);
    cn_safetensors *file = open_one(header, data, size * (size_t)count);
    float floats[8];
    double doubles[8];
    cr_expect(cn_safetensors_read(cn_safetensors_at(file, 0), CN_F32, floats));
    cr_expect(cn_safetensors_read(cn_safetensors_at(file, 0), CN_F64, doubles));
    for (int i = 0; i < count; i++) {
        cr_expect_eq(doubles[i], expected[i], "%s element %d: %.17g, not %.17g", dtype, i, doubles[i], expected[i]);
        cr_expect_eq(floats[i], (float)expected[i], "%s element %d: %.9g, not %.17g", dtype, i, (double)floats[i],
                     expected[i]);
    }
    cn_safetensors_close(file);
}

Test(safetensors, reads_half_precision)
{
    expect_values("F16", (uint16_t[]){0x3C00, 0xC000, 0x7BFF, 0x0001, 0x0400, 0x83FF, 0x7C00, 0xFC00}, 2,
                  (double[]){1, -2, 65504, 0x1p-24, 0x1p-14, -1023 * 0x1p-24, INFINITY, -INFINITY}, 8);
}

Test(safetensors, reads_bfloat16)
{
    expect_values("BF16", (uint16_t[]){0x3F80, 0xC0A0, 0x0001, 0x7F80}, 2, (double[]){1, -5, 0x1p-133, INFINITY}, 4);
}

Test(safetensors, reads_floats_of_either_size_as_the_other)
{
    expect_values("F32", (float[]){0.1f, -3}, 4, (double[]){(double)0.1f, -3}, 2);
    expect_values("F64", (double[]){0.1, -3}, 8, (double[]){0.1, -3}, 2);
}

Test(safetensors, reads_integers_as_floats)
{
    expect_values("BOOL", (uint8_t[]){0, 1}, 1, (double[]){0, 1}, 2);
    expect_values("U8", (uint8_t[]){0, 255}, 1, (double[]){0, 255}, 2);
    expect_values("I8", (int8_t[]){-128, 127}, 1, (double[]){-128, 127}, 2);
    expect_values("U16", (uint16_t[]){0, 65535}, 2, (double[]){0, 65535}, 2);
    expect_values("I16", (int16_t[]){-32768, 5}, 2, (double[]){-32768, 5}, 2);
    expect_values("U32", (uint32_t[]){4294967295u, 1}, 4, (double[]){4294967295, 1}, 2);
    expect_values("I32", (int32_t[]){INT32_MIN, 1}, 4, (double[]){-2147483648, 1}, 2);
    expect_values("U64", (uint64_t[]){1ull << 63, 1}, 8, (double[]){0x1p63, 1}, 2);
    expect_values("I64", (int64_t[]){INT64_MIN, 1}, 8, (double[]){-0x1p63, 1}, 2);
}

Test(safetensors, reads_a_half_precision_nan)
{
    cn_safetensors *file = open_one("{\"x\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", "\1\x7c", 2);
    float value = 0;
    cr_expect(cn_safetensors_read(cn_safetensors_at(file, 0), CN_F32, &value));
    cr_expect(isnan(value));
    cn_safetensors_close(file);
}

Test(safetensors, reads_64_bit_integers_as_int32_only_if_they_fit)
{
    const char *header = "{\"x\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]}}";
    int32_t out[2];
    cn_safetensors *file = open_one(header, (int64_t[]){INT32_MIN, INT32_MAX}, 16);
    cr_expect(cn_safetensors_read(cn_safetensors_at(file, 0), CN_I32, out));
    cr_expect_eq(out[0], INT32_MIN);
    cr_expect_eq(out[1], INT32_MAX);
    cn_safetensors_close(file);
    file = open_one(header, (int64_t[]){0, INT32_MAX + 1ll}, 16);
    cr_expect_not(cn_safetensors_read(cn_safetensors_at(file, 0), CN_I32, out));
    cr_expect_eq(cn_error_code(), CN_VALUE);
    cn_safetensors_close(file);
}

Test(safetensors, does_not_read_floats_as_int32)
{
    cn_safetensors *file = open_one("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "abcd", 4);
    int32_t out;
    cr_expect_not(cn_safetensors_read(cn_safetensors_at(file, 0), CN_I32, &out));
    cr_expect_eq(cn_error_code(), CN_TYPE);
    cn_safetensors_close(file);
}

Test(safetensors, does_not_read_8_bit_floats)
{
    cn_safetensors *file = open_one("{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", "abcd", 4);
    float out[4];
    cr_expect_not(cn_safetensors_read(cn_safetensors_at(file, 0), CN_F32, out));
    cr_expect_eq(cn_error_code(), CN_UNSUPPORTED);
    cn_safetensors_close(file);
}

Test(safetensors, closes_null)
{
    cn_safetensors_close(NULL);
}

Test(safetensors, does_nothing_while_an_error_is_set)
{
    const char *path = file_of(bytes, build("{}", NULL, 0));
    cn_fail(CN_VALUE, "before");
    cr_expect_null(cn_safetensors_open(path));
    cr_expect_str_eq(cn_error_message(), "before");
}

Test(safetensors, says_that_a_file_is_missing)
{
    cr_expect_null(cn_safetensors_open("/nowhere/model.safetensors"));
    cr_expect_eq(cn_error_code(), CN_FILE);
    cr_expect_str_eq(cn_error_message(), "/nowhere/model.safetensors: No such file or directory");
}

Test(safetensors, says_that_a_path_is_a_directory)
{
    cr_expect_null(cn_safetensors_open("/tmp"));
    cr_expect_eq(cn_error_code(), CN_FILE);
    cr_expect_str_eq(cn_error_message(), "/tmp: is not a regular file");
}

Test(safetensors, refuses_more_dimensions_than_tensors_have)
{
    cr_expect_null(
        open_built("{\"x\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", "a", 1));
    expect_error(CN_UNSUPPORTED, "'x': 9 dimensions");
}

Test(safetensors, rejects_a_file_shorter_than_its_length)
{
    for (size_t count = 0; count < 8; count++) {
        cr_expect_null(cn_safetensors_open(file_of("\2\0\0\0\0\0\0", count)));
        expect_error(CN_FORMAT, "is no safetensors file: it has");
    }
}

static void expect_header_length_rejected(uint64_t length)
{
    size_t count = build("{}", NULL, 0);
    memcpy(bytes, &length, 8);
    cr_expect_null(cn_safetensors_open(file_of(bytes, count)));
    expect_error(CN_FORMAT, "a header of ");
}

Test(safetensors, rejects_a_header_past_the_end)
{
    expect_header_length_rejected(3);
}

Test(safetensors, rejects_header_lengths_near_overflow)
{
    expect_header_length_rejected(UINT64_MAX);
    expect_header_length_rejected(UINT64_MAX - 7);
    expect_header_length_rejected(1ull << 63);
}

Test(safetensors, rejects_a_header_over_100_million_bytes)
{
    uint64_t length = 100000001;
    size_t count = build("{}", NULL, 0);
    memcpy(bytes, &length, 8);
    const char *path = file_of(bytes, count);
    cr_assert_eq(truncate(path, 8 + 100000001), 0);
    cr_expect_null(cn_safetensors_open(path));
    expect_error(CN_FORMAT, "a header of 100000001 bytes");
}

/* A header, the number of bytes of data after it, and what the message has to say. */
#define REJECTS(behaviour, header, data_bytes, reason)         \
    Test(safetensors, rejects_##behaviour)                     \
    {                                                          \
        static const char zeros[64];                           \
        cr_expect_null(open_built(header, zeros, data_bytes)); \
        expect_error(CN_FORMAT, reason);                       \
    }
#define TENSOR(name, dtype, shape, offsets) \
    "\"" name "\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define ONE(dtype, shape, offsets) "{" TENSOR("x", dtype, shape, offsets) "}"

REJECTS(an_empty_header, "", 0, "header")
REJECTS(a_header_that_is_not_json, "{hello}", 0, "header")
REJECTS(a_header_that_is_an_array, "[]", 0, "not a JSON object")
REJECTS(a_header_that_is_a_text, "\"a\"", 0, "header")
REJECTS(a_header_that_ends_early, "{\"x\":", 0, "header")
REJECTS(text_after_the_header, "{} x", 0, "header")
REJECTS(a_byte_order_mark, "\xef\xbb\xbf{}", 0, "header")
REJECTS(a_header_that_is_not_utf8, "{\"__metadata__\":{\"a\":\"\xff\"}}", 0, "unable to decode byte")
REJECTS(an_overlong_utf8_sequence, "{\"__metadata__\":{\"a\":\"\xc0\xaf\"}}", 0, "unable to decode byte")
REJECTS(a_name_with_a_nul, "{\"a\\u0000\":1}", 0, "NUL")
REJECTS(duplicate_names, "{" TENSOR("x", "\"U8\"", "[0]", "[0,0]") "," TENSOR("x", "\"U8\"", "[0]", "[0,0]") "}", 0,
        "duplicate")
REJECTS(duplicate_metadata, "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "duplicate")
REJECTS(duplicate_keys_of_a_tensor, "{\"x\":{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        0, "duplicate")
REJECTS(metadata_that_is_no_object, "{\"__metadata__\":\"a\"}", 0, "__metadata__")
REJECTS(metadata_that_is_no_text, "{\"__metadata__\":{\"a\":1}}", 0, "metadata 'a'")
REJECTS(a_tensor_that_is_no_object, "{\"x\":[]}", 0, "'x': unknown dtype")
REJECTS(a_missing_dtype, "{\"x\":{\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "unknown dtype")
REJECTS(an_unknown_dtype, ONE("\"F31\"", "[1]", "[0,4]"), 4, "unknown dtype 'F31'")
REJECTS(a_dtype_in_small_letters, ONE("\"f32\"", "[1]", "[0,4]"), 4, "unknown dtype 'f32'")
REJECTS(a_dtype_that_is_no_text, ONE("32", "[1]", "[0,4]"), 4, "unknown dtype")
REJECTS(a_missing_shape, "{\"x\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}}", 0, "no shape")
REJECTS(a_shape_that_is_no_list, ONE("\"U8\"", "1", "[0,1]"), 1, "no shape")
REJECTS(a_negative_dimension, ONE("\"U8\"", "[-1]", "[0,1]"), 1, "dimension 0")
REJECTS(a_fractional_dimension, ONE("\"U8\"", "[1,1.0]", "[0,1]"), 1, "dimension 1")
REJECTS(a_dimension_beyond_64_bits, ONE("\"U8\"", "[18446744073709551617]", "[0,1]"), 1, "header")
REJECTS(missing_offsets, "{\"x\":{\"dtype\":\"U8\",\"shape\":[0]}}", 0, "data_offsets are not")
REJECTS(one_offset, ONE("\"U8\"", "[1]", "[0]"), 1, "data_offsets are not")
REJECTS(three_offsets, ONE("\"U8\"", "[1]", "[0,1,1]"), 1, "data_offsets are not")
REJECTS(fractional_offsets, ONE("\"U8\"", "[1]", "[0,1.0]"), 1, "data_offsets are not")
REJECTS(a_negative_offset, ONE("\"U8\"", "[1]", "[-1,0]"), 1, "not in the 1 bytes")
REJECTS(begin_after_end, ONE("\"U8\"", "[1]", "[1,0]"), 1, "not in the 1 bytes")
REJECTS(an_offset_past_the_end, ONE("\"U8\"", "[2]", "[0,2]"), 1, "not in the 1 bytes")
REJECTS(the_largest_offset, ONE("\"U8\"", "[1]", "[9223372036854775806,9223372036854775807]"), 1, "not in the 1 bytes")
REJECTS(fewer_bytes_than_the_shape_needs, ONE("\"F32\"", "[2]", "[0,4]"), 4, "4 bytes do not hold (2,) of F32")
REJECTS(more_bytes_than_the_shape_needs, ONE("\"F32\"", "[]", "[0,8]"), 8, "8 bytes do not hold () of F32")
REJECTS(a_shape_whose_product_overflows, ONE("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0, "do not hold")
REJECTS(a_size_in_bits_that_overflows, ONE("\"F64\"", "[576460752303423488]", "[0,0]"), 0, "do not hold")
REJECTS(half_bytes, ONE("\"F4\"", "[3]", "[0,1]"), 1, "do not hold")
REJECTS(a_gap_before_the_first_tensor, ONE("\"U8\"", "[1]", "[1,2]"), 2, "begins at byte 1 of the data, not at 0")
REJECTS(a_gap, "{" TENSOR("a", "\"U8\"", "[1]", "[0,1]") "," TENSOR("b", "\"U8\"", "[1]", "[2,3]") "}", 3,
        "'b' begins at byte 2 of the data, not at 1")
REJECTS(an_overlap, "{" TENSOR("a", "\"U8\"", "[2]", "[0,2]") "," TENSOR("b", "\"U8\"", "[2]", "[1,3]") "}", 3,
        "'b' begins at byte 1 of the data, not at 2")
REJECTS(two_tensors_in_one_place,
        "{" TENSOR("a", "\"U8\"", "[1]", "[0,1]") "," TENSOR("b", "\"U8\"", "[1]", "[0,1]") "}", 1,
        "'b' begins at byte 0 of the data, not at 1")
REJECTS(trailing_bytes, ONE("\"U8\"", "[1]", "[0,1]"), 2, "2 bytes of data, but the tensors have 1")
REJECTS(data_without_tensors, "{}", 1, "1 bytes of data, but the tensors have 0")

Test(safetensors, rejects_brackets_nested_without_end)
{
    static char header[50001];
    memset(header, '[', 50000);
    memcpy(header, "{\"x\":", 5);
    cr_expect_null(open_built(header, NULL, 0));
    expect_error(CN_FORMAT, "header");
}

Test(safetensors, rejects_a_nul_after_the_header)
{
    size_t count = build("{}  ", NULL, 0);
    bytes[count - 1] = 0;
    cr_expect_null(cn_safetensors_open(file_of(bytes, count)));
    expect_error(CN_FORMAT, "header");
}

/* What opens must be whole: the tensors cover the data, and each is as large as its shape says. */
static void expect_consistent(const cn_safetensors *file)
{
    const char *end = NULL;
    unsigned sum = 0;
    for (size_t i = 0; i < cn_safetensors_count(file); i++) {
        const cn_safetensors_entry *entry = cn_safetensors_at(file, i);
        cr_assert(!end || end == entry->data);
        cr_assert_geq(cn_shape_size(entry->shape), 0);
        cr_assert_eq(cn_safetensors_find(file, entry->name), entry);
        for (size_t k = 0; k < entry->bytes; k++)
            sum += ((const unsigned char *)entry->data)[k];
        end = (const char *)entry->data + entry->bytes;
    }
    cr_assert_leq(sum, 255 * sizeof bytes);
}

Test(safetensors, survives_damaged_files)
{
    static const char *header =
        "{\"__metadata__\":{\"k\":\"v\\u00e9\"}," TENSOR("a", "\"F64\"", "[2,2]", "[0,32]") "," TENSOR(
            "b", "\"BF16\"", "[3]", "[32,38]") "," TENSOR("c", "\"I8\"", "[0,9]",
                                                          "[38,38]") "," TENSOR("d", "\"BOOL\"", "[]", "[38,39]") "}  ";
    static const char data[39];
    uint64_t random = 20;
    int opened = 0, rejected = 0;
    for (int round = 0; round < 3000; round++) {
        size_t count = build(header, data, sizeof data);
        for (uint64_t damages = 1 + next_random(&random) % 2; damages && count > 8; damages--)
            count = damage(bytes, count, round % 3 ? count : 8, &random);
        cn_safetensors *file = cn_safetensors_open(file_of(bytes, count));
        if (file) {
            expect_consistent(file);
            opened++;
        } else {
            cr_assert(cn_error_code() == CN_FORMAT || cn_error_code() == CN_UNSUPPORTED, "%s", cn_error_message());
            cr_assert(strstr(cn_error_message(), ": "));
            rejected++;
        }
        cn_error_clear();
        cn_safetensors_close(file);
    }
    cr_expect_gt(opened, 0);
    cr_expect_gt(rejected, 1000);
}

Test(safetensors, null_is_an_error_and_no_crash)
{
    cn_safetensors *file = open_built("{}", NULL, 0);
    double value;
    cr_assert(file, "%s", cn_error_message());
    cr_expect_null(cn_safetensors_find(file, NULL));
    cr_expect_null(cn_safetensors_metadata(file, NULL));
    cr_expect_not(cn_safetensors_read(cn_safetensors_find(file, "none"), CN_F64, &value));
    cr_expect_eq(cn_error_code(), CN_ARGUMENT);
    cn_error_clear();
    cr_expect_null(cn_safetensors_open(NULL));
    cr_expect_eq(cn_error_code(), CN_ARGUMENT);
    cn_error_clear();
    cn_safetensors_close(file);
}

/* Writing */

Test(safetensors, reads_what_it_wrote)
{
    const double wide[2] = {1, 0.1};
    const float matrix[6] = {1, 2, 3, 4, 5, -6.5f};
    const int32_t scalar = -7;
    const cn_safetensors_tensor tensors[] = {{"b/scalar", CN_I32, CN_SHAPE(), &scalar},
                                             {"a/matrix", CN_F32, CN_SHAPE(2, 3), matrix},
                                             {"a/\xc3\xa9", CN_F64, CN_SHAPE(2), wide},
                                             {"empty", CN_F32, CN_SHAPE(0, 3), NULL}};
    const cn_safetensors_text texts[] = {{"format", "pt"}, {NULL, NULL}};
    const char *path = file_of("old", 3);
    cr_assert(cn_safetensors_write(path, tensors, 4, texts), "%s", cn_error_message());
    cn_safetensors *file = cn_safetensors_open(path);
    cr_assert(file, "%s", cn_error_message());
    cr_expect_eq(cn_safetensors_count(file), 4);
    cr_expect_str_eq(cn_safetensors_metadata(file, "format"), "pt");
    for (size_t i = 0; i < 4; i++) {
        const cn_safetensors_entry *entry = cn_safetensors_find(file, tensors[i].name);
        cr_assert(entry);
        cr_expect(cn_shape_equal(entry->shape, tensors[i].shape));
        cr_expect_eq(entry->bytes, (size_t)cn_shape_size(entry->shape) * cn_dtype_size(tensors[i].dtype));
        cr_expect(entry->bytes == 0 || memcmp(entry->data, tensors[i].data, entry->bytes) == 0);
    }
    cn_safetensors_close(file);
}

Test(safetensors, writes_the_bytes_that_the_format_asks_for)
{
    const float value = 1;
    const cn_safetensors_tensor tensor = {"x", CN_F32, CN_SHAPE(1), &value};
    static const char wanted[] = "\x38\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
                                 "  \0\0\x80\x3f";
    const char *path = file_of("", 0);
    cr_assert(cn_safetensors_write(path, &tensor, 1, NULL), "%s", cn_error_message());
    unsigned char got[128];
    FILE *file = fopen(path, "rb");
    size_t count = fread(got, 1, sizeof got, file);
    fclose(file);
    cr_assert_eq(count, sizeof wanted - 1);
    cr_expect_arr_eq(got, wanted, sizeof wanted - 1);
}

Test(safetensors, refuses_to_write_two_tensors_of_one_name_and_leaves_the_old_file)
{
    const float value = 1;
    const cn_safetensors_tensor tensors[] = {{"x", CN_F32, CN_SHAPE(1), &value}, {"x", CN_F32, CN_SHAPE(1), &value}};
    const char *path = file_of("old", 3);
    cr_assert_not(cn_safetensors_write(path, tensors, 2, NULL));
    expect_error(CN_ARGUMENT, "two tensors have one name");
    FILE *file = fopen(path, "rb");
    char got[8];
    cr_expect_eq(fread(got, 1, sizeof got, file), 3);
    fclose(file);
}

Test(safetensors, refuses_a_directory_that_is_not_there)
{
    cr_assert_not(cn_safetensors_write("/nowhere/at/all.safetensors", NULL, 0, NULL));
    cr_expect_eq(cn_error_code(), CN_FILE);
    cn_error_clear();
}
