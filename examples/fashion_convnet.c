/* Learns to tell clothes apart, with a convolutional network that is trained until it gets no better.
 *
 *   fashion_convnet [DIRECTORY]     where the data is; by default where Debian's dataset-fashion-mnist puts it
 *
 * Kill it and start it again: it goes on from its last epoch, and ends where it would have ended. Each epoch is a line
 * of fashion_convnet.csv; the best weights are in fashion_convnet.safetensors, the curve of this run's training in
 * fashion_convnet.svg. */
#include <cornet/cornet.h>
#include <stdio.h>

enum { SIDE = 28, CLASSES = 10 };

static cn_model *make_model(void)
{
    cn_tensor *in = cn_input(SIDE, SIDE);
    cn_tensor *x = cn_call(cn_rescaling(1 / 255.0), cn_call(cn_reshape_layer(CN_SHAPE(SIDE, SIDE, 1)), in));
    x = cn_call(cn_conv2d(32, {3, 3}, .activation = cn_relu, .padding = CN_SAME), x);
    x = cn_call(cn_max_pooling2d({2}), x);
    x = cn_call(cn_conv2d(64, {3, 3}, .activation = cn_relu, .padding = CN_SAME), x);
    x = cn_call(cn_max_pooling2d({2}), x);
    x = cn_call(cn_dropout(0.3), cn_call(cn_flatten(), x));
    x = cn_call(cn_dropout(0.3), cn_call(cn_dense(128, cn_relu), x));
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(CLASSES, cn_softmax), x)}, .name = "fashion");
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_sparse_categorical_crossentropy(), .metrics = {cn_accuracy()});
    return model;
}

/* Pictures, 28 x 28 bytes each, or what they show. */
static cn_view read_bytes(const char *directory, const char *name, cn_idx **file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    *file = cn_idx_read(path);
    return *file ? (*file)->array : (cn_view){0};
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    cn_idx *file[4];
    cn_view x = read_bytes(directory, "train-images-idx3-ubyte.gz", &file[0]);
    cn_view y = read_bytes(directory, "train-labels-idx1-ubyte.gz", &file[1]);
    cn_view x_test = read_bytes(directory, "t10k-images-idx3-ubyte.gz", &file[2]);
    cn_view y_test = read_bytes(directory, "t10k-labels-idx1-ubyte.gz", &file[3]);

    cn_model *model = make_model();
    cn_summary(model);
    cn_history *history = cn_fit(
        model, {x}, {y}, .epochs = 15, .batch_size = 128, .validation_split = 0.1,
        .callbacks = {
            cn_reduce_lr_on_plateau(.factor = 0.3, .patience = 1, .verbose = 1),
            cn_early_stopping(.min_delta = 1e-3, .patience = 3, .verbose = 1, .restore_best_weights = true),
            cn_model_checkpoint("fashion_convnet.safetensors", .save_best_only = true, .save_weights_only = true),
            cn_csv_logger("fashion_convnet.csv", .append = true), cn_backup_and_restore("fashion_backup")});
    cn_history_plot(history, "fashion_convnet.svg");

    cn_logs logs = {0};
    cn_evaluate(model, {x_test}, {y_test}, .batch_size = 256, .logs = &logs);
    if (cn_failed())
        fprintf(stderr, "fashion_convnet: %s\n", cn_error_message());
    else
        printf("test accuracy: %.2f %%\n", 100 * cn_logs_value(&logs, "accuracy"));
    cn_model_free(model);
    for (int i = 0; i < 4; i++)
        cn_idx_free(file[i]);
    return cn_failed() ? 1 : 0;
}
