/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/*
 * The running request's context. The sources are read in the order of their parts; the first that holds a record, or
 * something that should be one, is the sample's. The thread is interrupted, so nothing changes under the walk.
 */
#ifndef FEWER_CONTEXT_BPF_H
#define FEWER_CONTEXT_BPF_H

#include "context_variable.bpf.h"
#include "labels.bpf.h"

/* OTEP 4947: a pointer in thread-local storage to a record of a header and attributes. */
__noinline int read_thread_context(u32 cpu)
{
	struct context *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	u64 record = 0;
	u8 *header;
	u32 size;

	if (!out || !walk)
		return CONTEXT_FAULT;
	for (int i = 0; i < 2 && !record; i++) {
		u64 offset = walk->config.thread_context_offsets[i];

		if (offset && read_word(walk->thread_pointer + offset, &record))
			return CONTEXT_FAULT;
	}
	if (!record)
		return CONTEXT_NONE;
	header = out->bytes;
	if (bpf_probe_read_user(header, THREAD_CONTEXT_HEADER, (void *)record))
		return CONTEXT_FAULT;
	if (header[THREAD_CONTEXT_VALID] != 1)
		return CONTEXT_TORN;
	size = THREAD_CONTEXT_HEADER + *(u16 *)(header + THREAD_CONTEXT_SIZE);
	barrier_var(size);
	if (size > THREAD_CONTEXT_BYTES_MAX)
		return CONTEXT_OVERSIZED;
	if (bpf_probe_read_user(out->bytes, size, (void *)record))
		return CONTEXT_FAULT;
	out->address = record;
	out->length = size;
	walk->label_bytes = size;
	return CONTEXT_FOUND;
}

static __always_inline int read_source(u32 cpu, u32 source)
{
	switch (source) {
	case SOURCE_CONTEXT_VARIABLE:
		return read_context_variable(cpu);
	case SOURCE_THREAD_CONTEXT:
		return read_thread_context(cpu);
	case SOURCE_GO_LABELS:
		return read_go_labels(cpu);
	default:
		return read_custom_labels(cpu);
	}
}

/* Starts over for one source. */
static __always_inline void clear_context(struct context *out, struct walk *walk)
{
	out->address = 0;
	out->length = 0;
	out->cut = 0;
	walk->label_bytes = 0;
	walk->labels = 0;
}

__noinline int append_context(u32 cpu)
{
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct context *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	u32 outcome = CONTEXT_NONE, first = SOURCES, bytes;

	if (!record || !out || !walk)
		return 0;
	for (u32 source = 0; source < SOURCES; source++) {
		u32 found;

		if (!(walk->config.parts & PART_CONTEXT_VARIABLE << source))
			continue;
		clear_context(out, walk);
		found = read_source(cpu, source);
		if (first == SOURCES || found > CONTEXT_ABSENT) {
			first = source;
			outcome = found;
		}
		if (found > CONTEXT_ABSENT)
			break;
	}
	if (outcome != CONTEXT_FOUND)
		clear_context(out, walk);
	out->source = first;
	out->outcome = outcome;
	bytes = walk->label_bytes;
	if (bytes > CONTEXT_BYTES_MAX)
		bytes = CONTEXT_BYTES_MAX;
	finish_section(record, (void *)out - sizeof(struct section), SECTION_CONTEXT,
		       sizeof(*out) - sizeof(out->bytes) + bytes);
	return 1;
}

#endif
