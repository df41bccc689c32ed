/* Layers and schedules from configs: every type of field, the keys of every layer, and what is refused. */
#include "core/engine.h"
#include "counting_allocator.h"
#include "expect.h"
#include "formats/compile_config.h"
#include "formats/config.h"
#include "formats/config_training.h"
#include "layers/fields.h"
#include "layers/graph.h"
#include <limits.h>
#include <string.h>

/* A class with a field of each type. */
typedef struct every {
    cn_layer base;
    int64_t integer, optional;
    bool flag;
    double number;
    cn_shape integers;
    char text[CN_NAME_BYTES];
    int choice;
    cn_activation *activation;
    cn_initializer initializer;
    cn_regularizer regularizer;
    cn_constraint constraint;
    cn_layer *inner;
    void *pointer;
    int mode;
    double range[2];
} every;

static cn_tensor *every_call(cn_layer *layer, cn_tensor *x)
{
    (void)layer;
    return x;
}

static const char *const choices[] = {"first", "second", NULL}, *const modes[] = {"one", "None", NULL};
static const cn_layer_class every_class = {
    .name = "Every",
    .size = sizeof(every),
    .call = every_call,
    .values = &(const every){.integer = 3, .optional = 4, .flag = true, .number = 0.5, .activation = cn_tanh},
    .fields = {CN_FIELD_INT(every, integer),
               CN_FIELD_OPTIONAL(every, optional),
               CN_FIELD_BOOL(every, flag),
               CN_FIELD_FLOAT(every, number),
               CN_FIELD_INTS(every, integers),
               CN_FIELD_STRING(every, text),
               CN_FIELD_CHOICE(every, choice, choices),
               CN_FIELD_ACTIVATION(every, activation),
               CN_FIELD_INITIALIZER(every, initializer),
               CN_FIELD_REGULARIZER(every, regularizer),
               CN_FIELD_CONSTRAINT(every, constraint),
               CN_FIELD_LAYER(every, inner),
               CN_FIELD_POINTER(every, pointer),
               CN_FIELD_CHOICE(every, mode, modes),
               {"range", CN_FIELD_TYPE_RANGE, offsetof(every, range), NULL}}};

static void begin(void)
{
    cr_assert(cn_register_layer(&every_class));
}

TestSuite(config, .init = begin, .fini = expect_clear);

/* The layer of a config given as text. Its strings are gone when this returns, so that it must have copies. */
static cn_layer *read_layer(const char *text)
{
    json_error_t error;
    json_t *config = json_loads(text, 0, &error);
    cr_assert_not_null(config, "%s in %s", error.text, text);
    cn_layer *layer = cn_layer_from_config(config);
    json_decref(config);
    return layer;
}

/* An Every with these arguments. */
static const every *read_every(const char *arguments)
{
    char text[512];
    snprintf(text, sizeof text, "{\"class_name\": \"Every\", \"config\": {%s}}", arguments);
    return (const every *)read_layer(text);
}

static const every *expect_every(const char *arguments)
{
    const every *layer = read_every(arguments);
    cr_assert_not_null(layer, "%s: %s", arguments, cn_error_message());
    return layer;
}

static void expect_refused(const char *arguments, const char *message)
{
    expect_error(!read_every(arguments), message);
}

Test(config, missing_arguments_have_the_defaults_of_the_class)
{
    const every *layer = expect_every("");
    cr_assert(layer->integer == 3 && layer->optional == 4 && layer->flag && layer->number == 0.5);
    cr_assert(layer->activation == cn_tanh && !layer->initializer.name && !layer->inner);
    cr_assert_str_eq(cn_layer_name(&layer->base), "every");
    cr_assert(cn_is_trainable(&layer->base));
}

Test(config, null_is_none_where_the_field_has_it_and_else_the_default)
{
    const every *layer = expect_every("\"integer\": null, \"optional\": null, \"flag\": null, \"number\": null, "
                                      "\"choice\": null, \"activation\": null, \"regularizer\": null, \"inner\": null, "
                                      "\"name\": null, \"dtype\": null, \"activity_regularizer\": null");
    cr_assert(layer->integer == 3 && layer->optional == CN_NONE && layer->flag && layer->number == 0.5);
    cr_assert(layer->choice == 0 && !layer->activation && !layer->regularizer.name && !layer->inner);
}

