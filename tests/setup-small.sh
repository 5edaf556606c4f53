# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Part of tests/setup: Debian's kernel source, and small ARM64 kernels built from it out of fragments, for the tests of Kconfig-snippets/.

SOURCE_VERSION=6.1
SMALL_RECIPE=1                  # raise it when make_small changes what it makes

# A small kernel is allnoconfig and these files (of Kconfig-snippets/, or by path).
declare -A SMALL=(
	[full]="bpf tracing btf headers gadget tests/board/vm.config tests/board/vm-usb.config"
	[nogadget]="bpf tracing tests/board/vm.config tests/board/nogadget.config"
	[notrace]="gadget headers tests/board/vm.config tests/board/vm-usb.config tests/board/notrace.config"
)

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Most of the tree is for hardware that no board of ours has. Kconfig files and makefiles stay, all of them.
SOURCE_WITHOUT=('arch/[b-z]*.[chS]' 'arch/al*.[chS]' 'arch/arc/*.[chS]' 'arch/*.dts' 'arch/*.dtsi' 'drivers/gpu/*.[ch]' 'drivers/media/*.[ch]'
	'drivers/net/*/*.[ch]' 'drivers/staging/*.[ch]' 'drivers/infiniband/*.[ch]' 'drivers/scsi/*.c' 'sound/*/*.[ch]'
	'tools/testing/*' 'tools/perf/*' 'Documentation/*.rst' 'Documentation/*.yaml')

make_source()
{
	local tmp=$1 archive
	say "fetching the source of kernel $SOURCE_VERSION"
	private_apt "$BOARD_SUITE"
	fetch_alone "$tmp/debs" "linux-source-$SOURCE_VERSION" || die "cannot fetch linux-source-$SOURCE_VERSION; see $(cache_dir)/apt.log"
	archive=$tmp/debs/source.tar.xz
	dpkg-deb --fsys-tarfile "$tmp"/debs/*.deb | tar -xO "./usr/src/linux-source-$SOURCE_VERSION.tar.xz" >"$archive"
	say "unpacking it"
	tar -xf "$archive" -C "$tmp" --strip-components=1 --anchored "${SOURCE_WITHOUT[@]/#/--exclude=linux-source-$SOURCE_VERSION/}"
	rm -rf "$tmp/debs"
}

# 'tests/setup source' prints the tree
cmd_source()
{
	[[ ${1:-$SOURCE_VERSION} == "$SOURCE_VERSION" ]] || die "no source of kernel '$1' (there is: $SOURCE_VERSION)"
	cached "source-$SOURCE_VERSION" "$BOARD_SUITE ${SOURCE_WITHOUT[*]}" make_source
}

# small_fragments NAME: their paths
small_fragments()
{
	local f
	[[ ${SMALL[$1]-} ]] || die "no small kernel '$1' (there are: ${!SMALL[*]})"
	for f in ${SMALL[$1]}; do
		[[ $f == */* ]] || f=Kconfig-snippets/$f.config
		echo "$TOP/$f"
	done
}

kmake() { make -s -C "$1" O="$2" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- KBUILD_BUILD_HOST=bpfwire KBUILD_BUILD_USER=bpfwire "${@:3}"; }

# Every line of the fragments must be in force: a kernel without it would prove nothing.
small_check()
{
	local config=$1 want name bad=0
	shift
	while read -r want; do
		name=${want%%=*}
		grep -qx -e "$want" -e "$name=y" "$config" || { say "not in force: $want"; bad=1; }
	done < <(grep -hE '^CONFIG_[A-Z0-9_]+=' "$@")
	return $bad
}

make_small()
{
	local tmp=$1 name=$2 source=$3 out fragments release log
	out=$(cache_dir)/build-small-$name
	log=$out/build.log
	mapfile -t fragments < <(small_fragments "$name")
	say "building the small kernel '$name' (about 3 minutes on two idle processors)"
	mkdir -p "$out"                 # outside $tmp: what an interrupted build left is gone on with
	# Later lines win, so a fragment at the end can take something away.
	cat "${fragments[@]}" >"$tmp/fragments"
	kmake "$source" "$out" KCONFIG_ALLCONFIG="$tmp/fragments" allnoconfig >"$log" 2>&1 || die "allnoconfig: $(tail -n 1 "$log")"
	small_check "$out/.config" <(awk -F'[= ]' '/^CONFIG_/ {v[$1] = $0} /^# CONFIG_.* is not set/ {delete v[$2]} END {for (k in v) print v[k]}' \
		"$tmp/fragments") || die "small kernel '$name': a line of its fragments is not in force"
	timeout -k 10 1800 make -s -C "$source" O="$out" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- KBUILD_BUILD_HOST=bpfwire \
		KBUILD_BUILD_USER=bpfwire LOCALVERSION="-small-$name" KBUILD_BUILD_TIMESTAMP=1970-01-01 -j"$(nproc)" Image.gz $(small_modules "$out") >>"$log" 2>&1 </dev/null ||
		die "small kernel '$name' does not build: $(grep -m 1 -i error "$log"); all of it is in $log"
	release=$(<"$out/include/config/kernel.release")
	mkdir -p "$tmp/lib/modules/$release"
	if grep -q '^CONFIG_MODULES=y' "$out/.config"; then
		kmake "$source" "$out" LOCALVERSION="-small-$name" INSTALL_MOD_PATH="$tmp" INSTALL_MOD_STRIP=1 modules_install >>"$log" 2>&1 ||
			die "small kernel '$name': modules_install: $(tail -n 1 "$log")"
		rm -f "$tmp/lib/modules/$release"/{build,source}
	fi
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$tmp" "$release" 2>/dev/null || true
	cp "$out/arch/arm64/boot/Image.gz" "$tmp/vmlinuz"
	cp "$out/.config" "$tmp/config"
	echo "$release" >"$tmp/release"
	[[ ! -e $out/kernel/kheaders_data.tar.xz ]] || { mkdir "$tmp/headers" && tar -xf "$out/kernel/kheaders_data.tar.xz" -C "$tmp/headers"; }
	rm -rf "$out" "$tmp/fragments"
}

small_modules() { ! grep -q '^CONFIG_MODULES=y' "$1/.config" || echo modules; }

# 'tests/setup smallkernel NAME' (also 'kernel small-NAME'): as 'kernel', and headers/ if the kernel has IKHEADERS
cmd_smallkernel()
{
	local name=${1:-full} fragments source
	fragments=$(small_fragments "$name")
	source=$(cmd_source)
	# shellcheck disable=SC2086
	LOCK=.lock-small cached "kernel-small-$name" "$SMALL_RECIPE $source $(cat $fragments)" make_small "$name" "$source"
}

# All of its modules, where the distribution's kernels have a list.
make_small_modules()
{
	local tmp=$1 kernel=$2
	mkdir -p "$tmp/root/usr"
	cp -a "$kernel/lib" "$tmp/root/usr/"
	ln -s usr/lib "$tmp/root/lib"
	pack "$tmp/root" | zstd -q -3 >"$tmp/modules.cpio.zst"
	rm -rf "$tmp/root"
}

cmd_smallmodules()
{
	local kernel
	kernel=$(cmd_smallkernel "$1")
	cached "modules-small-$1" "$kernel" make_small_modules "$kernel"
}
