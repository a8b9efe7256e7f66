// Needs no library, so that a capture of it can be replayed anywhere: a signal that it sends itself finds it three
// functions deep, and the handler computes for ever.
volatile unsigned long sink;

static long call(long number, long a, long b, long c, long d) {
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

__attribute__((noinline)) void in_handler(void) {
    call(1, 1, (long)"ready\n", 6, 0);
    for (;;) sink = sink * 31 + 1;
}

void handler(void) {
    in_handler();
    sink++;
}

__attribute__((noinline)) void middle(unsigned long value) {
    volatile char room[200];
    room[value % 200] = 1;
    call(62, call(39, 0, 0, 0, 0), 10, 0, 0);
    sink = room[1];
}

__attribute__((noinline)) void outer(unsigned long value) {
    volatile char room[72];
    room[value % 72] = 1;
    middle(value * 3 + room[0]);
    sink = room[1];
}

void restore(void);
__asm__(".globl restore\nrestore: mov $15, %rax\nsyscall\n");

__attribute__((noinline)) void begin(void) {
    struct { void *handler; unsigned long flags; void *restore; unsigned long mask; } action = {
        (void *)handler, 0x04000000, (void *)restore, 0};
    call(13, 10, (long)&action, 0, 8);
    outer(7);
    call(60, 0, 0, 0, 0);
}

__asm__(
    ".globl _start\n.type _start, @function\n_start:\n.cfi_startproc\n.cfi_undefined rip\n"
    "xor %ebp, %ebp\nand $-16, %rsp\ncall begin\nhlt\n.cfi_endproc\n.size _start, .-_start\n");