Test(config, integers)
{
    const every *layer = expect_every("\"integer\": -7, \"optional\": 9007199254740993");
    cr_assert(layer->integer == -7 && layer->optional == 9007199254740993);
    expect_refused("\"integer\": 2.5", "Every: integer must be an integer, not 2.5");
    expect_refused("\"optional\": \"many\"", "Every: optional must be an integer, not \"many\"");
}

Test(config, flags)
{
    cr_assert_not(expect_every("\"flag\": false")->flag);
    cr_assert(expect_every("\"flag\": \"auto\"")->flag);
    expect_refused("\"flag\": 1", "Every: flag must be true or false, not 1");
    expect_refused("\"flag\": \"no\"", "Every: flag must be true or false, not \"no\"");
}

Test(config, numbers)
{
    cr_assert(expect_every("\"number\": 2")->number == 2);
    cr_assert(expect_every("\"number\": 1e-7")->number == 1e-7);
    expect_refused("\"number\": [1]", "Every: number must be a number, not [1]");
}

Test(config, lists_of_integers)
{
    cr_assert(cn_shape_equal(expect_every("\"integers\": [3, null, -1]")->integers, CN_SHAPE(3, -1, -1)));
    cr_assert(cn_shape_equal(expect_every("\"integers\": 5")->integers, CN_SHAPE(5)));
    cr_assert(cn_shape_equal(expect_every("\"integers\": []")->integers, CN_SHAPE()));
    expect_refused("\"integers\": [1, 2.5]", "Every: integers must be an integer or a list of at most 8, not [1, 2.5]");
    expect_refused("\"integers\": [1, 2, 3, 4, 5, 6, 7, 8, 9]",
                   "Every: integers must be an integer or a list of at most 8, not [1, 2, 3, 4, 5, 6, 7, 8, 9]");
}

Test(config, ranges)
{
    const every *layer = expect_every("\"range\": 0.25");
    cr_assert(layer->range[0] == 0.25 && layer->range[1] == 0);
    layer = expect_every("\"range\": -1");
    cr_assert(layer->range[0] == 1 && layer->range[1] == 0);
    layer = expect_every("\"range\": [0.5, -0.25]");
    cr_assert(layer->range[0] == -0.25 && layer->range[1] == 0.5);
    expect_refused("\"range\": [1]", "Every: range must be a number or a list of two, not [1]");
    expect_refused("\"range\": [1, 2, 3]", "Every: range must be a number or a list of two, not [1, 2, 3]");
    expect_refused("\"range\": [1, \"a\"]", "Every: range must be a number or a list of two, not [1, \"a\"]");
}

/* What the layers that have numbers make of x. */
static void expect_of_layer(const char *text, cn_shape shape, const double *x, const double *wanted)
{
    cn_tape *tape = cn_tape_new(.training = true);
    cn_layer *layer = read_layer(text);
    cr_assert_not_null(layer, "%s", cn_error_message());
    cn_tensor *input = cn_constant_as(tape, cn_array_with(x, CN_ARRAY_F64, false, shape), CN_F64);
    expect_tensor(cn_call(layer, input), shape, wanted);
    cn_tape_free(tape);
}
#define EXPECT_OF_LAYER(text, shape, x, ...) expect_of_layer((text), (shape), (x), (const double[]){__VA_ARGS__})

