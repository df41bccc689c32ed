#include "workloads.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static cn_model *classifier(cn_model *model)
{
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy(), .metrics = {cn_accuracy()});
    return model;
}

static cn_model *seed_lstm(void)
{
    cn_tensor *in = cn_input(3, 2);
    cn_tensor *out = cn_call(cn_dense(2, cn_softmax), cn_call(cn_lstm(8), in));
    return classifier(cn_model_new({in}, {out}));
}

static cn_model *seed_attention(void)
{
    cn_tensor *in = cn_input(10, 3);
    cn_tensor *q = cn_call(cn_dense(5), in), *k = cn_call(cn_dense(5), in), *v = cn_call(cn_dense(5), in);
    cn_tensor *energy = cn_einsum("bij,bkj->bik", q, k);
    cn_tensor *attention = cn_softmax(cn_mul(energy, cn_scalar(energy, 1 / sqrt(5))));
    cn_model *model = cn_model_new({in}, {cn_einsum("bij,bjk->bik", attention, v)});
    cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error());
    return model;
}

static cn_model *mlp_64(void)
{
    return classifier(cn_sequential(cn_input_layer(64), cn_dense(200, cn_relu), cn_dense(10, cn_softmax)));
}

static cn_model *mlp_784(void)
{
    return classifier(
        cn_sequential(cn_input_layer(784), cn_dense(512, cn_relu), cn_dense(512, cn_relu), cn_dense(10, cn_softmax)));
}

static cn_model *dense_2048(void)
{
    cn_model *model =
        cn_sequential(cn_input_layer(2048), cn_dense(2048, cn_relu), cn_dense(2048, cn_relu), cn_dense(10, cn_softmax));
    cn_compile(model, .optimizer = cn_sgd(0.01, .momentum = 0.9), .loss = cn_categorical_crossentropy(),
               .metrics = {cn_accuracy()});
    return model;
}

static cn_model *cnn_28(void)
{
    return classifier(cn_sequential(cn_input_layer(28, 28, 1), cn_conv2d(32, {3, 3}, .activation = cn_relu),
                                    cn_max_pooling2d(), cn_conv2d(64, {3, 3}, .activation = cn_relu),
                                    cn_max_pooling2d(), cn_flatten(), cn_dense(128, cn_relu),
                                    cn_dense(10, cn_softmax)));
}

static cn_model *cnn_128(void)
{
    return classifier(
        cn_sequential(cn_input_layer(128, 128, 3), cn_conv2d(32, {3, 3}, .padding = CN_SAME, .activation = cn_relu),
                      cn_max_pooling2d(), cn_conv2d(64, {3, 3}, .padding = CN_SAME, .activation = cn_relu),
                      cn_max_pooling2d(), cn_conv2d(128, {3, 3}, .padding = CN_SAME, .activation = cn_relu),
                      cn_global_average_pooling2d(), cn_dense(10, cn_softmax)));
}

static cn_tensor *normalized(cn_tensor *x)
{
    return cn_call(cn_batch_normalization(), x);
}

static cn_tensor *residual(cn_tensor *x, int64_t filters, int64_t stride, bool projects)
{
    cn_tensor *h = cn_call(cn_conv2d(filters, {3, 3}, .strides = {stride}, .padding = CN_SAME), x);
    h = cn_call(cn_conv2d(filters, {3, 3}, .padding = CN_SAME), cn_relu(normalized(h)));
    if (projects)
        x = cn_call(cn_conv2d(filters, {1, 1}, .strides = {stride}), x);
    return cn_relu(cn_add(normalized(h), x));
}

static cn_model *resnet_20(void)
{
    cn_tensor *in = cn_input(32, 32, 3);
    cn_tensor *x = cn_relu(normalized(cn_call(cn_conv2d(16, {3, 3}, .padding = CN_SAME), in)));
    for (int64_t filters = 16; filters <= 64; filters *= 2)
        for (int block = 0; block < 3; block++) {
            bool first = block == 0 && filters > 16;
            x = residual(x, filters, first ? 2 : 1, first);
        }
    cn_tensor *out = cn_call(cn_dense(10, cn_softmax), cn_call(cn_global_average_pooling2d(), x));
    cn_model *model = cn_model_new({in}, {out});
    cn_compile(model, .optimizer = cn_sgd(0.01, .momentum = 0.9), .loss = cn_categorical_crossentropy(),
               .metrics = {cn_accuracy()});
    return model;
}

static cn_tensor *two_convolutions(cn_tensor *x, int64_t filters)
{
    for (int i = 0; i < 2; i++)
        x = cn_call(cn_conv2d(filters, {3, 3}, .padding = CN_SAME, .activation = cn_relu), x);
    return x;
}

