// SPDX-License-Identifier: Apache-2.0
/*
 * libbcc parses the arguments of USDT probes by the assembly syntax of the architecture that it was built for. What it makes of another one's is at best
 * nothing and at worst another argument. So instead of the C text that reads them BCC's Python gets one by which a program that does read them does not
 * compile, and says why; one that only counts its probes (ustat) has no use for them.
 */
#include <string.h>
#include <sys/utsname.h>

#include "remote/files.h"
#include "remote/remote.h"

static const char *(*theirs)(void **contexts, int n);
static void (*each_uprobe)(void *context, void (*probe)(const char *binary, const char *function, uint64_t address, int pid));
static _Thread_local int enabled;

static void count_probe(const char *binary, const char *function, uint64_t address, int pid)
{
	(void)binary, (void)function, (void)address, (void)pid;
	enabled++;
}

/* A tool may bring a context in which it has enabled nothing: uobjnew does for C. */
static bool any_enabled(void **contexts, int n)
{
	enabled = each_uprobe ? 0 : n;
	for (int i = 0; each_uprobe && i < n; i++)
		each_uprobe(contexts[i], count_probe);
	return enabled > 0;
}

/* bcc_usdt_genargs, src/cc/bcc_usdt.h of libbcc: C text in front of the program, which libbcc keeps until it is asked again. */
static const char *genargs(void **contexts, int n)
{
	static char text[512];

	if (!any_enabled(contexts, n))		/* BCC's Python asks for every program */
		return theirs(contexts, n);
	snprintf(text, sizeof(text), "#define bpf_usdt_readarg(...) ({ _Static_assert(0, \"arguments of USDT probes of an %s program cannot be read by this \"\\\n"
		 "\"machine's libbcc: refused; use a uprobe on a function, or a tracepoint\"); 0; })\n"
		 "#define bpf_usdt_readarg_p bpf_usdt_readarg\n", bw_board()->machine);
	return text;
}

static bool other_machine(void)
{
	struct utsname here;

	return !bw_conn_ready() && !BW_REAL(uname)(&here) && strcmp(here.machine, bw_board()->machine);
}

void *bw_usdt_symbol(const char *name, void *found)
{
	if (!strcmp(name, "bcc_usdt_foreach_uprobe"))
		each_uprobe = (void (*)(void *, void (*)(const char *, const char *, uint64_t, int)))found;
	if (strcmp(name, "bcc_usdt_genargs") || !other_machine())
		return found;
	theirs = (const char *(*)(void **, int))found;
	return (void *)genargs;
}
