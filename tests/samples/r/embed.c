/* Embeds R as RStudio's rsession does: callbacks of its own in place of the console, then R's own main loop.
 *
 * Lines come from the standard input; the prompt stands before each. Output is marked with "o|", errors with "e|",
 * so that it shows which callback was called.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int Rf_initialize_R(int, char **);
extern void Rf_mainloop(void);
extern int R_Interactive, R_SignalHandlers;
extern FILE *R_Consolefile, *R_Outputfile;
extern int (*ptr_R_ReadConsole)(const char *, unsigned char *, int, int);
extern void (*ptr_R_WriteConsole)(const char *, int);
extern void (*ptr_R_WriteConsoleEx)(const char *, int, int);
extern void (*ptr_R_Busy)(int);

static int busy_calls;

static int read_console(const char *prompt, unsigned char *into, int size, int history)
{
    (void)history;
    printf("%s", prompt);
    fflush(stdout);
    return fgets((char *)into, size, stdin) != NULL;
}

static void write_console(const char *text, int length, int is_error)
{
    printf("%s|%.*s", is_error ? "e" : "o", length, text);
    fflush(stdout);
}

static void busy(int which)
{
    (void)which;
    busy_calls++;
}

int main(void)
{
    char *argv[] = {"embed", "--interactive", "--quiet", "--no-save", "--no-restore"};
    if (getenv("R_HOME") == NULL)
        return 2;
    R_SignalHandlers = 0;
    Rf_initialize_R(sizeof argv / sizeof *argv, argv);
    R_Interactive = 1;
    R_Consolefile = NULL;
    R_Outputfile = NULL;
    ptr_R_ReadConsole = read_console;
    ptr_R_WriteConsole = NULL;
    ptr_R_WriteConsoleEx = write_console;
    ptr_R_Busy = busy;
    Rf_mainloop();
    return busy_calls > 0 ? 0 : 3;
}
