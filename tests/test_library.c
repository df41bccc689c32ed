#include "core/library.h"
#include "expect.h"
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>

TestSuite(library, .fini = expect_clear);

#define NAMES(X) X(cos) X(pow)

Test(library, its_functions_are_found_by_name)
{
    struct {
        NAMES(CN_LIBRARY_ADDRESS)
    } m = {0};
    const char *const names[] = {NAMES(CN_LIBRARY_NAME) NULL};
    cr_assert(cn_load_library("libm.so.6", names, &m, "a test"), "%s", cn_error_message());
    cr_expect_eq(m.cos(0), 1);
    cr_expect_eq(m.pow(2, 10), 1024);
}

static void expect_named(const char *missing)
{
    cr_expect_eq(cn_error_code(), CN_UNSUPPORTED);
    cr_expect(strstr(cn_error_message(), "model.h5: ") && strstr(cn_error_message(), missing), "%s",
              cn_error_message());
    cn_error_clear();
}

Test(library, one_that_is_not_there_is_named)
{
    const char *const names[] = {"cos", NULL};
    void *addresses[1] = {NULL};
    cr_expect_not(cn_load_library("libnowhere.so.7", names, addresses, "model.h5"));
    expect_named("libnowhere.so.7");
}

Test(library, a_name_that_it_lacks_is_named)
{
    const char *const names[] = {"cos", "no_such_function", NULL};
    void *addresses[2] = {NULL};
    cr_expect_not(cn_load_library("libm.so.6", names, addresses, "model.h5"));
    expect_named("no_such_function");
}

Test(library, those_that_only_files_and_large_products_need_are_not_loaded_before)
{
    cr_expect_null(dlopen(CN_OPENBLAS_LIBRARY, RTLD_LAZY | RTLD_NOLOAD));
#ifdef CN_HAVE_HDF5
    cr_expect_null(dlopen(CN_HDF5_LIBRARY, RTLD_LAZY | RTLD_NOLOAD));
#endif
#ifdef CN_HAVE_LIBZIP
    cr_expect_null(dlopen(CN_LIBZIP_LIBRARY, RTLD_LAZY | RTLD_NOLOAD));
#endif
}
