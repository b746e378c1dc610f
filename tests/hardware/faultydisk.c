/* A disk that fails when it is told to: a library for LD_PRELOAD.
 *
 *   gcc -O2 -shared -fPIC -o faultydisk.so faultydisk.c -ldl
 *   FAULTYDISK_DIR=folder FAULTYDISK_CONTROL=other LD_PRELOAD=./faultydisk.so python ...
 *
 * Only files below FAULTYDISK_DIR are touched. What is wrong is told by files in FAULTYDISK_CONTROL,
 * which may come and go at any time; their text limits the fault to paths that contain it:
 *   eio        writing, syncing, renaming fail with EIO, as on a dying disk
 *   enospc     writing and creating fail with ENOSPC
 *   readonly   everything that changes something fails with EROFS
 *   slow       fsync and fdatasync take longer by the seconds that stand first in the file
 *   log        each sync, rename and ledger write is noted there, one in a line
 * Reading is never touched. */
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
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/* The path of a file descriptor if the disk of ours holds it, else NULL. */
static const char *held(const char *path) {
  const char *root = getenv("FAULTYDISK_DIR");
  return root && path && strncmp(path, root, strlen(root)) == 0 ? path : NULL;
}

static const char *path_of(int fd, char *into) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, into, PATH_MAX - 1);
  if (length < 0) return NULL;
  into[length] = 0;
  return held(into);
}

/* Is this fault on for this path? `number` takes what stands first in the file. */
static int is_on(const char *fault, const char *path, double *number) {
  char name[PATH_MAX], text[512] = "", *rest = text;
  snprintf(name, sizeof name, "%s/%s", getenv("FAULTYDISK_CONTROL"), fault);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  text[got > 0 ? got : 0] = 0;
  text[strcspn(text, "\n")] = 0;
  if (number) { *number = strtod(text, &rest); while (*rest == ' ') rest++; }
  return *rest == 0 || strstr(path, rest) != NULL;
}

static int fails(const char *path, int with_space) {
  int saved = errno;
  if (!path) return 0;
  if (is_on("eio", path, NULL)) { errno = EIO; return 1; }
  if (is_on("readonly", path, NULL)) { errno = EROFS; return 1; }
  if (with_space && is_on("enospc", path, NULL)) { errno = ENOSPC; return 1; }
  errno = saved;
  return 0;
}

static void note(const char *what, const char *path) {
  char name[PATH_MAX], line[PATH_MAX + 64];
  if (!path) return;
  snprintf(name, sizeof name, "%s/log", getenv("FAULTYDISK_CONTROL"));
  int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return;
  int length = snprintf(line, sizeof line, "%s %s\n", what, path);
  if (length > 0) (void)!syscall(SYS_write, fd, line, (size_t)length);
  close(fd);
}

static int sync_it(int fd, int (*real)(int), const char *what) {
  char buffer[PATH_MAX];
  const char *path = path_of(fd, buffer);
  double seconds = 0;
  if (path && is_on("slow", path, &seconds)) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
  }
  if (fails(path, 0)) return -1;
  int result = real(fd);
  note(what, path);
  return result;
}

int fsync(int fd) { REAL(fsync); return sync_it(fd, real, "fsync"); }
int fdatasync(int fd) { REAL(fdatasync); return sync_it(fd, real, "fdatasync"); }

#define ON_FD(type, name, parameters, arguments, with_space) \
  type name parameters { \
    char buffer[PATH_MAX]; \
    REAL(name); \
    const char *path = path_of(fd, buffer); \
    if (fails(path, with_space)) return -1; \
    note("write", path); \
    return real arguments; \
  }
ON_FD(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), 1)
ON_FD(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), 1)
ON_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), 1)
ON_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), 1)
ON_FD(int, ftruncate, (int fd, off_t size), (fd, size), 0)
ON_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), 0)

#define ON_OPEN(name, parameters, path, arguments) \
  int name parameters { \
    mode_t mode = 0; \
    if (flags & O_CREAT) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); } \
    REAL(name); \
    if (flags & O_CREAT && fails(held(path), 1)) return -1; \
    return real arguments; \
  }
ON_OPEN(open, (const char *path, int flags, ...), path, (path, flags, mode))
ON_OPEN(open64, (const char *path, int flags, ...), path, (path, flags, mode))
ON_OPEN(openat, (int folder, const char *path, int flags, ...), path, (folder, path, flags, mode))
ON_OPEN(openat64, (int folder, const char *path, int flags, ...), path, (folder, path, flags, mode))

int rename(const char *from, const char *to) {
  REAL(rename);
  if (fails(held(from), 0)) return -1;
  int result = real(from, to);
  note("rename", held(to));
  return result;
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  return fails(held(path), 1) ? -1 : real(path, mode);
}

int unlink(const char *path) {
  REAL(unlink);
  return fails(held(path), 0) ? -1 : real(path);
}
