/* Notes what R's console is asked to evaluate and what it shows, without a word to the R code that runs.
 *
 * R reaches its console through function pointers and two streams, which are there so that programs that embed R
 * can put their own in place (Rinterface.h). This library, loaded by profile.R, stands in front of whatever is
 * there and passes everything on: the same in a terminal and in RStudio's rsession.
 *
 * Each expression has a file of its own in the folder that TRAILMARK_R names, `ID.expression`. It holds notes:
 *
 *   TAG SECONDS LENGTH<newline> LENGTH bytes <newline>
 *
 *   P  the process: pid, start time, boot, version of R
 *   B  the expression begins: what was typed (of several expressions on a line, all)
 *   W  the folder it begins in
 *   O  shown on the output       E  shown among the errors
 *   L  so many bytes of what was shown are left out here; 0 says that from here on only the end will be noted
 *   C  the code of this expression alone
 *   F  a figure: the name of a file in the folder
 *   S  it is over: ok, error, or unsure, when R said nothing of its end
 *   M  the last error's message; N  that is another than before     T  a line of its traceback
 *   D  nothing follows
 *
 * What is typed as an answer (readline, scan, the browser) does not pass through here.
 *
 * No header of R is used, so that any compiler will do; R's functions are found when the library is loaded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

typedef struct SEXPREC *SEXP;

extern SEXP R_GlobalEnv, R_NilValue;
extern SEXP Rf_install(const char *), Rf_GetOption1(SEXP), Rf_lang1(SEXP), Rf_protect(SEXP), Rf_mkString(const char *);
extern SEXP STRING_ELT(SEXP, ptrdiff_t), R_tryEvalSilent(SEXP, SEXP, int *);
extern const char *R_CHAR(SEXP);
extern void Rf_unprotect(int), R_PreserveObject(SEXP);
extern int Rf_isString(SEXP);

extern int (*ptr_R_ReadConsole)(const char *, unsigned char *, int, int);
extern void (*ptr_R_WriteConsole)(const char *, int);
extern void (*ptr_R_WriteConsoleEx)(const char *, int, int);
extern void (*ptr_R_Busy)(int);
extern FILE *R_Outputfile, *R_Consolefile;

static int (*read_before)(const char *, unsigned char *, int, int);
static void (*write_before)(const char *, int);
static void (*write_ex_before)(const char *, int, int);
static void (*busy_before)(int);
static FILE *output_before, *errors_before;

static char folder[PATH_MAX];
static char process[512];
static pid_t owner;
static SEXP finish;

static int file = -1; /* of the expression that runs */
static char identity[27];
static char *typed; /* since the prompt */
static size_t typed_length;
static int begun;        /* how many expressions of what was typed */
static bool more;        /* of them may be to come */
static bool complained;  /* something was shown among the errors while no expression ran */
static bool is_reading;  /* R waits for a line */
static bool is_browsing; /* the last line was asked for by the browser */

/* R shows a line in many pieces; they are noted together. */
static struct {
    char tag;
    pid_t by;
    size_t length;
    char text[4096];
} line;

/* Of what an expression shows, its beginning is noted as it comes and its end when it is over: what shows without end
 * must not fill the disk. The end is kept in two halves, of which the older one is given up when both are full. */
#define MOST_BYTES (32u << 20)
#define HALF_BYTES (1u << 20)
#define PIECE_BYTES (1u << 16)

static size_t noted;    /* bytes of this expression */
static bool is_cut;     /* more was shown than is noted as it comes */
static size_t left_out; /* bytes that were given up */
static int newer;       /* of the halves */
static struct {
    size_t length, shown;
    char text[HALF_BYTES];
} half[2];

/* ---- notes --------------------------------------------------------------------------------------------- */

static int head_of(char *into, size_t room, char tag, size_t length)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return snprintf(into, room, "%c %lld.%09ld %zu\n", tag, (long long)now.tv_sec, now.tv_nsec, length);
}

static void write_note(char tag, const char *text, size_t length)
{
    char head[64];
    int size = head_of(head, sizeof head, tag, length);
    struct iovec parts[] = {{head, (size_t)size}, {(char *)text, length}, {"\n", 1}};
    while (file >= 0 && writev(file, parts, 3) < 0 && errno == EINTR)
        ;
    noted += (size_t)size + length + 1;
}

