// SPDX-License-Identifier: Apache-2.0
/* The check's items against boards that are directories, and against kernels that are an array of answers. */
#include <sys/utsname.h>

#include "daemon/check.h"
#include "protocol/check.h"
#include "tests/unit/daemon/client.h"

static char root[64];
static int answers[BW_PROBE_HRTIMER + 1];
static int loads;			/* what module_load gives */

static int probe(enum bw_probe what) { return answers[what]; }
static int module_load(const char *name) { return name ? loads : -EINVAL; }

static void put(const char *path, const char *text)
{
	char p[512];

	snprintf(p, sizeof(p), "mkdir -p $(dirname %s%s)", root, path);
	if (system(p))
		abort();
	snprintf(p, sizeof(p), "%s%s", root, path);
	if (text) {
		FILE *f = fopen(p, "w");

		fputs(text, f);
		fclose(f);
	} else {
		mkdir(p, 0755);
	}
}

static void end_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	if (*root && system(command))
		abort();
	*root = 0;
}

static void begin_root(void)
{
	end_root();
	strcpy(root, "/tmp/bpfwired-check-XXXXXX");
	if (!mkdtemp(root))
		abort();
	memset(answers, 0, sizeof(answers));
	answers[BW_PROBE_BPF_PROG] = 1;
	loads = -ENOENT;
}

/* A board that has everything. */
static void begin_good(void)
{
	begin_root();
	put("/sys/class/udc/fe980000.usb/function", "");
	put("/sys/kernel/config/usb_gadget", NULL);
	put("/proc/filesystems", "nodev\tconfigfs\nnodev\ttracefs\nnodev\tdebugfs\nnodev\tbpf\n");
	put("/proc/self/mounts", "bpf /sys/fs/bpf bpf rw,nosuid 0 0\n");
	put("/proc/cgroups", "");
	put("/proc/config.gz", "");
	put("/proc/kallsyms", "ffffffc008000000 T _text\nffffffc008010000 T do_exit\n");
	put("/proc/sys/kernel/kptr_restrict", "1\n");
	put("/proc/sys/kernel/perf_event_paranoid", "3\n");
	put("/sys/kernel/tracing/events/sched/sched_switch/id", "");
	put("/sys/kernel/tracing/events/syscalls/sys_enter_openat/id", "");
	put("/sys/kernel/tracing/available_filter_functions", "");
	put("/sys/bus/event_source/devices/kprobe/type", "6\n");
	put("/sys/bus/event_source/devices/uprobe/type", "7\n");
	put("/sys/kernel/btf/vmlinux", "types");
	put("/sys/kernel/kheaders.tar.xz", "");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
}

static struct bw_check_env env(void)
{
	return (struct bw_check_env){ .root = root, .probe = probe, .module_load = module_load };
}

static char text[BW_CHECK_TEXT];

/* Runs the item of that name in e. */
static struct bw_check run_in(const struct bw_check_env *e, const char *name)
{
	struct bw_check c = { .verdict = 99 };

	for (size_t i = 0; i < bw_check_items_count; i++)
		if (!strcmp(bw_check_items[i].name, name))
			bw_check_run(e, &bw_check_items[i], text, &c);
	return c;
}

static struct bw_check run(const char *name)
{
	struct bw_check_env e = env();

	return run_in(&e, name);
}

#define SAYS(what) (strstr(text, what) != NULL)
#define EACH_ITEM(i) (const struct bw_check_item *i = bw_check_items; i < bw_check_items + bw_check_items_count; i++)

TEST("a board that has everything passes every item")
{
	begin_good();
	for EACH_ITEM(i) {
		if (run(i->name).verdict != BW_CHECK_OK)
			printf("# %s: %s\n", i->name, text);
		CHECK_EQ(run(i->name).verdict, BW_CHECK_OK);
		CHECK(*text);
	}
}

