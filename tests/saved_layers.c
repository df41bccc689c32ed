/* saved_layers save DIRECTORY, then in another process saved_layers check DIRECTORY: models of one layer, of every
 * class there is, predict the same bits when they have been saved in each format and loaded. One line a failure, then a
 * summary; fails if one did. */
#include "layer_samples.h"
#include <stdio.h>
#include <string.h>

enum { MOST_BYTES = 8 * MOST_OUTPUTS * sizeof(float) };

static const char *const whole[] = {".keras", ".h5"};
static const char *const weights[] = {".weights.h5", ".hdf5", ".safetensors", ".npz"};
enum { WHOLE = sizeof whole / sizeof *whole, WEIGHTS = sizeof weights / sizeof *weights };

static cn_model *model_of(const sample *s)
{
    cn_model_args args = {.name = s->class_name};
    cn_call_args call = {.first_ = 0};
    for (int i = 0; i < inputs_of(s); i++) {
        cn_shape shape = s->input[i];
        shape.rank--;
        memmove(shape.dim, shape.dim + 1, (size_t)shape.rank * sizeof *shape.dim);
        args.inputs[i] = call.inputs[i] = cn_input_with((cn_input_args){.shape = shape, .dtype = CN_F32});
    }
    cn_tensors y = cn_call_layer_many(s->make(), call);
    memcpy(args.outputs, y.item, (size_t)y.count * sizeof *y.item);
    return cn_model_with(args);
}

/* The outputs one behind the other; returns their bytes, 0 with the error set. */
static size_t predict(const sample *s, cn_model *model, char *bytes)
{
    size_t used = 0;
    cn_tape *tape = cn_tape_new();
    cn_call_args call = {.training = CN_INFERENCE};
    for (int i = 0; i < inputs_of(s); i++)
        call.inputs[i] =
            cn_constant_as(tape, cn_array_with(numbers() + 31 * i, CN_ARRAY_F64, false, s->input[i]), CN_F32);
    cn_tensors y = model ? cn_call_model_many(model, call) : (cn_tensors){.count = 0};
    for (int i = 0; i < y.count; i++) {
        size_t size = (size_t)cn_shape_size(cn_shape_of(y.item[i])) * sizeof(float);
        if (used + size > MOST_BYTES ||
            !cn_values(y.item[i], cn_array_with(bytes + used, CN_ARRAY_F32, true, cn_shape_of(y.item[i]))))
            return 0;
        used += size;
    }
    cn_tape_free(tape);
    return cn_failed() ? 0 : used;
}

static const char *path_of(const char *directory, const sample *s, const char *ending)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s%s", directory, s->class_name, ending);
    return path;
}

/* A function of the user's own has no place in a file. */
static bool is_refused(const sample *s)
{
    return strcmp(s->class_name, "Lambda") == 0;
}

static bool save(const sample *s, const char *directory)
{
    static char bytes[MOST_BYTES];
    cn_model *model = model_of(s);
    size_t size = predict(s, model, bytes);
    bool done = size > 0;
    for (int f = 0; done && f < WHOLE; f++) {
        done = cn_save(model, path_of(directory, s, whole[f]));
        if (is_refused(s) && !done && cn_error_code() == CN_UNSUPPORTED) {
            cn_error_clear();
            done = true;
        }
    }
    for (int f = 0; done && f < WEIGHTS; f++)
        done = cn_save_weights(model, path_of(directory, s, weights[f]));
    FILE *file = fopen(path_of(directory, s, ".expected"), "wb");
    done = file && fwrite(bytes, 1, size, file) == size && done;
    cn_model_free(model);
    return file && fclose(file) == 0 && done;
}

static bool expect_same(const sample *s, const char *directory, const char *ending, cn_model *model)
{
    static char got[MOST_BYTES], expected[MOST_BYTES];
    size_t size = predict(s, model, got);
    FILE *file = fopen(path_of(directory, s, ".expected"), "rb");
    bool same = size > 0 && file && fread(expected, 1, sizeof expected, file) == size && !memcmp(got, expected, size);
    if (file)
        fclose(file);
    if (!same)
        printf("FAIL %s%s: %s\n", s->class_name, ending, cn_failed() ? cn_error_message() : "predicts something else");
    cn_error_clear();
    return same;
}

static bool check(const sample *s, const char *directory)
{
    bool done = true;
    for (int f = 0; f < WHOLE && !is_refused(s); f++) {
        cn_model *model = cn_load(path_of(directory, s, whole[f]));
        done = expect_same(s, directory, whole[f], model) && done;
        cn_model_free(model);
        cn_clear_session();
    }
    for (int f = 0; f < WEIGHTS; f++) {
        cn_model *model = model_of(s); /* with other weights, by another seed */
        if (model)
            cn_load_weights(model, path_of(directory, s, weights[f]));
        done = expect_same(s, directory, weights[f], model) && done;
        cn_model_free(model);
        cn_clear_session();
    }
    return done;
}

int main(int count, char **arguments)
{
    int passed = 0, failed = 0;
    if (count != 3)
        return 2;
    bool saves = strcmp(arguments[1], "save") == 0;
    cn_set_seed(saves ? 1 : 2);
    if (saves) {
        char path[1024];
        snprintf(path, sizeof path, "%s/numbers.npy", arguments[2]);
        failed += !cn_npy_save(path, cn_array(numbers(), 16, 16));
    }
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        bool done = saves ? save(&samples[i], arguments[2]) : check(&samples[i], arguments[2]);
        if (saves && !done)
            printf("FAIL %s: %s\n", samples[i].class_name, cn_error_message());
        passed += done;
        failed += !done;
        cn_error_clear();
        cn_clear_session();
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
