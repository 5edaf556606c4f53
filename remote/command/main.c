// SPDX-License-Identifier: Apache-2.0
#include "remote/command/command.h"

#include <stdio.h>
#include <string.h>

#include "loader/options.h"
#include "protocol/log.h"
#include "protocol/version.h"
#include "protocol/wire.h"

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct bw_subcommand subcommands[] = {
	{ "devices", bw_cmd_devices, "[-l]", "list the boards, one a line: serial number, tab, state",
	  "  -l, --long           with architecture, kernel release and more, or why a board cannot be used\n" },
	{ "run", bw_cmd_run, "[OPTION]... [--] COMMAND [ARGUMENT]...", "run a BPF tool of this machine on a board's kernel",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n"
	  "  -v, --verbose        say which files are the board's; twice: each call that goes there\n"
	  "      --board PATH     take PATH and all below it from the board (may be repeated)\n"
	  "      --local PATH     take PATH and all below it from this machine (may be repeated)\n"
	  "      --allow-kill     let the tool send signals to processes of the board\n"
	  "      --stats          at the end say what was asked of the board: messages, bytes, time waited\n" },
	{ "headers", bw_cmd_headers, "[-s SERIAL]", "print the directory with the kernel headers of a board, for BCC; fetch them first if need be",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n" },
	{ "headers add", bw_cmd_headers, "--source DIR [--build ODIR] [-s SERIAL | --release RELEASE] [--force]",
	  "store the headers of a kernel of your own (Yocto, Buildroot, make O=) for the board",
	  "      --source DIR     the kernel's source tree\n"
	  "      --build ODIR     the tree it was built in, where that is another (make O=ODIR)\n"
	  "      --release REL    for this release, as uname -r says it on the board, without a board\n"
	  "      --force          also if release or architecture are not the board's\n" },
	{ "headers list", bw_cmd_headers, "", "list the stored ones, one a line: release, architecture, where they came from", NULL },
	{ "headers remove", bw_cmd_headers, "RELEASE", "remove the stored ones of a release", NULL },
	{ "check", bw_cmd_check, "[-s SERIAL]", "tell what a board has for the job and what it lacks, one item a line",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n" },
	{ "env", bw_cmd_env, "[-s SERIAL | --unset]", "print what makes a shell run BPF tools on a board: eval \"$(bpfwire env)\"",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n"
	  "      --unset          print what takes it back\n" },
	{ "ps", bw_cmd_ps, "[-s SERIAL]", "list the processes of a board",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n" },
	{ "ls", bw_cmd_ls, "[-s SERIAL] [-l] [-a] [-d] [PATH]...", "list files of a board, a name a line",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n"
	  "  -l                   with mode, links, user and group id, size, time, and where a link leads\n"
	  "  -a, --all            also names that begin with a dot\n"
	  "  -d, --directory      a directory itself, and not what is in it\n" },
	{ "cat", bw_cmd_cat, "[-s SERIAL] PATH...", "write files of a board to standard output, also those that never end",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n" },
	{ "dmesg", bw_cmd_dmesg, "[-s SERIAL] [-w] [-x] [-l LEVEL[,LEVEL]...]", "print the messages of a board's kernel",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n"
	  "  -w, --follow         wait for more\n"
	  "  -x, --decode         with facility and level\n"
	  "  -l, --level LEVELS   of these levels alone: emerg, alert, crit, err, warn, notice, info, debug\n" },
	{ "load", bw_cmd_load, "[-s SERIAL] " BW_LOAD_USAGE, "load a compiled BPF object into a board's kernel, and leave it there",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n"
	  "      --pin DIR        where to pin it on the board: a name, for a directory in /sys/fs/bpf, or a path\n"
	  "                       (the file's name up to the first dot; nothing with --stay alone)\n"
	  "      --attach         attach its programs to what their sections name\n"
	  "      --stay           stay until SIGTERM or SIGINT; what is not pinned goes then\n"
	  "      --btf FILE       the types (BTF) of the board's kernel, where it does not show them itself\n"
	  "  -v, --verbose        tell more; twice: all that libbpf tells\n" },
	{ "unload", bw_cmd_load, "[-s SERIAL] " BW_UNLOAD_USAGE, "remove what load pinned on a board, by that name or path; what was attached is detached",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n"
	  "  -v, --verbose        tell more\n" },
	{ "bpfd", bw_cmd_bpfd, "[-s SERIAL]", "speak BPFd's text protocol with a board, on standard input and output",
	  "  -s, --serial SERIAL  the board, where there are several (else $BPFWIRE_SERIAL)\n" },
	{ "version", cmd_version, "", "print the version; also --version", NULL },
	{ "help", cmd_help, "", "print this; also --help", NULL },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int cmd_version(int argc, char **argv)
{
	if (argc > 1)
		return bw_usage_error("%s takes no argument '%s'", argv[0], argv[1]);
	printf("bpfwire %s (protocol %u.%u)\n", BW_VERSION, BW_VERSION_MAJOR, BW_VERSION_MINOR);
	return BW_EXIT_OK;
}

static int cmd_help(int argc, char **argv)
{
	size_t i;

	(void)argc, (void)argv;
	printf("usage: bpfwire COMMAND\n\nRun the BPF tools of this machine against the kernel of a board on a USB cable.\n");
	for (i = 0; i < COUNT(subcommands); i++) {
		const struct bw_subcommand *s = &subcommands[i];

		printf("\n  bpfwire %s%s%s\n      %s\n%s", s->name, *s->usage ? " " : "", s->usage, s->summary, s->options ? s->options : "");
	}
	printf("\nman bpfwire tells more.\n");
	return BW_EXIT_OK;
}

static const struct bw_subcommand *find(const char *name)
{
	size_t i;

	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	for (i = 0; i < COUNT(subcommands); i++)
		if (!strcmp(subcommands[i].name, name))
			return &subcommands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct bw_subcommand *s;

	bw_log_init("bpfwire", BW_LOG_INFO);
	if (argc < 2)
		return bw_usage_error("which command?");
	s = find(argv[1]);
	if (!s)
		return bw_usage_error("there is no %s '%s'", *argv[1] == '-' ? "option" : "command", argv[1]);
	return s->run(argc - 1, argv + 1);
}
