// SPDX-License-Identifier: Apache-2.0
/* `bpfwire env`: what a shell gets, and the directory of wrappers. */
#include "remote/command/command.h"
#include "remote/command/wrappers.h"
#include "tests/unit/command/fake.h"

static const char tool[] = "#!/bin/sh\necho \"tool $0 $*\"\n";

static void begin(void)
{
	char path[160];

	fake_begin_empty();
	snprintf(path, sizeof(path), "%s/bin", fake_dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/it's $(here)", fake_dir);
	mkdir(path, 0755);
	fake_file("bin/one-bpfcc", tool, 0755);
	fake_file("bin/bpftool", tool, 0755);
	fake_file("bin/other", tool, 0755);
	fake_file("bin/plain-bpfcc", tool, 0644);
	fake_file("it's $(here)/two.bt", tool, 0755);
	fake_file("it's $(here)/one-bpfcc", tool, 0755);
}

/*
 * Runs a script in a shell whose PATH is the two directories and the system's, with $B the command, $D the test's directory and $Q the second; what it printed
 * on both, its status in got_status.
 */
static const char *shell(const char *script)
{
	char path[1024];
	FILE *f;
	size_t n;

	fake_environ();
	unsetenv("BPFWIRE_ENV");
	unsetenv("BPFWIRE_ENV_SERIAL");
	snprintf(path, sizeof(path), "%s/bin:%s/it's $(here):/usr/bin:/bin", fake_dir, fake_dir);
	setenv("PATH", path, 1);
	setenv("B", fake_command(), 1);
	setenv("D", fake_dir, 1);
	snprintf(path, sizeof(path), "%s/it's $(here)", fake_dir);
	setenv("Q", path, 1);
	setenv("SCRIPT", script, 1);
	f = popen("exec 2>&1; timeout -k 2 20 sh -c 'eval \"$SCRIPT\"'", "r");
	n = f ? fread(got_out, 1, sizeof(got_out) - 1, f) : 0;
	got_out[n] = 0;
	got_status = f ? WEXITSTATUS(pclose(f)) : -1;
	return got_out;
}

/* Runs it, with $D in what is expected replaced by the test's directory. */
static int says(const char *script, const char *expected)
{
	char want[8192], *to = want;

	for (; *expected; expected++) {
		if (!strncmp(expected, "$D", 2))
			to += snprintf(to, 128, "%s", fake_dir), expected++;
		else
			*to++ = *expected;
	}
	*to = 0;
	if (!strcmp(shell(script), want))
		return 1;
	printf("# said: %s# not: %s", got_out, want);
	return 0;
}

TEST("each BPF tool that can be run has a wrapper, and nothing else has")
{
	begin();
	shell("eval \"$($B env)\"; ls \"$BPFWIRE_ENV\"");
	CHECK(strstr(got_out, "one-bpfcc\n") && strstr(got_out, "two.bt\n") && strstr(got_out, "bpftool\n"));
	CHECK(!strstr(got_out, "other\n") && !strstr(got_out, "plain-bpfcc\n"));
	CHECK(says("eval \"$($B env)\"; stat -c '%a %n' $D/tools $D/tools/one-bpfcc", "700 $D/tools\n700 $D/tools/one-bpfcc\n"));
	fake_end();
}

TEST("names and directories tell what a BPF tool is")
{
	CHECK(bw_wrappers_is_tool("/usr/sbin", "opensnoop-bpfcc"));
	CHECK(bw_wrappers_is_tool("/usr/share/bcc/tools", "opensnoop"));
	CHECK(bw_wrappers_is_tool("/bin", "bpftrace") && bw_wrappers_is_tool("/bin", "runqlat.bt"));
	CHECK(!bw_wrappers_is_tool("/usr/sbin", "opensnoop") && !bw_wrappers_is_tool("/usr/sbin", "-bpfcc") && !bw_wrappers_is_tool("/bin", ".bt"));
	CHECK(!bw_wrappers_is_tool("/bin", "x;y-bpfcc") && !bw_wrappers_is_tool("/bin", "x\ny-bpfcc") && !bw_wrappers_is_tool("/bcc/tools", ".new"));
}

TEST("the wrappers are first in PATH, once, however often it is done")
{
	begin();
	CHECK(says("eval \"$($B env)\"; eval \"$($B env)\"; e=$($B env); eval \"$e\"; eval \"$e\"; echo \"$PATH\"; command -v one-bpfcc",
		   "$D/tools:$D/bin:$D/it's $(here):/usr/bin:/bin\n$D/tools/one-bpfcc\n"));
	CHECK(says("eval \"$($B env)\"; PATH=/usr/bin:$PATH; eval \"$($B env)\"; echo \"$PATH\"",
		   "$D/tools:/usr/bin:$D/bin:$D/it's $(here):/usr/bin:/bin\n"));
	fake_end();
}

TEST("--unset puts every PATH back as it was")
{
	static const char *const paths[] = { "/bin:/usr/bin", "", ":", "::/bin:", "/bin:/bin", "it's \"$(a)\" `b`\\\n c:/bin" };
	char script[256];
	size_t i;

	begin();
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		setenv("WAS", paths[i], 1);
		snprintf(script, sizeof(script), "PATH=$WAS; eval \"$($B env)\"; case $PATH in $D/tools:*) ;; *) echo no ;; esac; "
			 "eval \"$($B env --unset)\"; [ \"$PATH\" = \"$WAS\" ] && echo same");
		CHECK(says(script, "same\n"));
	}
	CHECK(says("unset PATH; eval \"$($B env)\"; eval \"$($B env --unset)\"; echo \"${PATH-none}\"", "none\n"));
	fake_end();
}

