/* A layer of one's own: y = x w + b, written as a user would, and trained to find a line through points. */
#include <cornet/cornet.h>
#include <math.h>
#include <stdio.h>

typedef struct {
    cn_layer base;
    int64_t units;
    cn_tensor *w, *b;
} my_dense;

/* Called once, at the first call of the layer: the weights get their shapes from the input's. */
static bool my_build(cn_layer *layer, const cn_shape *in)
{
    my_dense *d = (my_dense *)layer;
    d->w = cn_add_weight(layer, "w", CN_SHAPE(in->dim[in->rank - 1], d->units), .initializer = cn_init_random_normal());
    d->b = cn_add_weight(layer, "b", CN_SHAPE(d->units), .initializer = cn_init_random_normal());
    return d->w && d->b;
}

/* Only the forward pass is written down; its gradient follows from it. */
static cn_tensor *my_call(cn_layer *layer, cn_tensor *x)
{
    my_dense *d = (my_dense *)layer;
    return cn_add(cn_matmul(x, d->w), d->b);
}

static const cn_layer_class my_dense_class = {.name = "MyDense",
                                              .size = sizeof(my_dense),
                                              .build = my_build,
                                              .call = my_call,
                                              .fields = {CN_FIELD_INT(my_dense, units)},
                                              .min_rank = 1};

#define my_dense(...) cn_layer_like(&my_dense_class, &(my_dense){.base = {0}, __VA_ARGS__})

int main(void)
{
    enum { POINTS = 64 };
    float x[POINTS], y[POINTS];
    for (int i = 0; i < POINTS; i++) {
        x[i] = (float)i / POINTS;
        y[i] = 3 * x[i] - 1;
    }

    cn_layer *line = my_dense(1);
    cn_model *model = cn_sequential(cn_input_layer(1), line);
    cn_compile(model, .optimizer = cn_adam(0.05), .loss = cn_mean_squared_error());
    cn_summary(model);
    cn_fit(model, {cn_array(x, POINTS, 1)}, {cn_array(y, POINTS, 1)}, .epochs = 200, .verbose = 0);

    double slope = cn_item(cn_weight(line, 0)), intercept = cn_item(cn_weight(line, 1));
    if (cn_failed())
        fprintf(stderr, "%s\n", cn_error_message());
    else
        printf("y = 3 x - 1 was found as y = %.3f x %+.3f\n", slope, intercept);
    bool found = !cn_failed() && fabs(slope - 3) < 0.01 && fabs(intercept + 1) < 0.01;
    cn_model_free(model);
    return found ? 0 : 1;
}
