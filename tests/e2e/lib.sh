# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the end-to-end tests share. Sourced by each of tests/e2e/[0-9]*; the board is up already (tests/e2e/run).
# A claim is printed as "ok - CLAIM" or "not ok - CLAIM" followed by what was seen.

set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
O=${O:-$TOP/build}
PATH=$O:$PATH
W=$(mktemp -d)
claims_failed=0
export PYTHONUNBUFFERED=1
# A word that nothing else on either machine contains.
RAND=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')

declare -a OURS=()
cleanup() {
	local p
	for p in "${OURS[@]}"; do kill -TERM "$p" 2>/dev/null; done	# timeout(1) passes it on
	wait 2>/dev/null
	rm -rf "$W"
}
trap cleanup EXIT
# make test-asan: the command and the library with sanitizers, whose runtime must come before the library. What they say goes to stderr. (Python leaks.)
if [ -n "${E2E_SANITIZED:-}" ]; then
	mkdir "$W/sanitized"
	printf '#!/bin/sh\nexport LD_PRELOAD="%s:%s:%s" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1\nexec %s "$@"\n' \
		"$(gcc -print-file-name=libasan.so)" "$(gcc -print-file-name=libubsan.so)" "$O/asan/libbpfwire-remote.so" "$O/asan/bpfwire" >"$W/sanitized/bpfwire"
	chmod 755 "$W/sanitized/bpfwire"
	PATH=$W/sanitized:$PATH
fi
finish() { exit $((claims_failed > 0)); }

ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; claims_failed=$((claims_failed + 1)); }
# show FILE...: what was seen, after a failed claim
show() { local f; for f in "$@"; do echo "# ---- ${f##*/}"; tail -n "${SHOW_LINES:-25}" "$f" 2>/dev/null | sed 's/^/# /'; done; }
# claim CLAIM COMMAND...: the command's success is the claim
claim() { local c=$1; shift; if "$@"; then ok "$c"; else not_ok "$c"; return 1; fi; }

# titled TITLE FILE: what FILE claims, each with TITLE before it
titled() { sed "s/^\(ok\|not ok\) - /&$1: /" "$2"; }
# rows TITLE COMMAND...: a program's own claims so; "# 0 failed" at its end says that it came there
rows() {
	local title=$1; shift
	timeout -k 5 280 "$@" >"$W/rows.out" 2>"$W/rows.err"
	titled "$title" "$W/rows.out"
	grep -q '^# 0 failed$' "$W/rows.out" || { not_ok "$title: all of it was tried and none failed"; show "$W/rows.err"; }
}

