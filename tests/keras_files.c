/* keras_files DIR...: opens every .keras, .h5 and .hdf5 file there that has NAME.npz beside it (input_0, ..., and
 * expected_0, ...), compares the predictions with the expected ones within 1e-5 of the largest, saves the model in
 * every format, opens it again and compares the predictions bit by bit. One line a file, then a summary; fails if one
 * did. */
#include "cornet.h"
#include "core/arena.h"
#include "data/npy_array.h"
#include "data/file.h"
#include "data/zip.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 8 };

typedef struct arrays {
    float *data[MOST];
    cn_shape shape[MOST];
    int count;
} arrays;

static void free_arrays(arrays *all)
{
    for (int i = 0; i < all->count; i++)
        free(all->data[i]);
    all->count = 0;
}

static bool read_arrays(const cn_zip *zip, const char *stem, arrays *all)
{
    for (all->count = 0; all->count < MOST; all->count++) {
        char name[64];
        size_t size;
        snprintf(name, sizeof name, "%s_%d.npy", stem, all->count);
        bool there = false;
        for (int64_t i = 0; i < cn_zip_members(zip); i++)
            there = there || strcmp(cn_zip_member(zip, i), name) == 0;
        if (!there)
            break;
        unsigned char *bytes = cn_zip_read(zip, name, &size);
        cn_npy_array array;
        bool done = bytes && cn_npy_parse(&array, name, bytes, size);
        if (done) {
            all->shape[all->count] = array.shape;
            all->data[all->count] = malloc(((size_t)cn_shape_size(array.shape) + 1) * sizeof(float));
            done = cn_npy_read(&array, name, CN_F32, all->data[all->count]);
        }
        cn_release(bytes);
        if (!done)
            return false;
    }
    return true;
}

static bool predict(cn_model *model, const arrays *in, arrays *out)
{
    cn_tape *tape = cn_tape_new();
    cn_call_args args = {.training = CN_INFERENCE};
    for (int i = 0; i < in->count; i++)
        args.inputs[i] = cn_constant(tape, cn_array_with(in->data[i], CN_ARRAY_F32, false, in->shape[i]));
    cn_tensors y = cn_call_model_many(model, args);
    out->count = 0;
    for (int i = 0; i < y.count && i < MOST; i++) {
        out->shape[i] = cn_shape_of(y.item[i]);
        out->data[i] = malloc(((size_t)cn_shape_size(out->shape[i]) + 1) * sizeof(float));
        out->count++;
        cn_values(y.item[i], cn_array_with(out->data[i], CN_ARRAY_F32, true, out->shape[i]));
    }
    cn_tape_free(tape);
    return !cn_failed();
}

/* The largest difference relative to the largest expected number; infinite where the shapes differ. */
static double difference(const arrays *got, const arrays *wanted)
{
    double most = 1, worst = 0;
    if (got->count != wanted->count)
        return INFINITY;
    for (int i = 0; i < wanted->count; i++) {
        int64_t size = cn_shape_size(wanted->shape[i]);
        if (size != cn_shape_size(got->shape[i]))
            return INFINITY;
        for (int64_t k = 0; k < size; k++) {
            double difference = fabs((double)got->data[i][k] - (double)wanted->data[i][k]);
            most = fmax(most, fabs((double)wanted->data[i][k]));
            if (!(difference <= worst))
                worst = difference;
        }
    }
    return worst / most;
}

static bool same_bits(const arrays *a, const arrays *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++)
        same = cn_shape_equal(a->shape[i], b->shape[i]) &&
               memcmp(a->data[i], b->data[i], (size_t)cn_shape_size(a->shape[i]) * sizeof(float)) == 0;
    return same;
}

/* Saves, opens again and predicts the same. */
static bool comes_back(cn_model *model, const char *ending, bool whole, const arrays *in, const arrays *out)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/cornet-keras-files-%ld%s", (long)getpid(), ending);
    bool done = whole ? cn_save(model, path) : cn_save_weights(model, path);
    cn_model *again = whole && done ? cn_load(path) : NULL;
    done = done && (whole ? again != NULL : cn_load_weights(model, path));
    arrays got = {.count = 0};
    done = done && predict(again ? again : model, in, &got);
    if (done && !same_bits(&got, out))
        done = cn_fail(CN_VALUE, "%s: opened again, it predicts something else", ending);
    free_arrays(&got);
    cn_model_free(again);
    unlink(path);
    return done;
}

static bool check_model(const char *path, const arrays *in, const arrays *expected)
{
    static const struct {
        const char *ending;
        bool whole;
    } formats[] = {{".keras", true}, {".h5", true},           {".weights.h5", false},
                   {".h5", false},   {".safetensors", false}, {".npz", false}};
    cn_model *model = cn_load(path);
    arrays got = {.count = 0};
    bool done = model && predict(model, in, &got);
    if (done && !(difference(&got, expected) <= 1e-5))
        done = cn_fail(CN_VALUE, "predictions differ by %g", difference(&got, expected));
    for (size_t f = 0; done && f < sizeof formats / sizeof *formats; f++)
        done = comes_back(model, formats[f].ending, formats[f].whole, in, &got);
    free_arrays(&got);
    cn_model_free(model);
    return done;
}

/* 1: passed, 0: failed, -1: skipped */
static int check_file(const char *path)
{
    char npz[4096];
    size_t size;
    cn_zip zip;
    snprintf(npz, sizeof npz, "%s.npz", path);
    if (access(npz, R_OK) != 0)
        return -1;
    arrays in = {.count = 0}, expected = {.count = 0};
    unsigned char *bytes = cn_read_file(npz, &size);
    bool done = bytes && cn_zip_open(&zip, npz, bytes, size);
    if (done) {
        done = read_arrays(&zip, "input", &in) && read_arrays(&zip, "expected", &expected);
        cn_zip_close(&zip);
    }
    done = done && check_model(path, &in, &expected);
    cn_release(bytes);
    free_arrays(&in);
    free_arrays(&expected);
    return done;
}

static int is_model_file(const struct dirent *entry)
{
    return cn_path_ends(entry->d_name, ".keras") || cn_path_ends(entry->d_name, ".h5") ||
           cn_path_ends(entry->d_name, ".hdf5");
}

int main(int count, char **directories)
{
    int passed = 0, failed = 0, skipped = 0;
    for (int d = 1; d < count; d++) {
        struct dirent **entry;
        int files = scandir(directories[d], &entry, is_model_file, alphasort);
        for (int i = 0; i < files; i++) {
            char path[4000];
            snprintf(path, sizeof path, "%s/%s", directories[d], entry[i]->d_name);
            int result = check_file(path);
            printf("%s %s%s%s\n",
                   result > 0 ? "pass"
                   : result   ? "skip"
                              : "FAIL",
                   entry[i]->d_name, result ? "" : ": ", result ? "" : cn_error_message());
            passed += result > 0;
            failed += result == 0;
            skipped += result < 0;
            cn_error_clear();
            cn_clear_session();
            free(entry[i]);
        }
        if (files >= 0)
            free(entry);
        else
            failed++;
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed > 0;
}
