/* Publishes one label source in thread-local storage, as named by the argument, and computes. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
	const char *bytes;
	uint64_t length;
};

/* OTEP 4947. */
struct __attribute__((packed)) record {
	uint8_t trace[16], span[8], valid, flags;
	uint16_t size;
	uint8_t attributes[700];
};
static struct record record = { .valid = 1 };
__thread struct record *otel_thread_ctx_v1, *null_record;

/* custom-labels, version 1. */
struct custom_label {
	uint64_t key_length;
	const char *key;
	uint64_t value_length;
	const char *value;
};
static struct custom_label custom_labels[20];
static struct {
	struct custom_label *labels;
	uint64_t count, capacity;
} custom_set = { custom_labels, 3, 20 };
__thread void *custom_labels_current_set;

/* Go before 1.24: g, m and a hash map. */
struct bucket {
	uint8_t hashes[8];
	struct text keys[8], values[8];
	struct bucket *overflow;
};
static struct bucket buckets[2];
static struct {
	uint64_t count;
	uint8_t flags, log2_buckets;
	uint16_t overflows;
	uint32_t seed;
	struct bucket *buckets;
} map = { 2, 0, 1, 0, 0, buckets }, *labels = &map;
static struct {
	char before[344];
	void *labels;
} g = { .labels = &labels };
static struct {
	char before[192];
	void *curg;
} m = { .curg = &g };
static struct {
	char before[48];
	void *m;
} running_g = { .m = &m };
__thread void *go_g;

static void print_offset(const char *name, void *variable)
{
	char *thread_pointer;

	__asm__("mov %%fs:0, %0" : "=r"(thread_pointer));
	printf("%s %ld\n", name, (long)((char *)variable - thread_pointer));
}

static struct text text_of(const char *bytes)
{
	return (struct text){ bytes, strlen(bytes) };
}

static void fill(const char *how)
{
	char *long_text = malloc(1000);

	memset(long_text, 'x', 1000);
	memcpy(record.attributes, "\0\011GET /feed", 11);
	record.size = 11;
	custom_labels[0] = (struct custom_label){ 8, "endpoint", 9, "GET /feed" };
	custom_labels[2] = (struct custom_label){ 4, "user", 4, "none" };
	buckets[0].hashes[3] = 77;
	buckets[0].keys[3] = text_of("endpoint");
	buckets[0].values[3] = text_of("GET /feed");
	buckets[1].hashes[0] = 5;
	buckets[1].keys[0] = text_of("user");
	buckets[1].values[0] = text_of("none");
	buckets[1].hashes[1] = 1;
	buckets[1].keys[1] = text_of("empty");
	if (!strcmp(how, "torn"))
		record.valid = 0;
	if (!strcmp(how, "oversized"))
		record.size = 613;
	if (!strcmp(how, "full"))
		record.size = 612;
	if (!strcmp(how, "unmapped"))
		otel_thread_ctx_v1 = (void *)0x1000;
	else if (strcmp(how, "fallback"))
		otel_thread_ctx_v1 = &record;
	if (!strcmp(how, "many")) {
		for (int i = 0; i < 20; i++)
			custom_labels[i] = (struct custom_label){ 65, long_text, 129, long_text };
		custom_set.count = 20;
	}
	custom_labels_current_set = strcmp(how, "none") ? &custom_set : 0;
	go_g = &running_g;
}

static void *compute(void *how)
{
	fill(how);
	print_offset("thread_context", &otel_thread_ctx_v1);
	print_offset("null", &null_record);
	print_offset("custom_labels", &custom_labels_current_set);
	print_offset("g", &go_g);
	printf("ready\n");
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
