// SPDX-License-Identifier: Apache-2.0
/* What bpftrace does by itself that libbcc does not: programs with this machine's registers in them, and a command that it starts here (-c). */
#include "remote/bpf.h"

#include <linux/bpf.h>
#include <sys/wait.h>

#include "protocol/wire.h"

#if defined(__x86_64__)
#define HERE_IS_X86	true
#else
#define HERE_IS_X86	false
#endif

/* When it loads its programs its only child, if it has one, is the COMMAND of -c, which waits to be let go. */
static bool has_child(void)
{
	siginfo_t info = { 0 };

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

int bw_bpftrace_load(uint32_t prog_type, struct bpf_insn *insns, uint32_t n)
{
	static atomic_bool said;
	int r = 0;

	if (!bw_is_bpftrace())
		return 0;
	if (has_child()) {
		if (!atomic_exchange(&said, true))
			bw_say("-c starts its command here, not on the board: refused; start it on the board, and let the program look for its comm or pid");
		return -EOPNOTSUPP;
	}
	if (HERE_IS_X86 && prog_type == BPF_PROG_TYPE_KPROBE && bw_board()->arch == BW_ARCH_ARM64)
		r = bw_ptregs_translate(insns, n);
	if (r == -EOPNOTSUPP && !atomic_exchange(&said, true))
		bw_say("this bpftrace, built for x86_64, reads what an %s board has no counterpart of (sargN, reg(), fields of ctx): refused; arg0 to arg5, retval and "
		       "func work, and the args of tracepoint: and kfunc:", bw_board()->machine);
	return r;
}
