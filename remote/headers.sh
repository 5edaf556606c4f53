#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Kernel headers of a board's release, as one directory for BCC_KERNEL_SOURCE. Installed as libexec/bpfwire/headers.
#
# usage: headers --here|--fetch|--none RELEASE ARCH
#
#   --here   print the directory if the headers are installed or in the cache; says nothing otherwise
#   --fetch  the same, and else fetch Debian's packages from the archive that this machine's apt sources name: without root, and without
#            the machine's apt and dpkg hearing of it
#   --none   print a directory that stands for "there are none": a program compiled with it ends in one clear #error
#
# ARCH is the board's as `bpfwire devices -l` says it. Exit 0: printed; 1: there are none (--fetch has said why); 2: called wrongly.
# Cache: ${BPFWIRE_CACHE:-${XDG_CACHE_HOME:-~/.cache}/bpfwire}/headers/ARCH/RELEASE. What a user puts there is used as it is.
set -u

UPDATE_LIMIT=120	# seconds
DOWNLOAD_LIMIT=300
LOCK_LIMIT=420		# another one fetching the same

say() { echo "bpfwire: $*" >&2; }
usage() { say "usage: headers --here|--fetch|--none RELEASE ARCH"; exit 2; }
none() { say "no kernel headers of $release: $*"; exit 1; }

[ $# -eq 3 ] || usage
how=$1 release=$2 arch=$3

# Both come from a board, and become part of paths and package names.
case $release in '' | [!0-9A-Za-z]* | *[!0-9A-Za-z._+~-]*) say "'$release' is not a kernel release"; exit 1 ;; esac
case $arch in
arm64) karch=arm64 debarch=arm64 ;;
x86_64) karch=x86 debarch=amd64 ;;
riscv64) karch=riscv debarch=riscv64 ;;
arm) karch=arm debarch=armhf ;;
*) say "no kernel headers are known for the architecture '$arch'"; exit 1 ;;
esac

if [ -n "${BPFWIRE_CACHE-}" ]; then
	cache=$BPFWIRE_CACHE
elif [ -n "${XDG_CACHE_HOME-}" ]; then
	cache=$XDG_CACHE_HOME/bpfwire
elif [ -n "${HOME-}" ]; then
	cache=$HOME/.cache/bpfwire
else
	say "no place for a cache: HOME is not set"; exit 1
fi
cached=$cache/headers/$arch/$release

# ---- what is here -----------------------------------------------------------------------------

# BCC looks for the first; the second is made when a kernel for this architecture is configured.
is_whole() { [ -r "$1/include/linux/kconfig.h" ] && [ -r "$1/include/generated/autoconf.h" ] && [ -d "$1/arch/$karch/include" ]; }

find_here()
{
	for dir in "$cached" "/lib/modules/$release/build" "/usr/src/linux-headers-$release"; do
		if is_whole "$dir"; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

# ---- one directory of Debian's two --------------------------------------------------------------

# merge SRC: SRC/linux-headers-RELEASE and the -common one that its Makefile names become $new
merge()
{
	flavour=$1/linux-headers-$release
	common=$(sed -n 's,^include .*/\(linux-headers-[^/]*-common[^/]*\)/Makefile$,\1,p' "$flavour/Makefile" | head -n 1)
	[ -n "$common" ] && [ -d "$1/$common" ] || return 1
	mkdir -p "$new" || return 1
	# The flavour's scripts, tools and Makefile are the ones that count; it comes second, so that its files win.
	for entry in "$1/$common"/* "$1/$common"/.[!.]*; do
		case ${entry##*/} in scripts | tools | Makefile) continue ;; esac
		[ ! -e "$entry" ] || cp -a "$entry" "$new/" || return 1
	done
	cp -a "$flavour/." "$new/" && is_whole "$new"
}

# ---- Debian's packages --------------------------------------------------------------------------

is_debian() { printf '%s\n' "$release" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+(-[0-9]+|\+[a-z0-9.+~-]*|\+)-?([a-z0-9]+-)*(arm64|amd64|riscv64|armmp|armmp-lpae)(-16k)?$'; }

# The suites that may have it: by the version that each was released with, then this machine's own.
suites()
{
	case $release in
	*+deb12* | *bpo12*) echo bookworm-backports ;;
	*+deb13*) echo trixie; echo bookworm-backports ;;
	5.10.*) echo bullseye ;;
	6.1.*) echo bookworm; echo bullseye-backports ;;
	6.12.*) echo trixie; echo bookworm-backports ;;
	esac
	# shellcheck disable=SC1091
	(. /etc/os-release && echo "${VERSION_CODENAME-}")
}

# Lines 'URI SUITE' of the Debian archives in this machine's sources, turned to the suite that is wanted.
archives()
{
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
		awk -v from="$codename" -v to="$1" '
			$3 == "main" && ($2 == from || $2 == from "-updates" || $2 == from "-security") {
				if (to ~ /-backports$/) { if ($2 != from) next; $2 = to } else sub(from, to, $2)
				if (!seen[$0]++)
					print $1, $2
			}'
}

