/* A disk that can be full and a power cord that can be pulled. Loaded into the broker with LD_PRELOAD.

   DISK_ROOT  files below this directory are watched
   DISK_FULL  while this file exists, write() to them fails with ENOSPC; half of the first write still fits
   DISK_SICK  while this file exists, fdatasync() and fsync() of them fail with EIO
   DISK_BOOK  a line is added for each event that a power cut needs to know:
                  new PATH | synced LENGTH PATH | renamed FROM TO | removed PATH       (paths have no blanks) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEXT(name) static __typeof__(name) *next; if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int exists(const char *variable) {
    const char *path = getenv(variable);
    return path && syscall(SYS_access, path, F_OK) == 0;
}

static int is_watched(const char *path) {
    const char *root = getenv("DISK_ROOT");
    return root && strncmp(path, root, strlen(root)) == 0;
}

/* The path behind `descriptor`, if it is watched. */
static int watched_path(int descriptor, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_watched(path);
}

static void full_path(const char *path, char full[PATH_MAX]) {
    if (path[0] == '/' || !getcwd(full, PATH_MAX)) {
        snprintf(full, PATH_MAX, "%s", path);
        return;
    }
    size_t length = strlen(full);
    snprintf(full + length, PATH_MAX - length, "/%s", strncmp(path, "./", 2) ? path : path + 2);
}

static void note(const char *format, ...) {
    const char *book = getenv("DISK_BOOK");
    if (!book) return;
    char line[3 * PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    int kept = errno;
    int descriptor = syscall(SYS_openat, AT_FDCWD, book, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor >= 0) {
        syscall(SYS_write, descriptor, line, length);
        syscall(SYS_close, descriptor);
    }
    errno = kept;
}

int open(const char *path, int flags, ...) {
    NEXT(open);
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    int descriptor = next(path, flags, mode);
    char full[PATH_MAX];
    if (descriptor >= 0 && flags & O_TRUNC && watched_path(descriptor, full)) note("new %s\n", full);
    return descriptor;
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return open(path, flags, mode);
}

ssize_t write(int descriptor, const void *data, size_t count) {
    char path[PATH_MAX];
    if (exists("DISK_FULL") && watched_path(descriptor, path)) {
        static char last[PATH_MAX];
        int is_first = strcmp(last, path) != 0;
        if (is_first) strcpy(last, path);
        if (is_first && count > 1) return syscall(SYS_write, descriptor, data, count / 2);
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, descriptor, data, count);
}

static int synced(int descriptor, long call) {
    char path[PATH_MAX];
    int is_ours = watched_path(descriptor, path);
    if (is_ours && exists("DISK_SICK")) {
        errno = EIO;
        return -1;
    }
    struct stat status;
    if (is_ours && fstat(descriptor, &status) != 0) return -1;
    int result = syscall(call, descriptor);
    if (is_ours && result == 0 && S_ISREG(status.st_mode)) note("synced %lld %s\n", (long long)status.st_size, path);
    return result;
}

int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }
int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }

int rename(const char *from, const char *to) {
    int result = syscall(SYS_rename, from, to);
    char full_from[PATH_MAX], full_to[PATH_MAX];
    full_path(from, full_from);
    full_path(to, full_to);
    if (result == 0 && is_watched(full_to)) note("renamed %s %s\n", full_from, full_to);
    return result;
}

int unlink(const char *path) {
    int result = syscall(SYS_unlink, path);
    char full[PATH_MAX];
    full_path(path, full);
    if (result == 0 && is_watched(full)) note("removed %s\n", full);
    return result;
}
