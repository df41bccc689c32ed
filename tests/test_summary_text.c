/* The expected files are what Keras 2.9 printed for these models. */
#include "models/summary_text.h"
#include "core/arena.h"
#include "read_file.h"
#include <criterion/criterion.h>
#include <string.h>

typedef struct model {
    const char *file;
    cn_summary summary;
    cn_summary_row rows[8];
} model;

/* clang-format off */
#define INPUT(name, shape) {name " (InputLayer)", "[" shape "]", "0", "[]", true, 0}
#define LAYER(layer, shape, parameters) {layer, shape, parameters, NULL, true, 0}
#define INNER(layer, shape, parameters) {layer, shape, parameters, NULL, true, 1}
#define JOINED(layer, shape, parameters, connected_to) {layer, shape, parameters, connected_to, true, 0}

static const model models[] = {
    {"00-model", {.model = "model", .trainable = 15010},
     {INPUT("input_1", "(None, 64)"),
      LAYER("dense (Dense)", "(None, 200)", "13000"),
      LAYER("dense_1 (Dense)", "(None, 10)", "2010")}},
    {"01-model_1", {.model = "model_1", .trainable = 6702},
     {INPUT("input_2", "(None, 64, 64)"),
      LAYER("dense_2 (Dense)", "(None, 64, 100)", "6500"),
      LAYER("dense_3 (Dense)", "(None, 64, 2)", "202")}},
    {"02-model_2", {.model = "model_2", .trainable = 6500},
     {INPUT("input_3", "(None, 64, 64)"),
      LAYER("dense_4 (Dense)", "(None, 64, 100)", "6500"),
      LAYER("flatten (Flatten)", "(None, 6400)", "0")}},
    {"03-model_3", {.model = "model_3", .trainable = 6500},
     {INPUT("input_4", "(None, 64, 64)"),
      LAYER("dense_5 (Dense)", "(None, 64, 100)", "6500"),
      LAYER("reshape (Reshape)", "(None, 6400)", "0")}},
    {"04-model_4", {.model = "model_4", .trainable = 6500},
     {INPUT("input_5", "(None, 64)"),
      LAYER("dense_6 (Dense)", "(None, 100)", "6500"),
      LAYER("reshape_1 (Reshape)", "(None, 10, 10)", "0")}},
    {"05-model_5", {.model = "model_5", .connections = true},
     {INPUT("input_6", "(None, 64, 64, 3)"),
      INPUT("input_7", "(None, 64, 64, 3)"),
      JOINED("concatenate (Concatenate)", "(None, 64, 64, 6)", "0", "['input_6[0][0]', 'input_7[0][0]']")}},
    {"06-model_6", {.model = "model_6", .trainable = 896},
     {INPUT("input_8", "(None, 128, 128, 3)"),
      LAYER("conv2d (Conv2D)", "(None, 126, 126, 32)", "896")}},
    {"07-model_7", {.model = "model_7", .trainable = 896},
     {INPUT("input_9", "(None, 128, 128, 3)"),
      LAYER("conv2d_1 (Conv2D)", "(None, 128, 128, 32)", "896")}},
    {"08-model_8", {.model = "model_8", .trainable = 896},
     {INPUT("input_10", "(None, 128, 128, 3)"),
      LAYER("conv2d_2 (Conv2D)", "(None, 64, 64, 32)", "896")}},
    {"09-model_9", {.model = "model_9", .trainable = 896},
     {INPUT("input_11", "(None, 128, 128, 3)"),
      LAYER("conv2d_3 (Conv2D)", "(None, 124, 124, 32)", "896")}},
    {"10-model_10", {.model = "model_10", .trainable = 896},
     {INPUT("input_12", "(None, 128, 128, 3)"),
      LAYER("conv2d_4 (Conv2D)", "(None, 128, 128, 32)", "896"),
      LAYER("max_pooling2d (MaxPooling2D)", "(None, 64, 64, 32)", "0")}},
    {"11-model_11", {.model = "model_11", .trainable = 896},
     {INPUT("input_13", "(None, 127, 127, 3)"),
      LAYER("conv2d_5 (Conv2D)", "(None, 127, 127, 32)", "896"),
      LAYER("max_pooling2d_1 (MaxPooling2D)", "(None, 63, 63, 32)", "0")}},
    {"12-model_12", {.model = "model_12", .trainable = 896},
     {INPUT("input_14", "(None, 127, 127, 3)"),
      LAYER("conv2d_6 (Conv2D)", "(None, 127, 127, 32)", "896"),
      LAYER("max_pooling2d_2 (MaxPooling2D)", "(None, 64, 64, 32)", "0")}},
    {"13-model_13", {.model = "model_13"},
     {INPUT("input_15", "(None, 128, 128, 3)"),
      LAYER("up_sampling2d (UpSampling2D)", "(None, 256, 256, 3)", "0")}},
    {"14-model_15", {.model = "model_15", .trainable = 896},
     {INPUT("input_17", "(None, 128, 128, 3)"),
      LAYER("conv2d_transpose (Conv2DTranspose)", "(None, 256, 256, 32)", "896")}},
    {"15-model_17", {.model = "model_17", .trainable = 5000},
     {INPUT("input_19", "(None, 10)"),
      LAYER("embedding (Embedding)", "(None, 10, 5)", "5000")}},
    {"16-model_18", {.model = "model_18", .trainable = 23232},
     {INPUT("input_20", "(None, 100)"),
      LAYER("embedding_1 (Embedding)", "(None, 100, 20)", "20000"),
      LAYER("conv1d (Conv1D)", "(None, 100, 32)", "3232")}},
    {"17-model_19", {.model = "model_19", .trainable = 41760},
     {INPUT("input_21", "(None, 100)"),
      LAYER("embedding_2 (Embedding)", "(None, 100, 20)", "20000"),
      LAYER("lstm (LSTM)", "(None, 64)", "21760")}},
    {"18-model_21", {.model = "model_21", .trainable = 41760},
     {INPUT("input_23", "(None, 10)"),
      LAYER("embedding_3 (Embedding)", "(None, 10, 20)", "20000"),
      LAYER("lstm_2 (LSTM)", "(None, 10, 64)", "21760")}},
    {"19-model_23", {.model = "model_23", .trainable = 41760},
     {INPUT("input_25", "(None, 10)"),
      LAYER("embedding_4 (Embedding)", "(None, 10, 20)", "20000"),
      LAYER("lstm_4 (LSTM)", "[(None, 64), (None, 64), (None, 64)]", "21760")}},
    {"20-model_26", {.model = "model_26", .trainable = 41760},
     {INPUT("input_28", "(None, 10)"),
      LAYER("embedding_5 (Embedding)", "(None, 10, 20)", "20000"),
      LAYER("lstm_7 (LSTM)", "[(None, 10, 64), (None, 64), (None, 64)]", "21760")}},
    {"A-sequential-mlp", {.model = "sequential", .trainable = 101770},
     {LAYER("dense (Dense)", "(None, 128)", "100480"),
      LAYER("dropout (Dropout)", "(None, 128)", "0"),
      LAYER("dense_1 (Dense)", "(None, 10)", "1290")}},
    {"B-seed002-lstm", {.model = "model", .trainable = 370},
     {INPUT("input_1", "(None, 3, 2)"),
      LAYER("lstm (LSTM)", "(None, 8)", "352"),
      LAYER("dense (Dense)", "(None, 2)", "18")}},
    {"C-shared-layer", {.model = "model", .connections = true, .trainable = 22},
     {INPUT("input_1", "(None, 4)"),
      INPUT("input_2", "(None, 4)"),
      JOINED("dense (Dense)", "(None, 3)", "15", "['input_1[0][0]', 'input_2[0][0]']"),
      JOINED("concatenate (Concatenate)", "(None, 6)", "0", "['dense[0][0]', 'dense[1][0]']"),
      JOINED("dense_1 (Dense)", "(None, 1)", "7", "['concatenate[0][0]']")}},
#define CONVOLUTIONS                                                                       \
    {INPUT("input_1", "(None, 32, 32, 3)"),                                                \
     LAYER("conv2d (Conv2D)", "(None, 30, 30, 8)", "224"),                                 \
     LAYER("batch_normalization (BatchNormalization)", "(None, 30, 30, 8)", "32"),         \
     LAYER("activation (Activation)", "(None, 30, 30, 8)", "0"),                           \
     LAYER("global_average_pooling2d (GlobalAveragePooling2D)", "(None, 8)", "0"),         \
     LAYER("dense (Dense)", "(None, 10)", "90")}
    {"D-conv-batchnorm", {.model = "model", .trainable = 330, .non_trainable = 16}, CONVOLUTIONS},
    {"E-show-trainable", {.model = "model", .trainable = 330, .non_trainable = 16, .show_trainable = true}, CONVOLUTIONS},
    {"F-two-outputs", {.model = "two_heads", .connections = true, .trainable = 212},
     {INPUT("input_1", "(None, 8)"),
      JOINED("dense (Dense)", "(None, 16)", "144", "['input_1[0][0]']"),
      JOINED("out_a (Dense)", "(None, 1)", "17", "['dense[0][0]']"),
      JOINED("out_b (Dense)", "(None, 3)", "51", "['dense[0][0]']")}},
    {"G-nested-expanded", {.model = "model", .trainable = 26},
     {INPUT("input_1", "(None, 4)"),
      LAYER("sequential (Sequential)", "(None, 2)", "23"),
      INNER("dense (Dense)", "(None, 3)", "15"),
      INNER("dense_1 (Dense)", "(None, 2)", "8"),
      LAYER("dense_2 (Dense)", "(None, 1)", "3")}},
    {"H-nested-collapsed", {.model = "model", .trainable = 26},
     {INPUT("input_1", "(None, 4)"),
      LAYER("sequential (Sequential)", "(None, 2)", "23"),
      LAYER("dense_2 (Dense)", "(None, 1)", "3")}},
};
/* clang-format on */