static void keep_for_end(char tag, const char *text, size_t length)
{
    char head[64];
    size_t size = (size_t)head_of(head, sizeof head, tag, length);
    if (half[newer].length + size + length + 1 > HALF_BYTES) {
        newer = !newer;
        left_out += half[newer].shown;
        half[newer].length = half[newer].shown = 0;
    }
    char *to = half[newer].text + half[newer].length;
    memcpy(to, head, size);
    memcpy(to + size, text, length);
    to[size + length] = '\n';
    half[newer].length += size + length + 1;
    half[newer].shown += length;
}

static void write_shown(char tag, const char *text, size_t length)
{
    if (!is_cut && noted + length <= MOST_BYTES) {
        write_note(tag, text, length);
        return;
    }
    if (!is_cut)
        write_note('L', "0", 1);
    is_cut = true;
    for (size_t piece; length > 0; text += piece, length -= piece) {
        piece = length < PIECE_BYTES ? length : PIECE_BYTES;
        keep_for_end(tag, text, piece);
    }
}

static void write_end(void)
{
    char count[32];
    write_note('L', count, (size_t)snprintf(count, sizeof count, "%zu", left_out));
    for (int which = 0; which < 2; which++) {
        newer = !newer;
        const char *text = half[newer].text;
        for (ssize_t done; half[newer].length > 0; text += done, half[newer].length -= (size_t)done) {
            done = write(file, text, half[newer].length);
            if (done < 0 && errno != EINTR)
                break;
            done = done < 0 ? 0 : done;
        }
    }
}

static void begin_noting(void)
{
    noted = left_out = 0;
    is_cut = false;
    half[0].length = half[0].shown = half[1].length = half[1].shown = 0;
}

static void flush_line(void)
{
    if (line.length > 0 && line.by == getpid())
        write_shown(line.tag, line.text, line.length);
    line.length = 0;
}

static void note(char tag, const char *text, size_t length)
{
    flush_line();
    write_note(tag, text, length);
}

static void note_shown(char tag, const char *text, size_t length)
{
    if (tag != line.tag || line.by != getpid() || line.length + length > sizeof line.text)
        flush_line();
    if (length > sizeof line.text) {
        write_shown(tag, text, length);
        return;
    }
    line.tag = tag;
    line.by = getpid();
    memcpy(line.text + line.length, text, length);
    line.length += length;
    if (length > 0 && text[length - 1] == '\n')
        flush_line();
}

/* The id of a record: the time in ten digits of Crockford's base 32, then chance; later ones sort behind. */
static void make_identity(void)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    struct timespec now;
    char at[10];
    unsigned char chance[16] = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned long long number = (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
    for (int i = 0; i < 10; i++)
        at[i] = digits[number >> (45 - 5 * i) & 31];
    if (memcmp(identity, at, sizeof at) == 0) {
        int last = 25;
        for (; last > 10 && identity[last] == 'Z'; last--)
            identity[last] = '0';
        identity[last] = *(strchr(digits, identity[last]) + 1);
        return;
    }
    if (getrandom(chance, sizeof chance, GRND_NONBLOCK) < 0)
        memcpy(chance, &now, sizeof chance);
    memcpy(identity, at, sizeof at);
    for (int i = 0; i < 16; i++)
        identity[10 + i] = digits[chance[i] & (i == 0 ? 15 : 31)];
}

static void begin(void)
{
    char path[PATH_MAX + 64], at[PATH_MAX];
    make_identity();
    snprintf(path, sizeof path, "%s/%s.expression", folder, identity);
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    begun++;
    begin_noting();
    note('P', process, strlen(process));
    note('B', typed, typed_length);
    if (getcwd(at, sizeof at) != NULL)
        note('W', at, strlen(at));
}

static void end(void)
{
    flush_line();
    if (is_cut && file >= 0)
        write_end();
    note('D', "", 0);
    if (file >= 0)
        close(file);
    file = -1;
}

/* ---- the console --------------------------------------------------------------------------------------- */

/* R passes its options themselves: no other prompt is at this address, whatever its text. */
static bool is_prompt(const char *prompt, const char *option)
{
    SEXP value = Rf_GetOption1(Rf_install(option));
    return Rf_isString(value) && prompt == R_CHAR(STRING_ELT(value, 0));
}

static void take(const char *line)
{
    size_t length = strlen(line);
    char *room = realloc(typed, typed_length + length + 1);
    if (room == NULL)
        return;
    typed = room;
    memcpy(typed + typed_length, line, length + 1);
    typed_length += length;
}

