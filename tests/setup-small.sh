# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Part of tests/setup: Debian's kernel source, and small ARM64 kernels built from it out of fragments, for the tests of Kconfig-snippets/.

SOURCE_VERSION=6.1
SMALL_RECIPE=1                  # raise it when make_small changes what it makes

# A small kernel is allnoconfig and these files (of Kconfig-snippets/, or by path).
declare -A SMALL=(
	[full]="bpf tracing btf headers gadget tests/board/vm.config tests/board/vm-usb.config"
	[nogadget]="bpf tracing tests/board/vm.config tests/board/nogadget.config"
	[notrace]="gadget headers tests/board/vm.config tests/board/notrace.config"
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

# small_make TARGET...: make in the tree $source for the kernel $name, into $out, its output to $log
small_make()
{
	timeout -k 10 2400 make -s -C "$source" O="$out" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- LOCALVERSION="-small-$name" \
		KBUILD_BUILD_HOST=bpfwire KBUILD_BUILD_USER=bpfwire KBUILD_BUILD_TIMESTAMP=1970-01-01 "$@" >>"$log" 2>&1 </dev/null ||
		die "small kernel '$name': make $1: $(grep -m 1 -iE 'error|\*\*\*' "$log" || tail -n 1 "$log"); all of it is in $log"
}

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

# small_config TMP: $out/.config
small_config()
{
	local tmp=$1 fragments
	mapfile -t fragments < <(small_fragments "$name")
	cat "${fragments[@]}" >"$tmp/fragments"
	small_make allnoconfig KCONFIG_ALLCONFIG="$tmp/fragments"
	# Later lines win, so a fragment at the end can take something away.
	awk -F'[= ]' '/^CONFIG_/ {v[$1] = $0} /^# CONFIG_.* is not set/ {delete v[$2]} END {for (k in v) print v[k]}' "$tmp/fragments" >"$tmp/wanted"
	small_check "$out/.config" "$tmp/wanted" || die "small kernel '$name': a line of its fragments is not in force"
	rm -f "$tmp/fragments" "$tmp/wanted"
}

make_small()
{
	local tmp=$1 name=$2 source=$3 out log release start=$SECONDS spent targets=(Image.gz)
	out=$(cache_dir)/build-small-$name              # outside TMP: what an interrupted build left is gone on with
	log=$out/build.log
	say "building the small kernel '$name' (10 to 15 minutes of a processor's time, shared by all there are)"
	mkdir -p "$out"
	: >"$log"
	small_config "$tmp"
	! grep -q '^CONFIG_MODULES=y' "$out/.config" || targets+=(modules)
	small_make "${targets[@]}" -j"$(nproc)"
	times >"$tmp/times"             # its last line: user and system time of what ended
	spent=$(tail -n 1 "$tmp/times")
	rm "$tmp/times"
	say "built in $((SECONDS - start)) s; the processors' time, user and system: $spent"
	release=$(<"$out/include/config/kernel.release")
	mkdir -p "$tmp/lib/modules/$release"
	[[ ${#targets[@]} == 1 ]] || small_make modules_install INSTALL_MOD_PATH="$tmp" INSTALL_MOD_STRIP=1
	rm -f "$tmp/lib/modules/$release"/{build,source}
	[[ ${#targets[@]} != 1 ]] || cp "$out"/modules.{builtin,builtin.modinfo,order} "$tmp/lib/modules/$release/" 2>/dev/null || true
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$tmp" "$release" 2>/dev/null || true
	cp "$out/arch/arm64/boot/Image.gz" "$tmp/vmlinuz"
	cp "$out/.config" "$tmp/config"
	echo "$release" >"$tmp/release"
	[[ ! -e $out/kernel/kheaders_data.tar.xz ]] || { mkdir "$tmp/headers" && tar -xf "$out/kernel/kheaders_data.tar.xz" -C "$tmp/headers"; }
	rm -rf "$out"
}

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