static void append(void *text, const char *bytes, size_t size)
{
    cr_assert_eq(bytes[size - 1], '\n', "one line a call");
    cn_text_add_bytes(text, bytes, size);
}

static cn_text text_of(const cn_summary *summary)
{
    cn_text text = {0};
    cr_assert(cn_summary_text(summary, append, &text), "%s", cn_error_message());
    return text;
}

Test(summary_text, is_what_keras_prints)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char path[512];
        snprintf(path, sizeof path, CN_TEST_DATA "/summaries/%s.txt", models[i].file);
        cn_summary summary = models[i].summary;
        summary.rows = models[i].rows;
        while (summary.rows[summary.row_count].layer)
            summary.row_count++;
        char *expected = read_file(path);
        cn_text text = text_of(&summary);
        cr_assert_str_eq(text.data, expected, "%s: Keras prints\n%s\nnot\n%s", models[i].file, expected, text.data);
        free(expected);
        cn_text_free(&text);
    }
}

static cn_summary one_row(const cn_summary_row *row)
{
    return (cn_summary){.model = "m", .rows = row, .row_count = 1};
}

static void expect_line(const cn_summary *summary, int line, const char *expected)
{
    cn_text text = text_of(summary);
    const char *begin = text.data;
    while (line-- > 0)
        begin = strchr(begin, '\n') + 1;
    size_t size = strcspn(begin, "\n");
    cr_assert(size == strlen(expected) && strncmp(begin, expected, size) == 0, "\"%.*s\" is not \"%s\"", (int)size,
              begin, expected);
    cn_text_free(&text);
}

