// SPDX-License-Identifier: Apache-2.0
/*
 * Who and where the program believes to be. Only the BPF front end is told that it is root on the board: its children (a compiler, dpkg, a
 * pager) run here and must know it.
 */
#include <dlfcn.h>
#include <link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "remote/files.h"

/* ---- front ends ---- */

static atomic_int front_end;		/* 1 yes; what is not yes is asked again when another library was loaded */
static _Atomic unsigned long long libraries_seen;

void bw_front_end_now(void)
{
	atomic_store(&front_end, 1);
}

static int look_at_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *base = strrchr(info->dlpi_name, '/');

	(void)size;
	base = base ? base + 1 : info->dlpi_name;
	if (!strncmp(base, "libbcc", 6) || !strncmp(base, "libbpf.so", 9))
		*(bool *)arg = true;
	return *(bool *)arg;
}

static int count_libraries(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(unsigned long long *)arg = info->dlpi_adds;
	return 1;
}

static bool has_bpf_library(void)
{
	unsigned long long adds = 0;
	bool found = false;

	dl_iterate_phdr(count_libraries, &adds);
	if (adds == atomic_load(&libraries_seen))
		return false;
	dl_iterate_phdr(look_at_library, &found);
	atomic_store(&libraries_seen, adds);
	return found;
}

/* Where libbcc's code lies, 0 before it was found: it is never unloaded. */
static atomic_uintptr_t libbcc_from, libbcc_to;

static int look_for_libbcc(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *base = strrchr(info->dlpi_name, '/');
	size_t i;

	(void)size;
	(void)arg;
	if (strncmp(base ? base + 1 : info->dlpi_name, "libbcc.so", 9))
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
			atomic_store(&libbcc_to, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz);
			atomic_store(&libbcc_from, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		}
	return 1;
}

bool bw_has_libbcc(void)
{
	static atomic_ullong seen;
	unsigned long long adds = 0;

	if (atomic_load(&libbcc_from))
		return true;
	dl_iterate_phdr(count_libraries, &adds);
	if (adds != atomic_load(&seen)) {
		dl_iterate_phdr(look_for_libbcc, NULL);
		atomic_store(&seen, adds);
	}
	return atomic_load(&libbcc_from);
}

/* Every open(2) asks: so by glibc's table for unwinders, which takes no lock. */
static bool is_libbcc(const void *code)
{
#if __GLIBC_PREREQ(2, 35)
	struct dl_find_object o;
	const char *base;

	if (!atomic_load_explicit(&libbcc_from, memory_order_relaxed)) {
		if (_dl_find_object((void *)(uintptr_t)code, &o))
			return false;
		base = strrchr(o.dlfo_link_map->l_name, '/');
		if (!base || strncmp(base + 1, "libbcc.so", 9))
			return false;
	}
#endif
	return bw_has_libbcc() && (uintptr_t)code >= atomic_load(&libbcc_from) && (uintptr_t)code < atomic_load(&libbcc_to);
}

bool bw_is_bpftrace(void)
{
	static atomic_int known;		/* 1 no, 2 yes */
	char exe[BW_PATH_MAX + 1];
	const char *name;
	ssize_t n;

	if (!atomic_load_explicit(&known, memory_order_relaxed)) {
		n = BW_REAL(readlink)("/proc/self/exe", exe, sizeof(exe) - 1);
		exe[n > 0 ? n : 0] = 0;
		name = strrchr(exe, '/');
		atomic_store(&known, name && !strncmp(name + 1, "bpftrace", 8) ? 2 : 1);
	}
	return atomic_load_explicit(&known, memory_order_relaxed) == 2;
}

/* bpftrace has that part of libbcc in itself or in libbcc_bpf.so, and asks about files through std::filesystem as well. */
static bool is_bpftraces(const void *code)
{
	Dl_info i;
	const char *base;

	if (!dladdr(code, &i) || !i.dli_fname)
		return false;
	base = strrchr(i.dli_fname, '/');
	base = base ? base + 1 : i.dli_fname;
	return !strncmp(base, "bpftrace", 8) || !strncmp(base, "libbcc", 6) || !strncmp(base, "libstdc++.so", 12);
}

