/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/*
 * The record of one sample: a header, then sections of kind, length and payload, each padded to eight bytes.
 * `record.rs` is the other half of this layout. New kinds of sections are appended; readers skip unknown ones.
 */
#ifndef FEWER_RECORD_H
#define FEWER_RECORD_H

#include "kernel.h"

enum {
	RECORD_VERSION = 1,

	PAGE_BYTES = 4096,
	STACK_PAGES_MAX = 16,
	KERNEL_FRAMES_MAX = 127,
	PYTHON_FRAMES_MAX = 256,
	LABELS_MAX = 16,
	LABEL_KEY_MAX = 64,
	LABEL_VALUE_MAX = 128,
	LABEL_HEADER = 4, /* two lengths of 16 bits */
	LABEL_BYTES_MAX = LABEL_HEADER + LABEL_KEY_MAX + LABEL_VALUE_MAX,
	CONTEXT_BYTES_MAX = LABELS_MAX * LABEL_BYTES_MAX,
	TEXT_BYTES = 512,
	/* Sections other than the user stack. */
	OTHER_BYTES_MAX = 16384,
	RECORD_BYTES_MAX = OTHER_BYTES_MAX + STACK_PAGES_MAX * PAGE_BYTES,

	FLAG_USER_MODE = 1 << 0,
	FLAG_KERNEL_THREAD = 1 << 1,

	SECTION_KERNEL_STACK = 1,
	SECTION_REGISTERS = 2,
	SECTION_USER_STACK = 3,
	SECTION_PYTHON = 4,
	SECTION_CONTEXT = 5,
	SECTION_QUERY_TEXT = 6,

	END_TOP = 0,
	END_CAP = 1,
	END_FAULT = 2,

	SOURCE_CONTEXT_VARIABLE = 0,
	SOURCE_THREAD_CONTEXT = 1,
	SOURCE_GO_LABELS = 2,
	SOURCE_CUSTOM_LABELS = 3,
	SOURCES = 4,

	/* After the first two the next source is read. */
	CONTEXT_NONE = 0,
	CONTEXT_ABSENT = 1,
	CONTEXT_FOUND = 2,
	CONTEXT_FAULT = 3,
	CONTEXT_WRONG_TYPE = 4,
	CONTEXT_TORN = 5,
	CONTEXT_OVERSIZED = 6,

	/* OTEP 4947. */
	THREAD_CONTEXT_HEADER = 28,
	THREAD_CONTEXT_VALID = 24,
	THREAD_CONTEXT_SIZE = 26,
	THREAD_CONTEXT_BYTES_MAX = 640,
};

/* Identity of an address-space image; also the key of configurations. */
struct image_key {
	u64 start_stack;
	u64 start_code;
	u64 exe_inode;
	u32 exe_device;
	u32 unused;
};

struct record_header {
	u32 size; /* bytes of the record so far, and in the end */
	u16 version;
	u16 header_size;
	u64 time_ns;
	u32 cpu;
	u32 pid;
	u32 tid;
	u32 flags;
	u8 comm[16];
	struct image_key image;
};

struct section {
	u16 kind;
	u16 unused;
	u32 length;
	u8 payload[];
};

struct registers {
	u64 general[16]; /* in DWARF order */
	u64 ip;
	u64 flags;
	u64 thread_pointer;
};

struct user_stack {
	u64 address;
	u64 top;
	u64 end;
	u8 bytes[STACK_PAGES_MAX * PAGE_BYTES];
};

struct python_frame {
	u64 code;
	u64 instruction;
	u64 is_entry;
};

struct python_stack {
	u32 outcome;
	u32 count;
	struct python_frame frames[PYTHON_FRAMES_MAX];
};

struct context {
	u32 source;
	u32 outcome;
	u64 address;
	u32 length;
	u32 cut;
	u8 bytes[CONTEXT_BYTES_MAX];
};

struct query_text {
	u32 outcome;
	u32 head_length;
	u32 tail_length;
	u32 length;
	u8 head[TEXT_BYTES];
	u8 tail[TEXT_BYTES];
};

_Static_assert(6 * sizeof(struct section) + KERNEL_FRAMES_MAX * sizeof(u64) + sizeof(struct registers) +
			       sizeof(struct user_stack) + sizeof(struct python_stack) + sizeof(struct context) +
			       sizeof(struct query_text) <=
		       RECORD_BYTES_MAX,
	       "every section fits when all are of full size");

struct record {
	struct record_header header;
	u8 body[RECORD_BYTES_MAX];
};

/*
 * Room for a section of at most `length` payload bytes at the record's end, or null. `length` is a constant, so the
 * verifier sees every later access inside the record.
 */
static __always_inline struct section *section_at_end(struct record *record, u32 length)
{
	u64 position = record->header.size;

	barrier_var(position);
	if (position > sizeof(*record) - sizeof(struct section) - length)
		return 0;
	return (void *)record + position;
}

static __always_inline void finish_section(struct record *record, struct section *section, u16 kind, u32 length)
{
	section->kind = kind;
	section->unused = 0;
	section->length = length;
	record->header.size += sizeof(*section) + ((length + 7) & ~7U);
}

#endif
