/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/*
 * A Python context variable: thread state, context, then a hash array mapped trie down to the value, a `bytes` object
 * whose data is the record. Only the record's address and length are kept: records are interned and never change.
 */
#ifndef FEWER_CONTEXT_VARIABLE_BPF_H
#define FEWER_CONTEXT_VARIABLE_BPF_H

#include "python.bpf.h"

enum {
	TRIE_BITS = 5,
	TRIE_LEVELS_MAX = 8,
	COLLISIONS_MAX = 8,
	PAIR_BYTES = 16,
	/* Sizes of objects of variable size; a collision node's is twice its number of pairs. */
	OBJECT_SIZE = 16,

	/* A record is a thread context: a header and a 16-bit size of attributes. */
	VARIABLE_BYTES_MIN = THREAD_CONTEXT_HEADER,
	VARIABLE_BYTES_MAX = THREAD_CONTEXT_HEADER + 0xffff,

	/* Not found yet; never in a record. */
	CONTEXT_GOES_ON = 100,
};

/* BPF has no instruction for it. */
static __always_inline u32 count_ones(u32 bits)
{
	bits -= bits >> 1 & 0x55555555;
	bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f;
	return bits * 0x01010101 >> 24;
}

static __always_inline int look_into_bitmap_node(struct walk *walk, u32 step)
{
	struct context_variable_config *config = &walk->config.variable;
	u64 *pair = walk->words;
	u32 bitmap = 0, bit = 1U << step;

	if (bpf_probe_read_user(&bitmap, sizeof(bitmap), (void *)(walk->node + config->hamt_bitmap)))
		return CONTEXT_FAULT;
	if (!(bitmap & bit))
		return CONTEXT_ABSENT;
	if (bpf_probe_read_user(pair, PAIR_BYTES,
				(void *)(walk->node + config->hamt_pairs + PAIR_BYTES * count_ones(bitmap & (bit - 1)))))
		return CONTEXT_FAULT;
	walk->node = pair[1];
	if (!pair[0])
		return CONTEXT_GOES_ON;
	return pair[0] == config->address ? CONTEXT_FOUND : CONTEXT_ABSENT;
}

static __always_inline int look_into_array_node(struct walk *walk, u32 step)
{
	if (read_word(walk->node + walk->config.variable.hamt_children + sizeof(u64) * step, &walk->node))
		return CONTEXT_FAULT;
	return walk->node ? CONTEXT_GOES_ON : CONTEXT_ABSENT;
}

static __always_inline int look_into_collision_node(struct walk *walk)
{
	struct context_variable_config *config = &walk->config.variable;
	u64 *pair = walk->words;
	u64 pointers = 0;

	if (read_word(walk->node + OBJECT_SIZE, &pointers))
		return CONTEXT_FAULT;
	for (u32 i = 0; i < COLLISIONS_MAX && 2 * i < pointers; i++) {
		if (bpf_probe_read_user(pair, PAIR_BYTES,
					(void *)(walk->node + config->hamt_pairs + PAIR_BYTES * i)))
			return CONTEXT_FAULT;
		if (pair[0] == config->address) {
			walk->node = pair[1];
			return CONTEXT_FOUND;
		}
	}
	return CONTEXT_ABSENT;
}

/* One level down the trie; when found, the node is the value. */
__noinline int look_into_trie(void)
{
	struct walk *walk = current_walk();
	u64 type = 0;
	u32 step;

	if (!walk)
		return CONTEXT_FAULT;
	if (read_word(walk->node + OBJECT_TYPE, &type))
		return CONTEXT_FAULT;
	step = walk->bits & ((1 << TRIE_BITS) - 1);
	walk->bits >>= TRIE_BITS;
	if (type == walk->config.variable.bitmap_type)
		return look_into_bitmap_node(walk, step);
	if (type == walk->config.variable.array_type)
		return look_into_array_node(walk, step);
	return look_into_collision_node(walk);
}

/* Finds the current context's root node. */
__noinline int find_trie(void)
{
	struct walk *walk = current_walk();
	struct context_variable_config *config;
	u64 context = 0, vars = 0;

	if (!walk)
		return CONTEXT_FAULT;
	config = &walk->config.variable;
	if (!walk->thread_state)
		return CONTEXT_NONE;
	if (read_word(walk->thread_state + config->tstate_context, &context))
		return CONTEXT_FAULT;
	if (!context)
		return CONTEXT_NONE;
	if (read_word(context + config->context_vars, &vars) || read_word(vars + config->hamt_root, &walk->node))
		return CONTEXT_FAULT;
	walk->bits = config->hash32;
	return CONTEXT_GOES_ON;
}

__noinline int read_context_variable(u32 cpu)
{
	struct context *out = section_payload(cpu, sizeof(*out));
	struct walk *walk = current_walk();
	int outcome = find_trie();
	u64 type = 0, size = 0;

	if (!out || !walk)
		return CONTEXT_FAULT;
	for (int i = 0; i < TRIE_LEVELS_MAX && outcome == CONTEXT_GOES_ON; i++)
		outcome = look_into_trie();
	if (outcome == CONTEXT_GOES_ON)
		return CONTEXT_ABSENT;
	if (outcome != CONTEXT_FOUND)
		return outcome;
	if (read_word(walk->node + OBJECT_TYPE, &type) || read_word(walk->node + OBJECT_SIZE, &size))
		return CONTEXT_FAULT;
	if (type != walk->config.variable.bytes_type || size < VARIABLE_BYTES_MIN || size > VARIABLE_BYTES_MAX)
		return CONTEXT_WRONG_TYPE;
	out->address = walk->node + walk->config.variable.bytes_data;
	out->length = size;
	return CONTEXT_FOUND;
}

#endif
