#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Kernel headers of a board's release, as one directory for BCC_KERNEL_SOURCE. Installed as libexec/bpfwire/headers.
#
# usage: headers --here|--fetch|--again|--none RELEASE ARCH
#
#   --here   print the directory if the headers are installed or in the cache; says nothing otherwise
#   --fetch  the same, and else fetch Debian's packages from the archive that this machine's apt sources name: without root, and without
#            the machine's apt and dpkg hearing of it. That the archive has none is remembered for a day
#   --again  the same, without that memory
#   --none   print a directory that stands for "there are none": a program compiled with it ends in one clear #error
#
#        headers --add RELEASE ARCH|- SOURCE BUILD FORCE   store a trimmed copy of a kernel's source tree and build tree ("": the same); ARCH -: what
#                                                          it was built for; FORCE yes: also one that does not fit
#        headers --room RELEASE ARCH                       print a new directory, to be filled and given to one of:
#        headers --keep RELEASE ARCH DIR ORIGIN            make it the stored set, and print that
#        headers --drop RELEASE ARCH DIR
#        headers --list                                    lines 'RELEASE ARCH ORIGIN', tabs between
#        headers --remove RELEASE
#
# ARCH is the board's as `bpfwire devices -l` says it. Exit 0: done, printed; 1: there are none, or it is refused (and a line has said why, but for
# --here); 2: called wrongly.
# Cache: ${BPFWIRE_CACHE:-${XDG_CACHE_HOME:-~/.cache}/bpfwire}/headers/ARCH/RELEASE. What a user puts there is used as it is.
set -u
origin=.bpfwire-origin	# in a set: where it came from

UPDATE_LIMIT=120	# seconds
DOWNLOAD_LIMIT=300
LOCK_LIMIT=420		# another one fetching the same
REMEMBER=1440		# minutes that the archive is believed to have none

say() { echo "bpfwire: $*" >&2; }
usage() { say "usage: headers --here|--fetch|--again|--none RELEASE ARCH (or --add, --list, --remove: see the source)"; exit 2; }
none() { say "no kernel headers of $release: $*"; exit 1; }
refuse() { say "$*"; exit 1; }

[ $# -ge 1 ] || usage
how=$1 release=${2-} arch=${3-}
case $how$# in
--here3 | --fetch3 | --again3 | --none3 | --room3 | --drop4 | --keep5 | --add6 | --list1 | --remove2) ;;
*) usage ;;
esac

# Both come from a board, and become part of paths and package names.
case $how$release in
--list) ;;
--*[!0-9A-Za-z._+~-]* | --here | --fetch | --again | --none | --room | --drop | --keep | --add | --remove)
	refuse "'$release' is not a kernel release" ;;
*)	case $release in [!0-9A-Za-z]*) refuse "'$release' is not a kernel release" ;; esac ;;
esac

# set_arch ARCH: karch, the kernel's name of it, and debarch, Debian's
set_arch()
{
	arch=$1
	case $arch in
	arm64) karch=arm64 debarch=arm64 ;;
	x86_64) karch=x86 debarch=amd64 ;;
	riscv64) karch=riscv debarch=riscv64 ;;
	arm) karch=arm debarch=armhf ;;
	*) refuse "no kernel headers are known for the architecture '$arch'" ;;
	esac
	sets=$cache/headers/$arch
	cached=$sets/$release
}

if [ -n "${BPFWIRE_CACHE-}" ]; then
	cache=$BPFWIRE_CACHE
elif [ -n "${XDG_CACHE_HOME-}" ]; then
	cache=$XDG_CACHE_HOME/bpfwire
elif [ -n "${HOME-}" ]; then
	cache=$HOME/.cache/bpfwire
else
	refuse "no place for a cache: HOME is not set"
fi
case $how in
--list | --remove) ;;
*) [ "$how$arch" = --add- ] || set_arch "$arch" ;;
esac

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
	timeout -k 10 "$limit" "$@" -q -o APT::Architecture="$debarch" -o APT::Architectures="$debarch" \
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
	if [ "$how" = --fetch ] && [ -n "$(find "$sets/.$release.none" -mmin -$REMEMBER 2>/dev/null)" ]; then
		none "Debian's archive did not have them within the last day ('bpfwire headers' looks again); add your own by 'bpfwire headers add' or BCC_KERNEL_SOURCE=DIR"
	fi
	is_debian || none "it is not one of Debian's kernels; add them by 'bpfwire headers add --source DIR', or give the build tree by BCC_KERNEL_SOURCE=DIR"
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
	touch "$sets/.$release.none"
	none "Debian's archive has them no more; update the board's kernel, or take them from Debian's snapshot archive and give them by BCC_KERNEL_SOURCE=DIR"
}

# ---- sets that others fill --------------------------------------------------------------------

# store DIR ORIGIN: it becomes the set of the release. The old one goes by a rename, too: at no time is there half of one.
store()
{
	printf '%s\n' "$2" >"$1/$origin" && chmod 755 "$1" || return 1
	rm -rf "$sets/.$release.old.$$" "$sets/.$release.none"
	[ ! -e "$cached" ] || mv -T "$cached" "$sets/.$release.old.$$" || return 1
	mv -T "$1" "$cached" || return 1
	rm -rf "$sets/.$release.old.$$"
	echo "$cached"
}

make_room()
{
	mkdir -p "$sets" || refuse "cannot make $sets"
	# What a killed one left.
	find "$sets" -maxdepth 1 -name '.*.room.*' -mmin +$REMEMBER -exec rm -rf {} +
	mktemp -d "$sets/.$release.room.XXXXXX" || refuse "cannot write to $sets"
}