Test(config, numbers_in_lists)
{
    counting_start(LONG_MAX);
    const double x[] = {1, 2, 3, 4};
    EXPECT_OF_LAYER("{\"class_name\": \"Normalization\", \"config\": {\"axis\": [-1], \"mean\": [1, 2], "
                    "\"variance\": [4, 0.25], \"invert\": false}}",
                    CN_SHAPE(2, 2), x, 0, 0, 1, 4);
    EXPECT_OF_LAYER("{\"class_name\": \"Normalization\", \"config\": {\"axis\": [1, 2], \"mean\": [[1], [2]], "
                    "\"variance\": [[1], [4]], \"invert\": true}}",
                    CN_SHAPE(1, 2, 2), x, 2, 3, 8, 10);
    EXPECT_OF_LAYER("{\"class_name\": \"Normalization\", \"config\": {\"axis\": [], \"mean\": 1, \"variance\": 4}}",
                    CN_SHAPE(4), x, 0, 0.5, 1, 1.5);
    EXPECT_OF_LAYER("{\"class_name\": \"Discretization\", \"config\": {\"bin_boundaries\": [1.5, 3], \"num_bins\": 3, "
                    "\"epsilon\": 0.01, \"output_mode\": \"int\", \"sparse\": false}}",
                    CN_SHAPE(4), x, 0, 1, 2, 2);
    cn_layer *plain = read_layer("{\"class_name\": \"Normalization\", \"config\": {\"axis\": [-1], \"mean\": null, "
                                 "\"variance\": null}}");
    cr_assert(cn_build(plain, CN_SHAPE(-1, 2)) && cn_weight_count(plain) == 3);
    expect_error(!read_layer("{\"class_name\": \"Normalization\", \"config\": {\"mean\": [[1, 2], [3]]}}"),
                 "Normalization: mean must be a number or a list of as many numbers in each part, not [[1, 2], [3]]");
    expect_error(
        !read_layer("{\"class_name\": \"Normalization\", \"config\": {\"mean\": [1, 2], \"variance\": \"2\"}}"),
        "Normalization: variance must be a number or a list of as many numbers in each part, not \"2\"");
    expect_error(!read_layer("{\"class_name\": \"Discretization\", \"config\": {\"num_bins\": 3, \"sparse\": true}}"),
                 "Discretization: sparse must be false, not true");
    cn_clear_session();
    cr_expect_eq(counting.live, 0, "%ld blocks are left", counting.live);
    cn_set_allocator((cn_allocator){NULL, NULL});
}

/* Rows 01 23: as Keras 3 writes these layers. */
Test(config, layers_that_augment)
{
    const double x[] = {0, 1, 2, 3};
    const cn_shape image = CN_SHAPE(1, 2, 2, 1);
    EXPECT_OF_LAYER(
        "{\"class_name\": \"RandomTranslation\", \"config\": {\"name\": \"r\", \"height_factor\": [0.5, 0.5], "
        "\"width_factor\": 0, \"fill_mode\": \"constant\", \"interpolation\": \"bilinear\", \"seed\": null, "
        "\"fill_value\": 7.0, \"data_format\": \"channels_last\"}}",
        image, x, 7, 7, 0, 1);
    EXPECT_OF_LAYER(
        "{\"class_name\": \"RandomZoom\", \"config\": {\"height_factor\": [-1, -1], \"width_factor\": null, "
        "\"fill_mode\": \"reflect\"}}",
        image, x, 1.5, 1.5, 1.5, 1.5);
    EXPECT_OF_LAYER("{\"class_name\": \"RandomRotation\", \"config\": {\"factor\": [0, 0], \"fill_mode\": \"wrap\", "
                    "\"interpolation\": \"nearest\"}}",
                    image, x, 0, 1, 2, 3);
    EXPECT_OF_LAYER(
        "{\"class_name\": \"RandomBrightness\", \"config\": {\"factor\": [0.5, 0.5], \"value_range\": [0, 2], "
        "\"seed\": 3}}",
        image, x, 1, 2, 2, 2);
    expect_error(
        !read_layer("{\"class_name\": \"RandomRotation\", \"config\": {\"factor\": 0.1, \"fill_mode\": \"crop\"}}"),
        "RandomRotation: fill_mode must be one of reflect, wrap, constant, nearest, not \"crop\"");
}

Test(config, texts)
{
    cr_assert_str_eq(expect_every("\"text\": \"bilinear\"")->text, "bilinear");
    expect_refused("\"text\": 3", "Every: text must be text of less than 64 bytes, not 3");
    expect_refused("\"text\": \"0123456789012345678901234567890123456789012345678901234567890123\"",
                   "Every: text must be text of less than 64 bytes, not "
                   "\"0123456789012345678901234567890123456789012345678901234567890123\"");
}

Test(config, choices)
{
    cr_assert(expect_every("\"choice\": \"second\"")->choice == 1);
    expect_refused("\"choice\": \"third\"", "Every: choice must be one of first, second, not \"third\"");
    expect_refused("\"choice\": 1", "Every: choice must be one of first, second, not 1");
    cr_assert(expect_every("\"mode\": null")->mode == 1, "None is one of the choices");
}

Test(config, pointers_can_only_be_missing)
{
    cr_assert_null(expect_every("\"pointer\": {}")->pointer);
    expect_refused("\"pointer\": {\"a\": 1}", "Every: pointer cannot be read from a config");
}