enum { FIRST_ROW = 4 };

Test(summary_text, line_length_moves_the_columns)
{
    cn_summary_row row = LAYER("dense (Dense)", "(None, 4)", "15");
    cn_summary summary = one_row(&row);
    summary.line_length = 45; /* .45 and .85 of it, rounded down: 20, 38 */
    expect_line(&summary, 1, "_____________________________________________");
    expect_line(&summary, FIRST_ROW, " dense (Dense)      (None, 4)         15     ");
}

Test(summary_text, positions_are_parts_of_the_line_or_characters)
{
    cn_summary_row row = LAYER("dense (Dense)", "(None, 4)", "15");
    cn_summary summary = one_row(&row);
    summary.line_length = 50;
    summary.positions = (const double[]){.5, .8, 1};
    expect_line(&summary, FIRST_ROW, " dense (Dense)           (None, 4)      15        ");
    summary.positions = (const double[]){16, 30, 40};
    expect_line(&summary, FIRST_ROW, " dense (Dense)  (None, 4)     15        ");
}

Test(summary_text, characters_are_counted_not_bytes)
{
    cn_summary_row row = LAYER("слой (Dense)", "(None, 4)", "15");
    cn_summary summary = one_row(&row);
    expect_line(&summary, FIRST_ROW, " слой (Dense)                (None, 4)                 15        ");
    summary.positions = (const double[]){8, 55, 65};
    /* The header takes a line more, too. */
    expect_line(&summary, FIRST_ROW + 1, " слой (  (None, 4)                                     15        ");
    expect_line(&summary, FIRST_ROW + 2, " Dense)                                                          ");
}

Test(summary_text, models_inside_models_have_more_bars)
{
    cn_summary_row rows[] = {LAYER("a (Model)", "()", "0"), INNER("b (Model)", "()", "0"),
                             INNER("c (Dense)", "()", "0")};
    rows[2].depth = 2;
    cn_summary summary = one_row(rows);
    summary.row_count = 3;
    summary.line_length = 48;
    expect_line(&summary, FIRST_ROW + 1, "|¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯|");
    expect_line(&summary, FIRST_ROW + 2, "| b (Model)         ()                 0       |");
    expect_line(&summary, FIRST_ROW + 3, "||¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯||");
    expect_line(&summary, FIRST_ROW + 4, "|| c (Dense)       ()                 0       ||");
    expect_line(&summary, FIRST_ROW + 5, "|¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯|");
    expect_line(&summary, FIRST_ROW + 6, "¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯");
    expect_line(&summary, FIRST_ROW + 7, "================================================");
}

Test(summary_text, refuses_columns_without_room)
{
    cn_summary_row row = LAYER("dense (Dense)", "(None, 4)", "15");
    cn_summary summary = one_row(&row);
    summary.line_length = 4;
    cn_text text = {0};
    cr_assert_not(cn_summary_text(&summary, append, &text));
    cr_assert_eq(cn_error_code(), CN_ARGUMENT);
    cr_assert_eq(text.size, 0);
    cn_error_clear();
    summary.line_length = 0;
    summary.positions = (const double[]){30, 20, 65};
    cr_assert_not(cn_summary_text(&summary, append, &text));
    cr_assert_eq(cn_error_code(), CN_ARGUMENT);
}
