// Code written at run time calls back into the program. It keeps a frame pointer unless there is an argument.
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

volatile unsigned long sink;

void leaf(void) {
    if (write(1, "ready\n", 6) != 6) _exit(1);
    for (;;) sink = sink * 31 + 1;
}

int main(int argc, char **argv) {
    (void)argv;
    // push %rbp; mov %rsp,%rbp; sub $32,%rsp; call *%rdi; leave; ret
    static const unsigned char framed[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xff, 0xd7, 0xc9, 0xc3};
    // sub $40,%rsp; call *%rdi; add $40,%rsp; ret
    static const unsigned char bare[] = {0x48, 0x83, 0xec, 0x28, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x28, 0xc3};
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (argc > 1) memcpy(code, bare, sizeof bare);
    else memcpy(code, framed, sizeof framed);
    ((void (*)(void (*)(void)))code)(leaf);
    return (int)sink;
}