# limited SECONDS COMMAND...: a private apt
limited()
{
	limit=$1
	shift
	timeout -k 10 "$limit" "$@" -q -o APT::Architecture=$debarch -o APT::Architectures=$debarch \
		-o Dir::Etc::sourcelist="$tmp/sources.list" -o Dir::Etc::sourceparts="$tmp/none" \
		-o Dir::Etc::preferences="$tmp/none" -o Dir::Etc::preferencesparts="$tmp/none" \
		-o Dir::State="$tmp" -o Dir::State::lists="$tmp/lists" -o Dir::State::status="$tmp/status" -o Dir::Cache="$tmp/cache" \
		-o APT::Sandbox::User= -o Debug::NoLocking=true -o Acquire::Languages=none -o Acquire::GzipIndexes=true \
		-o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 2>&1 </dev/null
}

# From one suite: 0 fetched into $tmp/debs; 1 it has none; 2 the archive could not be read
fetch_from()
{
	rm -rf "$tmp"
	mkdir -p "$tmp/lists/partial" "$tmp/cache" "$tmp/none" "$tmp/debs" || return 2
	: >"$tmp/status"
	archives "$1" | while read -r uri suite; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main"
	done >"$tmp/sources.list"
	[ -s "$tmp/sources.list" ] || return 2
	limited $UPDATE_LIMIT apt-get update >>"$log"
	ls "$tmp"/lists/*Packages* >/dev/null 2>&1 || return 2
	common=$(limited 60 apt-cache depends --important "linux-headers-$release" |
		sed -n 's/^ *Depends: \(linux-headers-.*-common.*\)$/\1/p' | head -n 1)
	[ -n "$common" ] || return 1
	say "fetching linux-headers-$release and its common part from Debian $1 (once)"
	(cd "$tmp/debs" && limited $DOWNLOAD_LIMIT apt-get download "linux-headers-$release" "$common" >>"$log") || return 2
}

fetch()
{
	is_debian || none "it is not one of Debian's kernels; give the directory of its build tree by BCC_KERNEL_SOURCE=DIR"
	for tool in apt-get dpkg-deb awk timeout; do
		command -v $tool >/dev/null || none "there is no $tool here to fetch Debian's packages with; give them by BCC_KERNEL_SOURCE=DIR"
	done
	say "looking for the kernel headers of $release in the Debian archive"
	read_one=
	tried=' '
	for suite in $(suites); do
		case $tried in *" $suite "*) continue ;; esac
		tried="$tried$suite "
		fetch_from "$suite"
		case $? in
		0)	for deb in "$tmp"/debs/*.deb; do
				dpkg-deb -x "$deb" "$tmp/root" >>"$log" 2>&1 || none "cannot unpack ${deb##*/}; see $log"
			done
			merge "$tmp/root/usr/src" || none "the packages are not laid out as expected; give them by BCC_KERNEL_SOURCE=DIR"
			return 0 ;;
		1)	read_one=1 ;;
		esac
	done
	# An old suite may be gone from the archive; one that could be read says that the archive is there.
	[ -n "$read_one" ] ||
		none "the Debian archive of this machine's apt sources cannot be read (offline?); see $log, or give them by BCC_KERNEL_SOURCE=DIR"
	none "Debian's archive has them no more; update the board's kernel, or take them from Debian's snapshot archive and give them by BCC_KERNEL_SOURCE=DIR"
}

# ---- the three ways -------------------------------------------------------------------------------

# In the cache under a temporary name first: nobody ever sees half of it.
make_cached()
{
	mkdir -p "$cache/headers/$arch" || none "cannot make $cache/headers/$arch"
	exec 9>"$cache/headers/$arch/.$release.lock" || none "cannot write to $cache/headers/$arch"
	flock -n 9 || {
		say "waiting for another fetch of the headers of $release"
		flock -w $LOCK_LIMIT 9 || none "$cache/headers/$arch/.$release.lock is held for $LOCK_LIMIT seconds; is another fetch stuck?"
	}
	find_here && return 0
	tmp=$cache/headers/$arch/.$release.tmp new=$cache/headers/$arch/.$release.new log=$cache/headers/$arch/.$release.log
	trap 'rm -rf "$tmp" "$new"' EXIT
	trap 'exit 130' INT TERM HUP
	rm -rf "$tmp" "$new"
	: >"$log"
	# Installed on this machine, in Debian's two parts?
	merge /usr/src 2>/dev/null || { rm -rf "$new"; fetch; }
	rm -rf "$cached"
	mv -T "$new" "$cached" || none "cannot write to $cache/headers"
	rm -f "$log"
	echo "$cached"
}

make_none()
{
	dir=$cache/headers/none/$release
	mkdir -p "$dir/include/linux" || exit 1
	echo "#error \"bpfwire: no kernel headers of $release: give them with BCC_KERNEL_SOURCE=DIR, or see 'bpfwire headers'\"" \
		>"$dir/include/linux/kconfig.h.$$" && mv "$dir/include/linux/kconfig.h.$$" "$dir/include/linux/kconfig.h" && echo "$dir"
}

case $how in
--here) find_here ;;
--fetch) find_here || make_cached ;;
--none) make_none ;;
*) usage ;;
esac