static cn_tensor *enlarged(cn_tensor *x, cn_tensor *beside, int64_t filters)
{
    x = cn_call(cn_conv2d_transpose(filters, {2, 2}, .strides = {2}), x);
    return two_convolutions(cn_concatenate({x, beside}, .axis = 3), filters);
}

static cn_model *unet_64(void)
{
    cn_tensor *in = cn_input(64, 64, 3);
    cn_tensor *a = two_convolutions(in, 32);
    cn_tensor *b = two_convolutions(cn_call(cn_max_pooling2d(), a), 64);
    cn_tensor *x = two_convolutions(cn_call(cn_max_pooling2d(), b), 128);
    x = enlarged(enlarged(x, b, 64), a, 32);
    cn_model *model = cn_model_new({in}, {cn_call(cn_conv2d(1, {1, 1}, .activation = cn_sigmoid), x)});
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_binary_crossentropy());
    return model;
}

static cn_model *lstm_text(void)
{
    cn_tensor *in = cn_input_with((cn_input_args){.shape = CN_SHAPE(100), .dtype = CN_I32});
    cn_tensor *x = cn_call(cn_lstm(64), cn_call(cn_embedding(1000, 20), in));
    return classifier(cn_model_new({in}, {cn_call(cn_dense(10, cn_softmax), x)}));
}

static cn_model *lstm_256(void)
{
    return classifier(cn_sequential(cn_input_layer(64, 128), cn_lstm(256, .return_sequences = true), cn_lstm(256),
                                    cn_dense(10, cn_softmax)));
}

static cn_model *bigru_128(void)
{
    return classifier(cn_sequential(cn_input_layer(50, 64), cn_bidirectional(cn_gru(128, .return_sequences = true)),
                                    cn_time_distributed(cn_dense(20, cn_softmax))));
}

static cn_model *conv1d_text(void)
{
    cn_tensor *in = cn_input_with((cn_input_args){.shape = CN_SHAPE(100), .dtype = CN_I32});
    cn_tensor *x = cn_call(cn_embedding(1000, 20), in);
    x = cn_call(cn_conv1d(32, {5}, .padding = CN_SAME, .activation = cn_relu), x);
    x = cn_call(cn_dense(10, cn_softmax), cn_call(cn_global_max_pooling1d(), x));
    return classifier(cn_model_new({in}, {x}));
}

/* A vector for each place of a sequence, added to what stands there. */
typedef struct positions {
    cn_layer base;
    cn_tensor *table;
} positions;

static bool positions_build(cn_layer *layer, const cn_shape *in)
{
    positions *p = (positions *)layer;
    p->table = cn_add_weight(layer, "table", CN_SHAPE(in->dim[1], in->dim[2]),
                             .initializer = cn_init_random_normal(.stddev = 0.02));
    return p->table != NULL;
}

static cn_tensor *positions_call(cn_layer *layer, cn_tensor *x)
{
    return cn_add(x, ((positions *)layer)->table);
}

static const cn_layer_class positions_class = {
    .name = "Positions", .size = sizeof(positions), .build = positions_build, .call = positions_call, .rank = 3};

static cn_tensor *transformer_block(cn_tensor *x, int64_t width, int64_t heads)
{
    cn_tensor *h = cn_call(cn_layer_normalization(), x);
    h = cn_call_many(cn_multi_head_attention(heads, width / heads), {h, h}, .use_causal_mask = true).item[0];
    x = cn_add(x, h);
    h = cn_call(cn_dense(4 * width, cn_gelu), cn_call(cn_layer_normalization(), x));
    return cn_add(x, cn_call(cn_dense(width), h));
}

static cn_model *gpt_mini(void)
{
    cn_tensor *in = cn_input_with((cn_input_args){.shape = CN_SHAPE(128), .dtype = CN_I32});
    cn_tensor *x = cn_call(cn_embedding(1000, 256), in);
    x = cn_call(cn_layer_like(&positions_class, &(positions){.table = NULL}), x);
    for (int i = 0; i < 4; i++)
        x = transformer_block(x, 256, 8);
    x = cn_call(cn_dense(1000), cn_call(cn_layer_normalization(), x));
    cn_model *model = cn_model_new({in}, {x});
    cn_compile(model, .optimizer = cn_adamw(), .loss = cn_sparse_categorical_crossentropy(.from_logits = true));
    return model;
}

int64_t workload_size = 10;