TEST("--unset leaves no variable of ours, and is silent where there is none")
{
	begin();
	CHECK(says("export -p | sort >$D/before; eval \"$($B env -s X)\"; eval \"$($B env -s Y)\"; eval \"$($B env --unset)\"; export -p | sort >$D/after; "
		   "diff $D/before $D/after", ""));
	CHECK(says("export BPFWIRE_SERIAL=was; eval \"$($B env -s X)\"; echo $BPFWIRE_SERIAL; eval \"$($B env)\"; echo $BPFWIRE_SERIAL; eval \"$($B env -s Y)\"; "
		   "echo $BPFWIRE_SERIAL; eval \"$($B env --unset)\"; echo $BPFWIRE_SERIAL", "X\nX\nY\nwas\n"));
	CHECK(says("$B env --unset", "") && got_status == 0);
	fake_end();
}

TEST("what would put other programs on the board is not exported")
{
	begin();
	shell("$B env -s X");
	CHECK(!got_status && strstr(got_out, "PATH=") && !strstr(got_out, "LD_PRELOAD") && !strstr(got_out, "ARCH") && !strstr(got_out, "BPFWIRE_SOCKET"));
	fake_end();
}

TEST("a wrapper starts the real tool by bpfwire run, and below bpfwire run the tool itself")
{
	begin();
	CHECK(says("eval \"$($B env)\"; ln -s /bin/echo $D/bpfwire-echo; sed \"s#^exec '.*' run#exec $D/bpfwire-echo run#\" $D/tools/one-bpfcc >$D/seen; "
		   "sh $D/seen a 'b  c' ''; BPFWIRE_SOCKET=x sh $D/seen a 'b  c'", "run -- $D/bin/one-bpfcc a b  c \ntool $D/bin/one-bpfcc a b  c\n"));
	CHECK(says("eval \"$($B env)\"; grep -c \"^exec '$B' run -- \" $D/tools/one-bpfcc", "1\n"));
	CHECK(says("eval \"$($B env)\"; BPFWIRE_SOCKET=x two.bt a", "tool $D/it's $(here)/two.bt a\n"));
	fake_end();
}

