# SPDX-License-Identifier: Apache-2.0
# bpfwire: `make help` lists the targets and knobs.

# ---- knobs ----
O             ?= build
V             ?=
PREFIX        ?= /usr/local
DESTDIR       ?=
PYTHON        ?= $(firstword $(wildcard /usr/bin/python3) python3)
PYTHONDIR     ?=
CROSS_COMPILE ?=
CC            := $(if $(filter default undefined,$(origin CC)),$(CROSS_COMPILE)gcc,$(CC))
AR            := $(if $(filter default undefined,$(origin AR)),$(CROSS_COMPILE)ar,$(AR))
STRIP         ?= $(CROSS_COMPILE)strip
OPT           ?= -O2 -g
WERROR        ?= $(if $(CI),-Werror)
SAN           ?=
STATIC        ?=
SYSROOT       ?=

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

WARN     := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wno-format-nonliteral
CFLAGS   += -std=gnu11 $(OPT) $(WARN) $(WERROR) -fno-strict-aliasing -fstack-protector-strong \
            $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -U_FORTIFY_SOURCE) \
            $(if $(findstring thread,$(SAN)),-Wno-tsan) $(if $(SYSROOT),--sysroot=$(SYSROOT))
CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DBW_PREFIX='"$(PREFIX)"'
LDFLAGS  += $(if $(SAN),-fsanitize=$(SAN)) $(if $(SYSROOT),--sysroot=$(SYSROOT))