Test(config, a_copy_of_a_layer_has_its_arguments_and_layers_of_its_own)
{
    static int mine;
    cn_layer *inner = cn_dense(2, cn_relu, .use_bias = false, .name = "inside");
    cr_assert(cn_build(inner, CN_SHAPE(-1, 3)));
    const every *layer = (every *)cn_layer_like(&every_class, &(every){.integer = 8,
                                                                       .optional = CN_NONE,
                                                                       .number = 0.25,
                                                                       .integers = CN_SHAPE(1, 2),
                                                                       .text = "words",
                                                                       .choice = 1,
                                                                       .activation = cn_gelu,
                                                                       .initializer = cn_init_ones(),
                                                                       .regularizer = cn_l2(0.5),
                                                                       .constraint = cn_unit_norm(),
                                                                       .inner = inner,
                                                                       .pointer = &mine,
                                                                       .mode = 1,
                                                                       .base = {.activity_regularizer = cn_l1(2)}});
    cn_set_trainable((cn_layer *)(uintptr_t)&layer->base, false);
    const every *copy = (every *)cn_layer_copy(&layer->base, "twin");
    cr_assert_not_null(copy, "%s", cn_error_message());
    cr_assert_str_eq(cn_layer_name(&copy->base), "twin");
    cr_assert(copy->integer == 8 && copy->optional == CN_NONE && !copy->flag && copy->number == 0.25);
    cr_assert(cn_shape_equal(copy->integers, CN_SHAPE(1, 2)) && copy->choice == 1 && copy->mode == 1);
    cr_assert_str_eq(copy->text, "words");
    cr_assert(copy->activation == cn_gelu && copy->pointer == &mine);
    cr_assert_str_eq(copy->initializer.name, "Ones");
    cr_assert(copy->regularizer.option[0] == 0.5 && copy->base.activity_regularizer.option[0] == 2);
    cr_assert_str_eq(copy->constraint.name, "UnitNorm");
    cr_assert_not(cn_is_trainable(&copy->base));
    cr_assert(copy->inner != inner && copy->inner->type == inner->type && !copy->inner->built);
    cr_assert_str_eq(cn_layer_name(copy->inner), "inside");
}

Test(config, activations)
{
    cr_assert(expect_every("\"activation\": \"relu\"")->activation == cn_relu);
    cr_assert(expect_every("\"activation\": {\"module\": \"builtins\", \"class_name\": \"function\", \"config\": "
                           "\"gelu\", \"registered_name\": \"function\"}")
                  ->activation == cn_gelu);
    expect_refused("\"activation\": \"steep\"", "activation: there is none named steep");
    expect_refused("\"activation\": 3", "activation: the config has no class_name");
    expect_refused("\"activation\": {\"class_name\": \"elu\", \"config\": {\"alpha\": 2}}",
                   "activation: elu is given arguments, for which a layer of its own is needed");
}

Test(config, initializers)
{
    const every *layer = expect_every("\"initializer\": \"he_normal\"");
    cr_assert_str_eq(layer->initializer.name, "HeNormal");
    cr_assert(layer->initializer.seed == -1);
    layer = expect_every("\"initializer\": {\"module\": \"keras.initializers\", \"class_name\": \"VarianceScaling\", "
                         "\"config\": {\"scale\": 2, \"mode\": \"fan_out\", \"distribution\": \"uniform\", \"seed\": "
                         "7, \"input_axes\": null}, \"registered_name\": null}");
    cr_assert_str_eq(layer->initializer.name, "VarianceScaling");
    cr_assert(layer->initializer.option[0] == 2 && layer->initializer.option[1] == CN_FAN_OUT &&
              layer->initializer.option[2] == CN_UNIFORM && layer->initializer.seed == 7);
    layer = expect_every("\"initializer\": {\"class_name\": \"VarianceScaling\", \"config\": {\"distribution\": "
                         "\"normal\"}}");
    double normal[12], truncated[12];
    cn_initializer wanted = cn_init_variance_scaling();
    cr_assert(layer->initializer.fill(&layer->initializer, CN_SHAPE(3, 4), 5, 0, normal));
    cr_assert(wanted.fill(&wanted, CN_SHAPE(3, 4), 5, 0, truncated));
    cr_assert_arr_eq(normal, truncated, sizeof normal);
    expect_refused("\"initializer\": \"he\"", "initializer: there is no initializer named \"he\"");
    expect_refused("\"initializer\": {\"config\": {}}", "initializer: the config has no class_name");
    expect_refused("\"initializer\": {\"class_name\": \"Ones\", \"config\": [1]}",
                   "initializer: the config of Ones is not an object");
    expect_refused("\"initializer\": {\"class_name\": \"Constant\", \"config\": {\"value\": \"x\"}}",
                   "Constant: value must be a number, not \"x\"");
    expect_refused("\"initializer\": {\"class_name\": \"Constant\", \"config\": {\"values\": 1}}",
                   "Constant: there is no argument \"values\"");
    expect_refused("\"initializer\": {\"class_name\": \"VarianceScaling\", \"config\": {\"mode\": \"fan\"}}",
                   "VarianceScaling: mode must be one of fan_in, fan_out, fan_avg, not \"fan\"");
    expect_refused("\"initializer\": {\"class_name\": \"Zeros\", \"config\": {\"seed\": -2}}",
                   "Zeros: seed must be an integer from 0 up, not -2");
}

