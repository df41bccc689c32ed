/* The groups `training` and `graphs`: a model built from its graph, and where the case has a loss compiled and fitted.
 */
#include "formats/config.h"
#include "formats/config_training.h"
#include "golden.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 32, MOST_CLASSES = 16 };

typedef struct training {
    golden_case *c;
    cn_view x[CN_MAX_OUTPUTS]; /* `x`, or `x0`, `x1`, ... */
    cn_tensor *input[CN_MAX_OUTPUTS];
    int input_count;
    json_t *loss, *optimizer, *metrics, *fit;
    cn_layer *layer[MOST_NODES]; /* of each node */
    cn_tensor *output[MOST_NODES];
    int node_count;
    cn_model *model;
    cn_tensor *weight[GOLDEN_MOST]; /* in the order of the nodes */
    int weight_count;
    double *steps[GOLDEN_MOST]; /* of each weight after every batch, where the case has them */
    int64_t batches;
} training;

static json_t *node_at(const training *t, int index)
{
    return json_array_get(json_object_get(t->c->config, "nodes"), (size_t)index);
}

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool has_all_layers(const training *t)
{
    for (int i = 0; i < t->node_count; i++)
        if (!golden_has_layer(text_of(node_at(t, i), "class_name"), json_object_get(node_at(t, i), "config")))
            return false;
    return t->node_count > 0 && t->node_count <= MOST_NODES;
}

/* The symbolic tensor that a node, or an input (`input`, or `input0`, `input1`, ...), gives. */
static cn_tensor *tensor_named(const training *t, const char *name)
{
    for (int i = 0; i < t->node_count; i++)
        if (strcmp(text_of(node_at(t, i), "name"), name) == 0)
            return t->output[i];
    int input = strncmp(name, "input", 5) == 0 ? atoi(name + 5) : t->input_count;
    return input < t->input_count ? t->input[input] : NULL;
}

static cn_layer *new_layer(json_t *node)
{
    json_t *config = json_copy(node), *arguments = json_copy(json_object_get(node, "config"));
    json_object_set(arguments, "name", json_object_get(node, "name"));
    json_object_set_new(config, "config", arguments);
    cn_layer *layer = cn_layer_from_config(config);
    json_decref(config);
    return layer;
}

/* The library's loss of a softmax is computed from its logits, the reference's from clipped probabilities. This is the
 * run whose probabilities come so near to 0 that it tells: an operation after the softmax hides it from the loss. */
static cn_tensor *hide_softmax(const golden_case *c, cn_tensor *output)
{
    return strcmp(c->name, "notebook_lstm_relu_relu") == 0 ? cn_negative(cn_negative(output)) : output;
}

static cn_tensor *input_like(cn_tensor *x)
{
    cn_shape batch = cn_shape_of(x), sample = {.rank = batch.rank - 1};
    memcpy(sample.dim, batch.dim + 1, (size_t)sample.rank * sizeof *sample.dim);
    return cn_input_with((cn_input_args){.shape = sample, .dtype = cn_dtype_of(x)});
}

static void build_model(training *t)
{
    for (int i = 0; i < t->input_count; i++)
        t->input[i] = input_like(golden_input(t->c, "x", i));
    for (int i = 0; i < t->node_count; i++) {
        json_t *inbound = json_object_get(node_at(t, i), "inbound"), *name;
        cn_call_args call = {.training = CN_INHERIT};
        size_t index;
        json_array_foreach(inbound, index, name) if (index < CN_MAX_TENSORS) call.inputs[index] =
            tensor_named(t, json_string_value(name));
        t->layer[i] = new_layer(node_at(t, i));
        t->output[i] = cn_call_layer_many(t->layer[i], call).item[0];
        for (int w = 0; w < cn_weight_count(t->layer[i]) && t->weight_count < GOLDEN_MOST; w++)
            t->weight[t->weight_count++] = cn_weight(t->layer[i], w);
    }
    cn_tensor *output = tensor_named(t, text_of(t->c->config, "output"));
    cn_model_args args = {.outputs = {hide_softmax(t->c, output)}};
    memcpy(args.inputs, t->input, (size_t)t->input_count * sizeof *t->input);
    t->model = cn_model_with(args);
}

static void set_weights(const training *t)
{
    for (int i = 0; i < t->weight_count; i++)
        cn_assign(t->weight[i], golden_input(t->c, "w", i));
}

static void compile(training *t)
{
    cn_compile_args args = {.first_ = 0};
    size_t index;
    json_t *metric;
    json_array_foreach(t->metrics, index, metric) if (index < CN_MAX_METRICS)
        cn_metric_from_config(metric, &args.metrics[index]);
    if (cn_loss_from_config(t->loss, &args.loss) && cn_optimizer_from_config(t->optimizer, &args.optimizer))
        cn_compile_with(t->model, args);
}

/* An array of the case, to be freed; its data is NULL if the case has none. */
static cn_view array_of(golden_case *c, const char *stem, int number)
{
    cn_tensor *tensor = golden_input(c, stem, number);
    cn_shape shape = cn_shape_of(tensor);
    if (!tensor)
        return (cn_view){.data = NULL};
    void *values = calloc((size_t)cn_shape_size(shape) + 1, sizeof(double));
    cn_view view = cn_array_with(values, cn_dtype_of(tensor) == CN_I32 ? CN_ARRAY_I32 : CN_ARRAY_F64, true, shape);
    cn_values(tensor, view);
    return view;
}

static void free_array(cn_view view)
{
    free((void *)(uintptr_t)view.data);
}

/* Against the reference of the run's type; in float32 that is the float64 one and, where there is one, the float32 one.
 */
