// Forks a worker that loads the library named by the argument and computes in it; prints the worker's id.
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

volatile unsigned long sink;

__attribute__((noinline)) void parent_work(void) {
    for (;;) sink = sink * 31 + 1;
}

__attribute__((noinline)) void worker_main(const char *path) {
    void *library = dlopen(path, RTLD_NOW);
    void (*work)(void) = library ? (void (*)(void))dlsym(library, "plugin_work") : NULL;
    if (!work) _exit(1);
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    work();
    sink++;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        worker_main(argv[1]);
    }
    parent_work();
    return (int)sink;
}
