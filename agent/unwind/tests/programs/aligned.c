// A function that aligns its stack and has data of variable size on it finds its caller through memory.
#include <alloca.h>
#include <unistd.h>

volatile unsigned long sink;

__attribute__((noinline)) void leaf(char *bytes) {
    if (write(1, "ready\n", 6) != 6) _exit(1);
    for (;;) sink = sink * 31 + (unsigned long)bytes[0];
}

__attribute__((noinline)) void middle(int n, int a, int b, int c, int d, int e, int f, int g) {
    char wide[64] __attribute__((aligned(64)));
    volatile char *room = alloca((unsigned long)(n + g));
    room[0] = 1;
    wide[n] = room[0];
    leaf(wide);
    sink += (unsigned long)wide[1];
}

__attribute__((noinline)) void outer(int n) {
    volatile char room[72];
    room[n] = 1;
    middle(n, 1, 2, 3, 4, 5, 6, 7 + room[0]);
    sink += (unsigned long)room[1];
}

int main(int argc, char **argv) {
    (void)argv;
    outer(argc);
    return (int)sink;
}
