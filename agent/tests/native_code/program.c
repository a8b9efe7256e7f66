#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

extern unsigned hot_in_library(unsigned a);

static __attribute__((noinline)) unsigned hot(unsigned a) {
    for (unsigned i = 0; i < 100000; i++) a = a * 1664525 + 1013904223 + i;
    return a;
}

__attribute__((noinline)) unsigned warm(unsigned a) {
    unsigned b = hot(a) + 1;
    return hot_in_library(b) + b;
}

unsigned never(unsigned a) {
    return a / 7;
}

/* Maps the files given as if they were code, says that it is ready, and works until it is ended. */
int main(int count, char **words) {
    unsigned sum = 0;
    for (int at = 1; at < count; at++)
        if (mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(words[at], O_RDONLY), 0) == MAP_FAILED) return 1;
    alarm(600);
    puts("ready");
    fflush(stdout);
    for (;;) sum += warm(sum);
}
