/* An LSTM followed by hand, as in a Keras notebook whose cells the comments name: three small models are trained, and
 * for each the prediction of the first sample is worked out again with nothing but its weights and the formulas. Ends
 * with 1 if the two differ by 1e-6 or more. */
#include <cornet/cornet.h>
#include <math.h>
#include <stdio.h>

enum { SAMPLES = 4, STEPS = 3, FEATURES = 2, UNITS = 8, CLASSES = 2 };

static double relu(double x)
{
    return x > 0 ? x : 0;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* The activations of a model, as Cornet has them and as the formulas do. */
typedef struct variant {
    const char *title;
    cn_activation *activation, *recurrent_activation;
    double (*a)(double), (*r)(double);
} variant;

/* The weights in the order of get_weights(): the LSTM's three (the columns of each are i, f, c, o), then the Dense
 * layer's two. */
typedef struct weights {
    double W[FEATURES][4 * UNITS], U[UNITS][4 * UNITS], b[4 * UNITS];
    double W_dense[UNITS][CLASSES], b_dense[CLASSES];
} weights;

/* z = x W + h U + b of one gate and unit. */
static double gate(const weights *w, const double *x, const double *h, int column)
{
    double z = w->b[column];
    for (int i = 0; i < FEATURES; i++)
        z += x[i] * w->W[i][column];
    for (int i = 0; i < UNITS; i++)
        z += h[i] * w->U[i][column];
    return z;
}

/* The gate equations, the Dense layer, softmax (cells 6 and 7). */
static void by_hand(const variant *v, const weights *w, float (*sample)[FEATURES], double *p)
{
    double h[UNITS] = {0}, c[UNITS] = {0};
    for (int t = 0; t < STEPS; t++) {
        double x[FEATURES] = {sample[t][0], sample[t][1]}, h_new[UNITS];
        for (int u = 0; u < UNITS; u++) {
            double i = v->r(gate(w, x, h, u));
            double f = v->r(gate(w, x, h, UNITS + u));
            double candidate = v->a(gate(w, x, h, 2 * UNITS + u));
            double o = v->r(gate(w, x, h, 3 * UNITS + u));
            c[u] = f * c[u] + i * candidate;
            h_new[u] = o * v->a(c[u]);
        }
        for (int u = 0; u < UNITS; u++)
            h[u] = h_new[u];
    }
    double z[CLASSES], sum = 0;
    for (int k = 0; k < CLASSES; k++) {
        z[k] = w->b_dense[k];
        for (int u = 0; u < UNITS; u++)
            z[k] += h[u] * w->W_dense[u][k];
    }
    for (int k = 0; k < CLASSES; k++)
        sum += p[k] = exp(z[k] - fmax(z[0], z[1]));
    for (int k = 0; k < CLASSES; k++)
        p[k] /= sum;
}

int main(void)
{
    /* Cell 1: the data */
    float X[SAMPLES][STEPS][FEATURES], y[SAMPLES][CLASSES] = {{0, 1}, {0, 1}, {0, 1}, {1, 0}};
    for (int i = 0; i < SAMPLES * STEPS * FEATURES; i++)
        X[i / (STEPS * FEATURES)][i / FEATURES % STEPS][i % FEATURES] = (float)i;
    cn_view all_x = cn_array(X[0][0], SAMPLES, STEPS, FEATURES), all_y = cn_array(y[0], SAMPLES, CLASSES);
    cn_print(all_x.shape);
    cn_print(all_y.shape);
    cn_print(cn_array(X[0][0], STEPS, FEATURES));

    /* Cells 2 to 8, then 9 and 10 with other activations */
    const variant variants[] = {
        {"tanh, sigmoid", cn_tanh, cn_sigmoid, tanh, sigmoid},
        {"activation=relu", cn_relu, cn_sigmoid, relu, sigmoid},
        {"recurrent_activation=relu", cn_tanh, cn_relu, tanh, relu},
    };
    double worst = 0;
    for (int n = 0; n < 3 && !cn_failed(); n++) {
        const variant *v = &variants[n];
        printf("\n%s\n\n", v->title);

        /* Cell 2: the model */
        cn_tensor *in = cn_input(STEPS, FEATURES);
        cn_layer *lstm = cn_lstm(UNITS, .activation = v->activation, .recurrent_activation = v->recurrent_activation);
        cn_tensor *out = cn_call(cn_dense(CLASSES, cn_softmax), cn_call(lstm, in));
        cn_model *model = cn_model_new({in}, {out});
        cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy(), .metrics = {cn_accuracy()});
        cn_summary(model);

        /* Cell 3: training */
        cn_fit(model, {all_x}, {all_y}, .epochs = 2);

        /* Cells 4 and 5: the weights */
        cn_layer *layer = cn_model_layer(model);
        for (int i = 0; i < cn_weight_count(layer); i++) {
            printf("%-31s ", cn_name_of(cn_weight(layer, i)));
            cn_print(cn_shape_of(cn_weight(layer, i)));
        }
        weights w;
        cn_get_weights(layer,
                       (cn_view[]){cn_array(w.W[0], FEATURES, 4 * UNITS), cn_array(w.U[0], UNITS, 4 * UNITS),
                                   cn_array(w.b, 4 * UNITS), cn_array(w.W_dense[0], UNITS, CLASSES),
                                   cn_array(w.b_dense, CLASSES)},
                       5);
        printf("the LSTM's bias: ones in the columns of f, as it began, and what two epochs added\n");
        cn_print(cn_weight(layer, 2));

        /* Cells 6 and 7: by hand. Cell 8: the same by predict */
        double hand[CLASSES];
        float predicted[CLASSES];
        by_hand(v, &w, X[0], hand);
        cn_predict(model, {cn_array(X[0][0], 1, STEPS, FEATURES)}, {cn_array(predicted, 1, CLASSES)});
        cn_model_free(model);
        cn_clear_session(); /* the next model's names begin anew, as in the notebook */
        if (cn_failed())
            break;
        printf("by hand: [%.16g, %.16g]\npredict: ", hand[0], hand[1]);
        cn_print(cn_array(predicted, 1, CLASSES));
        for (int k = 0; k < CLASSES; k++)
            worst = fmax(worst, fabs(hand[k] - (double)predicted[k]));
    }

    if (cn_failed()) {
        fprintf(stderr, "%s\n", cn_error_message());
        return 1;
    }
    printf("\nlargest difference: %.1e\n", worst);
    return worst < 1e-6 ? 0 : 1;
}