static cn_model *depth(void)
{
    cn_tensor *in = cn_input(64), *x = in;
    for (int64_t i = 0; i < workload_size; i++)
        x = cn_call(cn_dense(64, cn_relu), x);
    return classifier(cn_model_new({in}, {cn_call(cn_dense(10, cn_softmax), x)}));
}

static cn_model *length(void)
{
    return classifier(cn_sequential(cn_input_layer(workload_size, 32), cn_lstm(64), cn_dense(10, cn_softmax)));
}

const workload workloads[] = {
    {"seed-lstm", 4, {2, {3, 2}}, {1, {2}}, 0, ONE_HOT, seed_lstm},
    {"seed-attention", 2, {2, {10, 3}}, {2, {10, 5}}, 0, NUMBERS, seed_attention},
    {"mlp-64", 32, {1, {64}}, {1, {10}}, 0, ONE_HOT, mlp_64},
    {"mlp-784", 128, {1, {784}}, {1, {10}}, 0, ONE_HOT, mlp_784},
    {"dense-2048", 512, {1, {2048}}, {1, {10}}, 0, ONE_HOT, dense_2048},
    {"cnn-28", 128, {3, {28, 28, 1}}, {1, {10}}, 0, ONE_HOT, cnn_28},
    {"cnn-128", 16, {3, {128, 128, 3}}, {1, {10}}, 0, ONE_HOT, cnn_128},
    {"resnet-20", 64, {3, {32, 32, 3}}, {1, {10}}, 0, ONE_HOT, resnet_20},
    {"unet-64", 8, {3, {64, 64, 3}}, {3, {64, 64, 1}}, 0, PROBABILITIES, unet_64},
    {"lstm-text", 32, {1, {100}}, {1, {10}}, 1000, ONE_HOT, lstm_text},
    {"lstm-256", 64, {2, {64, 128}}, {1, {10}}, 0, ONE_HOT, lstm_256},
    {"bigru-128", 32, {2, {50, 64}}, {2, {50, 20}}, 0, ONE_HOT, bigru_128},
    {"conv1d-text", 64, {1, {100}}, {1, {10}}, 1000, ONE_HOT, conv1d_text},
    {"gpt-mini", 16, {1, {128}}, {2, {128, 1000}}, 1000, LABELS, gpt_mini},
    {"depth", 32, {1, {64}}, {1, {10}}, 0, ONE_HOT, depth},
    {"length", 32, {2, {0, 32}}, {1, {10}}, 0, ONE_HOT, length},
    {.name = NULL},
};

/* From 0 up to 1. */
static double next_number(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

static cn_shape batch_of(int64_t samples, cn_shape sample)
{
    cn_shape shape = {.rank = sample.rank + 1, .dim = {samples}};
    memcpy(shape.dim + 1, sample.dim, (size_t)sample.rank * sizeof *sample.dim);
    return shape;
}

static cn_view integers(cn_shape shape, int64_t below)
{
    int64_t size = cn_shape_size(shape);
    int32_t *values = calloc((size_t)size, sizeof *values);
    for (int64_t i = 0; values && i < size; i++)
        values[i] = (int32_t)(next_number() * (double)below);
    return cn_array_with(values, CN_ARRAY_I32, true, shape);
}

static cn_view numbers(cn_shape shape, double low, double high)
{
    int64_t size = cn_shape_size(shape);
    float *values = calloc((size_t)size, sizeof *values);
    for (int64_t i = 0; values && i < size; i++)
        values[i] = (float)(low + (high - low) * next_number());
    return cn_array_with(values, CN_ARRAY_F32, true, shape);
}

cn_view workload_inputs(const workload *work, int64_t samples)
{
    cn_shape shape = batch_of(samples, work->input);
    return work->tokens ? integers(shape, work->tokens) : numbers(shape, -1, 1);
}

cn_view workload_targets(const workload *work, int64_t samples)
{
    cn_shape shape = batch_of(samples, work->output);
    int64_t size = cn_shape_size(shape), classes = shape.dim[shape.rank - 1];
    if (work->target == LABELS) {
        shape.rank--;
        return integers(shape, classes);
    }
    if (work->target != ONE_HOT)
        return numbers(shape, work->target == NUMBERS ? -1 : 0, 1);
    cn_view targets = numbers(shape, 0, 0);
    float *values = (float *)(uintptr_t)targets.data;
    for (int64_t i = 0; values && i < size; i += classes)
        values[i + (int64_t)(next_number() * (double)classes)] = 1;
    return targets;
}

cn_view workload_predictions(const workload *work, int64_t samples)
{
    return numbers(batch_of(samples, work->output), 0, 0);
}
