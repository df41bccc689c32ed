/* Transfer learning: a model that Keras saved lends its first layers to another task, of which there are few samples.
 * First only the new layer learns, then all of them, slowly.
 *
 *   transfer MODEL.keras [DIRECTORY]     a model of pictures (28, 28, 1), .keras or .h5, and where Fashion-MNIST is, by
 *                                        default where Debian's dataset-fashion-mnist puts it
 *
 * The new model is saved as transfer.keras, which Keras opens. */
#include <cornet/cornet.h>
#include <stdio.h>

enum { SIDE = 28, CLASSES = 10, SAMPLES = 5000 };

static cn_view read_bytes(const char *directory, const char *name, cn_idx **file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    *file = cn_idx_read(path);
    return *file ? (*file)->array : (cn_view){0};
}

static void compile(cn_model *model, double learning_rate)
{
    cn_compile(model, .optimizer = cn_adam(learning_rate), .loss = cn_sparse_categorical_crossentropy(),
               .metrics = {cn_accuracy()});
}

static double test(cn_model *model, cn_view x, cn_view y)
{
    cn_logs logs = {0};
    cn_evaluate(model, {x}, {y}, .batch_size = 256, .logs = &logs);
    return cn_logs_value(&logs, "accuracy");
}

int main(int argc, char **argv)
{
    const char *directory = argc > 2 ? argv[2] : "/usr/share/datasets/fashion-mnist";
    cn_idx *file[4];
    cn_view x = read_bytes(directory, "train-images-idx3-ubyte.gz", &file[0]);
    cn_view y = read_bytes(directory, "train-labels-idx1-ubyte.gz", &file[1]);
    cn_view x_test = read_bytes(directory, "t10k-images-idx3-ubyte.gz", &file[2]);
    cn_view y_test = read_bytes(directory, "t10k-labels-idx1-ubyte.gz", &file[3]);
    if (x.data && x.shape.dim[0] > SAMPLES)
        x.shape.dim[0] = y.shape.dim[0] = SAMPLES;

    cn_model *base = cn_load(argc > 1 ? argv[1] : "model.keras", .compile = false);
    cn_set_trainable(base, false);
    cn_tensor *in = cn_input(SIDE, SIDE);
    cn_tensor *pictures = cn_call(cn_reshape_layer(CN_SHAPE(SIDE, SIDE, 1)), cn_call(cn_rescaling(1.0 / 255), in));
    cn_tensor *features = cn_call(cn_flatten(), cn_call(base, pictures));
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(CLASSES, cn_softmax), features)}, .name = "transfer");
    compile(model, 0.003);
    cn_summary(model, .show_trainable = true);
    cn_fit(model, {x}, {y}, .epochs = 10, .verbose = 2);
    double new_layer = test(model, x_test, y_test);

    cn_set_trainable(base, true);
    compile(model, 0.0003);
    cn_fit(model, {x}, {y}, .epochs = 5, .verbose = 2);
    double all_layers = test(model, x_test, y_test);
    cn_save(model, "transfer.keras");

    if (cn_failed())
        fprintf(stderr, "transfer: %s\n", cn_error_message());
    else
        printf("test accuracy: %.2f %% with a new layer, %.2f %% when all had learned\n", 100 * new_layer,
               100 * all_layers);
    cn_model_free(model);
    cn_model_free(base);
    for (int i = 0; i < 4; i++)
        cn_idx_free(file[i]);
    return cn_failed() ? 1 : 0;
}
