// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)

/*
 * Runs at every sampling event of a CPU and writes one record to the ring.
 *
 * The record is put together in a scratch area per CPU. Each part is a global function of scalars, verified on its own,
 * so parts add to the verifier's work instead of multiplying it. A new part is one more such function, one more
 * section and one more call in `sample`; parts that read a runtime have a file of their own.
 */
#include "context.bpf.h"
#include "python.bpf.h"
#include "text.bpf.h"

char license_text[] SEC("license") = "Dual BSD/GPL";

/* Set before loading. */
volatile const u32 stack_pages_max = 8;
volatile const u32 only_targets = 0;
volatile const u64 wakeup_bytes = 1 << 20;

enum {
	COUNTER_LOST,
	COUNTER_UNFOLLOWED,
	COUNTERS,

	ANCESTORS_MAX = 24,
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

/* Followed processes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u8);
} followed SEC(".maps");

static __always_inline void count(u32 counter)
{
	u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += 1;
}

/* Whether the current process is followed or has an ancestor that is; then it is followed from now on. */
__noinline int is_followed(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 pid = task->tgid;
	u8 one = 1;

	if (bpf_map_lookup_elem(&followed, &pid))
		return 1;
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		u32 ancestor;

		task = task->real_parent;
		ancestor = task->tgid;
		if (ancestor == 0)
			return 0;
		if (bpf_map_lookup_elem(&followed, &ancestor)) {
			if (bpf_map_update_elem(&followed, &pid, &one, BPF_ANY))
				count(COUNTER_UNFOLLOWED);
			return 1;
		}
	}
	return 0;
}

/* Begins the record. Every field is written, so nothing of the last sample remains. */
__noinline int begin_record(u32 cpu, u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct record_header *header;

	if (!record)
		return 0;
	header = &record->header;
	header->size = sizeof(*header);
	header->version = RECORD_VERSION;
	header->header_size = sizeof(*header);
	header->time_ns = bpf_ktime_get_ns();
	header->cpu = cpu;
	header->pid = task->tgid;
	header->tid = task->pid;
	header->flags = flags;
	bpf_get_current_comm(header->comm, sizeof(header->comm));
	header->image = (struct image_key){};
	if (!(flags & FLAG_KERNEL_THREAD) && task->mm) {
		struct mm_struct *mm = task->mm;
		struct inode *inode = mm->exe_file->f_inode;

		header->image.start_stack = mm->start_stack;
		header->image.start_code = mm->start_code;
		header->image.exe_inode = inode->i_ino;
		header->image.exe_device = inode->i_sb->s_dev;
	}
	return 1;
}

static __always_inline void append_kernel_stack(struct bpf_perf_event_data *ctx, u32 cpu)
{
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct section *section;
	long length;

	if (!record)
		return;
	section = section_at_end(record, KERNEL_FRAMES_MAX * sizeof(u64));
	if (!section)
		return;
	length = bpf_get_stack(ctx, section->payload, KERNEL_FRAMES_MAX * sizeof(u64), 0);
	if (length > 0)
		finish_section(record, section, SECTION_KERNEL_STACK, length);
}

/* The registers of user code: now, or when it entered the kernel. */
__noinline int append_registers(u32 cpu)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	struct section *section;
	struct registers *out;

	if (!record)
		return 0;
	section = section_at_end(record, sizeof(*out));
	if (!section)
		return 0;
	out = (void *)section->payload;
	out->general[0] = regs->ax;
	out->general[1] = regs->dx;
	out->general[2] = regs->cx;
	out->general[3] = regs->bx;
	out->general[4] = regs->si;
	out->general[5] = regs->di;
	out->general[6] = regs->bp;
	out->general[7] = regs->sp;
	out->general[8] = regs->r8;
	out->general[9] = regs->r9;
	out->general[10] = regs->r10;
	out->general[11] = regs->r11;
	out->general[12] = regs->r12;
	out->general[13] = regs->r13;
	out->general[14] = regs->r14;
	out->general[15] = regs->r15;
	out->ip = regs->ip;
	out->flags = regs->flags;
	out->thread_pointer = task->thread.fsbase;
	finish_section(record, section, SECTION_REGISTERS, sizeof(*out));
	return 1;
}

/*
 * Copies whole pages from the stack pointer's page up to the thread's stack top: where the kernel put the main
 * thread's first frame, and the thread pointer in others, which C libraries keep at the top of the stack. Reads have
 * one constant size; only the section's length is cut to the top.
 */
__noinline int append_user_stack(u32 cpu)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	u64 sp = regs->sp, start = sp & ~(u64)(PAGE_BYTES - 1);
	u64 top = task->pid == task->tgid ? task->mm->start_stack : task->thread.fsbase;
	u64 length = (u64)stack_pages_max * PAGE_BYTES, end = END_CAP;
	struct section *section;
	struct user_stack *out;
	u32 pages = 0;

	if (!record || !sp)
		return 0;
	section = section_at_end(record, sizeof(*out));
	if (!section)
		return 0;
	out = (void *)section->payload;
	if (top <= sp)
		top = 0;
	if (top && top - start <= length) {
		length = top - start;
		end = END_TOP;
	}
	for (; pages < STACK_PAGES_MAX; pages++) {
		u64 offset = pages * PAGE_BYTES;

		if (offset >= length)
			break;
		if (bpf_probe_read_user(out->bytes + offset, PAGE_BYTES, (void *)(start + offset))) {
			length = offset;
			end = END_FAULT;
			break;
		}
	}
	out->address = start;
	out->top = top;
	out->end = end;
	if (length > sizeof(out->bytes))
		length = sizeof(out->bytes);
	finish_section(record, section, SECTION_USER_STACK, sizeof(*out) - sizeof(out->bytes) + length);
	return 1;
}

/* Reads the process's runtimes, as far as user space said how. */
static __always_inline void append_runtimes(u32 cpu)
{
	u32 parts = load_config(cpu);

	if (parts & PART_PYTHON)
		append_python_stack(cpu);
	if (parts & PARTS_CONTEXT)
		append_context(cpu);
	if (parts & PART_QUERY_TEXT)
		append_query_text(cpu);
}

/* Sends the record. The reader is woken only when the ring fills up; otherwise it comes by itself. */
__noinline int send_record(u32 cpu)
{
	struct record *record = bpf_map_lookup_elem(&scratch, &cpu);
	u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	u64 flags = waiting >= wakeup_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	u64 size;

	if (!record)
		return 0;
	size = record->header.size;
	barrier_var(size);
	if (size > sizeof(*record))
		return 0;
	if (bpf_ringbuf_output(&ring, record, size, flags))
		count(COUNTER_LOST);
	return 1;
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 cpu = bpf_get_smp_processor_id();
	u32 flags = 0;

	if (task->pid == 0)
		return 0;
	if (only_targets && !is_followed())
		return 0;
	if (ctx->regs.cs & 3)
		flags = FLAG_USER_MODE;
	else if (task->flags & PF_KTHREAD)
		flags = FLAG_KERNEL_THREAD;
	if (!begin_record(cpu, flags))
		return 0;
	if (!(flags & FLAG_USER_MODE))
		append_kernel_stack(ctx, cpu);
	/* Workers that the kernel runs for a process never were in user code, and exiting threads have left it. */
	if (task->mm && !(task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))) {
		append_registers(cpu);
		append_runtimes(cpu);
		append_user_stack(cpu);
	}
	send_record(cpu);
	return 0;
}
