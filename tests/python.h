/* Files by others, for the tests of readers: written by Python programs, with NumPy as np. */
#ifndef CN_TESTS_PYTHON_H
#define CN_TESTS_PYTHON_H
#include "file_of_bytes.h"
#include <spawn.h>
#include <sys/wait.h>

/* Runs a program, to which `path` is that of the one file of this process; returns the path. */
static inline const char *python(const char *program)
{
    extern char **environ;
    char text[2048];
    int status = -1;
    pid_t child;
    const char *path = file_of("", 0);
    snprintf(text, sizeof text, "import sys, numpy as np\npath = sys.argv[1]\n%s", program);
    char *const arguments[] = {CN_TEST_PYTHON, "-c", text, (char *)(uintptr_t)path, NULL};
    cr_assert_eq(posix_spawn(&child, *arguments, NULL, NULL, arguments, environ), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "python3 failed:\n%s", text);
    return path;
}
#endif
