// SPDX-License-Identifier: Apache-2.0
#include "remote/remote.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void say(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/*
 * A tool may have its stderr lead to /dev/null for a while: bpftrace does, where a library that it uses would write a message of its own. What we say then is
 * kept until the tool ends.
 */
static bool null_at_start;
static char kept[4096];
static atomic_size_t kept_len;
static _Atomic pid_t kept_by;

static bool is_null(void)
{
	struct stat st;

	return !bw_sys(SYS_fstat, 2L, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

__attribute__((constructor)) static void look_at_stderr(void)
{
	null_at_start = is_null();
}

static bool to_nobody(void)
{
	return !null_at_start && is_null();
}

static bool keep(const char *line, size_t n)
{
	size_t at = atomic_fetch_add(&kept_len, n);

	if (at + n > sizeof(kept)) {
		atomic_fetch_sub(&kept_len, n);
		return false;
	}
	memcpy(kept + at, line, n);
	atomic_store(&kept_by, bw_getpid());
	return true;
}

__attribute__((destructor)) static void say_kept(void)
{
	if (atomic_load(&kept_by) == bw_getpid())	/* not a child that has a copy of it */
		bw_sys(SYS_write, 2L, kept, atomic_load(&kept_len));
}

/* One write(2), below the tool's stdio: it may be in the middle of a line, and its buffers are not ours to flush. */
static void say(const char *fmt, va_list ap)
{
	static const char prefix[] = "bpfwire: ";
	char line[1024];
	size_t n = sizeof(prefix) - 1;
	int r, saved = errno;

	memcpy(line, prefix, n);
	r = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (r > 0)
		n += (size_t)r < sizeof(line) - n - 1 ? (size_t)r : sizeof(line) - n - 2;
	line[n++] = '\n';
	if (!to_nobody() || !keep(line, n))
		bw_sys(SYS_write, 2L, line, n);
	errno = saved;
}

void bw_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void bw_verbose(int level, const char *fmt, ...)
{
	static atomic_int verbose = -1;
	const char *env;
	va_list ap;

	if (atomic_load_explicit(&verbose, memory_order_relaxed) < 0) {
		env = getenv("BPFWIRE_VERBOSE");
		atomic_store(&verbose, env ? atoi(env) : 0);
	}
	if (level > atomic_load_explicit(&verbose, memory_order_relaxed))
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}
