/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */

/*
 * What user space says of processes: how to read their runtimes. `backend/bpf/configs.rs` is the other half of these
 * layouts. A process without a configuration costs two look-ups per sample.
 */
#ifndef FEWER_CONFIG_BPF_H
#define FEWER_CONFIG_BPF_H

#include "scratch.bpf.h"

enum {
	CONFIGS_MAX = 2048,

	PART_PYTHON = 1 << 0,
	/* The sources of a context, in the order of reading. */
	PART_CONTEXT_VARIABLE = 1 << 1,
	PART_THREAD_CONTEXT = 1 << 2,
	PART_GO_LABELS = 1 << 3,
	PART_CUSTOM_LABELS = 1 << 4,
	PARTS_CONTEXT = PART_CONTEXT_VARIABLE | PART_THREAD_CONTEXT | PART_GO_LABELS | PART_CUSTOM_LABELS,
	PART_QUERY_TEXT = 1 << 5,
};

/* A process's own configuration; it holds while the process has this image. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONFIGS_MAX);
	__type(key, u32);
	__type(value, struct config);
} process_configs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONFIGS_MAX);
	__type(key, struct image_key);
	__type(value, struct config);
} image_configs SEC(".maps");

/* Brings the current process's configuration to the walk of this CPU. Returns its parts, or none. */
__noinline int load_config(u32 cpu)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct walk *walk = current_walk();
	struct config *config;
	u32 pid;

	if (!record || !walk)
		return 0;
	pid = record->header.pid;
	config = bpf_map_lookup_elem(&process_configs, &pid);
	if (!config || config->start_stack != record->header.image.start_stack)
		config = bpf_map_lookup_elem(&image_configs, &record->header.image);
	if (!config)
		return 0;
	walk->config = *config;
	walk->thread_pointer = task->thread.fsbase;
	walk->thread_state = 0;
	return config->parts;
}

#endif
