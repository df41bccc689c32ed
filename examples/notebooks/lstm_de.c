/* An LSTM followed by hand, after a German notebook: three small models are trained, and for each the prediction of the
 * first sample is worked out again with nothing but its weights and the formulas. Comments give the notebook's cells in
 * order. Ends with 1 if the two differ by 1e-6 or more. */
#include <cornet/cornet.h>
#include <math.h>
#include <stdio.h>

/* 6 and 7: the gate equations, from a start of zeros, then the Dense layer and its softmax. w has the weights in the
 * order of get_weights(); the LSTM's have a quarter of their columns for each gate: i, f, the candidate, o. (The
 * notebook's first cut takes the first 24 columns for the last 8, and names two parts of one matrix differently; its
 * relu changes its argument; its softmax subtracts no maximum.) */
static cn_tensor *by_hand(cn_tensor *sample, cn_tensor **w, cn_activation *activation, cn_activation *recurrent)
{
    cn_tensors W = cn_split(w[0], 4, .axis = 1), U = cn_split(w[1], 4, .axis = 1), b = cn_split(w[2], 4);
    cn_tensor *h = cn_zeros_like(b.item[0]), *c = h;
    for (int t = 0; t < 3; t++) {
        cn_tensor *x = cn_getitem(sample, {CN_AT(t)}), *z[4];
        for (int k = 0; k < 4; k++)
            z[k] = cn_add(cn_add(cn_dot(x, W.item[k]), cn_dot(h, U.item[k])), b.item[k]);
        cn_tensor *i = recurrent(z[0]), *f = recurrent(z[1]), *candidate = activation(z[2]), *o = recurrent(z[3]);
        c = cn_add(cn_mul(f, c), cn_mul(i, candidate));
        h = cn_mul(activation(c), o);
    }
    cn_tensor *y = cn_exp(cn_add(cn_dot(h, w[3]), w[4]));
    return cn_div(y, cn_sum(y));
}

int main(void)
{
    /* 1: the data */
    int64_t X[4][3][2], y[4][2] = {{0, 1}, {0, 1}, {0, 1}, {1, 0}};
    for (int i = 0; i < 24; i++)
        X[i / 6][i / 2 % 3][i % 2] = i;
    cn_view samples = cn_array(X[0][0], 4, 3, 2), labels = cn_array(y[0], 4, 2), first = cn_array(X[0][0], 3, 2);
    cn_print(samples.shape);
    cn_print(labels.shape);
    cn_print(first);

    /* 2 to 8, then 9 and 10 with other activations. (The comment in 10 repeats that of 9: what changes there is
     * recurrent_activation.) */
    cn_activation *activations[] = {cn_tanh, cn_relu, cn_tanh}, *recurrent[] = {cn_sigmoid, cn_sigmoid, cn_relu};
    double worst = 0;
    for (int n = 0; n < 3; n++) {
        /* 2: the model. sigmoid is the default of recurrent_activation today; the Keras of the notebook had another. */
        cn_tensor *in = cn_input(3, 2);
        cn_layer *lstm = cn_lstm(8, .activation = activations[n], .recurrent_activation = recurrent[n]);
        cn_tensor *out = cn_call(cn_dense(2, cn_softmax), cn_call(lstm, in));
        cn_model *model = cn_model_new({in}, {out});
        cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy());
        cn_summary(model);

        /* 3: training */
        cn_fit(model, {samples}, {labels}, .epochs = 2);

        /* 4 and 5: the weights, three of the LSTM, two of the Dense layer */
        cn_tape *tape = cn_tape_new();
        cn_tensor *w[5];
        for (int i = 0; i < 5; i++) {
            w[i] = cn_cast(cn_read(tape, cn_weight(model, i)), CN_F64);
            cn_print(cn_shape_of(w[i]));
        }

        /* 7: by hand, in double precision; 8: the same by predict */
        double hand[2];
        float predicted[1][2];
        cn_values(by_hand(cn_constant_as(tape, first, CN_F64), w, activations[n], recurrent[n]), cn_array(hand, 2));
        cn_predict(model, {cn_array(X[0][0], 1, 3, 2)}, {cn_array(predicted[0], 1, 2)});
        cn_model_free(model);
        cn_tape_free(tape);
        cn_clear_session(); /* the names of the next model begin anew, as in the notebook */
        if (cn_failed()) {
            fprintf(stderr, "%s\n", cn_error_message());
            return 1;
        }
        printf("[%.16g, %.16g]\n", hand[0], hand[1]);
        cn_print(cn_array(predicted[0], 1, 2));
        for (int i = 0; i < 2; i++)
            worst = fmax(worst, fabs(hand[i] - (double)predicted[0][i]));
        printf("by hand and by predict %s to 1e-6\n", worst < 1e-6 ? "agree" : "do not agree");
    }
    return worst < 1e-6 ? 0 : 1;
}
