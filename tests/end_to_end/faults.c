/* SPDX-License-Identifier: MIT */
/* A disk that fails, is slow or stands still, for the tests: an LD_PRELOAD shim that concerns only what lies below
   the folder FAULTS_BELOW and does what the mapped file FAULTS_CONTROL says (faults.py writes it).
   It makes the system calls itself: no dlsym, so nothing here allocates, locks or is called in vain too early. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The order is that of faults.py. */
struct control {
  atomic_long calls;        /* that write, so far */
  atomic_long fail_at;      /* the number of the call that fails; 0: none */
  atomic_long error;        /* with this errno */
  atomic_long is_torn;      /* it writes a half, and what its thread calls next fails */
  atomic_long failed;       /* calls that have failed so */
  atomic_long delay;        /* microseconds that each call takes longer */
  atomic_long is_stalled;   /* nobody returns while it is set */
  atomic_long stalled;      /* threads that stand in it */
  atomic_long syncfs_error; /* of the next syncfs */
  atomic_long sync_error;   /* of the next fsync or fdatasync */
  atomic_long sync_failed;  /* syncs of both kinds that have failed */
  atomic_long slept;        /* calls that were delayed or stalled */
  char suffix[32];          /* delays, stalls and sync_error concern only names that end with it */
  char what[256];           /* the call that failed */
};

static struct control* control;
static const char* below;
static _Thread_local int is_half __attribute__((tls_model("initial-exec"))); /* its last write was torn */

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("FAULTS_CONTROL");
  below = getenv("FAULTS_BELOW");
  const long fd = path && below ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  void* at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
  syscall(SYS_close, fd);
  if (at != MAP_FAILED)
    control = at;
}

/* The path of a descriptor that the faults concern; else none. */
static const char* path_of(int fd, char* into, size_t size) {
  char link[40];
  const int before = errno;
  if (!control)
    return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long length = syscall(SYS_readlinkat, AT_FDCWD, link, into, size - 1);
  errno = before;
  const size_t n = strlen(below);
  if (length <= 0)
    return NULL;
  into[length] = 0;
  return strncmp(into, below, n) == 0 && (into[n] == '/' || into[n] == 0) ? into : NULL;
}

static void sleep_micros(long x) {
  const int before = errno;
  struct timespec left = {x / 1000000, x % 1000000 * 1000};
  while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &left, &left) != 0)
    ;
  errno = before;
}

static int is_meant(const char* path) {
  const size_t length = strlen(path), end = strnlen(control->suffix, sizeof control->suffix);
  return length >= end && memcmp(path + length - end, control->suffix, end) == 0;
}

static void take_time(const char* path) {
  if (!is_meant(path))
    return;
  const long delay = atomic_load(&control->delay);
  if (delay > 0 || atomic_load(&control->is_stalled))
    atomic_fetch_add(&control->slept, 1);
  if (delay > 0)
    sleep_micros(delay);
  if (!atomic_load(&control->is_stalled))
    return;
  atomic_fetch_add(&control->stalled, 1);
  while (atomic_load(&control->is_stalled))
    sleep_micros(5000);
  atomic_fetch_sub(&control->stalled, 1);
}

static int fail(const char* call, const char* path, long error, atomic_long* counter) {
  snprintf(control->what, sizeof control->what, "%s of %s", call, path);
  atomic_fetch_add(counter, 1);
  errno = (int)error;
  return -1;
}

/* -1: the call fails with errno; 1: it is to write a half only; 0: it goes on. */
static int judge(int fd, const char* call) {
  char buffer[4096];
  const char* path = path_of(fd, buffer, sizeof buffer);
  if (!path)
    return 0;
  take_time(path);
  const long number = atomic_fetch_add(&control->calls, 1) + 1;
  if (is_half) {
    is_half = 0;
    return fail(call, path, atomic_load(&control->error), &control->failed);
  }
  if (number != atomic_load(&control->fail_at))
    return 0;
  if (!atomic_load(&control->is_torn))
    return fail(call, path, atomic_load(&control->error), &control->failed);
  is_half = 1;
  return 1;
}

