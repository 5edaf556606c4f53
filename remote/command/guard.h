/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: no program below `bpfwire run` reaches the BPF of this machine's own kernel. */
#ifndef BW_COMMAND_GUARD_H
#define BW_COMMAND_GUARD_H

/*
 * For this process and all it will start, for good: bpf(2) and perf_event_open(2) fail with EPERM, and executables give no new privileges
 * (no_new_privs), so that neither a static program, which the library cannot enter, nor sudo traces the developer's machine by mistake.
 * The library itself makes neither call. 0; -EINVAL or -ENOSYS where the kernel has no seccomp filters.
 */
int bw_guard_install(void);

#endif