Test(config, regularizers)
{
    const every *layer = expect_every("\"regularizer\": \"l2\"");
    cr_assert_str_eq(layer->regularizer.name, "L2");
    cr_assert(layer->regularizer.option[0] == 0.01);
    layer = expect_every("\"regularizer\": {\"class_name\": \"L1L2\", \"config\": {\"l1\": 0.25, \"l2\": 2}}");
    cr_assert(layer->regularizer.option[0] == 0.25 && layer->regularizer.option[1] == 2);
    expect_refused("\"regularizer\": \"l3\"", "regularizer: there is no regularizer named \"l3\"");
    expect_refused("\"regularizer\": {\"class_name\": \"L2\", \"config\": {\"l2\": -1}}",
                   "L2: l2 must be a number from 0 up, not -1");
    expect_refused("\"regularizer\": {\"class_name\": \"L2\", \"config\": {\"l1\": 1}}",
                   "L2: there is no argument \"l1\"");
}

Test(config, constraints)
{
    const every *layer = expect_every("\"constraint\": {\"class_name\": \"MinMaxNorm\", \"config\": {\"min_value\": "
                                      "0.5, \"max_value\": 3, \"rate\": 0.75, \"axis\": [0, 1, -1]}}");
    const cn_constraint *constraint = &layer->constraint;
    cr_assert_str_eq(constraint->name, "MinMaxNorm");
    cr_assert(constraint->option[0] == 0.5 && constraint->option[1] == 3 && constraint->option[2] == 0.75);
    cr_assert(constraint->axis.count == 3 && constraint->axis.axis[1] == 1 && constraint->axis.axis[2] == -1);
    layer = expect_every("\"constraint\": {\"class_name\": \"UnitNorm\", \"config\": {\"axis\": 1}}");
    cr_assert(layer->constraint.axis.count == 1 && layer->constraint.axis.axis[0] == 1);
    expect_refused("\"constraint\": {\"class_name\": \"UnitNorm\", \"config\": {\"axis\": 8}}",
                   "UnitNorm: axis must be an axis or a list of axes, not 8");
    expect_refused("\"constraint\": \"positive\"", "constraint: there is no constraint named \"positive\"");
    expect_refused("\"constraint\": {\"class_name\": \"NonNeg\", \"config\": {\"axis\": null, \"rate\": 1}}",
                   "NonNeg: there is no argument \"rate\"");
}

Test(config, inner_layers)
{
    const every *layer =
        expect_every("\"inner\": {\"module\": \"keras.layers\", \"class_name\": \"Dense\", \"config\": "
                     "{\"units\": 2, \"name\": \"d\"}, \"registered_name\": null}");
    cr_assert_str_eq(cn_layer_name(layer->inner), "d");
    cr_assert(layer->base.sublayer_count == 1 && layer->base.sublayer[0] == layer->inner);
    expect_refused("\"inner\": {\"class_name\": \"Dense\", \"config\": {\"units\": 2.5}}",
                   "Dense: units must be an integer, not 2.5");
    expect_refused("\"inner\": {\"class_name\": \"Dense\", \"config\": {\"units\": 2}}, \"number\": false",
                   "Every: number must be a number, not false");
}

