/* A layer as a user writes one. */
#ifndef CN_TESTS_MY_DENSE_H
#define CN_TESTS_MY_DENSE_H
#include "cornet.h"

typedef struct my_dense {
    cn_layer base;
    int64_t units;
    cn_tensor *w, *b;
} my_dense;

static bool my_build(cn_layer *layer, const cn_shape *in)
{
    my_dense *d = (my_dense *)layer;
    d->w = cn_add_weight(layer, "w", CN_SHAPE(in->dim[in->rank - 1], d->units), .initializer = cn_init_random_normal());
    d->b = cn_add_weight(layer, "b", CN_SHAPE(d->units), .initializer = cn_init_random_normal());
    return d->w && d->b;
}

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

#define my_dense(...) cn_layer_like(&my_dense_class, &(my_dense){.base = {0}, __VA_ARGS__}) /* my_dense(5) */
#endif