# ---- rooms ----
PROTOCOL := $(wildcard protocol/*.c)
GADGET   := $(wildcard gadget/*.c)
DAEMON   := $(wildcard daemon/*.c)
BRIDGE   := $(wildcard host-bridge/*.c)
REMOTE   := $(wildcard remote/*.c)
COMMAND  := $(wildcard remote/command/*.c)
LOADER   := $(filter-out loader/main.c,$(wildcard loader/*.c))

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
pic = $(patsubst %.c,$(O)/pic/%.o,$(1))

LOADER_LIBS := -lbpf -lelf -lz
DAEMON_LIBS := -lusbgx -lconfig -laio $(LOADER_LIBS) -lpthread
BRIDGE_LIBS := -lusb-1.0
REMOTE_LIBS := -ldl -lpthread

.DEFAULT_GOAL := all
.SECONDARY:
.PHONY: all daemon bridge remote arm64 install clean help

# The command's helpers lie below $(O) as they are installed below PREFIX, so that it finds them in both.
LIBEXEC := $(O)/libexec/bpfwire/headers $(O)/libexec/bpfwire/load $(O)/libexec/bpfwire/bin/ausyscall

all: daemon bridge remote

daemon: $(O)/bpfwired
bridge: $(O)/bpfwire-bridge
remote: $(O)/bpfwire $(O)/libbpfwire-remote.so $(LIBEXEC)

$(O)/obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The preloaded library exports its wrappers alone (remote/remote.map); its copy of protocol/ is its own.
# (Both open and open64 are wrapped, so no _FILE_OFFSET_BITS there, which makes one a name of the other.)
# A fortified libc's headers define functions that are defined here. A sanitizer finds libc by dlsym before it has set itself up, and that is one of
# these wrappers: the two files on that way are built without.
PIC_CFLAGS = $(CFLAGS) -U_FORTIFY_SOURCE
$(call pic,remote/real.c remote/dlsym.c): PIC_CFLAGS = $(filter-out -fsanitize=%,$(CFLAGS)) -U_FORTIFY_SOURCE
$(O)/pic/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(PIC_CFLAGS) -U_FILE_OFFSET_BITS -fPIC -fvisibility=hidden -ftls-model=initial-exec -MMD -MP -c -o $@ $<

$(O)/libprotocol.a: $(call obj,$(PROTOCOL))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/bpfwired: $(call obj,$(DAEMON) $(GADGET) $(LOADER)) $(O)/libprotocol.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(STATIC),-static -Wl$(comma)--gc-sections) -o $@ $^ $(DAEMON_LIBS)
	$(if $(STATIC),$(Q)$(STRIP) $@)

$(O)/bpfwire-bridge: $(call obj,$(BRIDGE)) $(O)/libprotocol.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(BRIDGE_LIBS)

$(O)/libbpfwire-remote.so: $(call pic,$(REMOTE) $(PROTOCOL)) remote/remote.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,now,-z,defs -Wl,--version-script=remote/remote.map -o $@ $(filter %.o,$^) $(REMOTE_LIBS)

$(O)/bpfwire: $(call obj,$(COMMAND) loader/options.c) $(O)/libprotocol.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(O)/libexec/bpfwire/headers: remote/headers.sh
$(O)/libexec/bpfwire/bin/ausyscall: remote/ausyscall.sh
$(filter-out %/load,$(LIBEXEC)):
	@mkdir -p $(@D)
	$(Q)install -m 755 $< $@

# `bpfwire run` starts it as any tool, so it is linked as any tool: what loads an object here and what does on the board is one source.
$(O)/libexec/bpfwire/load: $(call obj,$(LOADER) loader/main.c) $(O)/libprotocol.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LOADER_LIBS)

comma := ,

# ---- install ----
.PHONY: uninstall
# Below PREFIX: where $(PYTHON) looks for packages.
install uninstall: private python_dir = $(or $(PYTHONDIR),$(shell $(PYTHON) -c 'import sys; p = "$(PREFIX)/"; \
	print(next((d[len(p):] for d in sys.path if d.startswith(p + "lib/") and d.endswith("-packages")), ""))' 2>/dev/null),lib/python3/dist-packages)
# Lines 'MODE FILE PLACE', which both targets read.
define INSTALLED
755 $(O)/bpfwire bin/bpfwire
755 $(O)/bpfwire-bridge bin/bpfwire-bridge
755 $(O)/bpfwired sbin/bpfwired
755 $(O)/libbpfwire-remote.so lib/bpfwire/libbpfwire-remote.so
755 remote/headers.sh libexec/bpfwire/headers
755 $(O)/libexec/bpfwire/load libexec/bpfwire/load
755 remote/ausyscall.sh libexec/bpfwire/bin/ausyscall
$(foreach f,$(wildcard udev/*.rules),644 $f lib/udev/rules.d/$(notdir $f)$(newline))
$(foreach f,$(wildcard remote/bcc/bcc_remote/*.py),644 $f $(python_dir)/bcc_remote/$(notdir $f)$(newline))
$(foreach f,$(wildcard docs/*.1 docs/*.8),644 $f share/man/man$(subst .,,$(suffix $f))/$(notdir $f)$(newline))
endef
define newline


endef
export INSTALLED
install: all
	$(Q)printf '%s\n' "$$INSTALLED" | while read -r mode file place; do \
		[ -z "$$place" ] || install -D -m "$$mode" "$$file" "$(DESTDIR)$(PREFIX)/$$place" || exit 1; \
	done; \
	[ -n "$(DESTDIR)" ] || $(PYTHON) -c 'import sys; sys.exit(sys.argv[1] not in sys.path)' "$(PREFIX)/$(python_dir)" 2>/dev/null || \
		echo "make: $(PYTHON) does not look into $(PREFIX)/$(python_dir): for bcc_remote set PYTHONPATH to it, or install with another PYTHONDIR"
uninstall:
	$(Q)printf '%s\n' "$$INSTALLED" | while read -r mode file place; do \
		[ -z "$$place" ] || rm -f "$(DESTDIR)$(PREFIX)/$$place" || exit 1; \
	done; \
	rm -rf "$(DESTDIR)$(PREFIX)/$(python_dir)/bcc_remote/__pycache__"; \
	for dir in $(python_dir)/bcc_remote lib/bpfwire libexec/bpfwire/bin libexec/bpfwire; do \
		[ ! -d "$(DESTDIR)$(PREFIX)/$$dir" ] || rmdir "$(DESTDIR)$(PREFIX)/$$dir" || exit 1; \
	done

help:
	@sed -n 's/^# bpfwire: .*/bpfwire/p' $(firstword $(MAKEFILE_LIST))
	@printf '\n%s\n' 'targets:'
	@printf '  %-11s %s\n' \
		all 'everything for this machine, into $$O (the default)' \
		daemon 'bpfwired, for the board' \
		bridge 'bpfwire-bridge' \
		remote 'bpfwire, libbpfwire-remote.so and what they need' \
		arm64 'bpfwired as one static file and the bridge, cross-built into $$O/arm64' \
		initramfs 'the arm64 bpfwired as an archive to append to an initrd, $$O/bpfwired-initramfs.cpio.gz' \
		check 'unit tests' \
		check-asan 'unit tests with the address and undefined behaviour sanitizers' \
		check-tsan 'unit tests with the thread sanitizer' \
		fuzz-smoke 'each fuzz target for 10 seconds (clang)' \
		fuzz-long 'each fuzz target for FUZZ_SECONDS (600)' \
		test 'all tests: unit, fuzz smoke, end to end on the virtual board' \
		test-long 'what takes long: half an hour of silence, a hundred killed bridges, all that bpftool probes, BCC on the board (SILENCE_MINUTES, RESETS)' \
		test-asan 'end to end on the virtual board, all four programs with the address and undefined behaviour sanitizers' \
		test-kernels 'end to end on virtual boards of other kernels (KERNELS="5.10 6.12")' \
		bench 'what a round trip, an event, being idle and whole tools cost, on the virtual board, beside the raw cable and the board itself' \
		matrix 'every BCC tool from here and on the board itself, into docs/compatibility.md (ROWS="opensnoop ...")' \
		demo 'opensnoop of this machine on a virtual board' \
		install 'into $$DESTDIR$$PREFIX' \
		uninstall 'what install put there' \
		clean 'remove $$O'
	@printf '\n%s\n' 'knobs (make KNOB=VALUE):'
	@printf '  %-13s %s\n' \
		O 'where to build ($(O))' \
		V '1: show the commands' \
		PREFIX '$(PREFIX)' \
		DESTDIR 'a root to install below, for packagers' \
		PYTHON 'whose packages bcc_remote is one of ($(PYTHON))' \
		PYTHONDIR 'where below PREFIX that is, if not where $$PYTHON looks or lib/python3/dist-packages' \
		CROSS_COMPILE 'prefix of the compiler, as aarch64-linux-gnu-' \
		SYSROOT 'headers and libraries of the target' \
		STATIC '1: link bpfwired as one static file, stripped' \
		INIT '1: the initramfs has /init too, and so is an initrd of its own' \
		LOAD 'what that one loads before it serves: compiled objects, files of commands' \
		INITRAMFS_DAEMON 'the static bpfwired for it ($(INITRAMFS_DAEMON))' \
		SAN 'sanitizers, as address,undefined' \
		OPT '$(OPT)' \
		WERROR '-Werror: warnings are errors (the default with CI set)'

# ---- the board's side ----
# The daemon as one static file and the bridge for the virtual board. The sysroot (arm64 libraries to link) is fetched once.
ARM64_CROSS   ?= aarch64-linux-gnu-
ARM64_SYSROOT ?= $(shell tests/setup sysroot)
ARM64 = s='$(ARM64_SYSROOT)'; [ -n "$$s" ] || { echo 'make: no arm64 sysroot (see above)' >&2; exit 1; }; \
	$(MAKE) --no-print-directory CC=$(ARM64_CROSS)gcc AR=$(ARM64_CROSS)ar STRIP=$(ARM64_CROSS)strip SYSROOT=$$s
arm64:
	$(Q)+$(ARM64) O=$(O)/arm64 OPT='-Os -ffunction-sections -fdata-sections' STATIC=1 daemon
	$(Q)+$(ARM64) O=$(O)/arm64 OPT='-Os -ffunction-sections -fdata-sections' bridge bench-program

# Both with the address and undefined behaviour sanitizers. A sanitizer wants a dynamic libc; what else the board's root lacks is linked in.
arm64-asan:
	$(Q)+$(ARM64) O=$(O)/asan/arm64 SAN=address,undefined OPT='-O1 -g' LDFLAGS='-static-libasan -static-libubsan -static-libgcc -Wl,-Bstatic' \
		DAEMON_LIBS='$(DAEMON_LIBS) -Wl,-Bdynamic' BRIDGE_LIBS='-Wl,-Bdynamic $(BRIDGE_LIBS)' daemon bridge

# An archive to append to any initrd, for rdinit=/bpfwired; INIT=1 makes it a whole initrd (it has /init then).
INITRAMFS_DAEMON ?= $(O)/arm64/bpfwired
.PHONY: initramfs
initramfs: $(if $(filter $(O)/arm64/bpfwired,$(INITRAMFS_DAEMON)),arm64)
	$(call say,CPIO,$(O)/bpfwired-initramfs.cpio.gz)
	$(Q)daemon/mkinitramfs.sh $(if $(INIT),--init) $(addprefix --load ,$(LOAD)) $(INITRAMFS_DAEMON) $(O)/bpfwired-initramfs.cpio.gz

# ---- tests ----
# tests/unit/test_X.c links protocol/; tests/unit/ROOM/test_X.c links that room too (without its main.c). Fuzz targets alike.
UNIT := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/test_*.c tests/unit/*/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c tests/fuzz/*/fuzz_*.c))
without_main = $(filter-out %/main.o,$(1))
room_daemon      := $(call without_main,$(call obj,$(DAEMON) $(GADGET) $(LOADER)))
room_gadget      := $(call without_main,$(call obj,$(GADGET)))
room_host-bridge := $(call without_main,$(call obj,$(BRIDGE)))
room_remote      := $(call pic,$(REMOTE))
room_command     := $(call without_main,$(call obj,$(COMMAND) loader/options.c))
room_loader      := $(call obj,$(LOADER))
libs_daemon      := $(DAEMON_LIBS)
libs_gadget      := $(DAEMON_LIBS)
libs_loader      := $(LOADER_LIBS)
libs_host-bridge := $(BRIDGE_LIBS)
libs_remote      := $(REMOTE_LIBS)
unit_remote      := -Wl,--version-script=tests/unit/remote/local.map
wrapped = $(addprefix -Wl$(comma)--wrap=,$(1))
fuzz_command/fuzz_session := $(call wrapped,bw_board_greet)
fuzz_remote/fuzz_receive := $(call wrapped,bw_call bw_send bw_send_try bw_say)
fuzz_remote/fuzz_reply   := $(call wrapped,bw_call bw_post bw_request bw_waiter_wait bw_conn_ready bw_board bw_say)
room_of = $(filter-out .,$(patsubst %/,%,$(dir $(1))))

