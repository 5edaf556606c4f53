#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# mkinitramfs.sh [--init] [--load FILE]... BPFWIRED OUT.cpio.gz: an archive with /bpfwired and /dev/console, which may follow any other archive in an initrd. Without --init it
# has no /init, so that what the initrd does without rdinit=/bpfwired stays the same. Written by hand, because cpio(1) cannot put in a device that nobody
# but root can make; each FILE comes into /etc/bpfwire/load.d, which bpfwired loads before it serves; the same input gives the same bytes. Format: Documentation/driver-api/early-userspace/buffer-format.rst.
set -eu

fail() { echo "mkinitramfs: $*" >&2; exit 1; }

init=0 loads=
while :; do
	case ${1-} in
	--init) init=1; shift ;;
	--load)
		[ -r "${2-}" ] || fail "cannot read '${2-}', which is to be loaded"
		loads="$loads$2
"
		shift 2 ;;
	*) break ;;
	esac
done
[ $# = 2 ] || { echo 'usage: mkinitramfs.sh [--init] [--load FILE]... BPFWIRED OUT.cpio.gz' >&2; exit 2; }
daemon=$1 out=$2
[ -r "$daemon" ] || fail "cannot read $daemon; build it first: make arm64"
if command -v readelf >/dev/null && readelf -lW "$daemon" 2>/dev/null | grep -q INTERP; then
	fail "$daemon is not static, and an initramfs has no libraries: make arm64, or make STATIC=1 daemon"
fi

inode=0
pad() { n=$(((4 - $1 % 4) % 4)); [ $n = 0 ] || head -c $n /dev/zero; }
# entry NAME MODE SIZE MAJOR MINOR: the header; the content, if any, comes behind
entry() {
	inode=$((inode + 1))
	printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' \
		$inode "$((0$2))" 0 0 1 0 "$3" 0 0 "$4" "$5" $((${#1} + 1)) 0 "$1"
	pad $((110 + ${#1} + 1))
}

# file NAME MODE FILE
file() {
	size=$(wc -c <"$3")
	entry "$1" "$2" "$size" 0 0
	cat "$3"
	pad "$size"
}

archive() {
	entry dev 40755 0 0 0
	entry dev/console 20600 0 5 1
	file bpfwired 100755 "$daemon"
	if [ -n "$loads" ]; then
		for dir in etc etc/bpfwire etc/bpfwire/load.d; do entry $dir 40755 0 0 0; done
		while read -r load; do
			[ -z "$load" ] || file "etc/bpfwire/load.d/${load##*/}" 100644 "$load"
		done <<-EOF
			$loads
		EOF
	fi
	if [ $init = 1 ]; then
		entry init 120777 8 0 0
		printf bpfwired
	fi
	entry 'TRAILER!!!' 0 0 0 0
}

archive | gzip -9n >"$out.new"
# The next archive begins at a multiple of 4; behind a compressed one the kernel skips zeros.
size=$(wc -c <"$out.new")
pad "$size" >>"$out.new"
mv "$out.new" "$out"
