// SPDX-License-Identifier: Apache-2.0
#include "remote/command/guard.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))
#define LOAD(field)	((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field)))
#define AND(bits)	((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits))
#define IS(value, yes)	((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, 0))
#define RETURN(value)	((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value))

/* Calls that came after 5.1 have one number everywhere (arch/.../syscall.tbl), and libc's header may be older than they are. */
#define NEW_MOUNTS	428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */, 431 /* fsconfig */, 432 /* fsmount */, 433 /* fspick */, \
			442 /* mount_setattr */
static const uint32_t native[] = { __NR_bpf, __NR_perf_event_open, __NR_mount, __NR_umount2, __NR_pivot_root, NEW_MOUNTS };

/* The 32-bit programs of the same machine have numbers of their own (arch/x86/entry/syscalls/syscall_32.tbl, arch/arm/tools/syscall.tbl). */
#if defined(__x86_64__)
#define COMPAT		AUDIT_ARCH_I386
static const uint32_t compat[] = { 357 /* bpf */, 336 /* perf_event_open */, 21 /* mount */, 22 /* umount */, 52 /* umount2 */,
				   217 /* pivot_root */, NEW_MOUNTS };
#elif defined(__aarch64__)
#define COMPAT		AUDIT_ARCH_ARM
static const uint32_t compat[] = { 386 /* bpf */, 364 /* perf_event_open */, 21 /* mount */, 52 /* umount2 */, 218 /* pivot_root */, NEW_MOUNTS };
#else
static const uint32_t compat[] = { 0 };		/* riscv64: no kernel of Debian's runs 32-bit programs */
#endif
/* x32 calls have the architecture of x86-64 and this bit (asm/unistd.h: __X32_SYSCALL_BIT). */
#define NUMBER_BITS	0xbfffffffu

/* The numbers listed give EPERM, all others pass. Returns how many instructions. */
static size_t put_list(struct sock_filter *code, const uint32_t *list, size_t n)
{
	size_t i, at = 0;

	code[at++] = LOAD(nr);
	code[at++] = AND(NUMBER_BITS);
	for (i = 0; i < n; i++)
		code[at++] = IS(list[i], (uint8_t)(n - i));	/* over the rest and the RETURN that passes */
	code[at++] = RETURN(SECCOMP_RET_ALLOW);
	code[at++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
	return at;
}

int bw_guard_install(void)
{
	struct sock_filter code[2 + 2 * 4 + COUNT(native) + COUNT(compat)];
	struct sock_fprog program = { .filter = code };
	size_t at = 0;

#ifdef COMPAT
	code[at++] = LOAD(arch);
	code[at++] = IS(COMPAT, 4 + COUNT(native));
#endif
	at += put_list(code + at, native, COUNT(native));
	at += put_list(code + at, compat, COUNT(compat));
	program.len = (unsigned short)at;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return -errno;
	return 0;
}
