#include "core/array_text.h"
#include "core/arena.h"
#include "read_file.h"
#include <criterion/criterion.h>
#include <string.h>

typedef struct array {
    cn_dtype dtype;
    cn_shape shape;
    int64_t strides[CN_MAX_RANK];
    void *data;
} array;

static void set_row_major_strides(array *a)
{
    int64_t stride = 1;
    for (int i = a->shape.rank - 1; i >= 0; i--) {
        a->strides[i] = stride;
        stride *= a->shape.dim[i];
    }
}

/* The text, which is the caller's to free. */
static cn_text text_of(const array *a, bool repr)
{
    cn_text text = {0};
    cr_assert(cn_array_text(&text, a->data, a->dtype, a->shape, a->strides, repr ? cn_dtype_name(a->dtype) : NULL),
              "%s", cn_error_message());
    return text;
}

static void check(const array *a, bool repr, const char *expected, size_t size, const char *which)
{
    cn_text text = text_of(a, repr);
    cr_assert(text.size == size && memcmp(text.data, expected, size) == 0, "%s: NumPy prints\n%.*s\nnot\n%s", which,
              (int)size, expected, text.data);
    cn_text_free(&text);
}

static void set(array *a, int64_t i, double value)
{
    if (a->dtype == CN_F32)
        ((float *)a->data)[i] = (float)value;
    else if (a->dtype == CN_F64)
        ((double *)a->data)[i] = value;
    else
        ((int32_t *)a->data)[i] = (int32_t)value;
}

static void set_bits(array *a, int64_t i, uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    if (a->dtype == CN_F64)
        memcpy((uint64_t *)a->data + i, &bits, sizeof bits);
    else
        memcpy((uint32_t *)a->data + i, &low, sizeof low);
}

/* Reads the "case" line at `line` and the line of elements after it, and returns the end of the latter. */
static char *read_array(array *a, char *line)
{
    char name[16];
    int used;
    cr_assert_eq(sscanf(line, "case %15s%n", name, &used), 1);
    a->dtype = strcmp(name, "float32") == 0 ? CN_F32 : strcmp(name, "float64") == 0 ? CN_F64 : CN_I32;
    char *rest = line + used, *end;
    for (a->shape.rank = 0; *rest != '\n'; a->shape.rank++, rest = end)
        a->shape.dim[a->shape.rank] = strtoll(rest, &end, 10);
    rest++;
    set_row_major_strides(a);
    int64_t size = cn_shape_size(a->shape);
    a->data = calloc((size_t)size + 1, 8);
    double first, step;
    if (sscanf(rest, "range %lf %lf", &first, &step) == 2) {
        for (int64_t i = 0; i < size; i++)
            set(a, i, first + (double)i * step);
    } else {
        cr_assert_eq(strncmp(rest, "bits", 4), 0);
        rest += 4;
        for (int64_t i = 0; i < size; i++, rest = end)
            set_bits(a, i, strtoull(rest, &end, 16));
    }
    return strchr(strchr(line, '\n') + 1, '\n');
}

static char *after_lines(char *text, int lines)
{
    while (lines-- > 0)
        text = strchr(text, '\n') + 1;
    return text;
}

Test(array_text, is_what_numpy_prints)
{
    char *file = read_file(CN_TEST_DATA "/numpy_text.txt");
    int cases = 0;
    for (char *line = file; *line; cases++) {
        array a = {.shape = {0}};
        char *rest = read_array(&a, line);
        for (int repr = 0; repr < 2; repr++) {
            int lines, used;
            cr_assert_eq(sscanf(rest, repr ? " repr %d%n" : " str %d%n", &lines, &used), 1);
            char *expected = rest + used + 1, *end = after_lines(expected, lines) - 1;
            line[strcspn(line, "\n")] = '\0';
            check(&a, repr, expected, (size_t)(end - expected), line);
            rest = end;
        }
        free(a.data);
        line = rest + 1;
    }
    cr_assert_gt(cases, 150);
    free(file);
}

Test(array_text, follows_strides)
{
    int32_t data[] = {1, 2, 3, 4, 5, 6};
    array transposed = {.dtype = CN_I32, .shape = CN_SHAPE(3, 2), .strides = {1, 3}, .data = data};
    check(&transposed, false, "[[1 4]\n [2 5]\n [3 6]]", 21, "transposed");
    array backwards = {.dtype = CN_I32, .shape = CN_SHAPE(6), .strides = {-1}, .data = data + 5};
    check(&backwards, false, "[6 5 4 3 2 1]", 13, "backwards");
    array repeated = {.dtype = CN_I32, .shape = CN_SHAPE(2, 2), .strides = {0, 1}, .data = data};
    check(&repeated, false, "[[1 2]\n [1 2]]", 14, "repeated");
}

Test(array_text, adds_to_the_text_and_counts_lines_from_there)
{
    cn_text text = {0};
    cn_text_add(&text, "x =\n");
    double value = 0.5;
    cr_assert(cn_array_text(&text, &value, CN_F64, CN_SHAPE(1), (int64_t[]){1}, "float64"));
    cr_assert_str_eq(text.data, "x =\narray([0.5])");
    cn_text_free(&text);
}

Test(array_text, refuses_an_open_dimension)
{
    cn_text text = {0};
    float value = 1;
    cr_assert_not(cn_array_text(&text, &value, CN_F32, CN_SHAPE(-1, 2), (int64_t[]){2, 1}, NULL));
    cr_assert_eq(cn_error_code(), CN_SHAPES);
    cr_assert_str_eq(cn_error_message(), "print: an array cannot have the shape (None, 2)");
    cn_text_free(&text);
}

static int allocations_left;

static void *allocate_some(size_t bytes)
{
    return allocations_left-- > 0 ? malloc(bytes) : NULL;
}

Test(array_text, reports_want_of_memory)
{
    float values[300] = {0};
    array a = {.dtype = CN_F32, .shape = CN_SHAPE(300), .strides = {1}, .data = values};
    cn_set_allocator((cn_allocator){allocate_some, free});
    bool done = false;
    int failures = 0;
    for (int most = 0; !done; most++, failures += !done) {
        cn_text text = {0};
        allocations_left = most;
        done = cn_array_text(&text, a.data, a.dtype, a.shape, a.strides, "float32");
        cr_assert_eq(cn_error_code(), done ? CN_OK : CN_MEMORY);
        cn_error_clear();
        cn_text_free(&text);
    }
    cr_assert_geq(failures, 3);
}