# on CMD: run CMD on the board, by the board's own agent
on() { timeout -k 5 "${ON_LIMIT:-60}" "$TOP/tests/board/board" sh "$1"; }
# on_bg CMD: the same in the background, until quiet or the end
LOADS=()
on_bg() { timeout -k 5 300 "$TOP/tests/board/board" sh "$1" </dev/null >/dev/null 2>&1 & LOADS+=($!); OURS+=($!); }
quiet() { [ ${#LOADS[@]} -eq 0 ] || kill -TERM "${LOADS[@]}" 2>/dev/null; LOADS=(); }

# tool NAME COMMAND...: start `bpfwire run COMMAND` with output in $W/NAME.{out,err}; its pid is $TOOL
tool() {
	local name=$1; shift
	timeout -k 5 "${TOOL_LIMIT:-120}" bpfwire run "$@" </dev/null >"$W/$name.out" 2>"$W/$name.err" &
	TOOL=$!; OURS+=("$TOOL")
}
# wait_for FILE REGEX [SECONDS]: until a line of FILE matches; not longer than the tool lives that was started last
wait_for() {
	local end=$((SECONDS + ${3:-60}))
	until grep -Eq -- "$2" "$1" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		[ -z "${TOOL:-}" ] || kill -0 "$TOOL" 2>/dev/null || { grep -Eq -- "$2" "$1"; return; }
		sleep 0.2
	done
}
# in_time SECONDS COMMAND...: until COMMAND succeeds. A second of the tool's is not always one of the board's, on a machine with other work.
in_time() {
	local end=$((SECONDS + $1)); shift
	until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.5; done
}
# until_seen FILE REGEX CMD: run CMD on the board again and again until a line of FILE matches: a tool says that it starts a moment before it sees
until_seen() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		on "$3"
		wait_for "$1" "$2" 2 && return 0
	done
	return 1
}
# stop PID [SIGNAL]: signal the tool itself (the child of timeout) and give its exit status; 124 if it did not end in 30 s
stop() {
	local child; child=$(pgrep -P "$1" | head -n 1)
	kill "-${2:-INT}" "${child:-$1}" 2>/dev/null
	ended "$1" 30
}
# ended PID SECONDS: its exit status, or 124
ended() {
	local end=$((SECONDS + $2))
	{	# without the shell's own "Killed"
		while kill -0 "$1"; do
			[ $SECONDS -lt $end ] || return 124
			sleep 0.1
		done
		wait "$1"
	} 2>/dev/null
}

# What is on the board of ours, as lines that can be compared: kernel objects, probes, the daemon's pid, descriptors and workers.
board_state() {
	on 'for p in $(pgrep bpfwired); do
		[ "$(cat /proc/$p/comm 2>/dev/null)" = bpfwired ] || continue
		echo "daemon $p ppid=$(ps -o ppid= -p $p | tr -d " ") fds=$(ls /proc/$p/fd | wc -l)"; done | sort
	    echo "progs $(bpftool prog show 2>/dev/null | grep -c "^[0-9]")"
	    echo "maps $(bpftool map show 2>/dev/null | grep -c "^[0-9]")"
	    echo "links $(bpftool link show 2>/dev/null | grep -c "^[0-9]")"
	    echo "perf $(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c "\[perf_event\]")"
	    echo "kprobe_events $(cat /sys/kernel/tracing/kprobe_events | wc -l)"
	    echo "uprobe_events $(cat /sys/kernel/tracing/uprobe_events | wc -l)"
	    echo "kprobes $(cat /sys/kernel/debug/kprobes/list | wc -l)"
	    echo "journal $(ls /run/bpfwired 2>/dev/null | wc -l)"'
}
# same_state CLAIM BEFORE [STATE]: within 20 s the board is as it was, as the function STATE (board_state) tells
same_state() {
	local end=$((SECONDS + 20)) now
	while :; do
		now=$(${3:-board_state})
		[ "$now" = "$2" ] && { ok "$1"; return 0; }
		[ $SECONDS -lt $end ] || break
		sleep 0.3
	done
	not_ok "$1"; diff <(echo "$2") <(echo "$now") | sed 's/^/# /'
	return 1
}

# same_sections LEAST WHAT THERE OURS: what a program of ours printed there and here, in sections that begin with "== NAME", the last of them "== end": each
# the same, and with LEAST rows ("ROW: RESULT") or more
same_sections() {
	local s n
	claim "$2: all rows were asked" [ "$(tail -n 1 "$3")" = '== end' -a "$(tail -n 1 "$4")" = '== end' ] || show "$3" "$4" "$4.err"
	while read -r s; do
		sed -n "/^== $s\$/,/^== /p" "$3" >"$W/a"; sed -n "/^== $s\$/,/^== /p" "$4" >"$W/b"
		n=$(grep -v '^== ' "$W/a" | grep -c ': ')
		claim "$2: $s: $n rows are byte for byte what they are there" [ "$n" -ge "$1" -a "$(cmp "$W/a" "$W/b" 2>&1)" = '' ] ||
			diff "$W/a" "$W/b" | cut -c1-160 | head -n 20 | sed 's/^/# /'
	done < <(sed -n 's/^== //p' "$3" | grep -vx end)
}
