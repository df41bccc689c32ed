/* Model files that are cut, flipped or lie: an error that says so, and nothing leaked or changed. */
#include "cornet.h"
#include "data/zip.h"
#include "file_of_bytes.h"
#include "formats/hdf5.h"
#include "formats/hdf5_bytes.h"
#include <stdlib.h>

static char saved_path[96];

static const char *path_to(const char *ending)
{
    snprintf(saved_path, sizeof saved_path, "/tmp/cornet-test-damaged-%ld%s", (long)getpid(), ending);
    return saved_path;
}

static void clean(void)
{
    remove_file();
    unlink(saved_path);
    cn_clear_session();
}

TestSuite(damaged_files, .fini = clean);

static void damage_all(const char *ending, bool whole, size_t rounds)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2), cn_batch_normalization(), cn_dense(2));
    cr_assert(whole ? cn_save(model, path_to(ending)) : cn_save_weights(model, path_to(ending)), "%s",
              cn_error_message());
    FILE *file = fopen(saved_path, "rb");
    static unsigned char good[1 << 17], bad[(1 << 17) + 64];
    size_t count = fread(good, 1, sizeof good, file);
    fclose(file);
    uint64_t random = 1;
    int refused = 0;
    for (size_t round = 0; round < rounds; round++) {
        memcpy(bad, good, count);
        size_t size = damage(bad, count, count, &random);
        file_of(bad, size);
        cn_model *again = NULL;
        bool done = whole ? (again = cn_load(file_path)) != NULL : cn_load_weights(model, file_path);
        cr_expect_eq(done, !cn_failed());
        refused += !done;
        cn_error_clear();
        cn_model_free(again);
        cn_clear_session();
    }
    cr_expect_gt(refused, 0);
    cn_model_free(model);
}

Test(damaged_files, survives_keras_files)
{
    damage_all(".keras", true, 1500);
}

Test(damaged_files, survives_h5_files)
{
    damage_all(".h5", true, 1500);
}

Test(damaged_files, survives_weights)
{
    damage_all(".weights.h5", false, 1500);
}

Test(damaged_files, survives_npz_files)
{
    damage_all(".npz", false, 1500);
}

/* Archives that lie */

static const char sequential[] = "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"m\",\"layers\":[%s]}}";
#define INPUT "{\"class_name\":\"InputLayer\",\"config\":{\"name\":\"i\",\"batch_shape\":[null,3]}}"
#define DENSE(units) "{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"units\":" units "}}"

/* A model file of these layers whose weights are a kernel and, unless it is NULL, what is at that path. */
static const char *keras_of(const char *layers, cn_shape kernel, const char *more)
{
    static float numbers[64];
    char config[4096];
    size_t weights_size = 0, size = 0;
    cn_hdf5 file;
    snprintf(config, sizeof config, sequential, layers);
    cr_assert(cn_hdf5_create(&file, "made"));
    cr_assert(cn_hdf5_write(&file, "layers/dense/vars/0", CN_F32, kernel, numbers));
    if (more)
        cr_assert(cn_hdf5_write(&file, more, CN_F32, CN_SHAPE(2), numbers));
    unsigned char *weights = cn_hdf5_image(&file, &weights_size);
    cn_hdf5_close(&file);
    const cn_zip_entry entries[] = {{"config.json", {config, strlen(config)}},
                                    {"model.weights.h5", {weights, weights_size}}};
    unsigned char *archive = cn_zip_make("made", entries, 2, &size);
    cr_assert(archive, "%s", cn_error_message());
    file_of(archive, size);
    cn_release(weights);
    cn_release(archive);
    return file_path;
}

static void expect_refused(const char *path, cn_code code, const char *reason)
{
    cn_model *model = cn_load(path);
    cr_expect_null(model);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_model_free(model);
    cn_error_clear();
    cn_clear_session();
}

