/* Text as numbers. */
#include "cornet.h"
#include "counting_allocator.h"
#include "file_of_bytes.h"
#include <limits.h>

TestSuite(text, .fini = remove_file);

static void expect_tokens(const cn_vocabulary *v, const char *const *wanted)
{
    int64_t count = 0;
    cr_assert(v, "%s", cn_error_message());
    for (; wanted[count]; count++) {
        cr_assert_not_null(cn_vocabulary_token(v, count));
        cr_expect_str_eq(cn_vocabulary_token(v, count), wanted[count]);
    }
    cr_expect_eq(cn_vocabulary_size(v), count);
    cr_expect_null(cn_vocabulary_token(v, count));
    cr_expect_null(cn_vocabulary_token(v, -1));
}
#define TOKENS(vocabulary, ...) expect_tokens((vocabulary), (const char *const[]){__VA_ARGS__, NULL})

static void expect_encoded(const cn_vocabulary *v, const char *text, int64_t count, const int32_t *wanted)
{
    int32_t got[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    cr_expect_eq(cn_encode(v, text, (cn_view){0}), count);
    cr_expect_eq(cn_encode(v, text, cn_array(got, count)), count, "%s", cn_error_message());
    cr_expect_arr_eq(got, wanted, (size_t)count * sizeof *got);
    cr_expect_eq(got[count], -1);
}
#define ENCODED(vocabulary, text, count, ...) \
    expect_encoded((vocabulary), (text), (count), (const int32_t[]){__VA_ARGS__})

/* The order that Keras' manual shows for StringLookup, adapted to these letters. */
Test(text, tokens_are_ordered_by_frequency)
{
    cn_vocabulary *v = cn_vocabulary_new("a c d d z b");
    TOKENS(v, "", "[UNK]", "d", "z", "c", "b", "a");
    ENCODED(v, "a c d d z b", 6, 6, 4, 2, 2, 3, 5);
    ENCODED(v, "b ? e", 2, 5, 1);
    cn_vocabulary_free(v);
}

Test(text, words_are_small_letters_without_punctuation_by_default)
{
    cn_vocabulary *v = cn_vocabulary_new(" Don't stop,\n\tdont STOP -- stop! ");
    TOKENS(v, "", "[UNK]", "stop", "dont");
    ENCODED(v, "Stop? No: don't!", 3, 2, 1, 3);
    cn_vocabulary_free(v);
    v = cn_vocabulary_new("It is. it is.", .lower = false, .strip_punctuation = false);
    TOKENS(v, "", "[UNK]", "is.", "it", "It");
    cn_vocabulary_free(v);
}

Test(text, characters_are_code_points)
{
    cn_vocabulary *v = cn_vocabulary_new("nähe näh", .split = CN_CHARACTERS);
    TOKENS(v, "", "[UNK]", "ä", "n", "h", "e", " ");
    ENCODED(v, "nä ß", 4, 3, 2, 6, 1);
    cn_vocabulary_free(v);
}

Test(text, a_vocabulary_keeps_the_most_frequent_tokens)
{
    cn_vocabulary *v = cn_vocabulary_new("c c c b b a", .max_tokens = 4);
    TOKENS(v, "", "[UNK]", "c", "b");
    ENCODED(v, "a b c", 3, 1, 3, 2);
    cn_vocabulary_free(v);
}

Test(text, is_cut_or_padded_to_the_room_that_there_is)
{
    cn_vocabulary *v = cn_vocabulary_new("c c c b b a");
    float rows[2][4];
    cr_expect_eq(cn_encode(v, "a b", cn_array(rows[0], 4)), 2);
    cr_expect_eq(cn_encode(v, "a b c a b c", cn_array(rows[1], 4)), 6);
    cr_expect_arr_eq(rows, ((const float[2][4]){{4, 3, 0, 0}, {4, 3, 2, 4}}), sizeof rows);
    int64_t wide[3];
    double precise[3];
    cr_expect_eq(cn_encode(v, "a b", cn_array(wide, 3)), 2, "%s", cn_error_message());
    cr_expect_eq(cn_encode(v, "a b", cn_array(precise, 3)), 2);
    cr_expect_arr_eq(wide, ((const int64_t[3]){4, 3, 0}), sizeof wide);
    cr_expect_arr_eq(precise, ((const double[3]){4, 3, 0}), sizeof precise);
    cn_vocabulary_free(v);
}

Test(text, of_many_words_is_numbered_as_it_is_counted)
{
    enum { WORDS = 5000 };
    char *text = calloc(WORDS * 8, 1);
    int32_t *ids = calloc(WORDS, sizeof *ids);
    for (int i = 0, at = 0; i < WORDS; i++)
        at += sprintf(text + at, "w%d ", i % 2500);
    cn_vocabulary *v = cn_vocabulary_new(text);
    cr_expect_eq(cn_vocabulary_size(v), 2 + 2500);
    cr_assert_eq(cn_encode(v, text, cn_array(ids, WORDS)), WORDS);
    for (int i = 0; i < WORDS; i++) {
        char word[16];
        sprintf(word, "w%d", i % 2500);
        cr_assert_str_eq(cn_vocabulary_token(v, ids[i]), word);
    }
    cn_vocabulary_free(v);
    free(ids);
    free(text);
}

static void expect_refused(bool failed, cn_code code)
{
    cr_expect(failed);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cn_error_clear();
}

Test(text, wrong_use_is_refused)
{
    cn_vocabulary *v = cn_vocabulary_new("a b");
    int32_t ids[4];
    int8_t small[4];
    expect_refused(!cn_vocabulary_new(NULL), CN_ARGUMENT);
    expect_refused(!cn_vocabulary_new("a", .max_tokens = 2), CN_ARGUMENT);
    expect_refused(!cn_vocabulary_new("a", .max_tokens = -1), CN_ARGUMENT);
    expect_refused(cn_encode(NULL, "a", cn_array(ids, 4)) == -1, CN_ARGUMENT);
    expect_refused(cn_encode(v, NULL, cn_array(ids, 4)) == -1, CN_ARGUMENT);
    expect_refused(cn_encode(v, "a", cn_array(ids, 2, 2)) == -1, CN_ARGUMENT);
    expect_refused(cn_encode(v, "a", cn_array(small, 4)) == -1, CN_ARGUMENT);
    expect_refused(cn_encode(v, "a", cn_array((const int32_t *)ids, 4)) == -1, CN_ARGUMENT);
    cn_vocabulary_free(v);
    cn_vocabulary_free(NULL);
    cr_expect_eq(cn_vocabulary_size(NULL), 0);
}

Test(text, files_are_read_unless_they_hold_no_text)
{
    char *text = cn_read_text(file_of("one\ntwo", 7));
    cr_assert(text, "%s", cn_error_message());
    cr_expect_str_eq(text, "one\ntwo");
    cn_free_text(text);
    expect_refused(!cn_read_text(file_of("one\0two", 7)), CN_FORMAT);
    expect_refused(!cn_read_text("/nonexistent/text"), CN_FILE);
    cn_free_text(NULL);
}

/* Of any bytes, each token is found again. */
Test(text, survives_bytes_of_any_kind)
{
    uint64_t random = 15;
    for (int i = 0; i < 500; i++) {
        char bytes[64];
        int32_t ids[64];
        size_t count = next_random(&random) % sizeof bytes;
        for (size_t b = 0; b < count; b++)
            bytes[b] = (char)(1 + next_random(&random) % 255);
        bytes[count] = '\0';
        counting_start(LONG_MAX);
        cn_vocabulary *v = cn_vocabulary_new(bytes, .split = i % 2 ? CN_WORDS : CN_CHARACTERS);
        cr_assert(v, "%s", cn_error_message());
        int64_t tokens = cn_encode(v, bytes, cn_array(ids, 64));
        cr_assert(tokens >= 0 && tokens <= (int64_t)count);
        for (int64_t t = 0; t < tokens; t++)
            cr_assert(ids[t] >= 2 && ids[t] < cn_vocabulary_size(v));
        cn_vocabulary_free(v);
        cr_assert_eq(counting.live, 0);
    }
}

Test(text, running_out_of_memory_leaks_nothing)
{
    bool done = false;
    for (long limit = 0; !done; limit++) {
        counting_start(limit);
        int32_t ids[4];
        cn_vocabulary *v = cn_vocabulary_new("some words and some more words");
        done = v && cn_encode(v, "some words", cn_array(ids, 4)) == 2;
        cr_assert(done || cn_error_code() == CN_MEMORY, "%s", cn_error_message());
        cn_vocabulary_free(v);
        cr_assert_eq(counting.live, 0);
        cn_error_clear();
    }
}
