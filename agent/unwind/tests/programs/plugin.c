// A library that a forked worker loads: it computes for ever.
#include <unistd.h>

volatile unsigned long plugin_sink;

void plugin_work(void) {
    for (;;) plugin_sink = plugin_sink * 31 + 1;
}
