/* Learns to tell clothes apart: Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), 60,000 pictures of 28 x 28 pixels to
 * train on and 10,000 to test with.
 *
 *   fashion_mnist [DIRECTORY]     where the data is; by default where Debian's dataset-fashion-mnist puts it
 *
 * Prints the test accuracy and a confusion matrix, and draws the training curve into fashion_mnist.svg. */
#include <cornet/cornet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 28, CLASSES = 10 };
static const char *const class_name[CLASSES] = {"T-shirt", "Trouser", "Pullover", "Dress", "Coat",
                                                "Sandal",  "Shirt",   "Sneaker",  "Bag",   "Boot"};

/* Pictures and what they show, as they lie in the files. */
typedef struct part {
    cn_idx *images, *labels;
    cn_view x, y;
    int64_t count;
} part;

static cn_idx *read_bytes(const char *directory, const char *name, int rank)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    cn_idx *idx = cn_idx_read(path);
    if (idx && (idx->array.type != CN_ARRAY_U8 || idx->array.shape.rank != rank))
        cn_fail(CN_FORMAT, "%s: does not hold bytes in %d dimensions", path, rank);
    return idx;
}

static part read_part(const char *directory, const char *images, const char *labels)
{
    part p = {.images = read_bytes(directory, images, 3), .labels = read_bytes(directory, labels, 1)};
    if (cn_failed())
        return p;
    p.x = p.images->array;
    p.y = p.labels->array;
    p.count = p.x.shape.dim[0];
    const uint8_t *label = p.y.data;
    if (p.count < 1 || p.y.shape.dim[0] != p.count || p.x.shape.dim[1] != SIDE || p.x.shape.dim[2] != SIDE)
        cn_fail(CN_FORMAT, "%s: %s and %s are not pictures of %d x %d pixels and their labels", directory, images,
                labels, SIDE, SIDE);
    for (int64_t i = 0; i < p.count && !cn_failed(); i++)
        if (label[i] >= CLASSES)
            cn_fail(CN_FORMAT, "%s: %s has a label %d", directory, labels, label[i]);
    return p;
}

static void free_part(part p)
{
    cn_idx_free(p.images);
    cn_idx_free(p.labels);
}

static cn_model *make_model(void)
{
    cn_tensor *in = cn_input(SIDE, SIDE);
    cn_tensor *x = cn_call(cn_flatten(), cn_div(in, cn_scalar(in, 255))); /* bytes become numbers from 0 to 1 */
    x = cn_call(cn_dropout(0.2), cn_call(cn_dense(512, cn_relu), x));
    x = cn_call(cn_dropout(0.2), cn_call(cn_dense(256, cn_relu), x));
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(CLASSES, cn_softmax), x)}, .name = "fashion");
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_sparse_categorical_crossentropy(), .metrics = {cn_accuracy()});
    return model;
}

/* Rows: what it is; columns: what the model takes it for. */
static void print_confusion(const float *probability, const uint8_t *label, int64_t count)
{
    int64_t confusion[CLASSES][CLASSES] = {{0}}, right = 0;
    for (int64_t i = 0; i < count; i++) {
        const float *p = probability + i * CLASSES;
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            best = p[k] > p[best] ? k : best;
        confusion[label[i]][best]++;
        right += best == label[i];
    }
    printf("\n%-9s", "");
    for (int k = 0; k < CLASSES; k++)
        printf("%9s", class_name[k]);
    for (int row = 0; row < CLASSES; row++) {
        printf("\n%-9s", class_name[row]);
        for (int k = 0; k < CLASSES; k++)
            printf("%9" PRId64, confusion[row][k]);
    }
    printf("\n\ntest accuracy: %.2f %% (%" PRId64 " of %" PRId64 ")\n", 100 * (double)right / (double)count, right,
           count);
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    part train = read_part(directory, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz");
    part test = read_part(directory, "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz");

    cn_model *model = make_model();
    cn_summary(model);
    cn_history *history = cn_fit(model, {train.x}, {train.y}, .epochs = 15, .batch_size = 128, .validation_split = 0.1);

    float *probability = calloc((size_t)test.count + 1, CLASSES * sizeof *probability);
    if (!probability)
        cn_fail(CN_MEMORY, "no memory for %" PRId64 " predictions", test.count);
    cn_predict(model, {test.x}, {cn_array(probability, test.count, CLASSES)}, .batch_size = 256);
    cn_history_plot(history, "fashion_mnist.svg");
    if (!cn_failed()) {
        print_confusion(probability, test.y.data, test.count);
        printf("training curve: fashion_mnist.svg\n");
    }

    if (cn_failed())
        fprintf(stderr, "fashion_mnist: %s\n", cn_error_message());
    free(probability);
    cn_model_free(model);
    free_part(train);
    free_part(test);
    return cn_failed() ? 1 : 0;
}
