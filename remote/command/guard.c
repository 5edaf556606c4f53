// SPDX-License-Identifier: Apache-2.0
#include "remote/command/guard.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#endif

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, 0)
#define RETURN(value)	BPF_STMT(BPF_RET | BPF_K, value)

/* The 32-bit programs of the same machine have numbers of their own (arch/x86/entry/syscalls/syscall_32.tbl, arch/arm/tools/syscall.tbl). */
#if defined(__x86_64__)
#define COMPAT		AUDIT_ARCH_I386
#define COMPAT_PERF	336
#define COMPAT_BPF	357
#elif defined(__aarch64__)
#define COMPAT		AUDIT_ARCH_ARM
#define COMPAT_PERF	364
#define COMPAT_BPF	386
#endif
/* x32 calls have the architecture of x86-64 and this bit (asm/unistd.h: __X32_SYSCALL_BIT). */
#define NUMBER_BITS	0xbfffffffu

int bw_guard_install(void)
{
#ifdef NATIVE
	struct sock_filter code[] = {
		LOAD(arch),
#ifdef COMPAT
		IS(COMPAT, 5),
#endif
		LOAD(nr),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, NUMBER_BITS),
		IS(__NR_bpf, 6),
		IS(__NR_perf_event_open, 5),
		RETURN(SECCOMP_RET_ALLOW),
#ifdef COMPAT
		LOAD(nr),
		IS(COMPAT_BPF, 2),
		IS(COMPAT_PERF, 1),
		RETURN(SECCOMP_RET_ALLOW),
#else
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ALLOW),
#endif
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return -errno;
	return 0;
#else
	return -ENOSYS;
#endif
}