TEST("on a kernel that has nothing every item that an option would help names the option and its snippet, and fails if it is needed")
{
	int named = 0;

	begin_root();
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		answers[i] = -ENOSYS;
	for EACH_ITEM(i) {
		struct bw_check c = run(i->name);

		if (!*i->kconfig)
			continue;
		if (c.verdict != (i->needed ? BW_CHECK_FAIL : BW_CHECK_WARN))
			printf("# %s: %s\n", i->name, text);
		CHECK_EQ(c.verdict, i->needed ? BW_CHECK_FAIL : BW_CHECK_WARN);
		CHECK(bw_str_eq(c.kconfig, i->kconfig) && bw_str_eq(c.snippet, i->snippet));
		named++;
	}
	CHECK(named >= 25);
}

TEST("an item that is told by the text alone names no option")
{
	begin_good();
	answers[BW_PROBE_AIO] = -EAGAIN;
	CHECK_EQ(run("aio").verdict, BW_CHECK_FAIL);
	CHECK(!run("aio").kconfig.len && SAYS("aio-max-nr"));
	answers[BW_PROBE_BPF_MAP] = -EPERM;
	CHECK_EQ(run("bpf").verdict, BW_CHECK_FAIL);
	CHECK(!run("bpf").kconfig.len && SAYS("CAP_SYS_ADMIN"));
}

TEST("no controller: dr_mode, the driver and the option; one of another name: the ones there are")
{
	struct bw_check_env e;

	begin_good();
	put("/empty/sys/class/udc", NULL);
	e = env();
	e.udc = "nosuch";
	CHECK_EQ(run_in(&e, "udc").verdict, BW_CHECK_FAIL);
	CHECK(SAYS("fe980000.usb") && SAYS("nosuch"));
	strcat(root, "/empty");
	CHECK_EQ(run("udc").verdict, BW_CHECK_FAIL);
	CHECK(SAYS("dr_mode") && strstr(run("udc").kconfig.p, "CONFIG_USB_GADGET=y"));
	CHECK_EQ(run("udc-free").verdict, BW_CHECK_WARN);
	root[strlen(root) - strlen("/empty")] = 0;
}

TEST("several controllers and no --udc is a warning that lists them; --udc chooses")
{
	struct bw_check_env e;

	begin_good();
	put("/sys/class/udc/ff400000.usb/function", "");
	CHECK_EQ(run("udc").verdict, BW_CHECK_WARN);
	CHECK(SAYS("fe980000.usb, ff400000.usb") && SAYS("--udc"));
	e = env();
	e.udc = "ff400000.usb";
	CHECK_EQ(run_in(&e, "udc").verdict, BW_CHECK_OK);
	CHECK(SAYS("ff400000.usb"));
}

TEST("a controller that another gadget holds fails, with its name; one that bpfwire holds is well")
{
	begin_good();
	put("/sys/kernel/config/usb_gadget/g1/UDC", "fe980000.usb\n");
	put("/sys/kernel/config/usb_gadget/g1/functions/acm.usb0", NULL);
	CHECK_EQ(run("udc-free").verdict, BW_CHECK_FAIL);
	CHECK(SAYS("'g1'"));
	put("/sys/kernel/config/usb_gadget/g1/functions/ffs.bpfwire", NULL);
	CHECK_EQ(run("udc-free").verdict, BW_CHECK_OK);
	CHECK(SAYS("serves bpfwire"));
}

TEST("a controller that a gadget driver of old holds fails, with its name")
{
	begin_good();
	put("/sys/class/udc/fe980000.usb/function", "g_serial\n");
	CHECK_EQ(run("udc-free").verdict, BW_CHECK_FAIL);
	CHECK(SAYS("g_serial"));
}

