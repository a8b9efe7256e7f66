// Three functions deep, each with something of its own on the stack; then the leaf computes for ever. With an argument
// it first calls itself that many times.
#include <stdlib.h>
#include <unistd.h>

volatile unsigned long sink;

static void ready(void) {
    if (write(1, "ready\n", 6) != 6) _exit(1);
}

__attribute__((noinline)) void leaf(unsigned long value) {
    ready();
    for (;;) sink = value = value * 31 + sink;
}

__attribute__((noinline)) void middle(unsigned long value) {
    volatile char room[200];
    room[value % 200] = (char)value;
    leaf(value + room[0]);
    sink = room[1];
}

__attribute__((noinline)) void outer(unsigned long value, long depth) {
    volatile char room[72];
    room[value % 72] = (char)value;
    if (depth > 0) outer(value + 1, depth - 1);
    else middle(value * 3 + room[0]);
    sink = room[1];
}

int main(int argc, char **argv) {
    outer((unsigned long)argc, argc > 1 ? atol(argv[1]) : 0);
    return (int)sink;
}
