/* disk: a disk that fails, preloaded under the server (LD_PRELOAD): it sees
 * every call on a file named data.mdb.
 *
 * Power loss. DISK_SHADOW names a file that holds what is on the disk for sure:
 * a write gets there when the file is synced after it (or was opened with
 * O_DSYNC). With DISK_LOSS=N the power goes at the N-th call: of what was not
 * synced a random part reaches the shadow, sector by sector (512 bytes), in no
 * order; then the process dies. The test starts again on the shadow.
 *
 * Errors. While the file that DISK_ERROR names holds a kind of call and an
 * error, such as "write ENOSPC", those calls fail so. Kinds are write, meta (a
 * write with O_DSYNC), sync and open. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
#define SECTOR 512
#define NAME "/data.mdb"

enum watch { NOT = 0, PLAIN, SYNCED };

struct pending {
    struct pending *next;
    off_t offset;
    size_t n;
    char data[];
};

static struct {
    pthread_mutex_t m;
    enum watch watched[FDS];
    struct pending *first;
    struct pending **last;
    int shadow;
    unsigned long calls;
    unsigned long loss;
    uint64_t random;
} disk = {.m = PTHREAD_MUTEX_INITIALIZER, .shadow = -1};

/* The C library's own. */
#define REAL(name, type)                                        \
    static type real_##name(void)                               \
    {                                                           \
        static type found;                                      \
        if (!found)                                             \
            *(void **)(void *)&found = dlsym(RTLD_NEXT, #name); \
        return found;                                           \
    }

typedef int open_fn(const char *, int, ...);
typedef int close_fn(int);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef ssize_t writev_fn(int, const struct iovec *, int);
typedef ssize_t pwritev_fn(int, const struct iovec *, int, off_t);
typedef int sync_fn(int);
typedef int truncate_fn(int, off_t);

REAL(open, open_fn *)
REAL(close, close_fn *)
REAL(pwrite, pwrite_fn *)
REAL(writev, writev_fn *)
REAL(pwritev, pwritev_fn *)
REAL(fsync, sync_fn *)
REAL(fdatasync, sync_fn *)
REAL(ftruncate, truncate_fn *)

static void die(const char *what)
{
    (void)dprintf(STDERR_FILENO, "disk: %s\n", what);
    abort();
}

static uint64_t draw(void)
{
    disk.random ^= disk.random << 13;
    disk.random ^= disk.random >> 7;
    disk.random ^= disk.random << 17;
    return disk.random;
}

/* ---- errors on demand ---- */

static const struct {
    const char *name;
    int value;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EROFS", EROFS}};

/* 0, or the error that the control file asks of this kind of call. */
static int asked_error(const char *call)
{
    const char *path = getenv("DISK_ERROR");
    size_t n = strlen(call);
    char text[64] = "";
    int fd;

    if (!path)
        return 0;
    fd = real_open()(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    (void)real_close()(fd);
    if (strncmp(text, call, n) != 0 || text[n] != ' ')
        return 0;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strncmp(text + n + 1, errors[i].name, strlen(errors[i].name)) == 0)
            return errors[i].value;
    return 0;
}

static bool fails(const char *call)
{
    int error = asked_error(call);

    if (error)
        errno = error;
    return error != 0;
}

/* ---- power loss ---- */

static void to_shadow(const char *data, size_t n, off_t offset)
{
    while (n > 0) {
        ssize_t written = real_pwrite()(disk.shadow, data, n, offset);

        if (written <= 0)
            die("the shadow cannot be written");
        data += written;
        n -= (size_t)written;
        offset += written;
    }
}

static void copy_to_shadow(int from)
{
    static char block[1 << 16];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(from, block, sizeof block, at)) > 0) {
        to_shadow(block, (size_t)n, at);
        at += n;
    }
}

