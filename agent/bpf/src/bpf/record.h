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
	/* Sections other than the user stack: kernel stack and registers now, runtime frames and context later. */
	OTHER_BYTES_MAX = 16384,
	RECORD_BYTES_MAX = OTHER_BYTES_MAX + STACK_PAGES_MAX * PAGE_BYTES,

	FLAG_USER_MODE = 1 << 0,
	FLAG_KERNEL_THREAD = 1 << 1,

	SECTION_KERNEL_STACK = 1,
	SECTION_REGISTERS = 2,
	SECTION_USER_STACK = 3,

	END_TOP = 0,
	END_CAP = 1,
	END_FAULT = 2,
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
	u64 start_stack;
	u64 start_code;
	u64 exe_inode;
	u32 exe_device;
	u32 unused;
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
