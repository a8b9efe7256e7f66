/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/* The text of the running query: its beginning, and its end, where callers put their comment. */
#ifndef FEWER_TEXT_BPF_H
#define FEWER_TEXT_BPF_H

#include "config.bpf.h"

enum {
	QUERY_READ = 0,
	QUERY_NULL = 1,
	QUERY_FAULT = 2,

	/* The end of a text is looked for in 64 chunks of 511 bytes. */
	TEXT_CHUNKS_MAX = 64,
	TEXT_UNENDED = -1,
	TEXT_UNREADABLE = -2,
};

/* Bytes before the terminating zero. */
__noinline int measure_text(u64 text)
{
	struct walk *walk = current_walk();
	u32 length = 0;

	if (!walk)
		return TEXT_UNREADABLE;
	for (int i = 0; i < TEXT_CHUNKS_MAX; i++) {
		/* Counts the zero, which is put there when the text goes on. */
		long bytes = bpf_probe_read_user_str(walk->text, TEXT_CHUNK_BYTES, (void *)(text + length));

		if (bytes <= 0)
			return TEXT_UNREADABLE;
		length += bytes - 1;
		if (bytes < TEXT_CHUNK_BYTES)
			return length;
	}
	return TEXT_UNENDED;
}

/* Reads head and tail of a text whose length was measured. */
__noinline int read_text(u32 cpu, u64 text, int measured)
{
	struct query_text *out = section_payload(cpu, sizeof(*out));
	u32 head = measured, tail = 0;

	if (!out || measured == TEXT_UNREADABLE)
		return QUERY_FAULT;
	if (measured == TEXT_UNENDED || measured > TEXT_BYTES)
		head = TEXT_BYTES;
	if (measured > TEXT_BYTES)
		tail = measured > 2 * TEXT_BYTES ? TEXT_BYTES : measured - TEXT_BYTES;
	barrier_var(head);
	barrier_var(tail);
	if (head > TEXT_BYTES || tail > TEXT_BYTES)
		return QUERY_FAULT;
	if (bpf_probe_read_user(out->head, head, (void *)text))
		return QUERY_FAULT;
	if (bpf_probe_read_user(out->tail, tail, (void *)(text + measured - tail)))
		return QUERY_FAULT;
	out->head_length = head;
	out->tail_length = tail;
	out->length = measured;
	return QUERY_READ;
}

__noinline int append_query_text(u32 cpu)
{
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct query_text *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	u64 text = 0;
	u32 bytes;

	if (!record || !out || !walk)
		return 0;
	out->head_length = 0;
	out->tail_length = 0;
	out->length = 0;
	if (read_word(walk->config.query_text_address, &text))
		out->outcome = QUERY_FAULT;
	else if (!text)
		out->outcome = QUERY_NULL;
	else
		out->outcome = read_text(cpu, text, measure_text(text));
	/* A tail follows a head of full length, so the two are contiguous. */
	bytes = out->head_length + out->tail_length;
	if (bytes > 2 * TEXT_BYTES)
		bytes = 2 * TEXT_BYTES;
	finish_section(record, (void *)out - sizeof(struct section), SECTION_QUERY_TEXT,
		       sizeof(*out) - sizeof(out->head) - sizeof(out->tail) + bytes);
	return 1;
}

#endif
