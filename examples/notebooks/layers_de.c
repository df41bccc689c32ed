/* Layers at a glance, after a German notebook: a linear, a recurrent and a convolution layer, and attention made of
 * three linear ones, each called on the same random input. Comments give the notebook's cells by their number. */
#include <cornet/cornet.h>
#include <math.h>
#include <stdio.h>

enum { BATCH_SIZE = 2, NUM_INPUTS = 10, INPUT_DIM = 3 };

int main(void)
{
    /* [1] Imports, [2] the input, and a linear layer: y = f(x W + b), on the last axis. The notebook's formula leaves
     * out the bias, here and below. */
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(BATCH_SIZE, NUM_INPUTS, INPUT_DIM));
    cn_print("dimension of the input:", cn_shape_of(x));
    cn_layer *linear = cn_dense(5);
    cn_model *model = cn_sequential(linear);
    cn_build(model, cn_shape_of(x));
    cn_print("dimension of the matrix of the linear layer:", cn_shape_of(cn_weight(linear, 0)));
    cn_print("dimension of the output:", cn_shape_of(cn_call(model, x)));

    /* [5] A recurrent layer: s_t = tanh(s_(t-1) R + x_t W + b), beginning with s_0 = 0. "A simple model with one linear
     * layer", as the notebook comments here and in [6], is left over from [2]. */
    cn_print("dimension of the input:", cn_shape_of(x));
    cn_model *recurrent = cn_sequential(cn_simple_rnn(5, .return_sequences = true));
    cn_print("dimension of the output:", cn_shape_of(cn_call(recurrent, x)));

    /* [6] A convolution layer with one filter, two steps wide. */
    cn_print("dimension of the input:", cn_shape_of(x));
    cn_layer *convolution = cn_conv1d(1, {2});
    cn_model *convolutional = cn_sequential(convolution);
    cn_print("dimension of the output:", cn_shape_of(cn_call(convolutional, x)));

    /* [74] Its kernel, with the values that the notebook shows, which calls it conv1d_14: the cells had been run
     * before. The bias begins with 0. */
    float kernel[2][3] = {{-0.5877724f, 0.37192458f, 0.01260459f}, {0.1083079f, 0.5347014f, -0.2614751f}}, bias[] = {0};
    cn_set_weights(convolution, cn_array(kernel[0], 2, 3, 1), cn_array(bias, 1));
    cn_print_repr(cn_weight(convolution, 0));

    /* [10] Attention. The notebook gives 5., a float, as units. Its heading says Q K.T: there is a product for each
     * sample; and unlike Keras' Attention layer this one divides by the root of the number of units. */
    cn_print("dimension of the input:", cn_shape_of(x));
    cn_tensor *q = cn_call(cn_dense(5), x), *k = cn_call(cn_dense(5), x), *v = cn_call(cn_dense(5), x);
    cn_tensor *w = cn_einsum("bij,bkj->bik", q, k);
    cn_print("Energy", cn_shape_of(w));
    cn_tensor *a = cn_softmax(cn_div(w, cn_scalar(w, sqrt(5))), .axis = 2);
    cn_print("Attention", cn_shape_of(a));
    cn_tensor *y = cn_einsum("bij,bjk->bik", a, v);
    cn_print("dimension of the output:", cn_shape_of(y));

    if (cn_failed())
        fprintf(stderr, "%s\n", cn_error_message());
    cn_model_free(model);
    cn_model_free(recurrent);
    cn_model_free(convolutional);
    cn_tape_free(tape);
    return cn_failed();
}
