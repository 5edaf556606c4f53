/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: no program below `bpfwire run` reaches the BPF of this machine's own kernel. fence.h is its other half. */
#ifndef BW_COMMAND_GUARD_H
#define BW_COMMAND_GUARD_H

/*
 * For this process and all it will start, for good: bpf(2), perf_event_open(2) and the calls that change mounts fail with EPERM, and
 * executables give no new privileges (no_new_privs), so that neither a static program, which the library cannot enter, nor sudo traces the
 * developer's machine by mistake. (Mounts, since tracefs mounted anew would be a tracefs without fence.) The library itself makes none of
 * these calls. 0; -EINVAL where the kernel has no seccomp filters.
 */
int bw_guard_install(void);

#endif
