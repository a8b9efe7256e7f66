__attribute__((noinline)) unsigned hot_in_library(unsigned a) {
    for (unsigned i = 0; i < 100000; i++) a = a * 22695477 + 1 + i;
    return a;
}

unsigned never_in_library(unsigned a) {
    return a / 5;
}