is_room() { case $1 in "$sets/.$release.room."*/* | "$sets/.$release.room.") return 1 ;; "$sets/.$release.room."*) [ -d "$1" ] ;; *) return 1 ;; esac; }

# keep DIR ORIGIN
keep()
{
	is_room "$1" || usage
	is_whole "$1" || refuse "$2: no whole set of kernel headers for $arch: no include/linux/kconfig.h, include/generated/autoconf.h or arch/$karch/include"
	store "$1" "$2" || refuse "cannot write to $sets"
}

# ---- a kernel's own tree ------------------------------------------------------------------------

# The architectures of ours that a tree is configured for.
built_for()
{
	for pair in arm64:arm64 x86:x86_64 riscv:riscv64 arm:arm; do
		[ ! -d "$1/arch/${pair%:*}/include/generated" ] || printf '%s ' "${pair#*:}"
	done
}

uts_release() { sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$1/include/generated/utsrelease.h" 2>/dev/null; }

# headers_of TREE: what BCC's compile can open, as relative paths. Links are followed: only files are stored.
headers_of() { (cd "$1" && find -L include "arch/$karch/include" -name '*.h' -type f 2>/dev/null); }

# copy TREE FILTER...: its headers, as the filter passes them, into $new
copy()
{
	tree=$1
	shift
	headers_of "$tree" | "$@" | tar -C "$tree" -chf - --no-recursion --mode=u+rw,go+r -T - | tar -C "$new" -xf - --no-same-owner
}

add()
{
	source=$1 build=${2:-$1} force=$3
	[ -d "$source/include/linux" ] || refuse "$source: not the source tree of a kernel (no include/linux)"
	[ -r "$build/include/generated/autoconf.h" ] ||
		refuse "$build: not configured (no include/generated/autoconf.h): run 'make prepare' there, or name the build tree by --build"
	has=$(built_for "$build")
	if [ "$arch" = - ]; then
		case ${has% } in '' | *\ *) refuse "$build: cannot tell its architecture; say it by a board (-s SERIAL)" ;; esac
		set_arch "${has% }"
	fi
	uts=$(uts_release "$build")
	if [ "$force" != yes ]; then
		case " $has" in *" $arch "*) ;; *) refuse "$build: built for ${has:-another architecture }and not for $arch, the board's; --force stores it all the same" ;; esac
		[ "$uts" = "$release" ] || refuse "$build: of kernel ${uts:-?} and not $release, the board's; --force stores it all the same"
	fi
	command -v tar >/dev/null || refuse "there is no tar here to copy with"
	new=$(make_room) || exit 1
	trap 'rm -rf "$new"' EXIT
	trap 'exit 130' INT TERM HUP
	if [ "$(cd "$source" && pwd -P)" = "$(cd "$build" && pwd -P)" ]; then
		copy "$source" cat
	else
		# A source tree that was built in itself once has stale ones.
		copy "$source" grep -Ev '^(include|arch/[^/]*/include)/generated/' && copy "$build" cat
	fi || refuse "cannot copy the headers of $source to $new"
	keep "$new" "$source${2:+ built in $2}"
}

# ---- what is stored -------------------------------------------------------------------------------

list()
{
	for dir in "$cache"/headers/*/*/; do
		dir=${dir%/}
		set=${dir#"$cache/headers/"}
		case $set in '*/*' | none/*) continue ;; esac
		printf '%s\t%s\t%s\n' "${set#*/}" "${set%%/*}" "$(head -n 1 "$dir/$origin" 2>/dev/null || echo 'put there by hand')"
	done
}

remove()
{
	found=
	for dir in "$cache"/headers/*/"$release"; do
		[ -d "$dir" ] || continue
		gone=${dir%/*}/.$release.old.$$
		mv -T "$dir" "$gone" || refuse "cannot remove $dir"
		rm -rf "$gone"
		case $dir in "$cache/headers/none/"*) ;; *) found=1 ;; esac
	done
	rm -f "$cache"/headers/*/".$release".none
	[ -n "$found" ] || refuse "no headers of $release are stored; 'bpfwire headers list' says what is"
}

# ---- the ways -------------------------------------------------------------------------------

# In the cache under a temporary name first: nobody ever sees half of it.
make_cached()
{
	mkdir -p "$sets" || none "cannot make $sets"
	exec 9>"$sets/.$release.lock" || none "cannot write to $sets"
	flock -n 9 || {
		say "waiting for another fetch of the headers of $release"
		flock -w $LOCK_LIMIT 9 || none "$sets/.$release.lock is held for $LOCK_LIMIT seconds; is another fetch stuck?"
	}
	find_here && return 0
	tmp=$sets/.$release.tmp new=$sets/.$release.new log=$sets/.$release.log
	trap 'rm -rf "$tmp" "$new"' EXIT
	trap 'exit 130' INT TERM HUP
	rm -rf "$tmp" "$new"
	: >"$log"
	# Installed on this machine, in Debian's two parts?
	merge /usr/src 2>/dev/null || { rm -rf "$new"; fetch; }
	store "$new" "Debian's packages" || none "cannot write to $sets"
	rm -f "$log"
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
--fetch | --again) find_here || make_cached ;;
--none) make_none ;;
--room) make_room ;;
--keep) keep "$4" "$5" ;;
--drop) is_room "$4" && rm -rf "$4" ;;
--add) add "$4" "$5" "$6" ;;
--list) list ;;
--remove) remove ;;
esac
