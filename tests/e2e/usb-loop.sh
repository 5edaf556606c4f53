#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gadget room alone, on the virtual board: an echo daemon on one end of the cable, libusb on the other. Prints one line a claim;
# exits 0 if all hold. Uses a virtual board of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."

export BPFWIRE_BOARD_DIR=${BPFWIRE_BOARD_DIR:-${TMPDIR:-/tmp}/bpfwire-usb-loop-$(id -u)}
board=${BOARD:-tests/board/board}
out=${O:-build}/e2e
sysroot=$(tests/setup sysroot)

mkdir -p "$out"
"${CROSS_COMPILE:-aarch64-linux-gnu-}gcc" --sysroot="$sysroot" -std=gnu11 -O2 -g -Wall -Wextra -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-o "$out/usb-loop" tests/e2e/usb-loop.c gadget/*.c protocol/*.c -lusb-1.0 -lusbgx -lconfig -laio -lpthread

if ! "$board" status >/dev/null 2>&1; then
	trap '"$board" down' EXIT
	"$board" up --bare --max-minutes 40
fi
"$board" push "$out/usb-loop" /usr/bin/usb-loop
# A function that libusbgx does not know; the board's root has not got it.
release=$("$board" sh 'uname -r')
printer=$(find "$(tests/setup kernel "${release%.*}")/lib/modules/$release" -name 'usb_f_printer.ko')
[[ -z $printer ]] || "$board" push "$printer" /tmp/usb_f_printer.ko
timeout -k 10 1200 "$board" sh <tests/e2e/usb-loop.guest
