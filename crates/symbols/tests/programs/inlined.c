// `inner` is part of `outer` after compilation, and `middle` lies between them.
#include <stdlib.h>

volatile unsigned long sink;

static inline __attribute__((always_inline)) void inner(unsigned long value) {
    sink = value * 31; // line of inner
}

static inline __attribute__((always_inline)) void middle(unsigned long value) {
    inner(value + 1); // line of middle
}

__attribute__((noinline)) void outer(unsigned long value) {
    sink = value;
    middle(value * 3); // line of outer
}

int main(int argc, char **argv) {
    (void)argv;
    outer((unsigned long)argc);
    return 0;
}