Test(config, keys_of_every_layer)
{
    const every *layer =
        expect_every("\"name\": \"mine\", \"trainable\": false, \"dtype\": \"float64\", \"activity_regularizer\": "
                     "{\"class_name\": \"L1\", \"config\": {\"l1\": 0.5}}, \"batch_input_shape\": [null, 3]");
    cr_assert_str_eq(cn_layer_name(&layer->base), "mine");
    cr_assert(!cn_is_trainable(&layer->base) && layer->base.dtype == CN_F64);
    cr_assert_str_eq(layer->base.activity_regularizer.name, "L1");
    cr_assert(layer->base.activity_regularizer.option[0] == 0.5);
    expect_refused("\"name\": 3", "Every: name must be text, not 3");
    expect_refused("\"trainable\": 0", "Every: trainable must be true or false, not 0");
    expect_refused("\"ragged\": true", "Every: ragged must be false, not true");
}

Test(config, element_type_as_text_or_policy)
{
    cn_set_default_dtype(CN_F64);
    cr_assert(expect_every("")->base.dtype == CN_F64);
    cr_assert(expect_every("\"dtype\": {\"module\": \"keras\", \"class_name\": \"DTypePolicy\", \"config\": "
                           "{\"name\": \"float32\"}, \"registered_name\": null}")
                  ->base.dtype == CN_F32);
    cr_assert(expect_every("\"dtype\": \"mixed_float16\"")->base.dtype == CN_F32);
    cr_assert(cn_default_dtype() == CN_F64);
    expect_refused("\"dtype\": \"float16\"", "Every: dtype must be float32 or float64, not \"float16\"");
}

Test(config, inner_layers_of_a_class_have_the_element_type_of_the_config)
{
    const every *layer = expect_every("\"dtype\": \"float64\", \"inner\": {\"class_name\": \"Dense\", \"config\": "
                                      "{\"units\": 2, \"dtype\": \"float32\"}}");
    cr_assert(layer->base.dtype == CN_F64 && layer->inner->dtype == CN_F32);
}

Test(config, older_names_of_arguments_are_taken)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = read_layer("{\"class_name\": \"LeakyReLU\", \"config\": {\"alpha\": 0.5}}");
    EXPECT(cn_call(layer, cn_full(tape, CN_SHAPE(1), -2)), CN_SHAPE(1), -1);
    cn_tape_free(tape);
}

Test(config, unknown_arguments_are_refused_unless_null)
{
    expect_refused("\"units\": 3", "Every: there is no argument \"units\"");
    expect_every("\"quantization_config\": null");
}

Test(config, a_layer_is_an_object_of_a_known_class)
{
    expect_error(!read_layer("{\"class_name\": \"Sparse\", \"config\": {}}"),
                 "layer: there is no class named \"Sparse\"");
    expect_error(!read_layer("{\"config\": {}}"), "layer: the config has no class_name");
    expect_error(!read_layer("{\"class_name\": \"Dense\", \"config\": {}}"), "dense: units must be positive, not 0");
}

Test(config, input_layers)
{
    cn_layer *layer = read_layer("{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 3, null], "
                                 "\"dtype\": \"int32\", \"sparse\": false, \"ragged\": false, \"name\": \"words\"}}");
    const cn_input_args *args = cn_input_layer_args(layer);
    cr_assert_not_null(args, "%s", cn_error_message());
    cr_assert(cn_shape_equal(args->shape, CN_SHAPE(3, -1)) && args->dtype == CN_I32 && args->batch_size == 0);
    cr_assert_str_eq(cn_layer_name(layer), "words");
    layer = read_layer("{\"class_name\": \"InputLayer\", \"config\": {\"batch_input_shape\": [8, 2]}}");
    args = cn_input_layer_args(layer);
    cr_assert(args && cn_shape_equal(args->shape, CN_SHAPE(2)) && args->dtype == CN_F32 && args->batch_size == 8);
    expect_error(!read_layer("{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": []}}"),
                 "InputLayer: batch_shape must be a list of 1 to 8 integers, not []");
    expect_error(!read_layer("{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [[]]}}"),
                 "InputLayer: batch_shape must be a list of 1 to 8 integers, not [[]]");
    expect_error(!read_layer("{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 2], \"sparse\": "
                             "true}}"),
                 "InputLayer: sparse must be false, not true");
}

