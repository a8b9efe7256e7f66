/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/* Labels that a program keeps as pairs of strings: Go's pprof labels and those of the custom-labels library. */
#ifndef FEWER_LABELS_BPF_H
#define FEWER_LABELS_BPF_H

#include "context_variable.bpf.h"

enum {
	FORM_MAP = 0,

	GO_SLICE_LENGTH = 8,
	GO_PAIR_BYTES = 32,
	/* A hash map of Go before 1.24, and its buckets: 8 hashes, 8 keys, 8 values. */
	GO_MAP_LOG2_BUCKETS = 9,
	GO_MAP_BUCKETS = 16,
	GO_BUCKETS_MAX = 16,
	GO_BUCKET_SLOTS = 8,
	GO_BUCKET_READ_BYTES = 8 + 2 * GO_BUCKET_SLOTS * 16,
	GO_BUCKET_BYTES = GO_BUCKET_READ_BYTES + 8,
	/* Smaller hashes mark empty and moved slots. */
	GO_HASH_MIN = 5,

	CUSTOM_LABEL_BYTES = 32,
};

/* Appends one label, or counts it as cut where a limit is reached. */
__noinline int append_label(u32 cpu, u64 key, u64 key_length, u64 value, u64 value_length)
{
	struct context *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	u32 key_bytes = key_length > LABEL_KEY_MAX ? LABEL_KEY_MAX : key_length;
	u32 value_bytes = value_length > LABEL_VALUE_MAX ? LABEL_VALUE_MAX : value_length;
	u32 position;
	u8 *label;

	if (!out || !walk)
		return CONTEXT_FAULT;
	position = walk->label_bytes;
	barrier_var(position);
	barrier_var(key_bytes);
	barrier_var(value_bytes);
	if (walk->labels >= LABELS_MAX || position > CONTEXT_BYTES_MAX - LABEL_BYTES_MAX) {
		out->cut++;
		return CONTEXT_FOUND;
	}
	if (key_bytes > LABEL_KEY_MAX || value_bytes > LABEL_VALUE_MAX)
		return CONTEXT_FAULT;
	if (key_bytes != key_length || value_bytes != value_length)
		out->cut++;
	label = out->bytes + position;
	*(u16 *)label = key_bytes;
	*(u16 *)(label + 2) = value_bytes;
	if (bpf_probe_read_user(label + LABEL_HEADER, key_bytes, (void *)key))
		return CONTEXT_FAULT;
	if (bpf_probe_read_user(label + LABEL_HEADER + key_bytes, value_bytes, (void *)value))
		return CONTEXT_FAULT;
	walk->label_bytes = position + LABEL_HEADER + key_bytes + value_bytes;
	walk->labels++;
	return CONTEXT_FOUND;
}

/* Counts the labels that no step was left for. */
static __always_inline void count_cut(struct context *out, u64 length)
{
	if (length > LABELS_MAX)
		out->cut += length - LABELS_MAX;
}

/* A slice of pairs of Go strings, each a pointer and a length. */
__noinline int read_go_slice(u32 cpu, u64 slice)
{
	struct context *out = section_payload(cpu, sizeof(*out));
	u64 array = 0, length = 0, pair[4];
	int outcome = CONTEXT_FOUND;

	if (!out)
		return CONTEXT_FAULT;
	if (read_word(slice, &array) || read_word(slice + GO_SLICE_LENGTH, &length))
		return CONTEXT_FAULT;
	if (!length)
		return CONTEXT_ABSENT;
	for (u32 i = 0; i < LABELS_MAX && i < length && outcome == CONTEXT_FOUND; i++) {
		if (bpf_probe_read_user(pair, sizeof(pair), (void *)(array + i * GO_PAIR_BYTES)))
			return CONTEXT_FAULT;
		outcome = append_label(cpu, pair[0], pair[1], pair[2], pair[3]);
	}
	count_cut(out, length);
	return outcome;
}

