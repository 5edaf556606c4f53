// SPDX-License-Identifier: Apache-2.0
/*
 * mount(2). bpftool and libbpf's users mount bpffs or tracefs where they miss it; here that would be this machine's, and the guard of `bpfwire run` forbids
 * it. A tool is told so in words; that the place is not there is told as the board would.
 */
#include <sys/mount.h>
#include <unistd.h>

#include "remote/files.h"
#include "remote/remote.h"

static int refuse(const char *target, const char *type)
{
	static atomic_bool said;

	if (access(target, F_OK))
		return -errno;
	if (!atomic_exchange(&said, true))
		bw_say("mount of %s on %s: refused, it would be a mount of this machine; mount it on the board", type && *type ? type : "something", target);
	return -EPERM;
}

BW_EXPORT int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	if (!bw_active() || !bw_is_front_end())
		return BW_REAL(mount)(source, target, type, flags, data);
	return bw_ret(refuse(target, type));
}
