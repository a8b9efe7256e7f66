/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/*
 * The Python frames of the current thread. One walk serves all versions by a table of offsets: the thread state comes
 * from the slot that the interpreter's GIL functions keep in the C library's thread-specific data, in every version.
 */
#ifndef FEWER_PYTHON_BPF_H
#define FEWER_PYTHON_BPF_H

#include "config.bpf.h"

enum {
	MODE_FRAME_OBJECT = 0,
	MODE_CFRAME = 1,
	MODE_DIRECT = 2,

	PYTHON_COMPLETE = 0,
	PYTHON_TRUNCATED = 1,
	PYTHON_NO_THREAD_STATE = 2,
	PYTHON_FAULT = 3,
	PYTHON_WRONG_TYPE = 4,
	/* Not the end yet; never in a record. */
	PYTHON_GOES_ON = 5,

	OBJECT_TYPE = 8,
	OWNER_SHIM = 3,

	/* glibc's `struct pthread` on x86-64: a first block of slots {sequence, value}, then pointers to blocks. */
	TSD_FIRST_BLOCK = 0x310,
	TSD_BLOCKS = 0x510,
	TSD_BLOCK_SLOTS = 32,
	TSD_KEYS_MAX = 1024,
	TSD_SLOT_BYTES = 16,
	TSD_SLOT_VALUE = 8,
};

/* Finds the thread state. The key is read each time: a process creates it after it was configured, perhaps. */
__noinline int find_thread_state(void)
{
	struct walk *walk = current_walk();
	u32 key[2] = {}; /* whether it was created, and its number */
	u64 block;

	if (!walk)
		return PYTHON_FAULT;
	if (bpf_probe_read_user(key, sizeof(key), (void *)walk->config.python.key_address))
		return PYTHON_FAULT;
	if (!key[0] || key[1] >= TSD_KEYS_MAX)
		return PYTHON_NO_THREAD_STATE;
	block = walk->thread_pointer + TSD_FIRST_BLOCK;
	if (key[1] >= TSD_BLOCK_SLOTS) {
		u64 entry = walk->thread_pointer + TSD_BLOCKS + key[1] / TSD_BLOCK_SLOTS * sizeof(u64);

		if (read_word(entry, &block))
			return PYTHON_FAULT;
		if (!block)
			return PYTHON_NO_THREAD_STATE;
	}
	if (read_word(block + key[1] % TSD_BLOCK_SLOTS * TSD_SLOT_BYTES + TSD_SLOT_VALUE, &walk->thread_state))
		return PYTHON_FAULT;
	return walk->thread_state ? PYTHON_GOES_ON : PYTHON_NO_THREAD_STATE;
}

/* Finds the leaf frame, `back` control frames below the newest where there are control frames. */
__noinline int find_python_leaf(u32 back)
{
	struct walk *walk = current_walk();
	struct python_config *config;
	u64 address = 0;

	if (!walk)
		return PYTHON_FAULT;
	config = &walk->config.python;
	if (read_word(walk->thread_state + config->tstate_frame, &address))
		return PYTHON_FAULT;
	if (config->mode == MODE_CFRAME && address) {
		if (back && read_word(address + config->cframe_previous, &address))
			return PYTHON_FAULT;
		if (address && read_word(address + config->cframe_current, &address))
			return PYTHON_FAULT;
	}
	walk->frame = address;
	return address ? PYTHON_GOES_ON : PYTHON_COMPLETE;
}

static __always_inline u64 frame_word(struct walk *walk, u32 offset)
{
	barrier_var(offset);
	if (offset > FRAME_BYTES_MAX - sizeof(u64))
		return 0;
	return *(u64 *)(walk->frame_bytes + offset);
}

/*
 * Appends one frame to the section being written at the record's end, and goes on to its caller. The code's type is
 * checked in every frame, except in shims, whose code may be anything.
 */
