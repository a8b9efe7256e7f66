// A second thread computes while the first waits for it; the first prints the id of the second.
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

volatile unsigned long sink;

__attribute__((noinline)) void leaf(void) {
    printf("ready %ld\n", (long)syscall(SYS_gettid));
    fflush(stdout);
    for (;;) sink = sink * 31 + 1;
}

static void *second(void *nothing) {
    leaf();
    sink++;
    return nothing;
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, second, NULL);
    pthread_join(thread, NULL);
    return (int)sink;
}
