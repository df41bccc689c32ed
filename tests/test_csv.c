#include "cornet.h"
#include "counting_allocator.h"
#include "file_of_bytes.h"
#include <limits.h>
#include <locale.h>
#include <math.h>

TestSuite(csv, .fini = remove_file);

static const char *file_with(const char *text)
{
    return file_of(text, strlen(text));
}

static void expect_numbers(cn_view array, cn_shape shape, const float *wanted)
{
    cr_assert_eq(array.type, CN_ARRAY_F32);
    cr_assert(cn_shape_equal(array.shape, shape));
    const float *got = array.data;
    for (int64_t i = 0; i < cn_shape_size(shape); i++)
        cr_expect(got[i] == wanted[i] || (isnan(got[i]) && isnan(wanted[i])), "number %lld is %g, not %g", (long long)i,
                  (double)got[i], (double)wanted[i]);
}
#define EXPECT(array, shape, ...) expect_numbers((array), (shape), (const float[]){__VA_ARGS__})

static void expect_table(cn_csv *csv, cn_shape shape, const float *wanted)
{
    cr_assert(csv, "%s", cn_error_message());
    expect_numbers(csv->x, shape, wanted);
    cn_csv_free(csv);
}
#define TABLE(csv, shape, ...) expect_table((csv), (shape), (const float[]){__VA_ARGS__})

static void expect_refused(cn_csv *csv, cn_code code, const char *reason)
{
    cr_expect_null(csv);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
}

Test(csv, reads_all_columns_by_default)
{
    cn_csv *csv = cn_csv_read(file_with("a,b\n1,2.5\n-3,4e1\n"));
    cr_assert(csv, "%s", cn_error_message());
    cr_expect_str_eq(csv->names[0], "a");
    cr_expect_str_eq(csv->names[1], "b");
    cr_expect_null(csv->y.data);
    TABLE(csv, CN_SHAPE(2, 2), 1, 2.5f, -3, 40);
}

Test(csv, chooses_columns_by_name_in_the_order_of_the_names)
{
    const char *path = file_with("a,b,c,d\n1,2,3,4\n5,6,7,8\n");
    cn_csv *csv = cn_csv_read(path, .columns = {"d", "a"}, .label = "b");
    cr_assert(csv, "%s", cn_error_message());
    EXPECT(csv->y, CN_SHAPE(2, 1), 2, 6);
    TABLE(csv, CN_SHAPE(2, 2), 4, 1, 8, 5);
    TABLE(cn_csv_read(path, .label = "c"), CN_SHAPE(2, 3), 1, 2, 4, 5, 6, 8);
}

