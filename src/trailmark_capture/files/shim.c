/*
 * Notes which files a process reads, writes, makes, renames and deletes. Loaded by LD_PRELOAD.
 *
 *   TRAILMARK_FILES_LOG       where to note it; without it nothing is noted
 *   TRAILMARK_FILES_EXCLUDE   folders that are of no interest, separated by colons
 *
 * One line for each access, in one write(2) to a file that is opened and closed each time:
 *
 *   SECONDS.NANOSECONDS <tab> PID <tab> OP <tab> PATH <newline>
 *
 *   r   opened to read                      c   made by opening it to write
 *   w   emptied by opening it to write      d   deleted
 *   a   opened to write, not emptied        m   renamed: PATH is FROM <0x1f> TO
 *   rw  opened to read and write            md  renamed, and it is a folder
 *   x   the program that was started
 *
 * A file that a renaming replaces is noted as deleted, just before.
 *
 * PATH is absolute and free of . and .. parts; a symbolic link in its last part is resolved, one among its
 * folders may not be. In it newline, tab, backslash and 0x1f are written \n, \t, \\ and \s. The time is taken before the call, so that what was known of a file earlier than that is still true.
 *
 * What this file promises to the program that it is loaded into: the same results, the same errno, no memory
 * allocated, no lock held, no descriptor kept, no signal raised. Only system calls and code of its own stand
 * between a call and its note, so it may be used in signal handlers, between vfork and exec, before other
 * constructors, and by a malloc that opens files.
 */
#ifdef __linux__

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

/* The library runs where it was not built, in images with an older C library: what newer ones have under newer names
 * is asked of the kernel, or by its oldest name (libdl.so.2 is named when this is linked). */
#if defined(__GLIBC__) && defined(__x86_64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__GLIBC__) && defined(__aarch64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#endif

#ifdef SYS_newfstatat
#define status_at(dir, path, status, flags) (int)syscall(SYS_newfstatat, dir, path, status, flags)
#define status_of(fd, status) (int)syscall(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH)
#else
#define status_at fstatat
#define status_of fstat
#endif

#define SEPARATOR '\x1f'
#define MAX_PREFIXES 256
#define DESKS 32

/* ---- what is of interest ------------------------------------------------------------------------------- */

struct prefix {
    const char *text;
    size_t length;
};

enum { UNREAD, READING, OFF, ON };

static atomic_int state;
static char log_path[PATH_MAX];
static char exclude[8 * PATH_MAX];
static struct prefix prefixes[MAX_PREFIXES] = {{"/proc", 5}, {"/sys", 4}, {"/dev", 4}};
static int prefix_count = 3;

static void add_prefix(const char *text, size_t length)
{
    while (length > 1 && text[length - 1] == '/')
        length--;
    if (length > 1 && text[0] == '/' && prefix_count < MAX_PREFIXES)
        prefixes[prefix_count++] = (struct prefix){text, length};
}

static bool copy_variable(const char *name, char *into, size_t size)
{
    const char *value = secure_getenv(name);
    if (value == NULL || value[0] == '\0' || strlen(value) >= size)
        return false;
    memcpy(into, value, strlen(value) + 1);
    return true;
}

static void read_environment(void)
{
    bool on = copy_variable("TRAILMARK_FILES_LOG", log_path, sizeof log_path) && log_path[0] == '/';
    if (on && copy_variable("TRAILMARK_FILES_EXCLUDE", exclude, sizeof exclude)) {
        const char *begin = exclude;
        for (const char *end = begin;; end++) {
            if (*end != ':' && *end != '\0')
                continue;
            add_prefix(begin, (size_t)(end - begin));
            if (*end == '\0')
                break;
            begin = end + 1;
        }
    }
    atomic_store(&state, on ? ON : OFF);
}

/* True once the environment has been read and asks for notes. */
static bool is_on(void)
{
    int now = atomic_load_explicit(&state, memory_order_acquire);
    if (now == UNREAD && atomic_compare_exchange_strong(&state, &now, READING)) {
        read_environment();
        now = atomic_load(&state);
    }
    return now == ON;
}

static bool is_excluded(const char *path)
{
    for (int i = 0; i < prefix_count; i++) {
        size_t length = prefixes[i].length;
        if (strncmp(path, prefixes[i].text, length) == 0 && (path[length] == '/' || path[length] == '\0'))
            return true;
    }
    return false;
}

