/* SPDX-License-Identifier: Apache-2.0 */
/* bpf(2) inside: bpf_args.c gathers what travels, bpf_result.c gives back what came, bpf.c is the call and the objects. */
#ifndef BW_REMOTE_BPF_H
#define BW_REMOTE_BPF_H

#include <limits.h>
#include <linux/bpf.h>

#include "protocol/bpfattr.h"
#include "remote/remote.h"

/* A pointer of the tool that travels as a buffer. */
struct bw_bpf_arg {
	uint16_t where;			/* as in struct bw_bpf_buf */
	uint8_t dir;			/* enum bw_buf_dir */
	uint32_t len;
	void *user;
	uint8_t *data;			/* IN, INOUT: a copy, owned */
};

struct bw_bpf_request {
	const struct bw_bpf_cmd *row;
	uint32_t size;			/* of the attr, as it travels */
	uint8_t given[BW_BPF_ATTR_MAX];	/* as the tool gave it */
	uint8_t attr[BW_BPF_ATTR_MAX];	/* as it travels: handles, no pointers */
	void *user_attr;
	uint32_t own_pid;		/* TASK_FD_QUERY: what the tool gave as pid */
	bool pid_changed;		/* another travels */
	struct bw_map_info map;		/* of the map that the command is about */
	bool has_map;
	enum bw_object object;		/* OBJ_GET_INFO_BY_FD: of what */
	uint8_t *info;			/* OBJ_GET_INFO_BY_FD: as the tool gave it, owned; else NULL */
	uint32_t info_len;
	unsigned int nargs;
	struct bw_bpf_arg args[BW_BPF_BUFS_MAX];
};

/* 0 or the errno that the kernel would give. Always to be followed by bw_bpf_request_free. */
int bw_bpf_request_gather(struct bw_bpf_request *q, uint32_t cmd, void *attr, uint32_t size);
void bw_bpf_request_free(struct bw_bpf_request *q);
void bw_bpf_request_put(struct bw_buf *b, const struct bw_bpf_request *q);	/* the message */
/* Copies out what the reply brings. -EFAULT if the tool's memory is not there. */
int bw_bpf_result(const struct bw_bpf_request *q, const struct bw_bpf_reply *p);

/*
 * bpftrace.c: what is to be done to a program before it is loaded, if bpftrace loads it. 0, or a negative errno, -EOPNOTSUPP after one line that says why;
 * the instructions are of no use then.
 */
int bw_bpftrace_load(uint32_t prog_type, struct bpf_insn *insns, uint32_t n);

/*
 * ptregs.c: a program for kprobes that was made for x86-64 reads ARM64's registers. -EOPNOTSUPP: it reads one that has no counterpart. off: in bytes in
 * struct pt_regs; -1 likewise.
 */
int bw_ptregs_translate(struct bpf_insn *insns, uint32_t n);
int bw_ptregs_x86_to_arm64(int off);

/*
 * ahead.c: the answer to a command about an element of a map if it was read ahead, else BW_AHEAD_ASK. (A result of bpf(2) otherwise.)
 */
#define BW_AHEAD_ASK	LONG_MIN
#define BW_AHEAD_POST	(LONG_MIN + 1)	/* send it and do not wait: it will be 0 */
long bw_ahead_answer(unsigned int cmd, void *attr, unsigned int size);
void bw_ahead_done(unsigned int cmd, int map_fd);	/* the board did what it was asked: DELETE_ELEM, UPDATE_ELEM */

/* array.c: the same for arrays (bw_ahead_answer asks it). attr has its first 32 bytes. */
bool bw_array_has(const struct bw_map_info *m);
long bw_array_answer(unsigned int cmd, const union bpf_attr *attr, const struct bw_placeholder *o);
void bw_array_updated(const struct bw_placeholder *o);
void bw_array_forget(void);

/* stacks.c: the same for stack maps. */
bool bw_stacks_has(const struct bw_map_info *m);
long bw_stacks_answer(unsigned int cmd, const union bpf_attr *attr, const struct bw_placeholder *o);
/*
 * ahead.c: of the entries that were read ahead last, the distinct u32 below limit at each place (aligned, in key or short value) where some entry
 * has `word`; word is the first. How many, at most max; 0: there is no such place.
 */
uint32_t bw_ahead_words(uint32_t word, uint32_t limit, uint32_t *out, uint32_t max);

/* probes.c: the reply to a load that was sent ahead, to be freed; false: not one of these. Called for every command. */
bool bw_probe_answer(const struct bw_bpf_request *q, struct bw_reply *reply);

/* Value of an element, value_size bytes (per-CPU maps: all of it). */
int bw_map_lookup(struct bw_placeholder *o, const void *key, void *value);
void *bw_map_mmap(struct bw_placeholder *o, int fd, void *addr, size_t len, int prot, int flags, int64_t offset);
/*
 * map_mmap.c: to be called before something on the board may look at what the tool wrote into a mapped map, and after it may have written there. Any
 * thread but the receiving one; errno stays. One load where no map is mapped. at_once: else only if the last time is some milliseconds ago.
 */
void bw_maps_push(void);
void bw_maps_pull(bool at_once);
extern atomic_int bw_mapped_maps;
/* read(2) by a message; for the objects that can be read. */
ssize_t bw_handle_read(struct bw_placeholder *o, void *buf, size_t len, int64_t offset);

#endif
