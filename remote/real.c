// SPDX-License-Identifier: Apache-2.0
#include "remote/remote.h"

#include <dlfcn.h>
#include <unistd.h>

struct bw_real bw_real;
bool bw_real_ready;

/* dlsym is one of our wrappers, so that a plain call would come back to us. Its version is that of the architecture's first glibc, or 2.34. */
static void *(*real_dlsym(void))(void *, const char *)
{
	static const char *const versions[] = { "GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.27", "GLIBC_2.4", "GLIBC_2.0" };
	unsigned int i;
	void *f = NULL;

	for (i = 0; !f && i < sizeof(versions) / sizeof(*versions); i++)
		f = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
	return (void *(*)(void *, const char *))f;
}

/* Idempotent, so that two threads that come here at once do no harm. */
__attribute__((constructor)) void bw_real_init(void)
{
	void *(*sym)(void *, const char *);

	if (bw_real_ready)
		return;
	sym = real_dlsym();
	if (!sym)
		_exit(127);	/* not glibc: nothing that we could call, not even to say so */
#define BW_X(ret, name, args) bw_real.name = (ret (*) args)sym(RTLD_NEXT, #name);
	BW_REAL_ALL(BW_X)
#undef BW_X
	bw_real.dlsym = sym;
	dlerror();		/* a name that this libc lacks is no error of the tool's */
	__atomic_store_n(&bw_real_ready, true, __ATOMIC_RELEASE);
}

long bw_sys(long nr, ...)
{
	long a, b, c, d, e, f, r;
	int saved = errno;
	va_list ap;

	va_start(ap, nr);
	a = va_arg(ap, long); b = va_arg(ap, long); c = va_arg(ap, long);
	d = va_arg(ap, long); e = va_arg(ap, long); f = va_arg(ap, long);
	va_end(ap);
	r = BW_REAL(syscall)(nr, a, b, c, d, e, f);
	if (r == -1) {
		r = -errno;
		errno = saved;
	}
	return r;
}
