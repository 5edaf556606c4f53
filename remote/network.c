// SPDX-License-Identifier: Apache-2.0
/*
 * What of the network cannot be the board's: sockets are this machine's. A front end that asks netlink for interfaces, or reads packets, would show
 * the wrong machine's or attach there, so it is refused, with what to do instead. Its children, which run here, are left alone.
 */
#include <sys/socket.h>

#include "remote/files.h"
#include "remote/remote.h"

/* asm-generic/socket.h: SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF; glibc's headers may lack the second */
#define ATTACH_BPF		50
#define ATTACH_REUSEPORT_EBPF	52

static void say_once(atomic_bool *said, const char *what)
{
	if (!atomic_exchange(said, true))
		bw_say("%s", what);
}

BW_EXPORT int socket(int domain, int type, int protocol)
{
	static atomic_bool said_netlink, said_packet;

	if ((domain != AF_NETLINK && domain != AF_PACKET) || !bw_active() || !bw_is_front_end())
		return BW_REAL(socket)(domain, type, protocol);
	if (domain == AF_NETLINK)
		say_once(&said_netlink, "netlink is the network of this machine and not of the board: refused; attach by a BPF link (libbpf does), or run ip(8) and "
					"tc(8) on the board");
	else
		say_once(&said_packet, "a packet socket would see this machine's network and not the board's: refused; trace the board's by the tracepoints net:* "
				       "or a kprobe");
	return bw_ret(-EAFNOSUPPORT);
}

BW_EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	static atomic_bool said;
	struct bw_placeholder *o;
	int prog;

	if (level != SOL_SOCKET || (option != ATTACH_BPF && option != ATTACH_REUSEPORT_EBPF) || !bw_active() || len < sizeof(prog) ||
	    bw_copy_in(&prog, value, sizeof(prog)))
		return BW_REAL(setsockopt)(fd, level, option, value, len);
	o = bw_placeholder_get(prog);
	if (!o)
		return BW_REAL(setsockopt)(fd, level, option, value, len);
	bw_placeholder_put(o);
	say_once(&said, "a program on the board cannot filter a socket of this machine: refused; attach it to a hook of the board's kernel");
	return bw_ret(-EOPNOTSUPP);
}