/* ---- paths --------------------------------------------------------------------------------------------- */

/* Room to work on one note. Desks are static because a signal handler's stack may be too small for one. */
struct desk {
    char from[PATH_MAX];
    char to[PATH_MAX];
    char line[4 * PATH_MAX + 128];
};

static struct desk desks[DESKS];
static atomic_bool taken[DESKS];

static char *put_number(char *at, unsigned long number, int width)
{
    char digits[24];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0 || count < width);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* Writes what a descriptor refers to; false when /proc does not tell. */
static bool path_of_descriptor(int fd, char *out)
{
    char name[40] = "/proc/thread-self/fd/";
    *put_number(name + strlen(name), (unsigned long)fd, 1) = '\0';
    long length = syscall(SYS_readlinkat, AT_FDCWD, name, out, PATH_MAX - 1);
    if (length <= 0 || out[0] != '/')
        return false;
    out[length] = '\0';
    return true;
}

/* Appends the parts of a relative path to an absolute one of the given length; false when it is too long. */
static bool append_parts(char *out, size_t length, const char *path)
{
    while (*path != '\0') {
        size_t part = strcspn(path, "/");
        if (part == 2 && path[0] == '.' && path[1] == '.') {
            while (length > 0 && out[--length] != '/')
                ;
        } else if (part > 0 && !(part == 1 && path[0] == '.')) {
            if (length + part + 2 > PATH_MAX)
                return false;
            out[length++] = '/';
            memcpy(out + length, path, part);
            length += part;
        }
        path += part;
        while (*path == '/')
            path++;
    }
    out[length] = '\0';
    return length > 0;
}

/* Writes the absolute form of a path. Symbolic links among its folders stay: the reader of the log resolves them. */
static bool path_by_words(int dir, const char *path, char *out)
{
    size_t length = 0;
    if (path[0] != '/') {
        if (dir == AT_FDCWD ? syscall(SYS_getcwd, out, PATH_MAX) <= 0 || out[0] != '/' : !path_of_descriptor(dir, out))
            return false;
        length = out[1] == '\0' ? 0 : strlen(out);
    }
    return append_parts(out, length, path);
}

static bool has_parent_part(const char *path)
{
    for (; *path != '\0'; path += strcspn(path, "/"), path += strspn(path, "/"))
        if (path[0] == '.' && path[1] == '.' && (path[2] == '/' || path[2] == '\0'))
            return true;
    return false;
}

