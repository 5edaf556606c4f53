// SPDX-License-Identifier: Apache-2.0
/*
 * bpftrace has it built in where struct pt_regs holds a function's arguments: that of the machine it was built for (its src/arch/x86_64.cpp), whatever kernel
 * it is used on. Its programs for kprobes and uprobes would be loaded on another machine, run, and read other registers. So each of their reads of the
 * context is made to read what is there for the same thing on the board, by both machines' rules for calls; a program that reads what has no counterpart is
 * refused.
 *
 * The context comes in R1. Which registers and stack slots hold it before an instruction is what some path brings there: the verifier refuses a program in
 * which another path brings something else that is read through ("same insn cannot be used with different pointers", kernel/bpf/verifier.c).
 */
#include "remote/bpf.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS	64u		/* of 8 bytes: MAX_BPF_STACK */
#define STACK	10

struct holds {
	uint64_t slots;
	uint16_t regs;
	bool reached, queued;
};

struct walk {
	struct bpf_insn *insns;
	uint32_t n, todo;
	struct holds *at;
	uint32_t *queue;
};

/* ---- where things are ---- */

/* From arch/x86/include/asm/ptrace.h to arch/arm64/include/uapi/asm/ptrace.h: byte offsets of 8-byte fields. -1: no counterpart. */
int bw_ptregs_x86_to_arm64(int off)
{
	static const struct { uint8_t x86; uint16_t arm64; } same[] = {
		{ 112, 0 }, { 104, 8 }, { 96, 16 }, { 88, 24 }, { 72, 32 }, { 64, 40 },	/* rdi rsi rdx rcx r8 r9: x0 to x5, the first six arguments */
		{ 80, 0 },								/* rax: x0, the result */
		{ 128, 256 },								/* rip: pc */
	};

	for (size_t i = 0; off >= 0 && i < sizeof(same) / sizeof(same[0]); i++)
		if (same[i].x86 == (off & ~7))
			return same[i].arm64 + (off & 7);
	return -1;
}

/* ---- who holds the context ---- */

static bool holds(const struct holds *h, unsigned int reg)
{
	return h->regs >> reg & 1;
}

static void set(struct holds *h, unsigned int reg, bool on)
{
	h->regs = (uint16_t)(on ? h->regs | 1u << reg : h->regs & ~(1u << reg));
}

/* The stack slot that an offset from R10 is in; SLOTS: none. */
static unsigned int slot(int off)
{
	return off < 0 && off >= -(int)(SLOTS * 8) ? (unsigned int)(-off - 1) / 8 : SLOTS;
}

static bool is_load(const struct bpf_insn *i)
{
	return BPF_CLASS(i->code) == BPF_LDX && BPF_MODE(i->code) == BPF_MEM;
}

static void load(struct holds *h, const struct bpf_insn *i)
{
	unsigned int s = i->src_reg == STACK && is_load(i) ? slot(i->off) : SLOTS;

	set(h, i->dst_reg, s < SLOTS && h->slots >> s & 1);
}

static void store(struct holds *h, const struct bpf_insn *i)
{
	unsigned int s = i->dst_reg == STACK ? slot(i->off) : SLOTS;

	if (s == SLOTS)
		return;
	h->slots &= ~(UINT64_C(1) << s);
	if (i->code == (BPF_STX | BPF_MEM | BPF_DW) && holds(h, i->src_reg))
		h->slots |= UINT64_C(1) << s;
}

/* h: before the instruction, and then after it. */
static void pass(struct holds *h, const struct bpf_insn *i)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU64:
		set(h, i->dst_reg, i->code == (BPF_ALU64 | BPF_MOV | BPF_X) && !i->off && holds(h, i->src_reg));
		break;
	case BPF_ALU:
	case BPF_LD:
		set(h, i->dst_reg, false);
		break;
	case BPF_LDX:
		load(h, i);
		break;
	case BPF_ST:
	case BPF_STX:
		store(h, i);
		break;
	default:
		if (BPF_OP(i->code) == BPF_CALL && BPF_CLASS(i->code) == BPF_JMP)
			h->regs &= (uint16_t)~0x3fu;
	}
}

/* ---- all ways through the program ---- */

static void reach(struct walk *w, int64_t to, const struct holds *h)
{
	struct holds *at;

	if (to < 0 || to >= w->n)
		return;
	at = &w->at[to];
	if (at->reached && !(h->regs & ~at->regs) && !(h->slots & ~at->slots))
		return;
	at->regs |= h->regs;
	at->slots |= h->slots;
	at->reached = true;
	if (!at->queued)
		w->queue[w->todo++] = (uint32_t)to;
	at->queued = true;
}

static void jump(struct walk *w, uint32_t at, const struct bpf_insn *i, const struct holds *before, const struct holds *after)
{
	struct holds callee = { .regs = before->regs & 0x3e };

	switch (BPF_OP(i->code)) {
	case BPF_EXIT:
		return;
	case BPF_JA:
		reach(w, (int64_t)at + 1 + (BPF_CLASS(i->code) == BPF_JMP ? i->off : i->imm), after);
		return;
	case BPF_CALL:
		if (i->src_reg == BPF_PSEUDO_CALL)
			reach(w, (int64_t)at + 1 + i->imm, &callee);
		break;
	default:
		reach(w, (int64_t)at + 1 + i->off, after);
	}
	reach(w, (int64_t)at + 1, after);
}

static void go(struct walk *w)
{
	struct holds start = { .regs = 1u << 1 };

	reach(w, 0, &start);
	while (w->todo) {
		uint32_t at = w->queue[--w->todo];
		const struct bpf_insn *i = &w->insns[at];
		struct holds before = w->at[at], after = before;

		w->at[at].queued = false;
		pass(&after, i);
		if (BPF_CLASS(i->code) == BPF_JMP || BPF_CLASS(i->code) == BPF_JMP32)
			jump(w, at, i, &before, &after);
		else
			reach(w, (int64_t)at + (i->code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1), &after);
	}
}

/* ---- the reads ---- */

/* Arithmetic on the context: what is read through the result cannot be told. */
static bool reckons(const struct holds *h, const struct bpf_insn *i)
{
	return BPF_CLASS(i->code) == BPF_ALU64 && i->code != (BPF_ALU64 | BPF_MOV | BPF_X) && BPF_OP(i->code) != BPF_MOV &&
	       (holds(h, i->dst_reg) || (BPF_SRC(i->code) == BPF_X && holds(h, i->src_reg)));
}

static bool change(struct walk *w)
{
	int off;

	for (uint32_t at = 0; at < w->n; at++) {
		struct bpf_insn *i = &w->insns[at];

		if (!w->at[at].reached)
			continue;
		if (reckons(&w->at[at], i))
			return false;
		if (!is_load(i) || !holds(&w->at[at], i->src_reg))
			continue;
		off = bw_ptregs_x86_to_arm64(i->off);
		if (off < 0)
			return false;
		i->off = (int16_t)off;
	}
	return true;
}

int bw_ptregs_translate(struct bpf_insn *insns, uint32_t n)
{
	struct walk w = { .insns = insns, .n = n, .at = calloc(n ? n : 1, sizeof(*w.at)), .queue = calloc(n ? n : 1, sizeof(*w.queue)) };
	int r = w.at && w.queue ? 0 : -ENOMEM;

	if (!r) {
		go(&w);
		r = change(&w) ? 0 : -EOPNOTSUPP;
	}
	free(w.at);
	free(w.queue);
	return r;
}
