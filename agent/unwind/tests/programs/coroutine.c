// A coroutine made by makecontext computes for ever.
#include <ucontext.h>
#include <unistd.h>

volatile unsigned long sink;
static char stack[65536];
static ucontext_t home, away;

__attribute__((noinline)) void leaf(void) {
    if (write(1, "ready\n", 6) != 6) _exit(1);
    for (;;) sink = sink * 31 + 1;
}

void coroutine(void) {
    leaf();
    sink++;
}

int main(void) {
    getcontext(&away);
    away.uc_stack.ss_sp = stack;
    away.uc_stack.ss_size = sizeof stack;
    away.uc_link = &home;
    makecontext(&away, coroutine, 0);
    swapcontext(&home, &away);
    return (int)sink;
}
