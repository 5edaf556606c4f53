// SPDX-License-Identifier: Apache-2.0
/*
 * dlsym on a handle of libc (Python's ctypes: CDLL('libc.so.6').ioctl) goes around a preloaded library. Where libc's own function is what
 * would come out, ours comes out instead. RTLD_NEXT is left alone: whoever asks for the next one after himself is a wrapper too.
 */
#include "remote/files.h"
#include "remote/remote.h"

#include <dlfcn.h>
#include <string.h>

/* readdir_r is there for old programs. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

struct name {
	const char *name;
	void *ours;
	void **libc;
};

/* Weak: names that only libcs of another age export are then NULL and skipped. */
#define BW_X(ret, name, args) extern __typeof__(ret) name args __attribute__((weak));
BW_REAL_WRAPPED(BW_X)
#undef BW_X

static const struct name names[] = {
	/* Not the wrapper: only BCC's BPF.monotonic_time() asks in this way, and means the board's clock whichever it is. */
	{ "clock_gettime", (void *)bw_board_clock_gettime, (void **)&bw_real.clock_gettime },
#define BW_X(ret, name, args) { #name, (void *)name, (void **)&bw_real.name },
	BW_REAL_WRAPPED(BW_X)
#undef BW_X
};

static void *ours(const char *name, void *found)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (*names[i].libc == found && names[i].ours && !strcmp(names[i].name, name))
			return names[i].ours;
	return found;
}

/*
 * libc looks at its caller's address for RTLD_NEXT and RTLD_DEFAULT, so this must end in a jump and not in a call: no local whose address is
 * taken, no stack protector, optimised whatever the build.
 */
#ifdef __clang__
#define BW_JUMP	__attribute__((musttail))
#define BW_JUMPS __attribute__((no_stack_protector))
#else
#define BW_JUMP
#define BW_JUMPS __attribute__((no_stack_protector, optimize("O2")))
#endif

BW_EXPORT BW_JUMPS void *dlsym(void *handle, const char *name)
{
	if (__builtin_expect(!bw_real_ready, 0))
		bw_real_init();
	if (handle != RTLD_NEXT && handle != RTLD_DEFAULT && bw_active()) {
		void *found = bw_real.dlsym(handle, name);

		return found ? bw_usdt_symbol(name, ours(name, found)) : NULL;
	}
	BW_JUMP return bw_real.dlsym(handle, name);
}
