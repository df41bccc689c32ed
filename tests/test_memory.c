#include "core/arena.h"
#include "counting_allocator.h"
#include <criterion/criterion.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

static bool aligned(const void *memory, uintptr_t alignment)
{
    return memory && (uintptr_t)memory % alignment == 0;
}

static bool all_zero(const unsigned char *memory, size_t bytes)
{
    while (bytes && memory[bytes - 1] == 0)
        bytes--;
    return bytes == 0;
}

Test(memory, allocated_is_zeroed_and_aligned)
{
    for (size_t bytes = 0; bytes < 300; bytes++) {
        unsigned char *memory = cn_allocate(bytes, 1);
        cr_assert(aligned(memory, CN_ALIGNMENT));
        cr_assert(all_zero(memory, bytes));
        memset(memory, 0xff, bytes);
        cn_release(memory);
    }
}

Test(memory, more_than_there_is_is_an_error)
{
    cr_assert_null(cn_allocate(SIZE_MAX, 1));
    cr_assert_eq(cn_error_code(), CN_MEMORY);
}

Test(memory, a_product_that_overflows_is_an_error)
{
    cr_assert_null(cn_allocate(SIZE_MAX / 2 + 2, 2));
    cr_assert_eq(cn_error_code(), CN_MEMORY);
}

Test(memory, releasing_null_does_nothing)
{
    cn_release(NULL);
}

Test(memory, resizing_keeps_the_elements_and_zeroes_the_new_ones)
{
    int *numbers = cn_resize(NULL, 0, 2, sizeof *numbers);
    cr_assert_not_null(numbers);
    numbers[0] = 1;
    numbers[1] = 2;
    numbers = cn_resize(numbers, 2, 4, sizeof *numbers);
    cr_assert_arr_eq(numbers, ((int[]){1, 2, 0, 0}), 4 * sizeof(int));
    numbers = cn_resize(numbers, 4, 1, sizeof *numbers);
    cr_assert_eq(numbers[0], 1);
    cn_release(numbers);
}

Test(memory, a_resize_that_fails_leaves_the_elements)
{
    counting_start(1);
    int *numbers = cn_allocate(2, sizeof *numbers);
    numbers[1] = 7;
    cr_assert_null(cn_resize(numbers, 2, 4, sizeof *numbers));
    cr_assert_eq(cn_error_code(), CN_MEMORY);
    cr_assert_eq(numbers[1], 7);
    cn_release(numbers);
    cr_assert_eq(counting.live, 0);
}

Test(memory, a_string_is_copied_with_its_end)
{
    char text[] = "kernel";
    char *copy = cn_copy_string(text);
    text[0] = 'K';
    cr_assert_str_eq(copy, "kernel");
    cn_release(copy);
}

Test(memory, goes_through_the_allocator_of_the_user)
{
    counting_start(LONG_MAX);
    void *memory = cn_allocate(10, 1);
    cr_assert_eq(counting.calls, 1);
    cr_assert_eq(counting.live, 1);
    cn_release(memory);
    cr_assert_eq(counting.live, 0);
}

Test(memory, half_an_allocator_is_none)
{
    counting_start(LONG_MAX);
    cn_set_allocator((cn_allocator){counting_allocate, NULL});
    void *memory = cn_allocate(10, 1);
    cr_assert_not_null(memory);
    cr_assert_eq(counting.calls, 0);
    cn_release(memory);
}

/* Pieces from 0 bytes to beyond a chunk, each filled, so that an overlap shows. */
enum { PIECES = 200 };

static size_t size_of_piece(int i)
{
    return i % 50 == 49 ? (size_t)1 << 20 : (size_t)i * 37;
}

static void fill_arena(cn_arena *arena, unsigned char *pieces[PIECES])
{
    for (int i = 0; i < PIECES; i++) {
        pieces[i] = cn_arena_allocate(arena, size_of_piece(i));
        cr_assert(aligned(pieces[i], CN_ALIGNMENT));
        memset(pieces[i], i, size_of_piece(i));
    }
}

Test(arena, pieces_are_aligned_and_apart)
{
    cn_arena arena = {0};
    unsigned char *pieces[PIECES];
    size_t total = 0;
    fill_arena(&arena, pieces);
    for (int i = 0; i < PIECES; i++) {
        for (size_t j = 0; j < size_of_piece(i); j++)
            cr_assert_eq(pieces[i][j], i);
        total += size_of_piece(i);
    }
    cr_assert_eq(arena.total, total);
    cn_arena_free(&arena);
}

Test(arena, records_are_zeroed_in_reused_memory_too)
{
    cn_arena arena = {0};
    unsigned char *memory = cn_arena_allocate(&arena, 1000);
    memset(memory, 0xff, 1000);
    cn_arena_reset(&arena);
    for (size_t bytes = 1; bytes < 40; bytes++) {
        unsigned char *record = cn_arena_record(&arena, bytes);
        cr_assert(aligned(record, 16));
        cr_assert(all_zero(record, bytes));
    }
    cn_arena_free(&arena);
}

Test(arena, a_reset_keeps_the_memory_for_the_next_round)
{
    counting_start(LONG_MAX);
    cn_arena arena = {0};
    unsigned char *first[PIECES], *second[PIECES];
    fill_arena(&arena, first);
    long calls = counting.calls;
    cn_arena_reset(&arena);
    cr_assert_eq(arena.total, 0);
    fill_arena(&arena, second);
    cr_assert_eq(counting.calls, calls);
    cr_assert_arr_eq(first, second, sizeof first);
    cn_arena_free(&arena);
    cr_assert_eq(counting.live, 0);
}

Test(arena, an_impossible_size_is_an_error)
{
    cn_arena arena = {0};
    cr_assert_null(cn_arena_allocate(&arena, SIZE_MAX));
    cr_assert_eq(cn_error_code(), CN_MEMORY);
    cn_arena_free(&arena);
}

Test(arena, memory_that_runs_out_at_any_call_is_an_error_and_no_leak)
{
    counting_start(LONG_MAX);
    cn_arena whole = {0};
    unsigned char *pieces[PIECES];
    fill_arena(&whole, pieces);
    long calls = counting.calls;
    cn_arena_free(&whole);
    cr_assert_gt(calls, 3);

    for (long limit = 0; limit < calls; limit++) {
        counting_start(limit);
        cn_error_clear();
        cn_arena arena = {0};
        int i = 0;
        while (i < PIECES && cn_arena_allocate(&arena, size_of_piece(i)))
            i++;
        cr_assert_lt(i, PIECES);
        cr_assert_eq(cn_error_code(), CN_MEMORY);

        /* What came before the failure is still good, and more can be had when there is more. */
        counting.limit = LONG_MAX;
        cn_error_clear();
        cr_assert(aligned(cn_arena_allocate(&arena, size_of_piece(i)), CN_ALIGNMENT));
        cn_arena_free(&arena);
        cr_assert_eq(counting.live, 0);
    }
}

Test(arena, is_empty_again_after_it_is_freed)
{
    cn_arena arena = {0};
    cr_assert_not_null(cn_arena_allocate(&arena, 10));
    cn_arena_free(&arena);
    cr_assert_null(arena.first);
    cr_assert_not_null(cn_arena_allocate(&arena, 10));
    cn_arena_free(&arena);
    cn_arena_free(&arena);
}
