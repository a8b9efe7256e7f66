// A timer's signal finds the work function computing; its handler computes for ever. With an argument the handler
// has a stack of its own.
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

volatile unsigned long sink;
static char other_stack[65536];

__attribute__((noinline)) void in_handler(void) {
    if (write(1, "ready\n", 6) != 6) _exit(1);
    for (;;) sink = sink * 31 + 1;
}

void handler(int number) {
    (void)number;
    in_handler();
    sink++;
}

__attribute__((noinline)) void work(void) {
    volatile char room[300];
    for (;;) {
        sink = sink * 31 + 1;
        room[sink % 300] = 1;
    }
}

int main(int argc, char **argv) {
    (void)argv;
    struct sigaction action = {.sa_handler = handler};
    if (argc > 1) {
        stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
        sigaltstack(&stack, NULL);
        action.sa_flags = SA_ONSTACK;
    }
    sigaction(SIGALRM, &action, NULL);
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    work();
    return (int)sink;
}