Test(damaged_files, weights_that_are_not_the_layers_are_refused)
{
    const char *bias = "layers/dense/vars/1";
    cn_model *model = cn_load(keras_of(INPUT "," DENSE("2"), CN_SHAPE(3, 2), bias));
    cr_assert(model, "%s", cn_error_message());
    cn_model_free(model);
    expect_refused(keras_of(INPUT "," DENSE("2"), CN_SHAPE(3, 2), NULL), CN_FORMAT, "has 1 variables, the model 2");
    expect_refused(keras_of(INPUT "," DENSE("2"), CN_SHAPE(3, 2), "layers/dense/vars/2"), CN_FORMAT,
                   "has no data set layers/dense/vars/1");
    expect_refused(keras_of(INPUT "," DENSE("4"), CN_SHAPE(3, 2), bias), CN_SHAPES, "(3, 2)");
    expect_refused(keras_of(INPUT "," DENSE("2"), CN_SHAPE(6), bias), CN_SHAPES, "(6,)");
}

Test(damaged_files, sizes_that_the_file_cannot_have_are_not_allocated)
{
    expect_refused(keras_of(INPUT "," DENSE("2000000000"), CN_SHAPE(3, 2), NULL), CN_FORMAT,
                   "more numbers than the file can have");
    expect_refused(keras_of(INPUT "," DENSE("9000000000000000000"), CN_SHAPE(3, 2), NULL), CN_SHAPES, "");
    expect_refused(keras_of(INPUT "," DENSE("-1"), CN_SHAPE(3, 2), NULL), CN_ARGUMENT, "units");
}

/* A layer in as many others. */
static const char *nested_keras(int depth)
{
    static const char open[] = "{\"class_name\":\"TimeDistributed\",\"config\":{\"layer\":";
    size_t length = (size_t)depth * (sizeof open + 2), size = 0;
    char *layers = calloc(length + sizeof DENSE("2"), 1), *config = calloc(length + 200, 1), *at = layers;
    cr_assert(layers && config);
    for (int i = 0; i < depth; i++)
        at = stpcpy(at, open);
    at = stpcpy(at, DENSE("2"));
    for (int i = 0; i < depth; i++)
        at = stpcpy(at, "}}");
    snprintf(config, length + 200, sequential, layers);
    unsigned char *archive = cn_zip_make("made", &(cn_zip_entry){"config.json", {config, strlen(config)}}, 1, &size);
    file_of(archive, size);
    cn_release(archive);
    free(layers);
    free(config);
    return file_path;
}

Test(damaged_files, layers_inside_layers_have_an_end)
{
    cn_model *model = cn_load(nested_keras(500));
    cr_expect(model, "%s", cn_error_message());
    cn_model_free(model);
    expect_refused(nested_keras(5000), CN_FORMAT, "depth");
}

Test(damaged_files, archives_without_what_they_need_are_refused)
{
    size_t size;
    unsigned char *archive = cn_zip_make("made", &(cn_zip_entry){"other", {"text", 4}}, 1, &size);
    expect_refused(file_of(archive, size), CN_FORMAT, "has no config.json");
    cn_release(archive);
    expect_refused(file_of("PK\3\4", 4), CN_FORMAT, "");
    expect_refused(file_of("text", 4), CN_FORMAT, "no model file");
    expect_refused(file_of("", 0), CN_FORMAT, "no model file");
    expect_refused("/nonexistent.keras", CN_FILE, "/nonexistent.keras");
    expect_refused("/", CN_FILE, "regular file");
}

Test(damaged_files, archives_with_two_members_of_one_name_are_refused)
{
    size_t size;
    const cn_zip_entry entries[] = {{"config.json", {"{}", 2}}, {"config.jsoM", {"{}", 2}}};
    unsigned char *archive = cn_zip_make("made", entries, 2, &size);
    for (size_t i = 0; i < size; i++)
        archive[i] = archive[i] == 'M' ? 'n' : archive[i];
    expect_refused(file_of(archive, size), CN_FORMAT, "two members config.json");
    cn_release(archive);
}