TEST("a module that is there and does not load is told from a kernel without it")
{
	char path[512];
	struct utsname u;

	uname(&u);
	begin_root();
	answers[BW_PROBE_FUNCTIONFS] = -ENOENT;
	CHECK(run("libcomposite").kconfig.len);
	snprintf(path, sizeof(path), "/lib/modules/%.100s/modules.dep", u.release);
	put(path, "kernel/drivers/usb/gadget/libcomposite.ko: a.ko\nkernel/f/usb_f_fs.ko.xz: kernel/drivers/usb/gadget/libcomposite.ko\n");
	CHECK_EQ(run("libcomposite").verdict, BW_CHECK_FAIL);
	CHECK(!run("libcomposite").kconfig.len && SAYS("does not load"));
	put("/sys/kernel/config/usb_gadget", NULL);
	CHECK_EQ(run("functionfs").verdict, BW_CHECK_FAIL);
	CHECK(!run("functionfs").kconfig.len && SAYS("does not load"));
}

TEST("FunctionFS in use is not tried")
{
	begin_good();
	answers[BW_PROBE_FUNCTIONFS] = -EBUSY;
	CHECK_EQ(run("functionfs").verdict, BW_CHECK_FAIL);
	put("/proc/filesystems", "nodev\tfunctionfs\n");
	CHECK_EQ(run("functionfs").verdict, BW_CHECK_OK);
}

TEST("a client that came by another pipe than USB does not read that its board fails for USB's sake")
{
	struct bw_check_env e;

	begin_root();
	answers[BW_PROBE_AIO] = -ENOSYS;
	e = env();
	e.session = true;
	for EACH_ITEM(i)
		CHECK(!i->usb || run_in(&e, i->name).verdict != BW_CHECK_FAIL);
	CHECK_EQ(run_in(&e, "kprobes").verdict, BW_CHECK_FAIL);
}

TEST("addresses of zero are a warning with the sysctl that shows them")
{
	begin_good();
	put("/proc/kallsyms", "0000000000000000 T _text\n");
	put("/proc/sys/kernel/kptr_restrict", "2\n");
	CHECK_EQ(run("kptr_restrict").verdict, BW_CHECK_WARN);
	CHECK(SAYS("2 hides") && SAYS("sysctl kernel.kptr_restrict=1"));
	CHECK_EQ(run("kallsyms").verdict, BW_CHECK_OK);
}

TEST("perf_event_paranoid counts where it binds this process")
{
	begin_good();
	CHECK_EQ(run("perf_event_paranoid").verdict, BW_CHECK_OK);
	CHECK(SAYS("3, which does not bind root"));
	answers[BW_PROBE_PERF] = -EACCES;
	CHECK_EQ(run("perf_event_paranoid").verdict, BW_CHECK_WARN);
	CHECK(SAYS("sysctl kernel.perf_event_paranoid=2"));
	CHECK_EQ(run("perf").verdict, BW_CHECK_FAIL);
}