/* Writes where an entry of a folder is, its folder resolved by the system. */
static bool path_by_folder(int dir, const char *path, char *out)
{
    size_t length = strlen(path);
    if (length == 0 || length >= PATH_MAX)
        return false;
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t folder = length;
    while (folder > 0 && path[folder - 1] != '/')
        folder--;
    memcpy(out, path, folder);
    out[folder] = '\0';
    int fd = (int)syscall(SYS_openat, dir, folder > 0 ? out : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool found = fd >= 0 && path_of_descriptor(fd, out);
    if (fd >= 0)
        syscall(SYS_close, fd);
    size_t end = !found || out[1] == '\0' ? 0 : strlen(out);
    if (!found || end + (length - folder) + 2 > PATH_MAX)
        return false;
    out[end++] = '/';
    memcpy(out + end, path + folder, length - folder);
    out[end + length - folder] = '\0';
    return true;
}

/* Writes where an entry of a folder is. To ask the system costs twice as much as all the rest of a note. */
static bool path_of_entry(int dir, const char *path, char *out)
{
    if (has_parent_part(path) && path_by_folder(dir, path, out))
        return true;
    return path_by_words(dir, path, out);
}

/* Writes where a file that has been opened is; asks the system only when the words may be misleading. */
static bool path_of_opened(int dir, const char *path, int fd, const struct stat *opened, char *out)
{
    struct stat named;
    if (!has_parent_part(path) && path_by_words(dir, path, out) &&
        status_at(AT_FDCWD, out, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == opened->st_ino &&
        named.st_dev == opened->st_dev)
        return true;
    return path_of_descriptor(fd, out) || path_by_words(dir, path, out);
}

/* ---- notes --------------------------------------------------------------------------------------------- */

static char *put_path(char *at, const char *path)
{
    for (; *path != '\0'; path++) {
        char code = *path == '\n' ? 'n' : *path == '\t' ? 't' : *path == '\\' ? '\\' : *path == SEPARATOR ? 's' : 0;
        if (code != 0)
            *at++ = '\\';
        *at++ = code != 0 ? code : *path;
    }
    return at;
}

/* A file that grows beyond RLIMIT_FSIZE would cost the program its life. */
static bool has_room(int fd, size_t length)
{
    struct rlimit limit;
    struct stat status;
    if (syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return true;
    return status_of(fd, &status) == 0 && (rlim_t)status.st_size + length <= limit.rlim_cur;
}

static void write_line(const char *line, size_t length)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log_path, flags, 0600);
    if (fd < 0)
        return;
    if (has_room(fd, length))
        syscall(SYS_write, fd, line, length);
    syscall(SYS_close, fd);
}

static void note(struct desk *desk, const struct timespec *when, const char *op, const char *from, const char *to)
{
    char *at = put_number(desk->line, (unsigned long)when->tv_sec, 1);
    *at++ = '.';
    at = put_number(at, (unsigned long)when->tv_nsec, 9);
    *at++ = '\t';
    at = put_number(at, (unsigned long)syscall(SYS_getpid), 1);
    *at++ = '\t';
    while (*op != '\0')
        *at++ = *op++;
    *at++ = '\t';
    at = put_path(at, from);
    if (to != NULL) {
        *at++ = SEPARATOR;
        at = put_path(at, to);
    }
    *at++ = '\n';
    write_line(desk->line, (size_t)(at - desk->line));
}

/* What is known of a call: filled before it is made, used after it has succeeded. */
struct call {
    struct timespec when;
    int flags;
    bool existed;
    int fd;
    int dir;
    const char *path;
    int to_dir;
    const char *to;
    bool is_folder;
    bool to_existed;
    const char *op;
};

static void note_opened(struct desk *desk, const struct call *call)
{
    struct stat status;
    if (status_of(call->fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink == 0)
        return;
    if (!path_of_opened(call->dir, call->path, call->fd, &status, desk->from) || is_excluded(desk->from))
        return;
    int mode = call->flags & O_ACCMODE;
    bool is_empty = (call->flags & O_TRUNC) || status.st_size == 0;
    const char *op = !call->existed       ? "c"
                     : mode == O_RDONLY   ? "r"
                     : is_empty           ? "w"
                     : mode == O_WRONLY   ? "a"
                                          : "rw";
    note(desk, &call->when, op, desk->from, NULL);
}

static void note_entry(struct desk *desk, const struct call *call)
{
    if (path_of_entry(call->dir, call->path, desk->from) && !is_excluded(desk->from))
        note(desk, &call->when, call->op, desk->from, NULL);
}

static void note_renamed(struct desk *desk, const struct call *call)
{
    if (!path_of_entry(call->dir, call->path, desk->from) || !path_of_entry(call->to_dir, call->to, desk->to))
        return;
    if (is_excluded(desk->from) && is_excluded(desk->to))
        return;
    if (call->flags & RENAME_EXCHANGE) {
        note(desk, &call->when, "rw", desk->from, NULL);
        note(desk, &call->when, "rw", desk->to, NULL);
        return;
    }
    if (call->to_existed)
        note(desk, &call->when, "d", desk->to, NULL);
    note(desk, &call->when, call->is_folder ? "md" : "m", desk->from, desk->to);
}

static void __attribute__((noinline)) work_on_stack(void (*work)(struct desk *, const struct call *),
                                                    const struct call *call)
{
    struct desk desk;
    work(&desk, call);
}

/* Does the work at a free desk. Leaves errno as it is. */
static void at_a_desk(void (*work)(struct desk *, const struct call *), const struct call *call)
{
    int error = errno;
    int i = 0;
    while (i < DESKS && atomic_exchange_explicit(&taken[i], true, memory_order_acquire))
        i++;
    if (i < DESKS) {
        work(&desks[i], call);
        atomic_store_explicit(&taken[i], false, memory_order_release);
    } else {
        work_on_stack(work, call);
    }
    errno = error;
}

/* Begins to watch a call. Nothing that the caller passed is looked at before the system has accepted it. */
static struct call watch(int dir, const char *path, int flags)
{
    struct call call = {.dir = dir, .path = path, .flags = flags, .existed = true};
    if (!is_on())
        return call;
    int error = errno;
    clock_gettime(CLOCK_REALTIME, &call.when);
    if ((flags & O_CREAT) && !(flags & (O_DIRECTORY | O_PATH)))
        call.existed = !(flags & O_EXCL) && syscall(SYS_faccessat, dir, path, F_OK) == 0;
    errno = error;
    return call;
}

static void opened(struct call *call, int fd)
{
    if (fd < 0 || !is_on() || call->path == NULL || (call->flags & (O_DIRECTORY | O_PATH)))
        return;
    if (call->path[0] == '/' && is_excluded(call->path))
        return;
    call->fd = fd;
    at_a_desk(note_opened, call);
}

static void changed(struct call *call, int result, const char *op)
{
    if (result != 0 || !is_on())
        return;
    call->op = op;
    at_a_desk(note_entry, call);
}

/* Begins to watch a renaming: the file that stands in its way is deleted by it. */
static struct call watch_renaming(int dir, const char *from, int to_dir, const char *to)
{
    struct call call = watch(dir, from, 0);
    struct stat status;
    int error = errno;
    call.to_dir = to_dir;
    call.to = to;
    if (is_on()) {
        call.is_folder = status_at(dir, from, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
        call.to_existed = !call.is_folder && status_at(to_dir, to, &status, AT_SYMLINK_NOFOLLOW) == 0;
    }
    errno = error;
    return call;
}

static void renamed(struct call *call, int result)
{
    if (result == 0 && is_on())
        at_a_desk(note_renamed, call);
}

static void linked(struct call *call, int result, int to_dir, const char *to)
{
    if (result != 0 || !is_on())
        return;
    if (call->path != NULL && call->path[0] != '\0' && strncmp(call->path, "/proc/", 6) != 0)
        changed(call, 0, "r");
    struct call made = {.when = call->when, .dir = to_dir, .path = to};
    changed(&made, 0, "c");
}

/* ---- the functions that stand behind ours -------------------------------------------------------------- */

static __thread int searching __attribute__((tls_model("initial-exec")));

static void *next_of(_Atomic(void *) * slot, const char *name)
{
    void *found = atomic_load_explicit(slot, memory_order_acquire);
    if (found == NULL && !searching) {
        int error = errno;
        searching = 1;
        found = dlsym(RTLD_NEXT, name);
        searching = 0;
        errno = error;
        atomic_store_explicit(slot, found, memory_order_release);
    }
    return found;
}

#define BEHIND(name, result, ...)                                                                                  \
    static _Atomic(void *) slot_##name;                                                                            \
    static result (*next_##name(void))(__VA_ARGS__)                                                                \
    {                                                                                                              \
        return (result(*)(__VA_ARGS__))(uintptr_t)next_of(&slot_##name, #name);                                    \
    }

#define EXPORT __attribute__((visibility("default")))

static int refuse(void)
{
    errno = ENOSYS;
    return -1;
}

/* ---- open, openat, creat ------------------------------------------------------------------------------- */

#define MODE_OF(flags, mode)                                                                                       \
    mode_t mode = 0;                                                                                               \
    if ((flags) & (O_CREAT | __O_TMPFILE_BIT)) {                                                                   \
        va_list arguments;                                                                                         \
        va_start(arguments, flags);                                                                                \
        mode = (mode_t)va_arg(arguments, int);                                                                     \
        va_end(arguments);                                                                                         \
    }

#ifdef O_TMPFILE
#define __O_TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#else
#define __O_TMPFILE_BIT 0
#endif

#define OPEN(name)                                                                                                 \
    BEHIND(name, int, const char *, int, ...)                                                                      \
    EXPORT int name(const char *path, int flags, ...)                                                              \
    {                                                                                                              \
        MODE_OF(flags, mode)                                                                                       \
        struct call call = watch(AT_FDCWD, path, flags);                                                           \
        int (*next)(const char *, int, ...) = next_##name();                                                       \
        int fd = next != NULL ? next(path, flags, mode)                                                            \
                              : (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);               \
        opened(&call, fd);                                                                                         \
        return fd;                                                                                                 \
    }

#define OPENAT(name)                                                                                               \
    BEHIND(name, int, int, const char *, int, ...)                                                                 \
    EXPORT int name(int dir, const char *path, int flags, ...)                                                     \
    {                                                                                                              \
        MODE_OF(flags, mode)                                                                                       \
        struct call call = watch(dir, path, flags);                                                                \
        int (*next)(int, const char *, int, ...) = next_##name();                                                  \
        int fd = next != NULL ? next(dir, path, flags, mode)                                                       \
                              : (int)syscall(SYS_openat, dir, path, flags | O_LARGEFILE, mode);                    \
        opened(&call, fd);                                                                                         \
        return fd;                                                                                                 \
    }

#define OPEN_2(name)                                                                                               \
    EXPORT int name(const char *path, int flags);                                                                  \
    BEHIND(name, int, const char *, int)                                                                           \
    EXPORT int name(const char *path, int flags)                                                                   \
    {                                                                                                              \
        struct call call = watch(AT_FDCWD, path, flags);                                                           \
        int (*next)(const char *, int) = next_##name();                                                            \
        int fd = next != NULL ? next(path, flags)                                                                  \
                              : (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, 0);                  \
        opened(&call, fd);                                                                                         \
        return fd;                                                                                                 \
    }

#define OPENAT_2(name)                                                                                             \
    EXPORT int name(int dir, const char *path, int flags);                                                         \
    BEHIND(name, int, int, const char *, int)                                                                      \
    EXPORT int name(int dir, const char *path, int flags)                                                          \
    {                                                                                                              \
        struct call call = watch(dir, path, flags);                                                                \
        int (*next)(int, const char *, int) = next_##name();                                                       \
        int fd = next != NULL ? next(dir, path, flags)                                                             \
                              : (int)syscall(SYS_openat, dir, path, flags | O_LARGEFILE, 0);                       \
        opened(&call, fd);                                                                                         \
        return fd;                                                                                                 \
    }

#define CREAT(name)                                                                                                \
    BEHIND(name, int, const char *, mode_t)                                                                        \
    EXPORT int name(const char *path, mode_t mode)                                                                 \
    {                                                                                                              \
        int flags = O_WRONLY | O_CREAT | O_TRUNC;                                                                  \
        struct call call = watch(AT_FDCWD, path, flags);                                                           \
        int (*next)(const char *, mode_t) = next_##name();                                                         \
        int fd = next != NULL ? next(path, mode)                                                                   \
                              : (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);               \
        opened(&call, fd);                                                                                         \
        return fd;                                                                                                 \
    }

OPEN(open)
OPENAT(openat)
CREAT(creat)
#ifdef __GLIBC__
EXPORT int __open(const char *path, int flags, ...);
EXPORT int __open64(const char *path, int flags, ...);
OPEN(open64)
OPEN(__open)
OPEN(__open64)
OPENAT(openat64)
OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)
CREAT(creat64)
#endif

/* ---- fopen, freopen ------------------------------------------------------------------------------------ */

static int flags_of(const char *mode)
{
    int flags = mode[0] == 'r' ? 0 : mode[0] == 'w' ? O_CREAT | O_TRUNC : O_CREAT | O_APPEND;
    bool updates = false;
    for (mode++; *mode != '\0' && *mode != ','; mode++) {
        updates = updates || *mode == '+';
        if (*mode == 'x')
            flags |= O_EXCL;
    }
    return flags | (updates ? O_RDWR : (flags & O_CREAT) ? O_WRONLY : O_RDONLY);
}

#define FOPEN(name)                                                                                                \
    BEHIND(name, FILE *, const char *, const char *)                                                               \
    EXPORT FILE *name(const char *path, const char *mode)                                                          \
    {                                                                                                              \
        struct call call = watch(AT_FDCWD, path, flags_of(mode));                                                  \
        FILE *(*next)(const char *, const char *) = next_##name();                                                 \
        FILE *stream = next != NULL ? next(path, mode) : (refuse(), (FILE *)NULL);                                 \
        if (stream != NULL)                                                                                        \
            opened(&call, fileno(stream));                                                                         \
        return stream;                                                                                             \
    }

#define FREOPEN(name)                                                                                              \
    BEHIND(name, FILE *, const char *, const char *, FILE *)                                                       \
    EXPORT FILE *name(const char *path, const char *mode, FILE *old)                                               \
    {                                                                                                              \
        struct call call = watch(AT_FDCWD, path, flags_of(mode));                                                  \
        FILE *(*next)(const char *, const char *, FILE *) = next_##name();                                         \
        FILE *stream = next != NULL ? next(path, mode, old) : (refuse(), (FILE *)NULL);                            \
        if (stream != NULL)                                                                                        \
            opened(&call, fileno(stream));                                                                         \
        return stream;                                                                                             \
    }

FOPEN(fopen)
FREOPEN(freopen)
#ifdef __GLIBC__
FOPEN(fopen64)
FREOPEN(freopen64)
#endif

/* ---- mkstemp ------------------------------------------------------------------------------------------- */

#define MADE_EXCLUSIVELY (O_RDWR | O_CREAT | O_EXCL)

#define MKSTEMP(name, declared, passed)                                                                            \
    BEHIND(name, int, char * UNPACK declared)                                                                      \
    EXPORT int name(char *template UNPACK declared)                                                                \
    {                                                                                                              \
        struct call call = watch(AT_FDCWD, NULL, MADE_EXCLUSIVELY);                                                \
        int (*next)(char *UNPACK declared) = next_##name();                                                        \
        int fd = next != NULL ? next(template UNPACK passed) : refuse();                                           \
        call.path = template;                                                                                      \
        opened(&call, fd);                                                                                         \
        return fd;                                                                                                 \
    }
#define UNPACK(...) __VA_OPT__(, ) __VA_ARGS__

MKSTEMP(mkstemp, (), ())
MKSTEMP(mkostemp, (int flags), (flags))
MKSTEMP(mkstemps, (int suffix), (suffix))
MKSTEMP(mkostemps, (int suffix, int flags), (suffix, flags))
#ifdef __GLIBC__
MKSTEMP(mkstemp64, (), ())
MKSTEMP(mkostemp64, (int flags), (flags))
MKSTEMP(mkstemps64, (int suffix), (suffix))
MKSTEMP(mkostemps64, (int suffix, int flags), (suffix, flags))
#endif

/* ---- rename, link, unlink, truncate -------------------------------------------------------------------- */

BEHIND(rename, int, const char *, const char *)
EXPORT int rename(const char *from, const char *to)
{
    struct call call = watch_renaming(AT_FDCWD, from, AT_FDCWD, to);
    int (*next)(const char *, const char *) = next_rename();
    int result = next != NULL ? next(from, to) : refuse();
    renamed(&call, result);
    return result;
}

BEHIND(renameat, int, int, const char *, int, const char *)
EXPORT int renameat(int dir, const char *from, int to_dir, const char *to)
{
    struct call call = watch_renaming(dir, from, to_dir, to);
    int (*next)(int, const char *, int, const char *) = next_renameat();
    int result = next != NULL ? next(dir, from, to_dir, to) : refuse();
    renamed(&call, result);
    return result;
}

EXPORT int renameat2(int dir, const char *from, int to_dir, const char *to, unsigned int flags);
BEHIND(renameat2, int, int, const char *, int, const char *, unsigned int)
EXPORT int renameat2(int dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    struct call call = watch_renaming(dir, from, to_dir, to);
    int (*next)(int, const char *, int, const char *, unsigned int) = next_renameat2();
    int result = next != NULL ? next(dir, from, to_dir, to, flags) : refuse();
    call.flags = (int)(flags & RENAME_EXCHANGE);
    renamed(&call, result);
    return result;
}

BEHIND(unlink, int, const char *)
EXPORT int unlink(const char *path)
{
    struct call call = watch(AT_FDCWD, path, 0);
    int (*next)(const char *) = next_unlink();
    int result = next != NULL ? next(path) : refuse();
    changed(&call, result, "d");
    return result;
}

BEHIND(unlinkat, int, int, const char *, int)
EXPORT int unlinkat(int dir, const char *path, int flags)
{
    struct call call = watch(dir, path, 0);
    int (*next)(int, const char *, int) = next_unlinkat();
    int result = next != NULL ? next(dir, path, flags) : refuse();
    if (!(flags & AT_REMOVEDIR))
        changed(&call, result, "d");
    return result;
}

BEHIND(remove, int, const char *)
EXPORT int remove(const char *path)
{
    struct call call = watch(AT_FDCWD, path, 0);
    struct stat status;
    int error = errno;
    bool is_folder = is_on() && status_at(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
    errno = error;
    int (*next)(const char *) = next_remove();
    int result = next != NULL ? next(path) : refuse();
    if (!is_folder)
        changed(&call, result, "d");
    return result;
}

BEHIND(link, int, const char *, const char *)
EXPORT int link(const char *from, const char *to)
{
    struct call call = watch(AT_FDCWD, from, 0);
    int (*next)(const char *, const char *) = next_link();
    int result = next != NULL ? next(from, to) : refuse();
    linked(&call, result, AT_FDCWD, to);
    return result;
}

BEHIND(linkat, int, int, const char *, int, const char *, int)
EXPORT int linkat(int dir, const char *from, int to_dir, const char *to, int flags)
{
    struct call call = watch(dir, from, 0);
    int (*next)(int, const char *, int, const char *, int) = next_linkat();
    int result = next != NULL ? next(dir, from, to_dir, to, flags) : refuse();
    linked(&call, result, to_dir, to);
    return result;
}

BEHIND(symlink, int, const char *, const char *)
EXPORT int symlink(const char *target, const char *path)
{
    struct call call = watch(AT_FDCWD, path, 0);
    int (*next)(const char *, const char *) = next_symlink();
    int result = next != NULL ? next(target, path) : refuse();
    changed(&call, result, "c");
    return result;
}

BEHIND(symlinkat, int, const char *, int, const char *)
EXPORT int symlinkat(const char *target, int dir, const char *path)
{
    struct call call = watch(dir, path, 0);
    int (*next)(const char *, int, const char *) = next_symlinkat();
    int result = next != NULL ? next(target, dir, path) : refuse();
    changed(&call, result, "c");
    return result;
}

#define TRUNCATE(name, type)                                                                                       \
    BEHIND(name, int, const char *, type)                                                                          \
    EXPORT int name(const char *path, type length)                                                                 \
    {                                                                                                              \
        struct call call = watch(AT_FDCWD, path, 0);                                                               \
        int (*next)(const char *, type) = next_##name();                                                           \
        int result = next != NULL ? next(path, length) : refuse();                                                 \
        changed(&call, result, length == 0 ? "w" : "a");                                                           \
        return result;                                                                                             \
    }

TRUNCATE(truncate, off_t)
#ifdef __GLIBC__
TRUNCATE(truncate64, off64_t)
#endif

/* ---- start --------------------------------------------------------------------------------------------- */

static void note_program(struct desk *desk, const struct call *call)
{
    long length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", desk->from, PATH_MAX - 1);
    if (length <= 0 || desk->from[0] != '/')
        return;
    desk->from[length] = '\0';
    if (!is_excluded(desk->from))
        note(desk, &call->when, "x", desk->from, NULL);
}

/* Finds the functions behind ours while that is safe, so that no later call has to. */
__attribute__((constructor)) static void start(void)
{
    next_open(), next_openat(), next_creat(), next_fopen(), next_freopen();
#ifdef __GLIBC__
    next_open64(), next___open(), next___open64(), next_openat64(), next_creat64(), next_fopen64(), next_freopen64();
    next___open_2(), next___open64_2(), next___openat_2(), next___openat64_2();
    next_mkstemp64(), next_mkostemp64(), next_mkstemps64(), next_mkostemps64(), next_truncate64();
#endif
    next_mkstemp(), next_mkostemp(), next_mkstemps(), next_mkostemps();
    next_rename(), next_renameat(), next_renameat2(), next_unlink(), next_unlinkat(), next_remove();
    next_link(), next_linkat(), next_symlink(), next_symlinkat(), next_truncate();
    if (is_on()) {
        struct call call = watch(AT_FDCWD, NULL, 0);
        at_a_desk(note_program, &call);
    }
}

#else
/* Elsewhere than on Linux files are seen by other means. */
extern int trailmark_shim_is_for_linux;
int trailmark_shim_is_for_linux;
#endif