Test(csv, numbers_the_columns_of_a_table_without_header)
{
    const char *path = file_with("1;2;3\n4;5;6");
    TABLE(cn_csv_read(path, .separator = ';', .header = false), CN_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    cn_csv *csv = cn_csv_read(path, .separator = ';', .header = false, .columns = {"2"}, .label = "0");
    EXPECT(csv->y, CN_SHAPE(2, 1), 1, 4);
    TABLE(csv, CN_SHAPE(2, 1), 3, 6);
}

Test(csv, takes_quotes_line_ends_blanks_and_a_byte_order_mark_as_they_come)
{
    TABLE(cn_csv_read(file_with("\xEF\xBB\xBF"
                                "\"a\",b\r\n\r\n 1 ,\"2\"\r\n\n3, \"4\" "),
                      .columns = {"a", "b"}),
          CN_SHAPE(2, 2), 1, 2, 3, 4);
    TABLE(cn_csv_read(file_with("\"with, comma\",\"with \"\"quotes\"\"\",\"with\nbreak\"\n1,2,3\n"),
                      .columns = {"with, comma", "with \"quotes\"", "with\nbreak"}),
          CN_SHAPE(1, 3), 1, 2, 3);
    TABLE(cn_csv_read(file_with("a\tb\n1\t\n\t2\n"), .separator = '\t', .missing = -1), CN_SHAPE(2, 2), 1, -1, -1, 2);
}

Test(csv, reads_decimal_numbers_of_all_forms)
{
    TABLE(cn_csv_read(file_with("a\n+1\n.5\n5.\n1E-2\n-0.25e+3\n16777217\n1e-50\n")), CN_SHAPE(7, 1), 1, 0.5f, 5, 0.01f,
          -250, 16777216, 0);
    static const char *const others[] = {"x", "1,5", "0x10", "1e", "e5", ".", "-", "1 2", "nan", "inf", "1d3", "--1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[32];
        snprintf(text, sizeof text, "a\n\"%s\"\n", others[i]);
        expect_refused(cn_csv_read(file_with(text)), CN_VALUE, "is no number");
    }
}

Test(csv, keeps_doubles_and_the_decimal_point_in_every_locale)
{
    /* Where no such locale is installed the one of the test is not changed. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    cn_csv *csv = cn_csv_read(file_with("a,b\n0.1,1e300\n"), .dtype = CN_F64);
    cr_assert(csv, "%s", cn_error_message());
    cr_expect_eq(csv->x.type, CN_ARRAY_F64);
    cr_expect_eq(((const double *)csv->x.data)[0], 0.1);
    cr_expect_eq(((const double *)csv->x.data)[1], 1e300);
    cn_csv_free(csv);
}

Test(csv, missing_fields_get_a_value_or_drop_their_row)
{
    const char *path = file_with("a,b,c\n1,,3\n,\"\",NA\n4,5,6\n");
    expect_refused(cn_csv_read(path), CN_VALUE, "line 3: column 'c': 'NA' is no number");
    TABLE(cn_csv_read(path, .missing_text = "NA"), CN_SHAPE(3, 3), 1, NAN, 3, NAN, NAN, NAN, 4, 5, 6);
    TABLE(cn_csv_read(path, .missing_text = "NA", .missing = 0.5), CN_SHAPE(3, 3), 1, 0.5f, 3, 0.5f, 0.5f, 0.5f, 4, 5,
          6);
    TABLE(cn_csv_read(path, .missing_text = "NA", .drop_missing = true), CN_SHAPE(1, 3), 4, 5, 6);
    TABLE(cn_csv_read(path, .columns = {"a"}, .drop_missing = true), CN_SHAPE(2, 1), 1, 4);
    expect_refused(cn_csv_read(path, .columns = {"a"}, .label = "b"), CN_VALUE, "line 2: column 'b': '' is no label");
}

Test(csv, numbers_categories_by_their_texts)
{
    cn_csv *csv = cn_csv_read(file_with("size,color,kind\n1,red,pear\n2,blue,\"apple\"\n3,,fig\n4,red,apple\n"),
                              .label = "kind", .categories = {"kind", "color"}, .missing = 0);
    cr_assert(csv, "%s", cn_error_message());
    cr_assert_eq(csv->y.type, CN_ARRAY_I32);
    cr_expect(cn_shape_equal(csv->y.shape, CN_SHAPE(4, 1)));
    cr_expect_arr_eq(csv->y.data, ((const int32_t[]){2, 0, 1, 0}), 4 * sizeof(int32_t));
    cr_expect_eq(cn_csv_classes(csv, "kind"), 3);
    cr_expect_str_eq(cn_csv_class(csv, "kind", 0), "apple");
    cr_expect_str_eq(cn_csv_class(csv, "kind", 2), "pear");
    cr_expect_null(cn_csv_class(csv, "kind", 3));
    cr_expect_str_eq(cn_csv_class(csv, "color", 1), "red");
    cr_expect_eq(cn_csv_classes(csv, "size"), 0);
    cr_expect_eq(cn_csv_classes(csv, "nothing"), 0);
    TABLE(csv, CN_SHAPE(4, 2), 1, 1, 2, 0, 3, 0, 4, 1);
}

Test(csv, reads_another_table_like_the_first)
{
    cn_csv *train = cn_csv_read(file_with("kind,size,id\na,1,x\nb,2,x\nc,3,x\n"), .columns = {"size"}, .label = "kind",
                                .categories = {"kind"});
    cn_csv *test = cn_csv_read(file_with("size,more,kind\n7,8,c\n"), .like = train);
    expect_refused(cn_csv_read(file_with("size,kind\n7,d\n"), .like = train), CN_VALUE,
                   "line 2: column 'kind': 'd' is no category of the other table");
    cn_csv_free(train);
    cr_assert(test, "%s", cn_error_message());
    cr_expect_eq(*(const int32_t *)test->y.data, 2);
    cr_expect_eq(cn_csv_classes(test, "kind"), 3);
    TABLE(test, CN_SHAPE(1, 1), 7);
}

Test(csv, says_where_a_text_is_wrong)
{
    expect_refused(cn_csv_read(file_with("a,b\n1,2\n\n\"\n\n3\",4,5\n")), CN_FORMAT, "line 4: 3 fields");
    expect_refused(cn_csv_read(file_with("a,b\n1\n")), CN_FORMAT, "line 2: 1 fields, the lines before it have 2");
    expect_refused(cn_csv_read(file_with("a,b\n1,\"2\n3,4\n")), CN_FORMAT, "line 2: a quote is not closed");
    expect_refused(cn_csv_read(file_with("a,b\n1,\"2\"3\n")), CN_FORMAT, "line 2: there is text after a closing quote");
    expect_refused(cn_csv_read(file_with("a,b\n1,2\n3,x\n")), CN_VALUE, "line 3: column 'b': 'x' is no number");
    expect_refused(cn_csv_read(file_with("a\n1\r2\n")), CN_FORMAT, "line 2: a carriage return");
    expect_refused(cn_csv_read(file_with("a\n1e39\n")), CN_VALUE, "'1e39' is too large");
    expect_refused(cn_csv_read(file_with("a\n1e400\n"), .dtype = CN_F64), CN_VALUE, "is too large");
    expect_refused(cn_csv_read(file_of("a\n1\n\0\n", 6)), CN_FORMAT, "line 3: there is a NUL");
    expect_refused(cn_csv_read(file_with("")), CN_FORMAT, "there is nothing in it");
    expect_refused(cn_csv_read(file_with("\n\r\n")), CN_FORMAT, "there is nothing in it");
    expect_refused(cn_csv_read(file_with("a,b\n")), CN_FORMAT, "there are no rows");
    expect_refused(cn_csv_read(file_with("a\n1\n"), .label = "a"), CN_FORMAT, "no column but the label");
    expect_refused(cn_csv_read("/nonexistent/table.csv"), CN_FILE, "/nonexistent/table.csv");
}

Test(csv, refuses_wrong_use)
{
    const char *path = file_with("a,b,a\n1,2,3\n");
    cn_csv *table = cn_csv_read(path);
    expect_refused(cn_csv_read(path, .columns = {"c"}), CN_ARGUMENT, "no column 'c'");
    expect_refused(cn_csv_read(path, .columns = {"a"}), CN_ARGUMENT, "two columns 'a'");
    expect_refused(cn_csv_read(path, .label = "c"), CN_ARGUMENT, "no column 'c'");
    expect_refused(cn_csv_read(path, .columns = {"b"}, .categories = {"a"}), CN_ARGUMENT, "the category 'a'");
    expect_refused(cn_csv_read(path, .separator = '"'), CN_ARGUMENT, ".separator");
    expect_refused(cn_csv_read(path, .dtype = CN_I32), CN_ARGUMENT, ".dtype");
    expect_refused(cn_csv_read(path, .like = table, .label = "b"), CN_ARGUMENT, ".like");
    expect_refused(cn_csv_read(NULL), CN_ARGUMENT, "NULL");
    cn_csv_free(table);
    cn_csv_free(NULL);
}

Test(csv, is_what_a_model_learns_from)
{
    char text[4096] = "x,kind,y\n";
    for (int i = 0, at = (int)strlen(text); i < 60; i++) {
        double x = sin(i), y = cos(3 * i);
        at += snprintf(text + at, sizeof text - (size_t)at, "%.3f,%s,%.3f\n", x, x > y ? "right" : "left", y);
    }
    cn_csv *table = cn_csv_read(file_with(text), .label = "kind", .categories = {"kind"});
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(2, cn_softmax));
    cn_compile(model, .optimizer = cn_adam(0.1), .loss = cn_sparse_categorical_crossentropy(),
               .metrics = {cn_accuracy()});
    cn_history *history = cn_fit(model, {table->x}, {table->y}, .epochs = 40, .verbose = 0);
    cr_assert(history, "%s", cn_error_message());
    cr_expect_gt(cn_history_of(history, "accuracy")[39], 0.95);
    cn_model_free(model);
    cn_csv_free(table);
}

static const char mixed[] = "a,\"b, c\",kind\r\n1,2.5,\"x\"\"y\"\r\n,-3e2,z\r\n4,5,x\r\n";

static cn_csv *read_mixed(const char *path)
{
    return cn_csv_read(path, .label = "kind", .categories = {"kind"});
}

Test(csv, survives_damage)
{
    unsigned char damaged[sizeof mixed + 16];
    uint64_t random = 12;
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
        memcpy(damaged, mixed, sizeof mixed - 1);
        const char *path = file_of(damaged, damage(damaged, sizeof mixed - 1, sizeof mixed - 1, &random));
        counting_start(LONG_MAX);
        cn_csv *csv = read_mixed(path);
        cr_expect_neq(csv != NULL, cn_failed());
        cr_expect(!cn_failed() || cn_error_code() == CN_FORMAT || cn_error_code() == CN_VALUE ||
                      cn_error_code() == CN_ARGUMENT,
                  "%s", cn_error_message());
        refused += !csv;
        cn_csv_free(csv);
        cr_assert_eq(counting.live, 0);
        cn_set_allocator((cn_allocator){NULL, NULL});
        cn_error_clear();
    }
    cr_expect_gt(refused, 300);
    cr_expect_lt(refused, 1000);
}

Test(csv, running_out_of_memory_leaks_nothing)
{
    const char *path = file_with(mixed);
    bool done = false;
    for (long limit = 0; !done; limit++) {
        counting_start(limit);
        cn_csv *csv = read_mixed(path);
        done = csv != NULL;
        cr_assert(done || cn_error_code() == CN_MEMORY, "%s", cn_error_message());
        cn_csv_free(csv);
        cr_assert_eq(counting.live, 0);
        cn_error_clear();
    }
}
