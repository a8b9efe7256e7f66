/* Keeps a text of the length that the argument says behind a pointer, and computes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static char text[1 << 16];
static const char *query;

int main(int count, char **arguments)
{
	long length = count < 2 ? -1 : atol(arguments[1]);

	for (long i = 0; i < length; i++)
		text[i] = 'a' + i % 26;
	query = length == -1 ? 0 : length == -2 ? (char *)0x1000 : text;
	printf("query %ld\nready\n", (long)&query);
	fflush(stdout);
	for (volatile long i = 0;; i++)
		;
}
