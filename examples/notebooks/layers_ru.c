/* A tour of the main layers, after a Russian notebook: each in a small model, with its summary, and what the simple
 * ones do to numbers. Comments give the notebook's cells by their number, in reading order; (64), which the notebook
 * writes as the shape of an input, is a number, here as there. */
#include <cornet/cornet.h>
#include <stdio.h>

int main(void)
{
    cn_tape *tape = cn_tape_new();

    /* [1] Imports, [2] Dense */
    cn_tensor *in = cn_input(64);
    cn_tensor *x = cn_call(cn_dense(200, cn_relu), in);
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(10, cn_softmax), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [3] Dense on matrices */
    in = cn_input(64, 64);
    x = cn_call(cn_dense(100, cn_relu), in);
    model = cn_model_new({in}, {cn_call(cn_dense(2), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [4] How it works: output = activation(dot(input, weights) + bias). The notebook calls the first shape that of the
     * output. */
    double input[2][3][4] = {{{2, 4, 6, 8}, {2, 4, 6, 8}, {2, 4, 6, 8}}, {{3, 5, 7, 9}, {3, 5, 7, 9}, {3, 5, 7, 9}}};
    double weights[4][2] = {{0.3, 0.5}, {0.3, 0.5}, {0.3, 0.5}, {0.3, 0.5}};
    cn_tensor *data = cn_constant_as(tape, cn_array(input[0][0], 2, 3, 4), CN_F64);
    cn_tensor *w = cn_constant_as(tape, cn_array(weights[0], 4, 2), CN_F64);
    cn_print("size of the input data matrix:", cn_shape_of(data));
    cn_print("size of the weight matrix:", cn_shape_of(w));

    /* [5] */
    cn_tensor *product = cn_dot(data, w);
    cn_print_repr(product);

    /* [6] */
    cn_print(cn_shape_of(product));

    /* [7] Flatten; the axis of the batch stays */
    in = cn_input(64, 64);
    x = cn_call(cn_dense(100), in);
    model = cn_model_new({in}, {cn_call(cn_flatten(), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [8] Reshape */
    in = cn_input(64, 64);
    x = cn_call(cn_dense(100), in);
    model = cn_model_new({in}, {cn_call(cn_reshape_layer(CN_SHAPE(-1)), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [9] */
    in = cn_input(64);
    x = cn_call(cn_dense(100), in);
    model = cn_model_new({in}, {cn_call(cn_reshape_layer(CN_SHAPE(10, 10)), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [10] Concatenate */
    cn_tensor *in1 = cn_input(64, 64, 3), *in2 = cn_input(64, 64, 3);
    model = cn_model_new({in1, in2}, {cn_call_many(cn_concatenate_layer(3), {in1, in2}).item[0]});
    cn_summary(model);
    cn_model_free(model);

    /* [11] Conv2D; its inputs have three axes besides the batch */
    in = cn_input(128, 128, 3);
    model = cn_model_new({in}, {cn_call(cn_conv2d(32, {3, 3}), in)});
    cn_summary(model);
    cn_model_free(model);

    /* [12] With padding */
    in = cn_input(128, 128, 3);
    model = cn_model_new({in}, {cn_call(cn_conv2d(32, {3, 3}, .padding = CN_SAME), in)});
    cn_summary(model);
    cn_model_free(model);

    /* [13] With strides */
    in = cn_input(128, 128, 3);
    model = cn_model_new({in}, {cn_call(cn_conv2d(32, {3, 3}, .strides = {2, 2}, .padding = CN_SAME), in)});
    cn_summary(model);
    cn_model_free(model);

    /* [14] Dilated */
    in = cn_input(128, 128, 3);
    model = cn_model_new({in}, {cn_call(cn_conv2d(32, {3, 3}, .dilation_rate = {2, 2}), in)});
    cn_summary(model);
    cn_model_free(model);

    /* [15] MaxPooling2D; the strides are the size of the window unless given */
    in = cn_input(128, 128, 3);
    x = cn_call(cn_conv2d(32, {3, 3}, .padding = CN_SAME), in);
    model = cn_model_new({in}, {cn_call(cn_max_pooling2d({2}), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [16] Sizes that do not divide are rounded down */
    in = cn_input(127, 127, 3);
    x = cn_call(cn_conv2d(32, {3, 3}, .padding = CN_SAME), in);
    model = cn_model_new({in}, {cn_call(cn_max_pooling2d({2}), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [17] unless padded */
    in = cn_input(127, 127, 3);
    x = cn_call(cn_conv2d(32, {3, 3}, .padding = CN_SAME), in);
    model = cn_model_new({in}, {cn_call(cn_max_pooling2d({2}, .padding = CN_SAME), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [18] UpSampling2D */
    in = cn_input(128, 128, 3);
    model = cn_model_new({in}, {cn_call(cn_up_sampling2d(CN_SHAPE(2)), in)});
    cn_summary(model);
    cn_model_free(model);

    /* [19] What it does: */
    in = cn_input(2, 2, 1);
    model = cn_model_new({in}, {cn_call(cn_up_sampling2d(CN_SHAPE(2)), in)});

    /* [20] */
    int64_t square[2][2] = {{4, 2}, {3, 6}};
    cn_print_repr(cn_array(square[0], 2, 2));

    /* [21] As a batch of one picture with one channel, (1, 2, 2, 1), [22] it becomes */
    float doubled[4][4];
    cn_predict(model, {cn_array(square[0], 1, 2, 2, 1)}, {cn_array(doubled[0], 1, 4, 4, 1)});
    cn_print_repr(cn_array(doubled[0], 4, 4));
    cn_model_free(model);

    /* [23] Conv2DTranspose: the input enlarged with zeros by the strides, then a convolution */
    in = cn_input(128, 128, 3);
    model = cn_model_new({in}, {cn_call(cn_conv2d_transpose(32, {3, 3}, .strides = {2, 2}, .padding = CN_SAME), in)});
    cn_summary(model);
    cn_model_free(model);

    /* [45] What it does: */
    in = cn_input(2, 2, 1);
    model = cn_model_new({in}, {cn_call(cn_conv2d_transpose(1, {1, 1}, .strides = {3, 3}, .padding = CN_SAME), in)});

    /* [46] */
    cn_print(cn_array(square[0], 2, 2));

    /* [52] "Weights which do not influence the output": a kernel of 1 and a bias of 0 */
    float one[] = {1}, zero[] = {0};
    cn_set_weights(model, cn_array(one, 1, 1, 1, 1), cn_array(zero, 1));

    /* [27] The notebook shows what an earlier run of this cell gave; the weights are set, so it is the same. */
    float spread[6][6];
    cn_predict(model, {cn_array(square[0], 1, 2, 2, 1)}, {cn_array(spread[0], 1, 6, 6, 1)});
    cn_print_repr(cn_array(spread[0], 6, 6));
    cn_model_free(model);

    /* [28] Embedding */
    in = cn_input(10);
    model = cn_model_new({in}, {cn_call(cn_embedding(1000, 5), in)});
    cn_summary(model);

    /* [29] The notebook gives ten numbers where a batch of ten is meant: Keras 2 takes them with a warning for ten
     * samples, Keras 3 refuses them, as Cornet does. */
    int32_t numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    float embedded[1][10][5];
    cn_predict(model, {cn_array(numbers, 10)}, {cn_array(embedded[0][0], 10, 5)});
    printf("refused: %s\n", cn_error_message());
    cn_error_clear();
    cn_predict(model, {cn_array(numbers, 1, 10)}, {cn_array(embedded[0][0], 1, 10, 5)});
    cn_print(cn_array(embedded[0][0], 1, 10, 5));
    cn_model_free(model);

    /* [30] Conv1D */
    in = cn_input(100);
    x = cn_call(cn_embedding(1000, 20), in);
    model = cn_model_new({in}, {cn_call(cn_conv1d(32, {5}, .padding = CN_SAME), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [31] LSTM */
    in = cn_input(100);
    x = cn_call(cn_embedding(1000, 20), in);
    model = cn_model_new({in}, {cn_call(cn_lstm(64), x)});
    cn_summary(model);
    cn_model_free(model);

    /* [32] With return_sequences: an output for each step */
    float steps[4] = {0.1f, 0.2f, 0.3f, 0.4f}, sequence[4];
    in = cn_input(4, 1);
    model = cn_model_new({in}, {cn_call(cn_lstm(1, .return_sequences = true), in)});
    cn_predict(model, {cn_array(steps, 1, 4, 1)}, {cn_array(sequence, 1, 4, 1)});
    cn_print(cn_array(sequence, 1, 4, 1));
    cn_model_free(model);

    /* [33] */
    in = cn_input(10);
    x = cn_call(cn_embedding(1000, 20), in);
    model = cn_model_new({in}, {cn_call(cn_lstm(64, .return_sequences = true), x)});
    cn_summary(model);

    /* [34] */
    cn_tensor *ids = cn_constant(tape, cn_array(numbers, 1, 10)), *series = cn_constant(tape, cn_array(steps, 1, 4, 1));
    cn_print(cn_shape_of(cn_call(model, ids)));
    cn_model_free(model);

    /* [35] With return_state: the hidden state, the hidden state again, the cell state. They can be the initial states
     * of another LSTM of the same size. */
    in = cn_input(4, 1);
    cn_tensors out = cn_call_many(cn_lstm(1, .return_state = true), {in});
    model = cn_model_new({in}, {out.item[0], out.item[1], out.item[2]});
    out = cn_call_many(model, {series});
    for (int i = 0; i < out.count; i++)
        cn_print(out.item[i]);
    cn_model_free(model);

    /* [36] */
    in = cn_input(10);
    x = cn_call(cn_embedding(1000, 20), in);
    out = cn_call_many(cn_lstm(64, .return_state = true), {x});
    model = cn_model_new({in}, {out.item[0], out.item[1], out.item[2]});
    cn_summary(model);

    /* [37] */
    out = cn_call_many(model, {ids});
    printf("%d\n", out.count);
    for (int i = 0; i < out.count; i++)
        cn_print(cn_shape_of(out.item[i]));
    cn_model_free(model);

    /* [38] The same as [35], with other random weights */
    in = cn_input(4, 1);
    out = cn_call_many(cn_lstm(1, .return_state = true), {in});
    model = cn_model_new({in}, {out.item[0], out.item[1], out.item[2]});
    out = cn_call_many(model, {series});
    for (int i = 0; i < out.count; i++)
        cn_print(out.item[i]);
    cn_model_free(model);

    /* [39] With both: the last output of the sequence is the hidden state. */
    in = cn_input(4, 1);
    out = cn_call_many(cn_lstm(1, .return_sequences = true, .return_state = true), {in});
    model = cn_model_new({in}, {out.item[0], out.item[1], out.item[2]});
    out = cn_call_many(model, {series});
    for (int i = 0; i < out.count; i++)
        cn_print(out.item[i]);
    cn_model_free(model);

    /* [40] softmax in place of tanh, for candidate and output: unusual, but allowed */
    in = cn_input(10);
    x = cn_call(cn_embedding(1000, 20), in);
    out = cn_call_many(cn_lstm(64, cn_softmax, .return_state = true, .return_sequences = true), {x});
    model = cn_model_new({in}, {out.item[0], out.item[1], out.item[2]});
    cn_summary(model);

    /* [41] */
    out = cn_call_many(model, {ids});
    printf("%d\n", out.count);
    for (int i = 0; i < out.count; i++)
        cn_print(cn_shape_of(out.item[i]));
    cn_model_free(model);

    bool failed = cn_failed();
    if (failed)
        fprintf(stderr, "%s\n", cn_error_message());
    cn_tape_free(tape);
    return failed;
}
