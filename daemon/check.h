/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bpfwired --check` and the message CHECK: each part of the job, whether this kernel can do it, and if not what to do. One table row an item
 * (check.c), one function a row (check_usb.c, check_bpf.c, check_trace.c, check_names.c). Nothing is changed on the board, but that modules are loaded.
 */
#ifndef BW_DAEMON_CHECK_H
#define BW_DAEMON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/msg.h"

#define BW_CHECK_TEXT 512

/* What is tried rather than read about. */
enum bw_probe {
	BW_PROBE_AIO,		/* io_setup(2) */
	BW_PROBE_EVENTFD,
	BW_PROBE_EPOLL,
	BW_PROBE_TIMER,		/* timer_create(2) */
	BW_PROBE_FLOCK,
	BW_PROBE_FUNCTIONFS,	/* an instance of FunctionFS in a gadget that is bound to nothing, and is removed again */
	BW_PROBE_BPF_MAP,	/* an array of one entry */
	BW_PROBE_BPF_PROG,	/* a kprobe program of two instructions; 1: it was compiled, 0: it is interpreted */
	BW_PROBE_PERF,		/* a software event of this process, never enabled */
	BW_PROBE_KPROBE,	/* a kprobe on a function that each kernel has, never enabled */
	BW_PROBE_HRTIMER,	/* clock_getres(2): 0, or -ENOSYS where it is not one nanosecond */
};

/* Where to look, replaced by the tests. */
struct bw_check_env {
	const char *root;				/* stands for /; "" */
	const char *udc;				/* --udc, or NULL */
	bool session;					/* a client asks, over the cable or another pipe: the link evidently works */
	int (*probe)(enum bw_probe what);		/* >= 0 or -errno; -ENOSYS and its kind: the kernel has none */
	int (*module_load)(const char *name);		/* bw_module_load */
};

enum bw_finding {
	BW_FOUND,	/* ok */
	BW_POOR,	/* a warning; the text has the fix, no option is missing */
	BW_WRONG,	/* as bad as LACKS, but no option is missing */
	BW_LACKS,	/* the kernel was built without: a failure where the item is needed, else a warning */
};

struct bw_check_item {
	const char *name;
	bool needed;		/* the main job cannot run without */
	bool usb;		/* not looked at critically when a session asks */
	enum bw_finding (*run)(const struct bw_check_env *e, char *text, size_t size);	/* text: what there is, or is not */
	const char *kconfig;	/* lines, or "" */
	const char *snippet;	/* their file in Kconfig-snippets/, or "" */
};

extern const struct bw_check_item bw_check_items[];
extern const size_t bw_check_items_count;

/* The environment of this machine. */
struct bw_check_env bw_check_env_real(bool session);
/* One item; the strings of *out point into text and the table. */
void bw_check_run(const struct bw_check_env *e, const struct bw_check_item *i, char text[BW_CHECK_TEXT], struct bw_check *out);
/* All items and the sum to stdout, after mounting what is missing. Returns the exit status. */
int bw_check_main(const char *udc);

int bw_check_probe(enum bw_probe what);

/* ---- what the items share (check_names.c) ---- */

/* Formats into text; returns f. */
enum bw_finding bw_found(enum bw_finding f, char *text, size_t size, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
bool bw_check_exists(const struct bw_check_env *e, const char *path);
/* The first line of a file below root, or "" */
void bw_check_line(const struct bw_check_env *e, const char *path, char *line, size_t size);
/* Whether a line of a file below root contains word. */
bool bw_check_has(const struct bw_check_env *e, const char *path, const char *word);
/* Whether /lib/modules of this kernel has the module, by modules.dep. */
bool bw_check_has_module(const struct bw_check_env *e, const char *name);

#define BW_ITEM(fn) enum bw_finding bw_check_##fn(const struct bw_check_env *e __attribute__((unused)), char *text, size_t size)

BW_ITEM(udc);
BW_ITEM(udc_free);
BW_ITEM(configfs);
BW_ITEM(libcomposite);
BW_ITEM(functionfs);
BW_ITEM(aio);
BW_ITEM(eventfd);
BW_ITEM(epoll);
BW_ITEM(timers);
BW_ITEM(locks);
BW_ITEM(bpf);
BW_ITEM(bpf_jit);
BW_ITEM(bpf_events);
BW_ITEM(bpffs);
BW_ITEM(perf);
BW_ITEM(tracefs);
BW_ITEM(tracepoints);
BW_ITEM(syscalls);
BW_ITEM(kprobes);
BW_ITEM(uprobes);
BW_ITEM(functions);
BW_ITEM(hrtimers);
BW_ITEM(debugfs);
BW_ITEM(btf);
BW_ITEM(kheaders);
BW_ITEM(ikconfig);
BW_ITEM(cgroups);
BW_ITEM(kallsyms);
BW_ITEM(kptr_restrict);
BW_ITEM(perf_event_paranoid);
BW_ITEM(lockdown);

#endif
