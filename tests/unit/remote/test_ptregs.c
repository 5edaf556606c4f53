/* SPDX-License-Identifier: Apache-2.0 */
/* What a bpftrace for x86-64 reads of the context, and what it is made to read on ARM64: by hand, and as clang lays programs out (spills, branches, loops). */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

#include "remote/bpf.h"
#include "tests/unit/check.h"

#define LOAD(size, to, from, at)	{ .code = BPF_LDX | BPF_MEM | (size), .dst_reg = (to), .src_reg = (from), .off = (at) }
#define STORE(to, at, from)		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = (to), .src_reg = (from), .off = (at) }
#define MOVE(to, from)			{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from) }
#define NUMBER(to, n)			{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (n) }
#define ADD(to, n)			{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (to), .imm = (n) }
#define JEQ0(reg, to)			{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (reg), .off = (to) }
#define GO(to)				{ .code = BPF_JMP | BPF_JA, .off = (to) }
#define CALL(helper)			{ .code = BPF_JMP | BPF_CALL, .imm = (helper) }
#define SUBPROGRAM(to)			{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = (to) }
#define EXIT				{ .code = BPF_JMP | BPF_EXIT }

#define DO(insns)			bw_ptregs_translate(insns, sizeof(insns) / sizeof((insns)[0]))

enum { X86_SP = 152, X86_DI = 112, X86_SI = 104, X86_AX = 80, X86_R9 = 64, X86_IP = 128, X86_BP = 32, ARM64_PC = 256 };

TEST("the six arguments, the result and the place become x0 to x5, x0 and pc")
{
	static const int args[] = { 112, 104, 96, 88, 72, 64 };

	for (int i = 0; i < 6; i++)
		CHECK_EQ(bw_ptregs_x86_to_arm64(args[i]), 8 * i);
	CHECK_EQ(bw_ptregs_x86_to_arm64(X86_AX), 0);
	CHECK_EQ(bw_ptregs_x86_to_arm64(X86_IP), ARM64_PC);
	CHECK_EQ(bw_ptregs_x86_to_arm64(X86_SI + 4), 12);
}

TEST("all other registers, and what is outside, have no counterpart")
{
	static const int none[] = { -8, -1, 0, 8, 16, 24, X86_BP, 40, 48, 56, 120, 136, 144, X86_SP, 160, 168, 32767 };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK_EQ(bw_ptregs_x86_to_arm64(none[i]), -1);
}

TEST("reads through the context change, of every width, and through other pointers do not")
{
	struct bpf_insn p[] = {
		MOVE(6, 1), LOAD(BPF_DW, 7, 1, X86_DI), LOAD(BPF_W, 8, 6, X86_SI + 4), LOAD(BPF_B, 2, 6, X86_R9), LOAD(BPF_DW, 3, 7, X86_DI),
		LOAD(BPF_DW, 4, 6, X86_IP), NUMBER(0, 0), EXIT,
	};

	CHECK_EQ(DO(p), 0);
	CHECK_EQ(p[1].off, 0);
	CHECK_EQ(p[2].off, 12);
	CHECK_EQ(p[3].off, 40);
	CHECK_EQ(p[4].off, X86_DI);
	CHECK_EQ(p[5].off, ARM64_PC);
}

TEST("a context that was put on the stack, or through a branch or a loop, is still one; what was put over it is not")
{
	struct bpf_insn p[] = {
		STORE(10, -8, 1), LOAD(BPF_DW, 3, 1, X86_DI), JEQ0(3, 2), CALL(14), GO(1), MOVE(6, 3), LOAD(BPF_DW, 7, 10, -8), LOAD(BPF_DW, 2, 7, X86_SI),
		JEQ0(2, -3), STORE(10, -8, 2), LOAD(BPF_DW, 7, 10, -8), LOAD(BPF_DW, 0, 7, X86_SI), EXIT,
	};

	CHECK_EQ(DO(p), 0);
	CHECK_EQ(p[1].off, 0);
	CHECK_EQ(p[6].off, -8);
	CHECK_EQ(p[7].off, 8);
	CHECK_EQ(p[10].off, -8);
	CHECK_EQ(p[11].off, X86_SI);
}

TEST("a call of a helper takes it from R1 to R5, one of a subprogram gives it there")
{
	struct bpf_insn p[] = {
		MOVE(6, 1), CALL(5), LOAD(BPF_DW, 3, 1, X86_DI), MOVE(2, 6), SUBPROGRAM(2), LOAD(BPF_DW, 0, 6, X86_AX), EXIT, LOAD(BPF_DW, 0, 2, X86_DI), EXIT,
	};

	CHECK_EQ(DO(p), 0);
	CHECK_EQ(p[2].off, X86_DI);
	CHECK_EQ(p[5].off, 0);
	CHECK_EQ(p[7].off, 0);
}

TEST("what has no counterpart is refused: another register, the stack pointer, arithmetic on the context")
{
	struct bpf_insn bp[] = { LOAD(BPF_DW, 0, 1, X86_BP), EXIT }, sp[] = { MOVE(6, 1), LOAD(BPF_DW, 0, 6, X86_SP), EXIT }, sum[] = { ADD(1, 112), EXIT };
	struct bpf_insn not_run[] = { GO(1), LOAD(BPF_DW, 0, 1, X86_SP), NUMBER(0, 0), EXIT };

	CHECK_EQ(DO(bp), -EOPNOTSUPP);
	CHECK_EQ(DO(sp), -EOPNOTSUPP);
	CHECK_EQ(DO(sum), -EOPNOTSUPP);
	CHECK_EQ(DO(not_run), 0);
}

TEST("programs that no kernel takes are gone through all the same")
{
	struct bpf_insn out[] = { JEQ0(1, 300), GO(-30000), SUBPROGRAM(-7), EXIT }, half[] = { { .code = BPF_LD | BPF_IMM | BPF_DW } };
	struct bpf_insn open[] = { MOVE(0, 1), JEQ0(0, 32767), STORE(10, 8, 1), STORE(10, -520, 1), LOAD(BPF_DW, 3, 10, -32768) };
	struct bpf_insn any[64];

	CHECK_EQ(DO(out), 0);
	CHECK_EQ(DO(half), 0);
	CHECK_EQ(DO(open), 0);
	CHECK_EQ(bw_ptregs_translate(NULL, 0), 0);
	srand(1);
	for (int i = 0; i < 20000; i++) {
		for (size_t b = 0; b < sizeof(any); b++)
			((uint8_t *)any)[b] = (uint8_t)rand();
		for (size_t n = 0; n < 64; n++)
			any[n].off = (int16_t)(any[n].off % 64);
		int r = DO(any);
		CHECK(r == 0 || r == -EOPNOTSUPP);
	}
}

int main(void)
{
	return check_done();
}
