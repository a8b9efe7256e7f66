/* Builds the structs of an interpreter's context in a thread, wrong in the way that the argument names, and computes. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct object {
	uint64_t references;
	void *type;
	uint64_t size;
	uint32_t bitmap;
	void *pairs[2 * 10];
};
static char bytes_type, bitmap_type, array_type, collision_type, variable, other_variable;

static struct object value = { 1, &bytes_type, 28 };
static struct object other_value = { 1, &bytes_type, 28 };
static struct object root = { .type = &bitmap_type, .size = 2 };
static struct object middle = { .type = &bitmap_type, .size = 2 };
static struct object collision = { .type = &collision_type, .size = 4 };
static struct {
	char before[16];
	void *children[32];
} array;
static struct object *trie[3], *context[4];
static struct {
	void *frame, *context;
} state = { 0, context };
static uint32_t key[2];

static int is(const char *one, const char *other)
{
	return !strcmp(one, other);
}

/* The variable's hash is 0x421: step 1 three times, then 0. */
static void build(const char *how)
{
	context[3] = (void *)trie;
	trie[2] = &root;
	root.bitmap = 1 << 1;
	root.pairs[1] = &middle;
	middle.bitmap = 1 << 0 | 1 << 1 | 1 << 30;
	middle.pairs[2 * 1 + 1] = &array;
	*(void **)((char *)&array + 8) = &array_type;
	array.children[1] = &collision;
	collision.pairs[0] = &other_variable;
	collision.pairs[1] = &other_value;
	collision.pairs[2] = &variable;
	collision.pairs[3] = &value;
	if (is(how, "other-key")) {
		root.pairs[0] = &other_variable;
		root.pairs[1] = &other_value;
	} else if (is(how, "empty"))
		root.bitmap = 0;
	else if (is(how, "no-child"))
		array.children[1] = 0;
	else if (is(how, "not-colliding"))
		collision.size = 2;
	else if (is(how, "endless"))
		root.pairs[1] = middle.pairs[3] = &root, middle.bitmap = ~0U, root.bitmap = 1 << 0 | 1 << 1,
		root.pairs[3] = &root;
	else if (is(how, "no-context"))
		state.context = 0;
	else if (is(how, "wrong-type"))
		value.type = &array_type;
	else if (is(how, "short"))
		value.size = 27;
	else if (is(how, "long"))
		value.size = 28 + 65536;
	else if (is(how, "unmapped"))
		trie[2] = (void *)0x1000;
}

static void *compute(void *how)
{
	pthread_key_t keys[41];
	int last = is(how, "high-key") ? 40 : 3;

	build(how);
	for (int i = 0; i <= last; i++)
		pthread_key_create(&keys[i], 0);
	if (!is(how, "no-state"))
		pthread_setspecific(keys[last], &state);
	key[0] = !is(how, "no-key");
	key[1] = is(how, "wrong-key") ? 5000 : keys[last];
	printf("key %ld\nvariable %ld\nvalue %ld\n", (long)key, (long)&variable, (long)&value);
	printf("bytes %ld\nbitmap %ld\narray %ld\nready\n", (long)&bytes_type, (long)&bitmap_type,
	       (long)&array_type);
	fflush(stdout);
	for (volatile long i = 0;; i++)
		;
	return 0;
}

int main(int count, char **arguments)
{
	pthread_t thread;

	if (count < 2)
		return 1;
	pthread_create(&thread, 0, compute, arguments[1]);
	pthread_join(thread, 0);
}
