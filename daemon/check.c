// SPDX-License-Identifier: Apache-2.0
#include "daemon/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gadget/gadget.h"
#include "gadget/module.h"
#include "protocol/check.h"
#include "protocol/log.h"

#define NEEDED	true
#define OPTION	false
#define USB	true
#define ANY	false

/* Every option here is in the snippet it names, and in the kernel's own Kconfig: tests/kconfig-walk. */
const struct bw_check_item bw_check_items[] = {
	{ "udc", NEEDED, USB, bw_check_udc, "CONFIG_USB_SUPPORT=y CONFIG_USB_GADGET=y", "gadget.config" },
	{ "udc-free", NEEDED, USB, bw_check_udc_free, "", "" },
	{ "configfs", NEEDED, USB, bw_check_configfs, "CONFIG_CONFIGFS_FS=y", "gadget.config" },
	{ "libcomposite", NEEDED, USB, bw_check_libcomposite, "CONFIG_USB_CONFIGFS=y", "gadget.config" },
	{ "functionfs", NEEDED, USB, bw_check_functionfs, "CONFIG_USB_CONFIGFS_F_FS=y", "gadget.config" },
	{ "aio", NEEDED, USB, bw_check_aio, "CONFIG_AIO=y", "gadget.config" },
	{ "eventfd", NEEDED, USB, bw_check_eventfd, "CONFIG_EVENTFD=y", "gadget.config" },
	{ "epoll", NEEDED, ANY, bw_check_epoll, "CONFIG_EPOLL=y", "gadget.config" },
	{ "timers", NEEDED, USB, bw_check_timers, "CONFIG_POSIX_TIMERS=y", "gadget.config" },
	{ "file-locks", NEEDED, USB, bw_check_locks, "CONFIG_FILE_LOCKING=y", "gadget.config" },

	{ "bpf", NEEDED, ANY, bw_check_bpf, "CONFIG_BPF_SYSCALL=y", "bpf.config" },
	{ "bpf-events", NEEDED, ANY, bw_check_bpf_events, "CONFIG_BPF_EVENTS=y", "bpf.config" },
	{ "bpf-jit", OPTION, ANY, bw_check_bpf_jit, "CONFIG_BPF_JIT=y", "bpf.config" },
	{ "bpffs", OPTION, ANY, bw_check_bpffs, "CONFIG_BPF_SYSCALL=y", "bpf.config" },
	{ "perf", NEEDED, ANY, bw_check_perf, "CONFIG_PERF_EVENTS=y", "bpf.config" },
	{ "cgroups", OPTION, ANY, bw_check_cgroups, "CONFIG_CGROUPS=y", "bpf.config" },

	{ "tracefs", NEEDED, ANY, bw_check_tracefs, "CONFIG_FTRACE=y", "tracing.config" },
	{ "tracepoints", NEEDED, ANY, bw_check_tracepoints, "CONFIG_FTRACE=y", "tracing.config" },
	{ "syscall-tracepoints", OPTION, ANY, bw_check_syscalls, "CONFIG_FTRACE_SYSCALLS=y", "tracing.config" },
	{ "kprobes", NEEDED, ANY, bw_check_kprobes, "CONFIG_KPROBES=y CONFIG_KPROBE_EVENTS=y", "tracing.config" },
	{ "uprobes", OPTION, ANY, bw_check_uprobes, "CONFIG_UPROBES=y CONFIG_UPROBE_EVENTS=y", "tracing.config" },
	{ "functions", OPTION, ANY, bw_check_functions, "CONFIG_FUNCTION_TRACER=y CONFIG_DYNAMIC_FTRACE=y", "tracing.config" },
	{ "debugfs", OPTION, ANY, bw_check_debugfs, "CONFIG_DEBUG_FS=y", "tracing.config" },
	{ "hrtimers", OPTION, ANY, bw_check_hrtimers, "CONFIG_HIGH_RES_TIMERS=y", "tracing.config" },
	{ "kallsyms", NEEDED, ANY, bw_check_kallsyms, "CONFIG_KALLSYMS=y", "tracing.config" },
	{ "kptr_restrict", OPTION, ANY, bw_check_kptr_restrict, "", "" },
	{ "perf_event_paranoid", OPTION, ANY, bw_check_perf_event_paranoid, "", "" },
	{ "lockdown", NEEDED, ANY, bw_check_lockdown, "", "" },

	{ "btf", OPTION, ANY, bw_check_btf, "CONFIG_DEBUG_INFO_BTF=y", "btf.config" },
	{ "kheaders", OPTION, ANY, bw_check_kheaders, "CONFIG_IKHEADERS=m", "headers.config" },
	{ "config.gz", OPTION, ANY, bw_check_ikconfig, "CONFIG_IKCONFIG=y CONFIG_IKCONFIG_PROC=y", "headers.config" },
};
const size_t bw_check_items_count = sizeof(bw_check_items) / sizeof(bw_check_items[0]);

/* A client's question loads nothing. */
static int no_module_load(const char *name __attribute__((unused))) { return -ENOENT; }

struct bw_check_env bw_check_env_real(bool session)
{
	return (struct bw_check_env){ .root = "", .session = session, .probe = bw_check_probe,
				      .module_load = session ? no_module_load : bw_module_load };
}

static enum bw_verdict verdict(const struct bw_check_env *e, const struct bw_check_item *i, enum bw_finding f)
{
	switch (f) {
	case BW_FOUND:
		return BW_CHECK_OK;
	case BW_POOR:
		return BW_CHECK_WARN;
	case BW_WRONG:
	case BW_LACKS:
		/* A board that is reached by another pipe need not have USB. */
		return i->needed && !(i->usb && e->session) ? BW_CHECK_FAIL : BW_CHECK_WARN;
	}
	return BW_CHECK_FAIL;
}

static struct bw_str str(const char *s) { return (struct bw_str){ s, (uint32_t)strlen(s) }; }

void bw_check_run(const struct bw_check_env *e, const struct bw_check_item *i, char text[BW_CHECK_TEXT], struct bw_check *out)
{
	enum bw_finding f;

	*text = 0;
	f = i->run(e, text, BW_CHECK_TEXT);
	*out = (struct bw_check){ .verdict = verdict(e, i, f), .item = str(i->name), .text = str(text),
				  .kconfig = str(f == BW_LACKS ? i->kconfig : ""), .snippet = str(f == BW_LACKS ? i->snippet : "") };
}

int bw_check_main(const char *udc)
{
	struct bw_check_env e = bw_check_env_real(false);
	struct bw_check_sum sum = { 0 };
	char text[BW_CHECK_TEXT], err[BW_GADGET_ERR];

	e.udc = udc;
	bw_log_init("bpfwired", BW_LOG_ERROR);
	bw_mounts_prepare(true, err, sizeof(err));	/* what is missing then is told by its item */
	for (size_t i = 0; i < bw_check_items_count; i++) {
		struct bw_check c;

		bw_check_run(&e, &bw_check_items[i], text, &c);
		bw_check_print(stdout, &c, &sum);
		fflush(stdout);
	}
	return bw_check_print_sum(stdout, "bpfwired", &sum);
}