.PHONY: check fuzz fuzz-smoke fuzz-long test test-long test-asan test-kernels matrix demo board
.SECONDEXPANSION:
$(UNIT): $(O)/unit/%: $(O)/obj/tests/unit/%.o $$(room_$$(call room_of,$$*)) $(O)/libprotocol.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(unit_$(call room_of,$*)) $(libs_$(call room_of,$*)) -lpthread

# The command's tests run the real one, from where it is built; the library's look into the real one.
$(filter $(O)/unit/command/%,$(UNIT)): | $(O)/bpfwire $(LIBEXEC)
$(filter $(O)/unit/remote/%,$(UNIT)): | $(O)/libbpfwire-remote.so

# What these two need on this machine they install (tests/setup); each make below is a new one, which finds it.
test:
	$(Q)tests/setup packages
	$(Q)$(MAKE) --no-print-directory all arm64
	$(Q)tests/all

# What tests/uapi-walk runs on an object with BTF.
$(O)/uapi-walk: $(O)/obj/tests/uapi/walk.o $(O)/libprotocol.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lbpf

# SILENCE_MINUTES and RESETS make it shorter or longer.
test-long:
	$(Q)tests/setup packages
	$(Q)$(MAKE) --no-print-directory all arm64
	$(Q)E2E_LIMIT=6000 RESETS=$${RESETS:-100} tests/e2e/run long-silence 27-reset long-feature long-python

