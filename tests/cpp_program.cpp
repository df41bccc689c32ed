// A C++17 program trains a model as a C program does: arguments are structs that begin as their defaults.
#include <cornet/cornet.h>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <vector>

static cn_shape shape(std::initializer_list<std::int64_t> dims)
{
    cn_shape result{};
    for (std::int64_t dim : dims)
        result.dim[result.rank++] = dim;
    return result;
}

static cn_layer *dense(std::int64_t units, cn_activation *activation)
{
    cn_dense_args args = cn_dense_defaults();
    args.units = units;
    args.activation = activation;
    return cn_dense_with(args);
}

static cn_view view(const std::vector<float> &values, std::initializer_list<std::int64_t> dims)
{
    return cn_array_with(values.data(), CN_ARRAY_F32, false, shape(dims));
}

// Learns y = x0 * x1; gives the loss before and after.
static bool train(double &first, double &last)
{
    constexpr int samples = 64;
    std::vector<float> x(2 * samples), y(samples), p(samples);
    for (int i = 0; i < samples; i++) {
        x[2 * i] = static_cast<float>(std::sin(i));
        x[2 * i + 1] = static_cast<float>(std::cos(3 * i));
        y[i] = x[2 * i] * x[2 * i + 1];
    }
    cn_input_args input{};
    input.shape = shape({2});
    cn_layer *layers[] = {cn_input_layer_with(input), dense(16, cn_tanh), dense(1, nullptr)};
    cn_model *model = cn_sequential_of(layers, 3);

    cn_compile_args compile{};
    cn_optimizer adam = cn_adam_defaults();
    adam.learning_rate = 0.02;
    compile.optimizer = cn_adam_with(adam);
    compile.loss = cn_loss_named("mse");
    cn_compile_with(model, compile);

    cn_fit_args fit = cn_fit_defaults();
    fit.x[0] = view(x, {samples, 2});
    fit.y[0] = view(y, {samples, 1});
    fit.epochs = 60;
    fit.verbose = 0;
    cn_history *history = cn_fit_with(model, fit);
    const double *losses = cn_history_of(history, "loss");
    if (losses) {
        first = losses[0];
        last = losses[cn_history_epochs(history) - 1];
    }
    cn_predict_args predict = cn_predict_defaults();
    predict.x[0] = fit.x[0];
    predict.y[0] = cn_array_with(p.data(), CN_ARRAY_F32, true, shape({samples, 1}));
    cn_predict_with(model, predict);
    cn_model_free(model);

    double error = 0;
    for (int i = 0; i < samples; i++)
        error += (p[i] - y[i]) * (p[i] - y[i]) / samples;
    return !cn_failed() && error < 2 * last;
}

// The arguments of operations begin as C's macros have them: no axis is all axes, not axis 0.
static bool has_defaults()
{
    cn_tape_args eager{};
    cn_tape *tape = cn_tape_with(eager);
    const float values[] = {1, -2, 3, 4, -5, 6};
    cn_tensor *x = cn_constant(tape, cn_array_with(values, CN_ARRAY_F32, false, shape({2, 3})));
    cn_relu_args relu{};
    cn_reduce_args reduce{};
    float sum = 0, largest = 0;
    reduce.x = relu.x = x;
    cn_values(cn_sum_with(reduce), cn_array_with(&sum, CN_ARRAY_F32, true, shape({})));
    reduce.x = cn_relu_with(relu);
    cn_values(cn_max_with(reduce), cn_array_with(&largest, CN_ARRAY_F32, true, shape({})));
    cn_tape_free(tape);
    return !cn_failed() && sum == 7 && largest == 6;
}

int main()
{
    double first = 0, last = 0;
    const bool right = train(first, last) && last < first / 4 && has_defaults();
    if (!right)
        std::fprintf(stderr, "loss %g, then %g; %s\n", first, last, cn_error_message());
    return right ? 0 : 1;
}