/* The prompt is back: whatever is still open ended with an error, for which R calls nobody. */
static void settle(void)
{
    int failed = 0;
    if (file >= 0 || (begun == 0 && typed_length > 0 && complained)) {
        SEXP call = Rf_protect(Rf_lang1(finish));
        R_tryEvalSilent(call, R_GlobalEnv, &failed);
        Rf_unprotect(1);
    }
    if (file >= 0) {
        note('S', "error", 5);
        end();
    }
    typed_length = 0;
    begun = 0;
    more = true;
    complained = false;
}

static int read_console(const char *prompt, unsigned char *into, int size, int history)
{
    bool is_first = getpid() == owner && is_prompt(prompt, "prompt");
    bool is_next = !is_first && !is_browsing && getpid() == owner && is_prompt(prompt, "continue");
    if (is_first)
        settle();
    if (is_first || strncmp(prompt, "Browse[", 7) == 0)
        is_browsing = !is_first;
    is_reading = true;
    int got = read_before(prompt, into, size, history);
    is_reading = false;
    if (got > 0 && (is_first || is_next))
        take((const char *)into);
    return got;
}

static void busy(int which)
{
    if (which && file < 0 && typed_length > 0 && more && !is_reading && getpid() == owner)
        begin();
    if (busy_before != NULL)
        busy_before(which);
}

static void show(bool is_error, const char *text, size_t length)
{
    if (file >= 0)
        note_shown(is_error ? 'E' : 'O', text, length);
    else if (is_error && !(length == 1 && text[0] == '\n')) /* which is all that an interrupt shows */
        complained = true;
}

static void write_console(const char *text, int length, int is_error)
{
    show(is_error != 0, text, (size_t)length);
    if (write_before != NULL)
        write_before(text, length);
    else if (write_ex_before != NULL)
        write_ex_before(text, length, is_error);
}

/* A terminal's R prints to these two instead. */
static ssize_t write_stream(void *before, const char *text, size_t length)
{
    show(before == errors_before, text, length);
    size_t written = fwrite(text, 1, length, before);
    fflush(before);
    return (ssize_t)written;
}

static FILE *in_front_of(FILE *before)
{
    cookie_io_functions_t functions = {.write = write_stream};
    FILE *stream = before == NULL ? NULL : fopencookie(before, "w", functions);
    return stream == NULL ? before : stream;
}

/* ---- called by recorder.R ------------------------------------------------------------------------------ */

/* Stands in front of the console from now on. `on_end` is called when an expression ended with an error. */
SEXP trailmark_watch(SEXP into, SEXP who, SEXP on_end)
{
    if (finish != NULL)
        return R_NilValue;
    snprintf(folder, sizeof folder, "%s", R_CHAR(STRING_ELT(into, 0)));
    snprintf(process, sizeof process, "%s", R_CHAR(STRING_ELT(who, 0)));
    owner = getpid();
    R_PreserveObject(finish = on_end);
    read_before = ptr_R_ReadConsole;
    busy_before = ptr_R_Busy;
    write_before = ptr_R_WriteConsole;
    write_ex_before = ptr_R_WriteConsoleEx;
    output_before = R_Outputfile;
    errors_before = R_Consolefile;
    ptr_R_ReadConsole = read_console;
    ptr_R_Busy = busy;
    ptr_R_WriteConsole = NULL;
    ptr_R_WriteConsoleEx = write_console;
    R_Outputfile = in_front_of(output_before);
    R_Consolefile = in_front_of(errors_before);
    if (R_Consolefile != NULL)
        setvbuf(R_Consolefile, NULL, _IONBF, 0);
    return R_NilValue;
}

/* What was typed since the prompt. */
SEXP trailmark_typed(void)
{
    return Rf_mkString(typed_length > 0 ? typed : "");
}

/* The id of the expression that runs, "" for none. */
SEXP trailmark_running(void)
{
    return Rf_mkString(file >= 0 && getpid() == owner ? identity : "");
}

/* Begins what was typed and could not be parsed. */
SEXP trailmark_begin(void)
{
    if (file < 0)
        begin();
    return R_NilValue;
}

/* Which of the expressions typed this is, from 1. */
void trailmark_number(int *number)
{
    *number = begun;
}

void trailmark_note(char **tag, char **text)
{
    note(**tag, *text, strlen(*text));
}

/* Ends the notes of the expression that runs; `are_more` says whether others follow on its line. */
void trailmark_end(int *are_more)
{
    end();
    more = *are_more != 0;
}
