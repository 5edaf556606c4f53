/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf(2), row by row: every command, as it succeeds and as it fails. Prints what came back in a form that is the same wherever it is run: on the board
 * itself, or elsewhere under `bpfwire run`. What cannot be the same (ids, times, addresses) is printed as '*'.
 */
#ifndef BW_TESTS_BPF_ROWS_H
#define BW_TESTS_BPF_ROWS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PTR(p)		((uint64_t)(uintptr_t)(p))
#define BAD_PTR		8ull			/* in the page that nobody has */
#define ATTR(...)	((union bpf_attr){ __VA_ARGS__ })
#define FIELD(f)	offsetof(union bpf_attr, f)
#define COUNT(x)	(sizeof(x) / sizeof(*(x)))

/* Instructions. */
#define INSN(c, d, s, o, i)	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_IMM(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LD_FD(d, kind, fd)	INSN(BPF_LD | BPF_DW | BPF_IMM, d, kind, 0, fd), INSN(0, 0, 0, 0, 0)
#define LDX(sz, d, s, o)	INSN(BPF_LDX | (sz) | BPF_MEM, d, s, o, 0)
#define STX(sz, d, s, o)	INSN(BPF_STX | (sz) | BPF_MEM, d, s, o, 0)
#define ST(sz, d, o, i)	INSN(BPF_ST | (sz) | BPF_MEM, d, 0, o, i)
#define JEQ(d, i, o)	INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define CALL(i)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, i)
#define EXIT		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

extern unsigned int ncpus;			/* possible ones */
extern int section_failed;

/* Words (of 4 bytes) of the attr whose contents are not to be compared, until the next call. */
void mask(size_t off);
/* Does it, prints 'NAME: result, changes of the attr'. A descriptor is printed as such. */
long row(const char *name, int cmd, union bpf_attr *attr, size_t size);
long row_fd(const char *name, int cmd, union bpf_attr *attr, size_t size);
long quiet(int cmd, union bpf_attr *attr, size_t size);
void dump(const char *name, const void *p, size_t len);
uint64_t sum(const uint8_t *p, size_t len);	/* for what is too long to dump */
void info_row(const char *name, int fd, void *info, uint32_t len);	/* BPF_OBJ_GET_INFO_BY_FD */
/* One that must work for what follows to mean anything: ends the section else. */
#define NEED(fd) do { if ((fd) < 0) { printf("(the rest of this section needs what failed: %s)\n", strerror(errno)); return; } } while (0)

int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags);
int load(uint32_t type, uint32_t attach, const struct bpf_insn *insns, size_t n);
#define LOAD(type, attach, ...) ({ struct bpf_insn i_[] = { __VA_ARGS__ }; load(type, attach, i_, COUNT(i_)); })
int load_btf(void);				/* a small BTF: see bpf-rows-btf.c */

/* vmlinux's BTF. 0: no such type. */
uint32_t vmlinux_type(const char *name, uint32_t kind);
uint32_t vmlinux_size(uint32_t id);
/* Index of a member of struct id, and its offset in bytes; -1. */
int vmlinux_member(uint32_t id, const char *name, uint32_t *off, uint32_t *type);

void maps_section(void);
void elements_section(void);
void containers_section(void);
void prog_section(void);
void run_section(void);
void pin_section(void);
void info_section(void);
void cgroup_section(void);
void btf_section(void);
void link_section(void);
void iter_section(void);
void struct_ops_section(void);
void mmap_section(void);
void perf_types_section(void);
void perf_probes_section(void);
void perf_wrong_section(void);
void perf_reads_section(void);
void perf_ioctls_section(void);
void other_section(void);

#endif
