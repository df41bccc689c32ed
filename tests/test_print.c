/* Printing tensors, arrays and shapes. How arrays look is tested by test_array_text.c. */
#include "expect.h"
#include <criterion/redirect.h>

static void expect_format(cn_tensor *x, cn_style style, const char *text)
{
    char buffer[256];
    cr_expect_eq(cn_format(x, style, buffer, sizeof buffer), (int64_t)strlen(text));
    cr_expect_str_eq(buffer, text);
}

Test(print, tensor_as_numpy_shows_it)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((float[]){6, 10, 7.2f, 12}), 2, 2));
    expect_format(x, CN_STR, "[[ 6.  10. ]\n [ 7.2 12. ]]");
    expect_format(x, CN_REPR, "array([[ 6. , 10. ],\n       [ 7.2, 12. ]], dtype=float32)");
    cn_tape_free(tape);
}

Test(print, view_in_the_order_of_its_elements)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((int32_t[]){1, 2, 3, 4}), 2, 2));
    expect_format(cn_transpose(x), CN_STR, "[[1 3]\n [2 4]]");
    cn_tape_free(tape);
}

Test(print, format_cuts_what_does_not_fit)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(((int32_t[]){1, 2, 3}), 3));
    char buffer[4];
    cr_expect_eq(cn_format(x, CN_STR, buffer, sizeof buffer), 7);
    cr_expect_str_eq(buffer, "[1 ");
    cr_expect_eq(cn_format(x, CN_STR, NULL, 0), 7);
    cn_tape_free(tape);
}

Test(print, writes_lines_to_standard_output, .init = cr_redirect_stdout)
{
    cn_print(CN_SHAPE(2, 10, 3));
    cn_print(CN_SHAPE(5));
    cn_print("labels:", cn_array(((int32_t[]){1, 2}), 2));
    cn_print(cn_array(((uint8_t[]){4, 2, 3, 6}), 2, 2));
    cn_print_repr(cn_array(((double[]){0.5}), 1));
    cn_print_repr(cn_array(((int64_t[]){7}), 1));
    cn_print_repr(cn_array(((int8_t[]){-7}), 1));
    fflush(stdout);
    cr_assert_stdout_eq_str(
        "(2, 10, 3)\n(5,)\nlabels: [1 2]\n[[4 2]\n [3 6]]\narray([0.5])\narray([7])\narray([-7], dtype=int8)\n");
}

Test(print, tensor_without_value_is_an_error)
{
    cn_tape *tape = cn_tape_new(.deferred = true);
    expect_error(!cn_print(cn_feed(tape, CN_SHAPE(2))),
                 "print: the tensor has no value; it was recorded, not computed");
    expect_error(!cn_print((cn_tensor *)NULL), "print: the tensor is NULL");
    cn_fail(CN_VALUE, "the first error");
    expect_error(!cn_print("label:", CN_SHAPE(2)), "the first error");
    cn_tape_free(tape);
}