# End to end, all four programs built with the address and undefined behaviour sanitizers. Left out are the tests that measure or that bring other programs.
ASAN_TESTS ?= 10-tools 20-cleanup 25-disconnect 27-reset 30-eight 32-bpf 33-iterate 34-machine 35-rings 40-errors
test-asan:
	$(Q)tests/setup packages
	$(Q)$(MAKE) --no-print-directory all arm64 asan arm64-asan
	$(Q)O=$(abspath $(O)) BPFWIRE_BUILD_ARM64=$(abspath $(O))/asan/arm64 E2E_SANITIZED=1 tests/e2e/run $(ASAN_TESTS)

# What of the end-to-end tests says something about the board's kernel, on others than that of `make test`.
KERNELS ?= 5.10 6.12
KERNEL_TESTS ?= 10-tools 20-cleanup 32-bpf 33-iterate 34-machine 35-rings 36-trips 37-files 45-look 47-bpftrace 57-text
test-kernels:
	$(Q)tests/setup packages
	$(Q)$(MAKE) --no-print-directory all arm64
	$(Q)for k in $(KERNELS); do E2E_KERNEL=$$k tests/e2e/run $(KERNEL_TESTS) || exit; done

# ROWS: tools without -bpfcc; MATRIX: options of tests/matrix/run.
matrix:
	$(Q)tests/setup packages
	$(Q)$(MAKE) --no-print-directory all arm64
	$(Q)O=$(O) tests/matrix/run $(MATRIX) $(ROWS)

