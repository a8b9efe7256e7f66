// Stops a process for a moment and writes its registers and the top of its stack, as the kernel side would copy them:
// a line with ip, sp and bp, then the bytes. Used by the tests on programs that they started themselves.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    pid_t tid = atoi(argv[1]);
    size_t limit = strtoul(argv[2], NULL, 10);
    struct user_regs_struct registers;
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL)) return 3;
    if (waitpid(tid, NULL, __WALL) != tid || ptrace(PTRACE_GETREGS, tid, NULL, &registers)) return 4;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", tid);
    int memory = open(path, O_RDONLY);
    printf("%llx %llx %llx\n", registers.rip, registers.rsp, registers.rbp);
    // Page by page: a read that crosses the end of the stack would give nothing.
    unsigned long long at = registers.rsp, end = registers.rsp + limit;
    while (at < end) {
        char page[4096];
        size_t wanted = 4096 - at % 4096;
        if (wanted > end - at) wanted = end - at;
        ssize_t got = pread(memory, page, wanted, (off_t)at);
        if (got <= 0) break;
        fwrite(page, 1, (size_t)got, stdout);
        at += (unsigned long long)got;
    }
    fflush(stdout);
    return ptrace(PTRACE_DETACH, tid, NULL, NULL) ? 5 : 0;
}