static void compare(golden_case *c, const char *name, const double *values)
{
    char of_f32[64];
    const cn_safetensors_entry *entry = golden_find(c, name, 0);
    if (!entry || !values)
        return;
    cn_tensor *got = cn_constant_as(c->tape, cn_array_with(values, CN_ARRAY_F64, false, entry->shape), c->dtype);
    golden_compare(c, name, 0, got);
    snprintf(of_f32, sizeof of_f32, "%s_f32", name);
    if (c->dtype == CN_F32)
        golden_compare(c, of_f32, 0, got);
}

static void compare_prediction(const training *t, const char *name)
{
    const cn_safetensors_entry *entry = golden_find(t->c, name, 0);
    if (!entry)
        return;
    double *values = calloc((size_t)cn_shape_size(entry->shape) + 1, sizeof *values);
    cn_predict_args args = {CN_PREDICT_DEFAULTS, .y = {cn_array_with(values, CN_ARRAY_F64, true, entry->shape)}};
    memcpy(args.x, t->x, (size_t)t->input_count * sizeof *t->x);
    if (cn_predict_with(t->model, args))
        compare(t->c, name, values);
    free(values);
}

static void name_weight(char *name, size_t size, int index, const char *end)
{
    snprintf(name, size, "w%d_%s", index, end);
}

static const cn_safetensors_entry *steps_of(const training *t, int index)
{
    char name[32];
    name_weight(name, sizeof name, index, "steps");
    return golden_find(t->c, name, 0);
}

/* After a batch: notes the weights of which the case has every step. */
static bool note_weights(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    training *t = context;
    (void)model, (void)batch, (void)logs;
    for (int i = 0; i < t->weight_count; i++) {
        const cn_safetensors_entry *entry = steps_of(t, i);
        cn_shape shape = cn_shape_of(t->weight[i]);
        int64_t size = cn_shape_size(shape);
        if (!entry || t->batches >= entry->shape.dim[0])
            continue;
        if (!t->steps[i])
            t->steps[i] = calloc((size_t)cn_shape_size(entry->shape) + 1, sizeof(double));
        if (!cn_values(t->weight[i], cn_array_with(t->steps[i] + t->batches * size, CN_ARRAY_F64, true, shape)))
            return false;
    }
    t->batches++;
    return true;
}

static void read_class_weights(json_t *from, cn_class_weight *to)
{
    const char *label;
    json_t *weight;
    int count = 0;
    json_object_foreach(from, label, weight) if (count < MOST_CLASSES) to[count++] =
        (cn_class_weight){strtoll(label, NULL, 10), json_number_value(weight)};
    to[count].weight = -1;
}

static void fit(training *t)
{
    static const char *const curves[] = {"loss", "val_loss", "accuracy", "val_accuracy"};
    cn_class_weight class_weight[MOST_CLASSES + 1];
    json_t *classes = json_object_get(t->fit, "class_weight");
    cn_view y = array_of(t->c, "y_true", 0), sample_weight = array_of(t->c, "sample_weight", 0);
    read_class_weights(classes, class_weight);
    cn_history *history =
        cn_fit(t->model, {t->x[0]}, {y}, .sample_weight = {sample_weight}, .verbose = 0, .shuffle = false,
               .batch_size = json_integer_value(json_object_get(t->fit, "batch_size")),
               .epochs = (int)json_integer_value(json_object_get(t->fit, "epochs")),
               .validation_split = json_number_value(json_object_get(t->fit, "validation_split")),
               .class_weight = json_is_object(classes) ? class_weight : NULL,
               .callbacks = {{.context = t, .on_train_batch_end = note_weights}});
    for (size_t i = 0; history && i < sizeof curves / sizeof *curves; i++)
        compare(t->c, curves[i], cn_history_of(history, curves[i]));
    free_array(y);
    free_array(sample_weight);
}

static void compare_weights(const training *t)
{
    for (int i = 0; i < t->weight_count; i++) {
        char name[32];
        cn_shape shape = cn_shape_of(t->weight[i]);
        double *values = calloc((size_t)cn_shape_size(shape) + 1, sizeof *values);
        name_weight(name, sizeof name, i, "out");
        if (cn_values(t->weight[i], cn_array_with(values, CN_ARRAY_F64, true, shape)))
            compare(t->c, name, values);
        free(values);
        name_weight(name, sizeof name, i, "steps");
        compare(t->c, name, t->steps[i]);
    }
}

static json_t *json_of(const golden_case *c, const char *key)
{
    const char *text = golden_metadata(c, key);
    return text ? json_loads(text, 0, NULL) : NULL;
}

bool golden_run_training(golden_case *c)
{
    training t = {.c = c,
                  .input_count = golden_count(c, "x"),
                  .node_count = (int)json_array_size(json_object_get(c->config, "nodes"))};
    if (!has_all_layers(&t) || t.input_count > CN_MAX_OUTPUTS)
        return false;
    t.loss = json_of(c, "loss");
    t.optimizer = json_of(c, "optimizer");
    t.metrics = json_of(c, "metrics");
    t.fit = json_of(c, "fit");
    for (int i = 0; i < t.input_count; i++)
        t.x[i] = array_of(c, "x", i);
    build_model(&t);
    set_weights(&t);
    compare_prediction(&t, "pred0");
    if (t.loss)
        compile(&t);
    if (t.loss && !cn_failed())
        fit(&t);
    compare_weights(&t);
    compare_prediction(&t, "pred");
    cn_model_free(t.model);
    cn_clear_session();
    for (int i = 0; i < t.weight_count; i++)
        free(t.steps[i]);
    for (int i = 0; i < t.input_count; i++)
        free_array(t.x[i]);
    json_decref(t.loss);
    json_decref(t.optimizer);
    json_decref(t.metrics);
    json_decref(t.fit);
    return true;
}