static void begin(int fd)
{
    const char *path = getenv("DISK_SHADOW");
    const char *loss = getenv("DISK_LOSS");
    const char *seed = getenv("DISK_SEED");

    if (disk.shadow >= 0 || !path)
        return;
    disk.last = &disk.first;
    disk.loss = loss ? strtoul(loss, NULL, 10) : 0;
    disk.random = (seed ? strtoull(seed, NULL, 10) : 1) * 2654435761U +
                  88172645463325252U;
    disk.shadow =
        real_open()(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (disk.shadow < 0)
        die("the shadow cannot be opened");
    copy_to_shadow(fd);
}

static void settle_all(void)
{
    while (disk.first) {
        struct pending *p = disk.first;

        to_shadow(p->data, p->n, p->offset);
        disk.first = p->next;
        free(p);
    }
    disk.last = &disk.first;
}

/* Sectors of one write that the disk took before the power went. */
static void tear(const struct pending *p)
{
    uint64_t chance = draw() % 4; /* none, few, most, all */

    for (size_t at = 0; at < p->n;) {
        size_t n = SECTOR - (size_t)(p->offset + (off_t)at) % SECTOR;

        if (n > p->n - at)
            n = p->n - at;
        if (draw() % 3 < chance)
            to_shadow(p->data + at, n, p->offset + (off_t)at);
        at += n;
    }
}

static void lose_power(void)
{
    for (const struct pending *p = disk.first; p; p = p->next)
        tear(p);
    (void)real_fsync()(disk.shadow);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

static void note_write(const void *data, size_t n, off_t offset)
{
    struct pending *p = malloc(sizeof *p + n);

    if (!p)
        die("out of memory");
    p->next = NULL;
    p->offset = offset;
    p->n = n;
    memcpy(p->data, data, n);
    *disk.last = p;
    disk.last = &p->next;
}

static enum watch watch_of(int fd)
{
    return fd >= 0 && fd < FDS ? disk.watched[fd] : NOT;
}

static bool counts(void)
{
    return disk.shadow >= 0 && ++disk.calls == disk.loss;
}

/* Before the write itself: what a mapped reader sees is the page cache's. */
static void write_seen(int fd, const struct iovec *parts, int n, off_t offset)
{
    if (disk.shadow < 0)
        return;
    (void)pthread_mutex_lock(&disk.m);
    for (int i = 0; i < n; i++) {
        note_write(parts[i].iov_base, parts[i].iov_len, offset);
        offset += (off_t)parts[i].iov_len;
    }
    if (counts())
        lose_power();
    (void)pthread_mutex_unlock(&disk.m);
    (void)fd;
}

/* O_DSYNC: this write is on the disk when the call returns, no other. */
static void synced_write_seen(const void *data, size_t n, off_t offset)
{
    if (disk.shadow < 0)
        return;
    (void)pthread_mutex_lock(&disk.m);
    if (counts()) {
        note_write(data, n, offset);
        lose_power();
    }
    to_shadow(data, n, offset);
    (void)pthread_mutex_unlock(&disk.m);
}

static int sync_file(int fd, sync_fn *real)
{
    int rc;

    if (watch_of(fd) == NOT)
        return real(fd);
    if (fails("sync"))
        return -1;
    (void)pthread_mutex_lock(&disk.m);
    if (counts())
        lose_power();
    rc = real(fd);
    if (rc == 0 && disk.shadow >= 0)
        settle_all();
    (void)pthread_mutex_unlock(&disk.m);
    return rc;
}

/* ---- the calls ---- */

static bool is_data(const char *path)
{
    size_t n = strlen(path), suffix = strlen(NAME);

    return n >= suffix && strcmp(path + n - suffix, NAME) == 0;
}

static int watch(int fd, const char *path, int flags)
{
    if (fd < 0 || fd >= FDS)
        return fd;
    disk.watched[fd] = !is_data(path) ? NOT : flags & O_DSYNC ? SYNCED : PLAIN;
    if (disk.watched[fd] == PLAIN && (flags & O_ACCMODE) != O_RDONLY)
        begin(fd);
    return fd;
}

static int mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    int mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    if (is_data(path) && (flags & O_ACCMODE) != O_RDONLY && fails("open"))
        return -1;
    return watch(real_open()(path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    int mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open(path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        disk.watched[fd] = NOT;
    return real_close()(fd);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
    struct iovec one = {.iov_len = n};

    if (watch_of(fd) == NOT)
        return real_pwrite()(fd, data, n, offset);
    /* what is opened so is written in place: a full disk does not hinder it */
    if (fails(watch_of(fd) == SYNCED ? "meta" : "write"))
        return -1;
    memcpy(&one.iov_base, &data, sizeof data);
    if (watch_of(fd) == SYNCED)
        synced_write_seen(data, n, offset);
    else
        write_seen(fd, &one, 1, offset);
    return real_pwrite()(fd, data, n, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t offset)
{
    return pwrite(fd, data, n, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    if (watch_of(fd) == NOT)
        return real_writev()(fd, parts, n);
    if (fails("write"))
        return -1;
    write_seen(fd, parts, n, lseek(fd, 0, SEEK_CUR));
    return real_writev()(fd, parts, n);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset)
{
    if (watch_of(fd) == NOT)
        return real_pwritev()(fd, parts, n, offset);
    if (fails("write"))
        return -1;
    write_seen(fd, parts, n, offset);
    return real_pwritev()(fd, parts, n, offset);
}

int fsync(int fd)
{
    return sync_file(fd, real_fsync());
}

int fdatasync(int fd)
{
    return sync_file(fd, real_fdatasync());
}

/* Nothing cuts or grows the data file so: if that changes, this layer must
 * learn it. */
int ftruncate(int fd, off_t size)
{
    if (watch_of(fd) != NOT)
        die("the data file is truncated");
    return real_ftruncate()(fd, size);
}
