/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fence: no program below `bpfwire run` writes to the tracefs, debugfs or bpffs of this machine. seccomp sees no paths, so this is Landlock
 * (landlock(7); Linux 5.13 or later).
 */
#ifndef BW_COMMAND_FENCE_H
#define BW_COMMAND_FENCE_H

/*
 * For this process and all it will start, for good. Needs no_new_privs, so call it after bw_guard_install. Reading stays as it was.
 *
 * Landlock knows no "everywhere but there": a rule allows a whole tree. So there is one rule for each entry of / that leads to none of
 * those places, and where an entry does lead to one, for each of its entries, and so on. What follows from that: nothing new can be made
 * directly in /, /sys, /sys/kernel and /sys/fs, and in any other directory above a mount of these kinds. That mounts cannot be changed
 * comes with Landlock too.
 *
 * 0; -EOPNOTSUPP where the kernel has no Landlock or it is switched off.
 */
int bw_fence_install(void);

#endif