TEST("lockdown: integrity is a warning, confidentiality a failure with the way out")
{
	begin_good();
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	CHECK_EQ(run("lockdown").verdict, BW_CHECK_WARN);
	put("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
	CHECK_EQ(run("lockdown").verdict, BW_CHECK_FAIL);
	CHECK(SAYS("lockdown=none"));
}

TEST("a JIT that is switched off is told from one that is not there")
{
	begin_good();
	answers[BW_PROBE_BPF_PROG] = 0;
	CHECK_EQ(run("bpf-jit").verdict, BW_CHECK_WARN);
	CHECK(bw_str_eq(run("bpf-jit").kconfig, "CONFIG_BPF_JIT=y"));
	put("/proc/sys/net/core/bpf_jit_enable", "0\n");
	CHECK(!run("bpf-jit").kconfig.len && SAYS("bpf_jit_enable=1"));
	CHECK_EQ(run("bpf-events").verdict, BW_CHECK_OK);
}

TEST("kernels before 4.17 have kprobes without a PMU")
{
	begin_good();
	put("/sys/kernel/tracing/kprobe_events", "");
	answers[BW_PROBE_KPROBE] = -EPERM;
	CHECK_EQ(run("kprobes").verdict, BW_CHECK_FAIL);
	CHECK(SAYS("lockdown"));
	snprintf(text, sizeof(text), "%s/sys/bus/event_source/devices/kprobe/type", root);
	unlink(text);
	CHECK_EQ(run("kprobes").verdict, BW_CHECK_OK);
	CHECK(SAYS("kprobe_events"));
	end_root();
}

/* ---- the table, the lines, the wire ---- */

TEST("names of items are one word each, no two the same, and all are in the manual")
{
	char *man = NULL;
	size_t len;

	bw_read_file("docs/bpfwired.8", 1 << 20, &man, &len);
	for EACH_ITEM(i) {
		CHECK_EQ(strspn(i->name, "abcdefghijklmnopqrstuvwxyz_-."), strlen(i->name));
		for (const struct bw_check_item *j = bw_check_items; j < i; j++)
			CHECK(strcmp(i->name, j->name));
		if (man && !strstr(man, i->name))
			printf("# %s\n", i->name);
		CHECK(!man || strstr(man, i->name));
	}
	free(man);
}

static struct bw_str str(const char *s) { return (struct bw_str){ s, (uint32_t)strlen(s) }; }

static const char *printed(const struct bw_check *c, struct bw_check_sum *sum)
{
	static char out[1024];
	FILE *f;

	memset(out, 0, sizeof(out));
	f = fmemopen(out, sizeof(out) - 1, "w");
	if (c)
		bw_check_print(f, c, sum);
	else
		bw_check_print_sum(f, "who", sum);
	fclose(f);
	return out;
}

TEST("a line is verdict, item, text and fix, and shows no control characters of a board")
{
	struct bw_check c = { .verdict = BW_CHECK_FAIL, .item = str("kprobes"), .text = str("none"), .kconfig = str("CONFIG_KPROBES=y"),
			      .snippet = str("tracing.config") };
	struct bw_check_sum sum = { 0 };

	CHECK(!strcmp(printed(&c, &sum), "FAIL kprobes: none; build the kernel with CONFIG_KPROBES=y (Kconfig-snippets/tracing.config)\n"));
	c = (struct bw_check){ .item = str("a\n"), .text = str("\033[2Jb") };
	CHECK(!strcmp(printed(&c, &sum), "ok   a?: ?[2Jb\n"));
	c.verdict = BW_CHECK_WARN;
	CHECK(!strncmp(printed(&c, &sum), "warn a?: ", 9));
	CHECK(!strcmp(printed(NULL, &sum), "who: 1 ok, 1 warning, 1 failed: the main job cannot run\n"));
	sum.count[BW_CHECK_FAIL] = 0;
	CHECK(!strcmp(printed(NULL, &sum), "who: 1 ok, 1 warning, 0 failed: the main job can run, some tools cannot\n"));
}

TEST("a client is answered with every item in order, and nothing it was answered is left open")
{
	struct bw_buf none = { 0 };
	struct bw_reader r;
	struct bw_check c;
	struct client cl;

	daemon_start(&cl);
	CHECK_EQ(session_open(&cl, 1), 0);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(call(&cl, 1, BW_MSG_CHECK, &none), 0);
		bw_reader_init(&r, cl.reply.data, cl.reply.len);
		for EACH_ITEM(i) {
			CHECK_EQ(bw_get_check(&r, &c), 0);
			CHECK(bw_str_eq(c.item, i->name) && c.text.len);
		}
		CHECK_EQ(r.left, 0);
	}
	bw_put_u8(&none, 1);
	CHECK_EQ(call(&cl, 1, BW_MSG_CHECK, &none), -ENOTCONN);	/* it is malformed */
	CHECK_EQ(daemon_stop(&cl), 0);
}

int main(void)
{
	return check_done();
}