bool bw_opens_objects(const void *code)
{
	return bw_is_bpftrace() ? is_bpftraces(code) : is_libbcc(code);
}

bool bw_in_python_bcc(void)
{
	static atomic_bool found;

	if (!atomic_load_explicit(&found, memory_order_relaxed) && bw_has_libbcc() && BW_REAL(dlsym)(RTLD_DEFAULT, "Py_GetVersion"))
		atomic_store(&found, true);
	return atomic_load_explicit(&found, memory_order_relaxed);
}

bool bw_is_front_end(void)
{
	const char *pid;

	if (atomic_load_explicit(&front_end, memory_order_relaxed))
		return true;
	pid = getenv("BPFWIRE_MAIN");
	if ((!pid || atoi(pid) != bw_getpid()) && !has_bpf_library())
		return false;
	bw_front_end_now();
	return true;
}

/* The board's facts for a front end; NULL: libc answers. */
static const struct bw_board *spoofed(void)
{
	return bw_active() && bw_is_front_end() && !bw_conn_ready() ? bw_board() : NULL;
}

/* ---- uname, ids ---- */

BW_EXPORT int uname(struct utsname *u)
{
	const struct bw_board *b = spoofed();
	int r = BW_REAL(uname)(u);

	if (r || !b)
		return r;
#define FIELD(f) snprintf(u->f, sizeof(u->f), "%s", b->f)
	FIELD(sysname);
	FIELD(nodename);
	FIELD(release);
	FIELD(version);
	FIELD(machine);
#undef FIELD
	return 0;
}

/* No connection for these two: programs ask before anything else, and the daemon is root. */
BW_EXPORT uid_t getuid(void)
{
	return bw_active() && bw_is_front_end() ? 0 : BW_REAL(getuid)();
}

BW_EXPORT uid_t geteuid(void)
{
	return bw_active() && bw_is_front_end() ? 0 : BW_REAL(geteuid)();
}

/* ---- capabilities ---- */

#define ALL_LOW		0xffffffffu
#define ALL_HIGH	((1u << (CAP_CHECKPOINT_RESTORE - 32 + 1)) - 1)

static bool about_board(const struct __user_cap_header_struct *h)
{
	return bw_active() && bw_is_front_end() && (!h->pid || h->pid == bw_getpid());
}

/* How many of the two structures, with 32 capabilities each, this version has. */
static unsigned int cap_words(const struct __user_cap_header_struct *h)
{
	return h->version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
}

/* What the session on the board can do, which is root's. */
BW_EXPORT int capget(cap_user_header_t h, cap_user_data_t d)
{
	int r = BW_REAL(capget)(h, d);

	if (r || !d || !about_board(h))
		return r;
	d[0].effective = d[0].permitted = ALL_LOW;
	if (cap_words(h) == 2)
		d[1].effective = d[1].permitted = ALL_HIGH;
	return 0;
}

/* To go on with fewer would be to go on with all of them, on the board: what a tool then found out would be wrong. */
BW_EXPORT int capset(cap_user_header_t h, const cap_user_data_t d)
{
	static atomic_bool said;

	if (!h || !d || !about_board(h))
		return BW_REAL(capset)(h, d);
	if (d[0].effective == ALL_LOW && (cap_words(h) == 1 || d[1].effective == ALL_HIGH))
		return 0;
	if (!atomic_exchange(&said, true))
		bw_say("the tool asks to go on without root's capabilities, which its session on the board would keep: refused; see what an unprivileged user "
		       "can do there on the board itself");
	return bw_ret(-EPERM);
}

/* ---- CPUs ---- */

BW_EXPORT BW_UNSANITIZED long sysconf(int name)
{
	const struct bw_board *b = name == _SC_NPROCESSORS_CONF || name == _SC_NPROCESSORS_ONLN ? spoofed() : NULL;

	if (b)
		return (long)(name == _SC_NPROCESSORS_CONF ? b->ncpus_possible : b->ncpus_online);
	return BW_REAL(sysconf)(name);
}