Test(config, an_lstm_as_keras_writes_it)
{
    cn_layer *layer = read_layer(
        "{\"module\": \"keras.layers\", \"class_name\": \"LSTM\", \"config\": {\"name\": \"lstm\", \"trainable\": "
        "true, "
        "\"dtype\": {\"module\": \"keras\", \"class_name\": \"DTypePolicy\", \"config\": {\"name\": \"float32\"}, "
        "\"registered_name\": null}, \"return_sequences\": true, \"return_state\": false, \"go_backwards\": false, "
        "\"stateful\": false, \"unroll\": false, \"zero_output_for_mask\": false, \"units\": 4, \"activation\": "
        "\"relu\", \"recurrent_activation\": \"sigmoid\", \"use_bias\": true, \"kernel_initializer\": {\"module\": "
        "\"keras.initializers\", \"class_name\": \"GlorotUniform\", \"config\": {\"seed\": null, \"input_axes\": null, "
        "\"output_axes\": null}, \"registered_name\": null}, \"recurrent_initializer\": {\"class_name\": "
        "\"OrthogonalInitializer\", \"config\": {\"gain\": 1.0, \"seed\": null}}, \"bias_initializer\": "
        "{\"class_name\": "
        "\"Zeros\", \"config\": {}}, \"unit_forget_bias\": true, \"kernel_regularizer\": null, "
        "\"recurrent_regularizer\": null, \"bias_regularizer\": null, \"activity_regularizer\": null, "
        "\"kernel_constraint\": null, \"recurrent_constraint\": null, \"bias_constraint\": null, \"dropout\": 0.0, "
        "\"recurrent_dropout\": 0.0, \"seed\": null, \"use_cudnn\": \"auto\", \"time_major\": false, "
        "\"implementation\": "
        "2}, \"registered_name\": null, \"build_config\": {\"input_shape\": [null, 3, 2]}}");
    cr_assert_not_null(layer, "%s", cn_error_message());
    cr_assert(cn_build(layer, CN_SHAPE(-1, 3, 2)) && cn_weight_count(layer) == 3);
    cr_assert(cn_shape_equal(cn_shape_of(cn_weight(layer, 0)), CN_SHAPE(2, 16)));
}

Test(config, piecewise_schedules_have_one_value_more_than_boundaries)
{
    json_t *config = json_loads("{\"class_name\": \"PiecewiseConstantDecay\", \"config\": {\"boundaries\": [10, 20], "
                                "\"values\": [1, 0.5]}}",
                                0, NULL);
    cn_schedule schedule;
    expect_error(!cn_schedule_from_config(config, &schedule), "schedule: 2 boundaries need one value more, not 2");
    json_array_append_new(json_object_get(json_object_get(config, "config"), "values"), json_real(0.1));
    cr_assert(cn_schedule_from_config(config, &schedule), "%s", cn_error_message());
    cr_assert_eq(cn_schedule_value(&schedule, 21), 0.1);
    json_decref(config);
}

/* A recurrent cell: the state is the sum of the inputs, `scale` times that the output. */
typedef struct adder {
    cn_layer base;
    double scale;
} adder;

static bool adder_states(cn_layer *layer, cn_shape *states, int *count)
{
    (void)layer;
    states[0] = CN_SHAPE(2);
    *count = 1;
    return true;
}

static bool adder_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    cn_tensor *sum = cn_add(call->states.item[0], call->inputs.item[0]);
    outputs->item[outputs->count++] = cn_mul(sum, cn_scalar(sum, ((adder *)layer)->scale));
    outputs->item[outputs->count++] = sum;
    return !cn_failed();
}

static const cn_layer_class adder_class = {.name = "Adder",
                                           .size = sizeof(adder),
                                           .call_many = adder_call,
                                           .states = adder_states,
                                           .inputs = 1,
                                           .fields = {CN_FIELD_FLOAT(adder, scale)}};

Test(config, a_registered_cell_is_read_inside_a_recurrent_layer)
{
    cr_assert(cn_register_layer(&adder_class));
    cn_layer *layer = read_layer("{\"class_name\": \"RNN\", \"config\": {\"return_sequences\": true, \"cell\": "
                                 "{\"class_name\": \"Adder\", \"config\": {\"scale\": 10}}}}");
    cr_assert_not_null(layer, "%s", cn_error_message());
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){1, 2, 3, 4}), 1, 2, 2));
    EXPECT(cn_call(layer, x), CN_SHAPE(1, 2, 2), 10, 20, 40, 60);
    cn_tape_free(tape);
}

static void expect_no_optimizer(const char *arguments, const char *message)
{
    cn_optimizer optimizer;
    json_t *config = json_pack("{sss{}}", "class_name", "SGD", "config");
    json_t *given = json_loads(arguments, 0, NULL);
    cr_assert(given && json_object_update(json_object_get(config, "config"), given) == 0);
    expect_error(!cn_optimizer_from_config(config, &optimizer), message);
    json_decref(given);
    json_decref(config);
}

