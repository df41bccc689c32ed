#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

Test(error, a_thread_starts_without_one)
{
    cr_assert_not(cn_failed());
    cr_assert_eq(cn_error_code(), CN_OK);
    cr_assert_str_eq(cn_error_message(), "");
}

Test(error, is_kept_as_it_was_formatted)
{
    cr_assert_not(cn_fail(CN_SHAPES, "matmul: inner sizes differ: %s x %s", "(2, 3)", "(4, 5)"));
    cr_assert(cn_failed());
    cr_assert_eq(cn_error_code(), CN_SHAPES);
    cr_assert_str_eq(cn_error_message(), "matmul: inner sizes differ: (2, 3) x (4, 5)");
}

Test(error, the_first_one_stays)
{
    cn_fail(CN_TYPE, "first");
    cn_fail(CN_FILE, "second");
    cr_assert_eq(cn_error_code(), CN_TYPE);
    cr_assert_str_eq(cn_error_message(), "first");
}

Test(error, another_is_taken_after_clearing)
{
    cn_fail(CN_TYPE, "first");
    cn_error_clear();
    cr_assert_not(cn_failed());
    cr_assert_str_eq(cn_error_message(), "");
    cn_fail(CN_FILE, "second");
    cr_assert_eq(cn_error_code(), CN_FILE);
    cr_assert_str_eq(cn_error_message(), "second");
}

Test(error, a_message_that_is_too_long_is_cut)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cn_fail(CN_VALUE, "%s", text);
    size_t length = strlen(cn_error_message());
    cr_assert_gt(length, 100);
    cr_assert_eq(strncmp(cn_error_message(), text, length), 0);
}

static void *fail_in_a_thread(void *seen)
{
    *(bool *)seen = cn_failed();
    cn_fail(CN_MEMORY, "in the other thread");
    return NULL;
}

Test(error, belongs_to_its_thread)
{
    bool seen = true;
    pthread_t thread;
    cn_fail(CN_SHAPES, "in this thread");
    cr_assert_eq(pthread_create(&thread, NULL, fail_in_a_thread, &seen), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_not(seen);
    cr_assert_str_eq(cn_error_message(), "in this thread");
}

Test(error, every_code_has_a_text_of_its_own)
{
    const char *texts[] = {
#define TEXT(name, text) cn_error_text(CN_##name),
        CN_ERRORS(TEXT)
#undef TEXT
    };
    size_t count = sizeof texts / sizeof *texts;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(texts[i], texts[j]);
    cr_assert_str_eq(cn_error_text(CN_OK), "no error");
    cr_assert_str_eq(cn_error_text((cn_code)count), "unknown error");
}