BW_EXPORT int get_nprocs(void)
{
	const struct bw_board *b = spoofed();

	return b ? (int)b->ncpus_online : BW_REAL(get_nprocs)();
}

BW_EXPORT int get_nprocs_conf(void)
{
	const struct bw_board *b = spoofed();

	return b ? (int)b->ncpus_possible : BW_REAL(get_nprocs_conf)();
}

/* A list as "0-3,6" into a set of size bytes; -EINVAL if it does not fit, as sched_getaffinity(2). */
static int cpus_of_list(const char *list, size_t size, cpu_set_t *set)
{
	unsigned long a, z;
	char *end;

	CPU_ZERO_S(size, set);
	while (*list >= '0' && *list <= '9') {
		a = z = strtoul(list, &end, 10);
		if (*end == '-')
			z = strtoul(end + 1, &end, 10);
		if (z < a || z >= size * 8)
			return -EINVAL;
		for (; a <= z; a++)
			CPU_SET_S(a, size, set);
		list = *end == ',' ? end + 1 : end;
	}
	return 0;
}

BW_EXPORT int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	const struct bw_board *b = pid == 0 || pid == bw_getpid() ? spoofed() : NULL;

	return b ? BW_RET(cpus_of_list(b->cpus_online, size, set)) : BW_REAL(sched_getaffinity)(pid, size, set);
}

/* ---- limits: locked memory is the daemon's matter, and a user here may not raise it ---- */

static BW_UNSANITIZED int limited(int r, unsigned int what, int saved)
{
	if (!r || what != RLIMIT_MEMLOCK || !bw_active())
		return r;
	errno = saved;
	return 0;
}

BW_EXPORT BW_UNSANITIZED int setrlimit(__rlimit_resource_t what, const struct rlimit *lim)
{
	int saved = errno;

	return limited(BW_REAL(setrlimit)(what, lim), what, saved);
}

BW_EXPORT BW_UNSANITIZED int setrlimit64(__rlimit_resource_t what, const struct rlimit64 *lim)
{
	int saved = errno;

	return limited(BW_REAL(setrlimit64)(what, lim), what, saved);
}

/* Of this process; another's limits are its own. Where the new limit is refused the old one is still told. */
#define PRLIMIT(name, limit) \
BW_EXPORT BW_UNSANITIZED int name(pid_t pid, enum __rlimit_resource what, const struct limit *lim, struct limit *old) \
{ \
	int saved = errno, r = BW_REAL(name)(pid, what, lim, old); \
	\
	if (r && lim && (pid == 0 || pid == bw_getpid()) && (!old || !BW_REAL(name)(pid, what, NULL, old))) \
		r = limited(r, what, saved); \
	return r; \
}

PRLIMIT(prlimit, rlimit)
PRLIMIT(prlimit64, rlimit64)

/* ---- network interfaces: BPF programs are attached by the board's numbers ---- */

static unsigned int board_ifindex(const char *name)
{
	char path[128], text[32];

	if (!*name || strlen(name) >= 16 || strchr(name, '/') ||
	    snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", name) >= (int)sizeof(path) || bw_file_text(path, text, sizeof(text)) < 0)
		return 0;
	return (unsigned int)strtoul(text, NULL, 10);
}

BW_EXPORT unsigned int if_nametoindex(const char *name)
{
	unsigned int n;

	if (!spoofed())
		return BW_REAL(if_nametoindex)(name);
	n = board_ifindex(name);
	if (!n)
		errno = ENODEV;
	return n;
}

BW_EXPORT char *if_indextoname(unsigned int index, char name[IF_NAMESIZE])
{
	struct bw_dir *d = NULL;
	struct dirent64 *e;
	char *found = NULL;

	if (!spoofed())
		return BW_REAL(if_indextoname)(index, name);
	if (!bw_dir_open("/sys/class/net", &d)) {
		while (!found && (e = bw_dir_read(d)))
			if (e->d_name[0] != '.' && board_ifindex(e->d_name) == index)
				found = strcpy(name, e->d_name);
		bw_dir_close(d);
	}
	if (!found)
		errno = ENXIO;
	return found;
}
