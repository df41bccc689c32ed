#include "data/file.h"
#include "core/arena.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_file(const char *path)
{
    return cn_fail(CN_FILE, "%s: %s", path, strerror(errno));
}

bool cn_path_ends(const char *path, const char *ending)
{
    size_t length = strlen(path), wanted = strlen(ending);
    return length >= wanted && strcmp(path + length - wanted, ending) == 0;
}

/* Reading */

/* A descriptor and its size; -1 with the error set. */
static int open_regular(const char *path, size_t *bytes)
{
    struct stat is;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        fail_file(path);
        return -1;
    }
    bool known = fstat(file, &is) == 0;
    if (known && S_ISREG(is.st_mode)) {
        *bytes = (size_t)is.st_size;
        return file;
    }
    if (known)
        cn_fail(CN_FILE, "%s: is not a regular file", path);
    else
        fail_file(path);
    close(file);
    return -1;
}

static bool read_all(int file, unsigned char *data, size_t bytes, const char *path)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t count = read(file, data + done, bytes - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail_file(path);
        if (count == 0)
            return cn_fail(CN_FILE, "%s: the file became shorter while it was read", path);
        done += (size_t)count;
    }
    return true;
}

unsigned char *cn_read_file(const char *path, size_t *bytes)
{
    int file = open_regular(path, bytes);
    if (file < 0)
        return NULL;
    unsigned char *data = cn_allocate(*bytes + 1, 1);
    if (data && !read_all(file, data, *bytes, path)) {
        cn_release(data);
        data = NULL;
    }
    close(file);
    return data;
}

bool cn_read_beginning(const char *path, void *bytes, size_t most, size_t *count)
{
    int file = open_regular(path, count);
    if (file < 0)
        return false;
    *count = *count < most ? *count : most;
    bool done = read_all(file, bytes, *count, path);
    close(file);
    return done;
}

/* Writing */

static bool write_all(int file, cn_bytes piece)
{
    const unsigned char *at = piece.data;
    for (size_t left = piece.size; left > 0;) {
        ssize_t count = write(file, at, left);
        if (count < 0 && errno != EINTR)
            return false;
        at += count > 0 ? count : 0;
        left -= count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* A new file beside the target; its name is left in `path`. */
static int create_beside(const char *target, char *path, size_t size)
{
    int file = -1;
    for (unsigned number = 0; file < 0 && number < 1000; number++) {
        if ((size_t)snprintf(path, size, "%s.tmp%ld-%u", target, (long)getpid(), number) >= size) {
            errno = ENAMETOOLONG;
            return -1;
        }
        file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            return -1;
    }
    return file;
}

/* The rename is lost with the power, unless the directory is written too. */
static void sync_directory(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = '\0';
    int directory = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
}

/* With the permissions of the old file, or -1. */
static bool write_pieces(int file, int permissions, const cn_bytes *pieces, size_t count)
{
    if (permissions >= 0 && fchmod(file, (mode_t)permissions) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!write_all(file, pieces[i]))
            return false;
    return fsync(file) == 0;
}

bool cn_replace_file(const char *path, const cn_bytes *pieces, size_t count)
{
    char target[PATH_MAX], temporary[PATH_MAX + 32];
    if (cn_failed())
        return false;
    /* A symbolic link stays one. */
    if (!realpath(path, target) && (size_t)snprintf(target, sizeof target, "%s", path) >= sizeof target)
        return cn_fail(CN_FILE, "%s: the path is too long", path);
    struct stat old;
    bool replaces = stat(target, &old) == 0;
    /* A device must not become a file. */
    if (replaces && !S_ISREG(old.st_mode))
        return cn_fail(CN_FILE, "%s: is not a regular file", path);
    int file = create_beside(target, temporary, sizeof temporary);
    if (file < 0)
        return fail_file(path);
    bool done = write_pieces(file, replaces ? (int)(old.st_mode & 07777) : -1, pieces, count) || fail_file(path);
    if (close(file) != 0)
        done = fail_file(path);
    if (done && rename(temporary, target) != 0)
        done = fail_file(path);
    if (done)
        sync_directory(target);
    else
        unlink(temporary);
    return done;
}

static bool is_directory(const char *path)
{
    struct stat is;
    return stat(path, &is) == 0 && S_ISDIR(is.st_mode);
}

bool cn_make_directories(const char *path)
{
    char part[PATH_MAX];
    if (cn_failed())
        return false;
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return cn_fail(CN_FILE, "%s: the path is too long", path);
    for (char *slash = strchr(part + 1, '/'); *part && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0777) != 0 && !(errno == EEXIST && is_directory(part))) {
            errno = errno == EEXIST ? ENOTDIR : errno;
            return fail_file(part);
        }
        *slash = '/';
    }
    return true;
}
