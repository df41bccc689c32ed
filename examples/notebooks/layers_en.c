/* A chapter on Keras' layers in English: Dense on inputs of any rank, Flatten, TimeDistributed, and a layer of one's
 * own. Comments give its code blocks in order. */
#include <cornet/cornet.h>
#include <stdio.h>

/* 8: a custom layer, units = 32 by default. The chapter's gives its weights no names; w and b are what it calls them.
 */
typedef struct {
    cn_layer base;
    int64_t units;
    cn_tensor *w, *b;
} my_custom_layer;

static bool my_build(cn_layer *layer, const cn_shape *in)
{
    my_custom_layer *my = (my_custom_layer *)layer;
    int64_t features = in->dim[in->rank - 1];
    my->w = cn_add_weight(layer, "w", CN_SHAPE(features, my->units), .initializer = cn_init_random_normal());
    my->b = cn_add_weight(layer, "b", CN_SHAPE(my->units), .initializer = cn_init_random_normal());
    return my->w && my->b;
}

static cn_tensor *my_call(cn_layer *layer, cn_tensor *x)
{
    my_custom_layer *my = (my_custom_layer *)layer;
    return cn_add(cn_matmul(x, my->w), my->b);
}

static const cn_layer_class my_custom_layer_class = {.name = "MyCustomLayer",
                                                     .size = sizeof(my_custom_layer),
                                                     .build = my_build,
                                                     .call = my_call,
                                                     .fields = {CN_FIELD_INT(my_custom_layer, units)},
                                                     .min_rank = 2};
#define my_custom_layer(...) \
    cn_layer_like(&my_custom_layer_class, &(my_custom_layer){.base = {0}, .units = 32, __VA_ARGS__})

int main(void)
{
    cn_tape *tape = cn_tape_new();

    /* 1: Dense, activation(x W + b) */
    cn_layer *dense = cn_dense(128, cn_relu);
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(32, 64));
    cn_print(cn_shape_of(cn_call(dense, x)));

    /* 2: "Dense requires 2-D input": so a third axis is joined to the first and taken off again. */
    x = cn_sample_normal(tape, CN_SHAPE(32, 10, 64));
    cn_tensor *flat = cn_call(dense, cn_reshape(x, CN_SHAPE(320, 64)));
    cn_tensor *y = cn_reshape(flat, CN_SHAPE(32, 10, 128));
    cn_print(cn_shape_of(y));
    /* But it does not: Dense acts on the last axis of any rank. */
    double difference = cn_item(cn_max(cn_absolute(cn_sub(y, cn_call(dense, x)))));
    printf("Dense alone %s\n", difference < 1e-6 ? "agrees" : "differs");

    /* 3: Flatten */
    cn_tensor *images = cn_sample_normal(tape, CN_SHAPE(32, 10, 10, 64));
    cn_layer *flatten = cn_flatten();
    cn_print(cn_shape_of(cn_call(flatten, x)));
    cn_print(cn_shape_of(cn_call(flatten, images)));

    /* 4: TimeDistributed, one wrapper and one set of weights for both ranks */
    cn_layer *distributed = cn_time_distributed(cn_dense(128));
    cn_print(cn_shape_of(cn_call(distributed, x)));
    cn_print(cn_shape_of(cn_call(distributed, images)));
    printf("%lld parameters\n", (long long)cn_count_params(distributed));

    /* 5: a convolution layer, which the chapter does not call */
    cn_conv2d(32, {3, 3}, .strides = {1}, .padding = CN_SAME, .activation = cn_relu);

    /* 6 and 7: text on pooling and recurrent layers. Pooling makes only the parameters of later Dense layers fewer;
     * besides its two matrices a recurrent layer has a bias. 10: the explanation of the layer above. */

    /* 9: the custom layer in a model */
    cn_layer *mine = my_custom_layer(.units = 10);
    cn_model *model = cn_sequential(cn_input_layer(4), mine);
    cn_summary(model);
    cn_print(cn_shape_of(cn_weight(mine, 0)));
    cn_print(cn_shape_of(cn_weight(mine, 1)));

    bool failed = cn_failed();
    if (failed)
        fprintf(stderr, "%s\n", cn_error_message());
    cn_model_free(model);
    cn_tape_free(tape);
    return failed;
}