/* A torn call that cannot be halved fails as a whole. */
static int judge_whole(int fd, const char* call, size_t can_be_halved) {
  const int x = judge(fd, call);
  if (x != 1 || can_be_halved)
    return x;
  is_half = 0;
  return fail(call, "?", atomic_load(&control->error), &control->failed);
}

#define LOW(x) ((unsigned long)(x))

static ssize_t put(int fd, const void* data, size_t size, off_t at, const char* call) {
  const int x = judge_whole(fd, call, size > 1);
  if (x < 0)
    return -1;
  const size_t n = x ? size / 2 : size;
  return at < 0 ? syscall(SYS_write, fd, data, n) : syscall(SYS_pwrite64, fd, data, n, at);
}

/* Half of a gathered write is the first piece, or half of it when there is no other. */
static ssize_t gather(int fd, const struct iovec* pieces, int count, off_t at, int flags, const char* call) {
  const int x = judge_whole(fd, call, count > 1 || (count == 1 && pieces->iov_len > 1));
  if (x < 0)
    return -1;
  struct iovec first = count > 0 ? *pieces : (struct iovec){0};
  if (x && count == 1)
    first.iov_len /= 2;
  if (x)
    pieces = &first, count = 1;
  if (flags)
    return syscall(SYS_pwritev2, fd, pieces, count, LOW(at), 0, flags);
  return at < 0 ? syscall(SYS_writev, fd, pieces, count) : syscall(SYS_pwritev, fd, pieces, count, LOW(at), 0);
}

ssize_t write(int fd, const void* x, size_t n) { return put(fd, x, n, -1, "write"); }
ssize_t pwrite(int fd, const void* x, size_t n, off_t at) { return put(fd, x, n, at, "pwrite"); }
ssize_t pwrite64(int fd, const void* x, size_t n, off64_t at) { return put(fd, x, n, at, "pwrite"); }
ssize_t writev(int fd, const struct iovec* x, int n) { return gather(fd, x, n, -1, 0, "writev"); }
ssize_t pwritev(int fd, const struct iovec* x, int n, off_t at) { return gather(fd, x, n, at, 0, "pwritev"); }
ssize_t pwritev64(int fd, const struct iovec* x, int n, off64_t at) { return gather(fd, x, n, at, 0, "pwritev"); }
ssize_t pwritev2(int fd, const struct iovec* x, int n, off_t at, int f) { return gather(fd, x, n, at, f, "pwritev2"); }
ssize_t pwritev64v2(int fd, const struct iovec* x, int n, off64_t at, int f) {
  return gather(fd, x, n, at, f, "pwritev2");
}

static int lengthen(int fd, off_t size) {
  return judge_whole(fd, "ftruncate", 0) < 0 ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate(int fd, off_t size) { return lengthen(fd, size); }
int ftruncate64(int fd, off64_t size) { return lengthen(fd, size); }

static int reserve(int fd, int mode, off_t at, off_t size) {
  return judge_whole(fd, "fallocate", 0) < 0 ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, size);
}
int fallocate(int fd, int mode, off_t at, off_t size) { return reserve(fd, mode, at, size); }
int fallocate64(int fd, int mode, off64_t at, off64_t size) { return reserve(fd, mode, at, size); }
/* These return the error and leave errno alone. */
int posix_fallocate(int fd, off_t at, off_t size) { return reserve(fd, 0, at, size) < 0 ? errno : 0; }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return reserve(fd, 0, at, size) < 0 ? errno : 0; }

static int sync_with(long number, int fd, const char* call) {
  char buffer[4096];
  const char* path = path_of(fd, buffer, sizeof buffer);
  if (path) {
    take_time(path);
    atomic_long* next = number == SYS_syncfs ? &control->syncfs_error : &control->sync_error;
    const long error = number == SYS_syncfs || is_meant(path) ? atomic_exchange(next, 0) : 0;
    if (error)
      return fail(call, path, error, &control->sync_failed);
  }
  return (int)syscall(number, fd);
}
int fsync(int fd) { return sync_with(SYS_fsync, fd, "fsync"); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd, "fdatasync"); }
int syncfs(int fd) { return sync_with(SYS_syncfs, fd, "syncfs"); }
