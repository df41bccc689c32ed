#include "data/cifar.h"
#include "counting_allocator.h"
#include "file_of_bytes.h"
#include <limits.h>

TestSuite(cifar, .fini = remove_file);

enum { PIXELS = 32 * 32 };

/* Value of a color of a pixel of picture number i. */
static unsigned char color(int i, int pixel, int channel)
{
    return (unsigned char)(17 * i + pixel + 85 * channel);
}

/* Records with `labels` labels, the first i + 1 and the last 2 i + 3. */
static size_t records(unsigned char *to, int count, int labels)
{
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        to[size] = (unsigned char)(i + 1);
        to[size + (size_t)labels - 1] = (unsigned char)(2 * i + 3);
        size += (size_t)labels;
        for (int channel = 0; channel < 3; channel++)
            for (int pixel = 0; pixel < PIXELS; pixel++)
                to[size++] = color(i, pixel, channel);
    }
    return size;
}

static void expect_pictures(const cn_cifar *cifar, int count)
{
    cr_assert(cifar, "%s", cn_error_message());
    cr_assert(cn_shape_equal(cifar->x.shape, CN_SHAPE(count, 32, 32, 3)));
    cr_assert(cn_shape_equal(cifar->y.shape, CN_SHAPE(count, 1)));
    cr_assert_eq(cifar->x.type, CN_ARRAY_U8);
    const uint8_t *x = cifar->x.data, *y = cifar->y.data;
    for (int i = 0; i < count; i++) {
        cr_expect_eq(y[i], 2 * (i % 3) + 3);
        for (int at = 0; at < PIXELS * 3; at++)
            cr_assert_eq(x[i * PIXELS * 3 + at], color(i % 3, at / 3, at % 3));
    }
}

Test(cifar, joins_files_and_puts_colors_side_by_side)
{
    unsigned char bytes[3 * 3074];
    const char *path = file_of(bytes, records(bytes, 3, 1));
    cn_cifar *cifar = cn_cifar10_read({path, path});
    expect_pictures(cifar, 6);
    cr_expect_null(cifar->coarse.data);
    cn_cifar_free(cifar);
}

Test(cifar, has_coarse_classes_of_cifar_100)
{
    unsigned char bytes[3 * 3074];
    cn_cifar *cifar = cn_cifar100_read({file_of(bytes, records(bytes, 3, 2))});
    expect_pictures(cifar, 3);
    cr_expect(cn_shape_equal(cifar->coarse.shape, CN_SHAPE(3, 1)));
    for (int i = 0; i < 3; i++)
        cr_expect_eq(((const uint8_t *)cifar->coarse.data)[i], i + 1);
    cn_cifar_free(cifar);
}

static void expect_refused(cn_cifar *cifar, cn_code code, const char *reason)
{
    cr_expect_null(cifar);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
}

Test(cifar, refuses_what_is_no_such_file)
{
    unsigned char bytes[3 * 3074];
    size_t count = records(bytes, 3, 1);
    expect_refused(cn_cifar10_read({file_of(bytes, count - 1)}), CN_FORMAT, "9218 bytes");
    expect_refused(cn_cifar10_read({file_of(bytes, 0)}), CN_FORMAT, "0 bytes");
    bytes[3073] = 10;
    expect_refused(cn_cifar10_read({file_of(bytes, count)}), CN_FORMAT, "record 1 has the label 10 of 10");
    count = records(bytes, 3, 2);
    bytes[0] = 20;
    expect_refused(cn_cifar100_read({file_of(bytes, count)}), CN_FORMAT, "record 0 has the label 20 of 20");
    bytes[0] = 0;
    bytes[1] = 100;
    expect_refused(cn_cifar100_read({file_of(bytes, count)}), CN_FORMAT, "record 0 has the label 100 of 100");
    expect_refused(cn_cifar10_read({"/nonexistent/batch.bin"}), CN_FILE, "/nonexistent/batch.bin");
    expect_refused(cn_cifar10_read({NULL}), CN_ARGUMENT, "it takes files");
    cn_cifar_free(NULL);
}

Test(cifar, survives_damage)
{
    unsigned char whole[2 * 3074 + 16], damaged[sizeof whole];
    size_t count = records(whole, 2, 2);
    uint64_t random = 8;
    int refused = 0;
    for (int i = 0; i < 400; i++) {
        memcpy(damaged, whole, count);
        const char *path = file_of(damaged, damage(damaged, count, i % 2 ? 2 : count, &random));
        counting_start(LONG_MAX);
        cn_cifar *cifar = cn_cifar100_read({path});
        cr_expect_neq(cifar != NULL, cn_failed());
        cr_expect(!cn_failed() || cn_error_code() == CN_FORMAT, "%s", cn_error_message());
        refused += !cifar;
        cn_cifar_free(cifar);
        cr_assert_eq(counting.live, 0);
        cn_set_allocator((cn_allocator){NULL, NULL});
        cn_error_clear();
    }
    cr_expect_gt(refused, 200);
    cr_expect_lt(refused, 400);
}

Test(cifar, running_out_of_memory_leaks_nothing)
{
    unsigned char bytes[3 * 3074];
    const char *path = file_of(bytes, records(bytes, 3, 1));
    bool done = false;
    for (long limit = 0; !done; limit++) {
        counting_start(limit);
        cn_cifar *cifar = cn_cifar10_read({path, path});
        done = cifar != NULL;
        cr_assert(done || cn_error_code() == CN_MEMORY);
        cn_cifar_free(cifar);
        cr_assert_eq(counting.live, 0);
        cn_error_clear();
    }
}
