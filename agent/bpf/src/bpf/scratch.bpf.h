/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/*
 * Memory that the program works in, one area per CPU. Programs on perf events do not nest on one CPU: the kernel
 * skips an event while another program runs there.
 */
#ifndef FEWER_SCRATCH_BPF_H
#define FEWER_SCRATCH_BPF_H

#include "record.h"

enum {
	FRAME_BYTES_MAX = 128,
	TEXT_CHUNK_BYTES = 512,
};

struct python_config {
	u64 key_address;
	u64 code_type;
	u32 mode;
	u32 frame_bytes;
	u32 tstate_frame;
	u32 cframe_current;
	u32 cframe_previous;
	u32 frame_code;
	u32 frame_previous;
	u32 frame_instruction;
	u32 frame_entry;
	u32 entry_is_owner;
};

struct context_variable_config {
	u64 address;
	u64 bytes_type;
	u64 bitmap_type;
	u64 array_type;
	u32 hash32;
	u32 tstate_context;
	u32 context_vars;
	u32 hamt_root;
	u32 bytes_data;
	u32 hamt_bitmap;
	u32 hamt_pairs;
	u32 hamt_children;
};

struct go_labels_config {
	u64 g_offset;
	u32 m;
	u32 curg;
	u32 labels;
	u32 form;
};

struct config {
	u64 start_stack;
	u32 parts;
	u32 unused;
	struct python_config python;
	struct context_variable_config variable;
	u64 thread_context_offsets[2];
	struct go_labels_config go;
	u64 custom_labels_offset;
	u64 query_text_address;
};

/* What the parts that walk user memory keep between their functions. */
struct walk {
	struct config config;
	u64 thread_pointer;
	u64 thread_state;
	/* The Python frame to read next, how many were read, and whether the last was a shim. */
	u64 frame;
	u32 frames;
	u32 is_shim;
	/* The part of a variable's hash that is left, and the trie's node to look into, or the value found. */
	u32 bits;
	/* Number and bytes of labels written. */
	u32 labels;
	u32 label_bytes;
	u64 node;
	union {
		u8 frame_bytes[FRAME_BYTES_MAX];
		u8 text[TEXT_CHUNK_BYTES];
		u64 words[40];
	};
};

/* One record per CPU; an ordinary array, because values of per-CPU arrays end at 32 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct record);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct walk);
} walks SEC(".maps");

static __always_inline struct walk *current_walk(void)
{
	u32 first = 0;

	return bpf_map_lookup_elem(&walks, &first);
}

/* The payload of the section being written at the record's end. */
static __always_inline void *section_payload(u32 cpu, u32 length)
{
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct section *section = record ? section_at_end(record, length) : 0;

	return section ? section->payload : 0;
}

/* Reads a word of the process. Whatever the address, the worst is an error. */
static __always_inline long read_word(u64 address, u64 *word)
{
	return bpf_probe_read_user(word, sizeof(*word), (void *)address);
}

#endif