__noinline int read_go_bucket(u32 cpu, u64 bucket)
{
	struct walk *walk = current_walk();
	int outcome = CONTEXT_FOUND;

	if (!walk)
		return CONTEXT_FAULT;
	if (bpf_probe_read_user(walk->words, GO_BUCKET_READ_BYTES, (void *)bucket))
		return CONTEXT_FAULT;
	for (u32 i = 0; i < GO_BUCKET_SLOTS && outcome == CONTEXT_FOUND; i++) {
		u64 *key = walk->words + 1 + 2 * i, *value = key + 2 * GO_BUCKET_SLOTS;

		if (((u8 *)walk->words)[i] >= GO_HASH_MIN)
			outcome = append_label(cpu, key[0], key[1], value[0], value[1]);
	}
	return outcome;
}

/* A pointer to a map of strings to strings. Buckets that overflow are left out; label sets are small. */
__noinline int read_go_map(u32 cpu, u64 pointer)
{
	struct context *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	u64 map = 0, length = 0, buckets = 0;
	u8 log2_buckets = 0;
	int outcome = CONTEXT_FOUND;

	if (!out || !walk || read_word(pointer, &map))
		return CONTEXT_FAULT;
	if (!map)
		return CONTEXT_ABSENT;
	if (read_word(map, &length) || read_word(map + GO_MAP_BUCKETS, &buckets) ||
	    bpf_probe_read_user(&log2_buckets, 1, (void *)(map + GO_MAP_LOG2_BUCKETS)))
		return CONTEXT_FAULT;
	if (!length)
		return CONTEXT_ABSENT;
	for (u32 i = 0; i < GO_BUCKETS_MAX && outcome == CONTEXT_FOUND; i++) {
		if (i >> (log2_buckets & 7))
			break;
		outcome = read_go_bucket(cpu, buckets + i * GO_BUCKET_BYTES);
	}
	if (length > walk->labels)
		out->cut = length - walk->labels;
	return outcome;
}

__noinline int read_go_labels(u32 cpu)
{
	struct context *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	struct go_labels_config *config;
	u64 address = 0;

	if (!out || !walk)
		return CONTEXT_FAULT;
	config = &walk->config.go;
	if (read_word(walk->thread_pointer + config->g_offset, &address))
		return CONTEXT_FAULT;
	if (!address)
		return CONTEXT_NONE;
	/* The running g may be the scheduler's own: the thread's m names the goroutine. */
	if (read_word(address + config->m, &address) || read_word(address + config->curg, &address))
		return CONTEXT_FAULT;
	if (!address)
		return CONTEXT_NONE;
	if (read_word(address + config->labels, &address))
		return CONTEXT_FAULT;
	if (!address)
		return CONTEXT_ABSENT;
	out->address = address;
	return config->form == FORM_MAP ? read_go_map(cpu, address) : read_go_slice(cpu, address);
}

/* A set {labels, count, capacity} of labels {key length, key, value length, value}; a null key marks a free place. */
__noinline int read_custom_labels(u32 cpu)
{
	struct context *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	u64 set = 0, label[4], head[2];
	int outcome = CONTEXT_FOUND;

	if (!out || !walk)
		return CONTEXT_FAULT;
	if (read_word(walk->thread_pointer + walk->config.custom_labels_offset, &set))
		return CONTEXT_FAULT;
	if (!set)
		return CONTEXT_NONE;
	if (bpf_probe_read_user(head, sizeof(head), (void *)set))
		return CONTEXT_FAULT;
	out->address = set;
	for (u32 i = 0; i < LABELS_MAX && i < head[1] && outcome == CONTEXT_FOUND; i++) {
		if (bpf_probe_read_user(label, sizeof(label), (void *)(head[0] + i * CUSTOM_LABEL_BYTES)))
			return CONTEXT_FAULT;
		if (label[1])
			outcome = append_label(cpu, label[1], label[0], label[3], label[2]);
	}
	count_cut(out, head[1]);
	return outcome == CONTEXT_FOUND && !walk->labels ? CONTEXT_ABSENT : outcome;
}

#endif