/* A member says that it would become 4 GiB. */
Test(damaged_files, a_member_that_would_become_huge_is_refused)
{
    size_t size;
    unsigned char *archive = cn_zip_make("made", &(cn_zip_entry){"config.json", {"{}", 2}}, 1, &size);
    for (size_t i = 0; i + 46 < size; i++)
        if (memcmp(archive + i, "PK\1\2", 4) == 0) {
            archive[i + 10] = 8; /* deflated */
            memset(archive + i + 24, 0xF0, 4);
        }
    expect_refused(file_of(archive, size), CN_FORMAT, "would become 4042322160");
    cn_release(archive);
}

/* Heaps */

Test(damaged_files, texts_lie_where_a_heap_says_or_nowhere)
{
    unsigned char image[64] = {0}, reference[CN_HDF5_REFERENCE] = {5, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1};
    memcpy(image + 8, "GCOL\1\0\0\0\x38\0\0\0\0\0\0\0", 16); /* 56 bytes */
    memcpy(image + 24, "\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0hello", 21);
    size_t length;
    const char *text = cn_hdf5_heap_text(image, sizeof image, reference, &length);
    cr_assert(text && length == 5 && memcmp(text, "hello", 5) == 0);
    static const struct {
        bool of_reference;
        int at;
        unsigned char value;
    } lies[] = {{true, 0, 6},     {true, 0, 4},     {true, 3, 255},  {true, 4, 9},     {true, 11, 255},
                {true, 12, 2},    {true, 12, 0},    {false, 8, 'X'}, {false, 16, 255}, {false, 23, 255},
                {false, 32, 200}, {false, 39, 255}, {false, 16, 20}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        unsigned char *at = lies[i].of_reference ? reference : image, kept = at[lies[i].at];
        at[lies[i].at] = lies[i].value;
        cr_expect_null(cn_hdf5_heap_text(image, sizeof image, reference, &length), "lie %zu", i);
        at[lies[i].at] = kept;
    }
    /* Objects of no size have no end. */
    memset(image + 24, 0, 40);
    cr_expect_null(cn_hdf5_heap_text(image, sizeof image, reference, &length));
}

/* One header with one attribute: the number 7 under the name "n". */
Test(damaged_files, attributes_lie_within_their_header)
{
    enum { BYTES = 80 };
    unsigned char image[BYTES] = {[0] = 1, [2] = 1, [4] = 1, [8] = 64};
    static const unsigned char attribute[] = {0x0C, 0, 56, 0, 0,  0, 0, 0, /* the message */
                                              1,    0, 2,  0, 12, 0, 8, 0, /* sizes of name, type and shape */
                                              'n',  0, 0,  0, 0,  0, 0, 0, /* the name */
                                              0x10, 8, 0,  0, 4,  0, 0, 0,
                                              0,    0, 32, 0, 0,  0, 0, 0, /* a little-endian integer of 32 bits */
                                              1,    0, 0,  0, 0,  0, 0, 0, /* no dimensions */
                                              7,    0, 0,  0, 0,  0, 0, 0};
    memcpy(image + 16, attribute, sizeof attribute);
    cr_assert(cn_hdf5_attributes_fit(image, BYTES, 0));
    static const struct {
        int at;
        unsigned char value;
    } lies[] = {{0, 2},   {8, 65},   {9, 1},  {18, 57},   {19, 1},   {24, 9}, {26, 200}, {26, 0},  {28, 4}, {28, 90},
                {30, 40}, {33, 'n'}, {30, 4}, {40, 0x1F}, {44, 200}, {45, 1}, {44, 0},   {57, 33}, {57, 1}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        unsigned char kept = image[lies[i].at];
        image[lies[i].at] = lies[i].value;
        cr_expect_not(cn_hdf5_attributes_fit(image, BYTES, 0), "lie %zu", i);
        image[lies[i].at] = kept;
    }
    /* A header that goes on in itself has no end. */
    static const unsigned char again[] = {0x10, 0, 56, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0};
    memcpy(image + 16, again, sizeof again);
    cr_expect_not(cn_hdf5_attributes_fit(image, BYTES, 0));
    cr_expect_not(cn_hdf5_attributes_fit(image, BYTES, BYTES + 1));
}