Test(config, arguments_of_optimizers_of_another_type_are_refused_by_name)
{
    expect_no_optimizer("{\"learning_rate\": \"fast\"}", "SGD: learning_rate must be a number, not \"fast\"");
    expect_no_optimizer("{\"momentum\": true}", "SGD: momentum must be a number, not true");
    expect_no_optimizer("{\"nesterov\": 1}", "SGD: nesterov must be true or false, not 1");
    expect_no_optimizer("{\"gradient_accumulation_steps\": 1.5}",
                        "SGD: gradient_accumulation_steps must be an integer, not 1.5");
}

Test(config, unknown_arguments_of_optimizers_losses_and_metrics_are_refused_by_name)
{
    cn_loss loss;
    cn_metric metric;
    json_t *config = json_loads("{\"class_name\": \"AUC\", \"config\": {\"bins\": 3}}", 0, NULL);
    expect_no_optimizer("{\"beta_1\": 0.9}", "SGD: there is no argument \"beta_1\"");
    expect_no_optimizer("{\"learning_rate\": {\"class_name\": \"CosineDecay\", \"config\": {\"steps\": 2}}}",
                        "CosineDecay: there is no argument \"steps\"");
    expect_error(!cn_metric_from_config(config, &metric), "AUC: there is no argument \"bins\"");
    json_object_set_new(config, "class_name", json_string("Huber"));
    expect_error(!cn_loss_from_config(config, &loss), "Huber: there is no argument \"bins\"");
    json_object_set_new(config, "class_name", json_string("MeanSquaredError"));
    expect_error(!cn_metric_from_config(config, &metric), "mean_squared_error: there is no argument \"bins\"");
    json_object_set_new(json_object_get(config, "config"), "bins", json_null());
    cr_expect(cn_metric_from_config(config, &metric), "%s", cn_error_message());
    json_decref(config);
}

Test(config, arguments_of_losses_of_another_type_are_refused_by_name)
{
    cn_loss loss;
    json_t *config = json_loads("{\"class_name\": \"Huber\", \"config\": {\"delta\": \"1\"}}", 0, NULL);
    expect_error(!cn_loss_from_config(config, &loss), "Huber: delta must be a number, not \"1\"");
    json_decref(config);
}

static void expect_not_compiled(const char *arguments, const char *message)
{
    cn_tensor *x = cn_input(2);
    cn_model *model = cn_model_new({x}, {cn_call(cn_dense(1), x), cn_call(cn_dense(1), x)}, .name = "two");
    json_t *config = json_loads(arguments, 0, NULL);
    cr_assert(config && json_object_set_new(config, "optimizer", json_string("SGD")) == 0);
    expect_error(!cn_compile_from_config(model, config), message);
    json_decref(config);
    cn_model_free(model);
    cn_clear_session();
}

Test(config, what_does_not_fit_the_outputs_of_a_model_is_refused)
{
    expect_not_compiled("{\"loss\": [\"mse\"]}", "two: its losses are no list of 2, one for each output");
    expect_not_compiled("{\"loss\": 1}", "two: its losses are no list of 2, one for each output");
    expect_not_compiled("{\"loss\": {\"a\": \"mse\"}}", "two: is compiled for an output a that it has not");
    expect_not_compiled("{\"loss_weights\": [1, 2, 3]}", "two: its loss_weights are no list of 2, one for each output");
    expect_not_compiled("{\"loss_weights\": \"x\"}", "two: its loss_weights are no list of 2, one for each output");
    expect_not_compiled("{\"metrics\": [[\"mse\"]]}", "two: its metrics are no list of 2, one for each output");
    expect_not_compiled("{\"metrics\": [[], [\"acc\", \"mse\", \"mae\", \"mape\", \"msle\"]]}",
                        "two: has more than 4 metrics of one output alone");
    expect_not_compiled("{\"weighted_metrics\": [[\"mse\"], [\"mae\"]]}",
                        "two: its outputs have different weighted_metrics");
}

Test(config, a_registered_class_is_found_behind_its_package)
{
    cn_layer *layer = read_layer("{\"class_name\": \"Custom>Every\", \"config\": {}}");
    cr_assert_not_null(layer, "%s", cn_error_message());
    cr_assert_str_eq(layer->type->name, "Every");
}
