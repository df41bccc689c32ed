/* Configs that are written: of every layer among the golden cases, and of models. */
#include "formats/config_writing.h"
#include "cornet.h"
#include "formats/config.h"
#include "formats/model_config.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static json_t *case_config(const char *path)
{
    cn_safetensors *file = cn_safetensors_open(path);
    cr_assert(file, "%s", cn_error_message());
    json_t *arguments = json_loads(cn_safetensors_metadata(file, "config"), 0, NULL);
    json_t *config = json_pack("{s:s, s:o}", "class_name", cn_safetensors_metadata(file, "layer"), "config", arguments);
    cn_safetensors_close(file);
    return config;
}

static void expect_same_again(const char *path, int *written)
{
    json_t *given = case_config(path);
    cn_layer *layer = cn_layer_from_config(given);
    cr_assert(layer, "%s: %s", path, cn_error_message());
    json_t *config = cn_layer_config(layer);
    if (!config) /* a function of the user's own, as Lambda has */
        cr_expect_eq(cn_error_code(), CN_UNSUPPORTED, "%s: %s", path, cn_error_message());
    cn_error_clear();
    cn_layer *again = config ? cn_layer_from_config(config) : NULL;
    cr_expect(!config || again, "%s: %s", path, cn_error_message());
    json_t *twice = again ? cn_layer_config(again) : NULL;
    cr_expect(!config || json_equal(config, twice), "%s: its config changes", path);
    /* What the case gives is what was written, where both have a plain value. */
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(given, "config"), key, value)
    {
        json_t *ours = json_object_get(json_object_get(config, "config"), key);
        bool plain = json_is_string(value) || json_is_boolean(value) || json_is_real(value);
        if (ours && plain && !json_is_object(ours) &&
            strcmp(json_string_value(value) ? json_string_value(value) : "", "auto") != 0)
            cr_expect(json_is_number(value) ? json_number_value(value) == json_number_value(ours)
                      : json_is_string(value)
                          ? strcmp(key, "name") == 0 || strcmp(json_string_value(value), json_string_value(ours)) == 0
                          : json_equal(value, ours),
                      "%s: %s is another one", path, key);
    }
    *written += config != NULL;
    json_decref(given);
    json_decref(config);
    json_decref(twice);
    cn_error_clear();
    cn_clear_session();
}

Test(config_writing, every_layer_is_the_same_after_it_was_written_and_read)
{
    static const char directory[] = CN_TEST_DATA "/../golden_cases/layers";
    DIR *cases = opendir(directory);
    cr_assert(cases);
    int written = 0;
    for (struct dirent *entry; (entry = readdir(cases));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (strstr(entry->d_name, ".safetensors"))
            expect_same_again(path, &written);
    }
    closedir(cases);
    cr_expect_gt(written, 100, "only %d", written);
}

/* The config of a model is text that Keras' own loader has taken. */
Test(config_writing, a_sequential_model_is_written_as_keras_does)
{
    cn_model *model = cn_sequential(cn_input_layer_with((cn_input_args){CN_SHAPE(4), CN_F32, .name = "i"}),
                                    cn_dense(3, .activation = cn_relu, .name = "d"));
    json_t *config = cn_model_config(model), *layers = json_object_get(json_object_get(config, "config"), "layers");
    cr_assert(config, "%s", cn_error_message());
    cr_expect_str_eq(json_string_value(json_object_get(config, "module")), "keras");
    cr_expect_str_eq(json_string_value(json_object_get(config, "class_name")), "Sequential");
    cr_assert_eq(json_array_size(layers), 2);
    json_t *input = json_object_get(json_array_get(layers, 0), "config"),
           *dense = json_object_get(json_array_get(layers, 1), "config");
    json_t *shape = json_pack("[n, i]", 4);
    cr_expect(json_equal(json_object_get(input, "batch_shape"), shape));
    cr_expect_str_eq(json_string_value(json_object_get(input, "name")), "i");
    cr_expect_eq(json_integer_value(json_object_get(dense, "units")), 3);
    cr_expect_str_eq(json_string_value(json_object_get(dense, "activation")), "relu");
    json_decref(shape);
    json_decref(config);
    cn_model_free(model);
}

/* Broken graphs */

static void expect_refused(const char *layers, const char *ends, cn_code code, const char *reason)
{
    char text[2048];
    snprintf(text, sizeof text,
             "{\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":[{\"class_name\":\"InputLayer\","
             "\"config\":{\"name\":\"i\",\"batch_shape\":[null,2]},\"name\":\"i\",\"inbound_nodes\":[]}%s],"
             "\"input_layers\":[[\"i\",0,0]],\"output_layers\":[%s]}}",
             layers, ends);
    json_t *config = json_loads(text, 0, NULL);
    cr_assert(config, "%s", text);
    cn_model *model = cn_model_from_config(config);
    cr_expect_null(model);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
    json_decref(config);
    cn_clear_session();
}

#define DENSE(name, from)                                                                        \
    ",{\"class_name\":\"Dense\",\"config\":{\"name\":\"" name "\",\"units\":2},\"name\":\"" name \
    "\",\"inbound_nodes\":[[[" from ",{}]]]}"

Test(config_writing, a_graph_with_a_loop_is_refused)
{
    expect_refused(DENSE("a", "\"b\",0,0") DENSE("b", "\"a\",0,0"), "[\"b\",0,0]", CN_FORMAT, "wait for each other");
}

Test(config_writing, a_call_of_a_layer_that_is_not_there_is_refused)
{
    expect_refused(DENSE("a", "\"z\",0,0"), "[\"a\",0,0]", CN_FORMAT, "no layer there is: z");
    expect_refused(DENSE("a", "\"i\",1,0"), "[\"a\",0,0]", CN_FORMAT, "has no call 1");
    expect_refused(DENSE("a", "\"i\",0,3"), "[\"a\",0,0]", CN_FORMAT, "has no output 3");
    expect_refused(DENSE("a", "\"i\",0,0"), "[\"a\",0,0],[\"z\",0,0]", CN_FORMAT, "no layer there is: z");
}

Test(config_writing, two_layers_of_one_name_are_refused)
{
    expect_refused(DENSE("a", "\"i\",0,0") DENSE("a", "\"i\",0,0"), "[\"a\",0,0]", CN_FORMAT, "two layers are named a");
}

Test(config_writing, an_operation_is_refused_by_name)
{
    expect_refused(",{\"class_name\":\"Multiply\",\"module\":\"keras.src.ops.numpy\",\"config\":{\"name\":\"x\"},"
                   "\"name\":\"x\",\"inbound_nodes\":[[[\"i\",0,0,{}]]]}",
                   "[\"x\",0,0]", CN_UNSUPPORTED, "Multiply");
}
