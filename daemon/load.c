// SPDX-License-Identifier: Apache-2.0
#include "daemon/load.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/text_stored.h"
#include "gadget/gadget.h"
#include "loader/loader.h"
#include "protocol/log.h"

static const char usage[] =
	"usage: bpfwired load " BW_LOAD_USAGE "\n"
	"       bpfwired unload " BW_UNLOAD_USAGE "\n"
	"Load BPF programs into this board's kernel without a host, and leave them there.\n"
	"\n"
	"FILE is a compiled BPF object, or commands of the text protocol, one a line; or a directory of such, loaded by order of names.\n"
	"\n"
	"      --pin DIR        where to pin maps, programs and links: a name, for a directory in " BW_BPFFS ", or a path\n"
	"                       (the file's name up to the first dot; nothing with --stay alone)\n"
	"      --attach         attach the programs to what their sections name\n"
	"      --stay           stay until SIGTERM or SIGINT; what is not pinned goes then\n"
	"      --btf FILE       the kernel's types (BTF), where it does not show them itself\n"
	"  -v, --verbose        tell more; twice: all that libbpf tells\n"
	"\n"
	"unload removes those directories, with what is in them; what was attached is detached.\n"
	"\n"
	"Exit status: 0 done, 1 failed, and nothing is left behind, 2 wrong usage. Manual: bpfwired(8)\n";

bool bw_load_wanted(int argc, char **argv)
{
	return argc > 1 && (!strcmp(argv[1], "load") || !strcmp(argv[1], "unload")) && (getpid() != 1 || argc > 2);
}

static int load_file(const struct bw_load_options *o)
{
	const char *file = o->what[0];

	if (bw_load_is_elf(file))
		return bw_load_object(o);
	if (!errno)
		return bw_text_stored(o);
	bw_log(BW_LOG_ERROR, "%s: cannot be loaded: %s", file, strerror(errno));
	return 1;
}

/* ---- a directory ---- */

/* In a process of its own, so that one file is nothing to the next. */
static int load_one(const struct bw_load_options *o, const char *dir, const char *name)
{
	struct bw_load_options one = *o;
	char *path;
	int status = -1;
	pid_t pid;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return 1;
	pid = fork();
	if (!pid) {
		one.what = &path;
		one.attach = o->attach && bw_load_is_elf(path);		/* commands say themselves what they attach */
		exit(load_file(&one));
	}
	if (pid < 0)
		bw_log(BW_LOG_ERROR, "%s: cannot be loaded: %s", path, strerror(errno));
	else
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	free(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int is_file(const struct dirent *e)
{
	return *e->d_name != '.' && e->d_type != DT_DIR;
}

/* By their names, so that numbers before them make an order. */
static int load_dir(const struct bw_load_options *o)
{
	struct dirent **v;
	int n, good = 0;

	if (o->pin || o->stay) {
		bw_log(BW_LOG_ERROR, "load: --pin and --stay are for one file, and %s is a directory", o->what[0]);
		return 2;
	}
	n = scandir(o->what[0], &v, is_file, alphasort);
	if (n < 0) {
		bw_log(BW_LOG_ERROR, "%s: cannot be read: %s", o->what[0], strerror(errno));
		return 1;
	}
	for (int i = 0; i < n; i++) {
		good += !load_one(o, o->what[0], v[i]->d_name);
		free(v[i]);
	}
	free(v);
	bw_log(good < n ? BW_LOG_ERROR : BW_LOG_INFO, "%s: %d of %d loaded", o->what[0], good, n);
	return good < n ? 1 : 0;
}

static int load(const struct bw_load_options *o)
{
	struct stat st;

	return !stat(o->what[0], &st) && S_ISDIR(st.st_mode) ? load_dir(o) : load_file(o);
}

int bw_load_main(int argc, char **argv)
{
	struct bw_load_options o;
	char err[BW_GADGET_ERR] = "";

	bw_log_init("bpfwired", BW_LOG_INFO);
	if (bw_load_options_parse(argc, argv, false, &o, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s; see bpfwired %s --help", err, argv[0]);
		return 2;
	}
	if (o.help)
		return fputs(usage, stdout) < 0 || fflush(stdout) ? 1 : 0;
	if (o.verbose)
		bw_log_init("bpfwired", BW_LOG_DEBUG);
	if (geteuid()) {
		bw_log(BW_LOG_ERROR, "not root: loading BPF needs it; start it as root");
		return 1;
	}
	if (bw_mounts_prepare(false, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s", err);
		return 1;
	}
	return o.unload ? bw_unload(&o) : load(&o);
}
