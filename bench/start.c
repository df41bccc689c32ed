/* A small program as a user would write it, for its time from start to end: an LSTM trained for two epochs and asked
 * once. */
#include <cornet/cornet.h>
#include <stdio.h>

int main(void)
{
    float x[4][3][2] = {{{0}}}, y[4][2] = {{1, 0}, {0, 1}, {1, 0}, {0, 1}}, answer[4][2];
    for (int i = 0; i < 4; i++)
        x[i][0][i % 2] = 1;
    cn_model *model = cn_sequential(cn_input_layer(3, 2), cn_lstm(8), cn_dense(2, cn_softmax));
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy(), .metrics = {cn_accuracy()});
    cn_fit(model, {cn_array(&x[0][0][0], 4, 3, 2)}, {cn_array(&y[0][0], 4, 2)}, .epochs = 2, .verbose = 0);
    cn_predict(model, {cn_array(&x[0][0][0], 4, 3, 2)}, {cn_array(&answer[0][0], 4, 2)});
    cn_model_free(model);
    if (cn_failed())
        fprintf(stderr, "%s\n", cn_error_message());
    return cn_failed();
}