__noinline int append_python_frame(u32 cpu)
{
	struct python_stack *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	struct python_config *config;
	struct python_frame *frame;
	u64 code, type = 0, entry;
	u32 size, idx;

	if (!out || !walk)
		return PYTHON_FAULT;
	config = &walk->config.python;
	size = config->frame_bytes;
	idx = walk->frames;
	barrier_var(size);
	barrier_var(idx);
	if (size > FRAME_BYTES_MAX || idx >= PYTHON_FRAMES_MAX)
		return PYTHON_FAULT;
	frame = &out->frames[idx];
	if (bpf_probe_read_user(walk->frame_bytes, size, (void *)walk->frame))
		return PYTHON_FAULT;
	code = frame_word(walk, config->frame_code);
	entry = config->frame_entry ? (u8)frame_word(walk, config->frame_entry) : 0;
	if (config->entry_is_owner)
		entry = entry == OWNER_SHIM;
	walk->is_shim = config->entry_is_owner && entry;
	if (!walk->is_shim) {
		if (read_word(code + OBJECT_TYPE, &type))
			return PYTHON_FAULT;
		if (type != config->code_type)
			return PYTHON_WRONG_TYPE;
	}
	frame->code = code;
	frame->instruction = frame_word(walk, config->frame_instruction);
	if (config->mode == MODE_FRAME_OBJECT)
		frame->instruction = (int)frame->instruction;
	frame->is_entry = entry != 0;
	walk->frames = idx + 1;
	walk->frame = frame_word(walk, config->frame_previous);
	return walk->frame ? PYTHON_GOES_ON : PYTHON_COMPLETE;
}

/* Appends a shim that is not in place yet, so that merging with native frames finds the entry that they have. */
__noinline int append_shim(u32 cpu)
{
	struct python_stack *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();

	if (!out || !walk)
		return 0;
	out->frames[0] = (struct python_frame){ .is_entry = 1 };
	walk->frames = 1;
	return 1;
}

/*
 * Reads the leaf. At an entry from C the newest control frame is in place before its leaf is: what it points to may
 * be nothing, garbage or the shim of an entry before. Then the control frame below holds.
 */
__noinline int append_python_leaf(u32 cpu)
{
	struct walk *walk = current_walk();
	int outcome = find_python_leaf(0);

	if (!walk)
		return PYTHON_FAULT;
	if (outcome == PYTHON_GOES_ON)
		outcome = append_python_frame(cpu);
	if (walk->config.python.mode != MODE_CFRAME || (walk->frames && !walk->is_shim))
		return outcome;
	walk->frames = 0;
	outcome = find_python_leaf(1);
	if (outcome != PYTHON_GOES_ON)
		return outcome;
	if (walk->config.python.entry_is_owner)
		append_shim(cpu);
	outcome = append_python_frame(cpu);
	if (outcome == PYTHON_FAULT || outcome == PYTHON_WRONG_TYPE)
		walk->frames = 0;
	return outcome;
}

/* Walks from the leaf at most PYTHON_FRAMES_MAX frames. Each step is verified once, whatever their number. */
__noinline int walk_python(u32 cpu)
{
	int outcome = find_thread_state();

	if (outcome == PYTHON_GOES_ON)
		outcome = append_python_leaf(cpu);
	for (int i = 1; i < PYTHON_FRAMES_MAX && outcome == PYTHON_GOES_ON; i++)
		outcome = append_python_frame(cpu);
	return outcome == PYTHON_GOES_ON ? PYTHON_TRUNCATED : outcome;
}

__noinline int append_python_stack(u32 cpu)
{
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct python_stack *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	u32 frames;

	if (!record || !out || !walk)
		return 0;
	walk->frames = 0;
	walk->is_shim = 0;
	out->outcome = walk_python(cpu);
	frames = walk->frames;
	if (frames > PYTHON_FRAMES_MAX)
		frames = PYTHON_FRAMES_MAX;
	out->count = frames;
	finish_section(record, (void *)out - sizeof(struct section), SECTION_PYTHON,
		       sizeof(*out) - sizeof(out->frames) + frames * sizeof(struct python_frame));
	return 1;
}

#endif