demo:
	$(Q)tests/setup packages
	$(Q)$(MAKE) --no-print-directory all arm64
	$(Q)tests/demo

check: $(UNIT)
	$(Q)tests/run-unit $(UNIT)

# The same tests built with sanitizers, in object directories of their own, two at a time.
ASAN := O=$(O)/asan SAN=address,undefined OPT='-O1 -g'
TSAN := O=$(O)/tsan SAN=thread OPT='-O1 -g'
.PHONY: check-asan check-tsan asan tsan arm64-asan
check-asan check-tsan: export UNIT_JOBS ?= 2
check-asan check-tsan: export UNIT_LIMIT ?= 300
check-asan check-tsan: export ASAN_OPTIONS ?= detect_stack_use_after_return=1:strict_string_checks=1
check-asan check-tsan: export TSAN_OPTIONS ?= halt_on_error=1
check-asan: asan
	$(Q)$(MAKE) --no-print-directory $(ASAN) check
check-tsan: tsan
	$(Q)$(MAKE) --no-print-directory $(TSAN) check
asan:
	$(Q)$(MAKE) --no-print-directory $(ASAN) all
tsan:
	$(Q)$(MAKE) --no-print-directory $(TSAN) all

# The benchmark's program: dynamic, as the bridge is. tests/bench/run runs the one of arm64 on the virtual board.
BENCH := $(wildcard tests/bench/*.c)
.PHONY: bench bench-program
bench-program: $(O)/bench-program
$(O)/bench-program: $(call obj,$(BENCH) tests/e2e/socket_client.c host-bridge/usb_device.c $(GADGET)) $(O)/libprotocol.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS) $(BRIDGE_LIBS)

# BENCH_ROUNDS, BENCH_COUNT and others: see tests/bench/run.
bench:
	$(Q)tests/setup packages
	$(Q)$(MAKE) --no-print-directory all arm64
	$(Q)tests/bench/run
	$(Q)O=$(O) tests/bench/tools
	$(Q)O=$(O) tests/bench/original

# Fuzz targets are libFuzzer's, so clang with its own objects: `make fuzz` builds them under $(O)/fuzz-build.
fuzz:
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzz-build CC=clang SAN=fuzzer-no-link,address,undefined OPT='-O1 -g' fuzz-targets
.PHONY: fuzz-targets
fuzz-targets: $(FUZZ)
$(FUZZ): $(O)/fuzz/%: $(O)/obj/tests/fuzz/%.o $$(room_$$(call room_of,$$*)) $(O)/libprotocol.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(fuzz_$*) $(libs_$(call room_of,$*)) -lpthread

FUZZ_BUILT = $(patsubst $(O)/fuzz/%,$(O)/fuzz-build/fuzz/%,$(FUZZ))
fuzz-smoke: fuzz
	$(Q)tests/run-fuzz $(FUZZ_BUILT)
fuzz-long: fuzz
	$(Q)FUZZ_SECONDS=$${FUZZ_SECONDS:-600} tests/run-fuzz $(FUZZ_BUILT)

clean:
	$(Q)rm -rf $(O)

-include $(shell find $(O)/obj $(O)/pic -name '*.d' 2>/dev/null)
