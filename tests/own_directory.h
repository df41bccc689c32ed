/* Tests that leave files: each runs in an empty directory, which goes when it ends. */
#ifndef CN_TESTS_OWN_DIRECTORY_H
#define CN_TESTS_OWN_DIRECTORY_H
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static char own_directory[] = "/tmp/cornet-test-XXXXXX";

static void enter_directory(void)
{
    cr_assert(mkdtemp(own_directory));
    cr_assert_eq(chdir(own_directory), 0);
}

static void leave_directory(void)
{
    char command[64];
    cn_error_clear();
    cn_clear_session();
    snprintf(command, sizeof command, "rm -r %s", own_directory);
    cr_assert_eq(system(command), 0);
}
#endif