TEST("with the wrappers in PATH bpfwire run finds the tool and not its wrapper")
{
	begin();
	CHECK(says("eval \"$($B env)\"; chmod 644 $D/bin/one-bpfcc \"$Q\"/one-bpfcc; $B run one-bpfcc", "bpfwire: $D/bin/one-bpfcc: not executable\n"));
	fake_end();
}

TEST("a tool that was removed is one clear line, and the next env forgets it")
{
	begin();
	CHECK(says("eval \"$($B env)\"; rm $D/bin/one-bpfcc; one-bpfcc; echo $?",
		   "bpfwire: $D/bin/one-bpfcc was removed; eval \"$(bpfwire env)\" looks for tools anew\n127\n"));
	CHECK(says("eval \"$($B env)\"; rm \"$Q/two.bt\"; eval \"$($B env)\"; ls $D/tools | grep -c ^two.bt$", "0\n"));
	fake_end();
}

TEST("wrappers of another shell's PATH stay, and those that someone changed are made anew")
{
	begin();
	CHECK(says("eval \"$($B env)\"; (PATH=/bin; \"$B\" env >/dev/null); BPFWIRE_SOCKET=x two.bt", "tool $D/it's $(here)/two.bt \n"));
	CHECK(says("eval \"$($B env)\"; echo exit 3 >>$D/tools/bpftool; chmod 755 $D/tools/two.bt; ln -sf /bin/false $D/tools/one-bpfcc; : >$D/tools/.new; "
		   "eval \"$($B env)\"; tail -n 1 $D/tools/bpftool | cut -c 1-5; stat -c %a $D/tools/two.bt; stat -c %F $D/tools/one-bpfcc; ls -A $D/tools | grep '^.new'",
		   "exec \n700\nregular file\n"));
	fake_end();
}

TEST("a directory that others could put wrappers into is refused")
{
	begin();
	shell("mkdir $D/open; chmod 777 $D/open; BPFWIRE_CACHE=$D/open/cache $B env");
	CHECK(got_status == BW_EXIT_FAILED && strstr(got_out, "/open can be changed by others") && count_lines(got_out) == 1);
	shell("mkdir $D/real; ln -s real $D/tools; $B env");
	CHECK(got_status == BW_EXIT_FAILED && strstr(got_out, "/tools: ") && count_lines(got_out) == 1);
	shell("rm -f $D/tools; : >$D/tools; $B env");
	CHECK(got_status == BW_EXIT_FAILED && strstr(got_out, "/tools: Not a directory") && count_lines(got_out) == 1);
	shell("rm $D/tools; mkdir -m 777 $D/tools; $B env >/dev/null; stat -c %a $D/tools");
	CHECK(!strcmp(got_out, "700\n"));
	if (!getuid()) {
		shell("chown 65534 $D/tools; $B env");
		CHECK(got_status == BW_EXIT_FAILED && strstr(got_out, "/tools belongs to another user (65534)"));
		shell("chown 0 $D/tools; mkdir -p $D/theirs/cache; chown 65534 $D/theirs; BPFWIRE_CACHE=$D/theirs/cache $B env");
		CHECK(got_status == BW_EXIT_FAILED && strstr(got_out, "/theirs can be changed by others than you (owner 65534"));
	}
	fake_end();
}

TEST("without a place for a cache it says so, and eval gets nothing")
{
	begin();
	shell("unset BPFWIRE_CACHE XDG_CACHE_HOME HOME; $B env");
	CHECK(got_status == BW_EXIT_FAILED && strstr(got_out, "HOME is not set") && count_lines(got_out) == 1);
	shell("BPFWIRE_CACHE=$D/a:b $B env");
	CHECK(got_status == BW_EXIT_FAILED && strstr(got_out, "colon") && count_lines(got_out) == 1);
	fake_end();
}

TEST("wrong arguments are exit 2")
{
	begin();
	run_command("env", "x", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("env takes no argument 'x'"));
	run_command("env", "-s", "a b", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("'a b' is no serial number"));
	run_command("env", "-s", "X", "--unset", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("takes none"));
	fake_end();
}

int main(void)
{
	return check_done();
}
