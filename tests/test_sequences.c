#include "cornet.h"
#include <criterion/criterion.h>

TestSuite(sequences);

static const int32_t a[] = {1}, b[] = {2, 3}, c[] = {4, 5, 6, 7};
static const int32_t *const sequences[] = {a, b, c};
static const int64_t lengths[] = {1, 2, 4};

/* The results that the manual of Keras' pad_sequences shows, for these kinds of sequences. */
Test(sequences, are_padded_and_truncated_before_by_default)
{
    int32_t out[3][3];
    cr_assert(cn_pad_sequences(sequences, lengths, 3, cn_array(out[0], 3, 3)), "%s", cn_error_message());
    cr_expect_arr_eq(out, ((const int32_t[3][3]){{0, 0, 1}, {0, 2, 3}, {5, 6, 7}}), sizeof out);
}

Test(sequences, are_padded_and_truncated_after)
{
    float out[3][3];
    cr_assert(cn_pad_sequences(sequences, lengths, 3, cn_array(out[0], 3, 3), .padding = CN_POST, .truncating = CN_POST,
                               .value = -1));
    cr_expect_arr_eq(out, ((const float[3][3]){{1, -1, -1}, {2, 3, -1}, {4, 5, 6}}), sizeof out);
}

Test(sequences, labels_become_one_hot_rows)
{
    const uint8_t labels[3] = {0, 2, 1};
    float out[3][3];
    cr_assert(cn_to_categorical(cn_array(labels, 3), cn_array(out[0], 3, 3)), "%s", cn_error_message());
    cr_expect_arr_eq(out, ((const float[3][3]){{1, 0, 0}, {0, 0, 1}, {0, 1, 0}}), sizeof out);
    const int32_t column[2] = {-1, 0};
    cr_assert(cn_to_categorical(cn_array(column, 2, 1), cn_array(out[0], 2, 3)), "%s", cn_error_message());
    cr_expect_arr_eq(out, ((const float[2][3]){{0, 0, 1}, {1, 0, 0}}), 6 * sizeof(float));
}

static void expect_refused(bool failed, cn_code code)
{
    cr_expect(failed);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cn_error_clear();
}

Test(sequences, wrong_use_is_refused_before_anything_is_written)
{
    const int32_t labels[2] = {0, 3};
    float out[2][3] = {{7, 7, 7}};
    expect_refused(!cn_to_categorical(cn_array(labels, 2), cn_array(out[0], 2, 3)), CN_VALUE);
    cr_expect_eq(out[0][0], 7);
    expect_refused(!cn_to_categorical(cn_array(labels, 2), cn_array(out[0], 3, 2)), CN_SHAPES);
    expect_refused(!cn_to_categorical(cn_array(labels, 2), cn_array((const float *)out[0], 2, 3)), CN_ARGUMENT);
    expect_refused(!cn_pad_sequences(sequences, lengths, 3, cn_array(out[0], 2, 3)), CN_SHAPES);
    expect_refused(!cn_pad_sequences(sequences, (const int64_t[]){-1, 2}, 2, cn_array(out[0], 2, 3)), CN_ARGUMENT);
    cr_expect_eq(out[0][0], 7);
}
