// SPDX-License-Identifier: Apache-2.0
#include "loader/object.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/log.h"

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"

/* 0, and how much of eh is there; or -errno. */
static ssize_t read_header(const char *file, Elf64_Ehdr *eh)
{
	bw_cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, eh, sizeof(*eh));

	return n < 0 ? -errno : n;
}

bool bw_load_is_elf(const char *file)
{
	Elf64_Ehdr eh;
	ssize_t n = read_header(file, &eh);

	errno = n < 0 ? (int)-n : 0;
	return n >= SELFMAG && !memcmp(eh.e_ident, ELFMAG, SELFMAG);
}

/* libbpf says of all of these that the format is wrong. */
static int check_header(const char *file)
{
	const unsigned char ours = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	const char *why = NULL;
	Elf64_Ehdr eh;
	ssize_t n = read_header(file, &eh);

	if (n < 0)
		why = strerror((int)-n);
	else if (n < SELFMAG || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		why = "it is no ELF file; give what 'clang -g -O2 -target bpf -c' made (commands of the text protocol: to bpfwire bpfd)";
	else if (n < (ssize_t)sizeof(eh))
		why = "it is cut off: copy it again";
	else if (eh.e_ident[EI_CLASS] != ELFCLASS64 || (eh.e_ident[EI_DATA] == ours && eh.e_machine != EM_BPF))
		why = "it is an ELF file for a processor, and not for BPF; give what 'clang -g -O2 -target bpf -c' made";
	else if (eh.e_ident[EI_DATA] != ours)
		why = "it is for machines of the other byte order; compile it with -target bpf of this one (bpfel, bpfeb)";
	if (why)
		bw_log(BW_LOG_ERROR, "%s: cannot be loaded: %s", file, why);
	return n < 0 ? (int)n : why ? -EINVAL : 0;
}

static int check_program(const struct bw_object *b, const struct bpf_program *p)
{
	if (bpf_program__type(p) != BPF_PROG_TYPE_UNSPEC)
		return 0;
	bw_log(BW_LOG_ERROR, "%s: program '%s': libbpf knows no kind of program by its section '%s'; name one, such as SEC(\"tracepoint/sched/sched_switch\")",
	       b->file, bpf_program__name(p), bpf_program__section_name(p));
	return -EINVAL;
}

int bw_object_open(struct bw_object *b)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = b->o->btf);
	struct bpf_program *p;
	char why[256];
	int r = check_header(b->file);

	if (r)
		return r;
	if (b->o->btf && access(b->o->btf, R_OK) < 0) {
		bw_log(BW_LOG_ERROR, "--btf %s: %s", b->o->btf, strerror(errno));
		return -ENOENT;
	}
	b->obj = bpf_object__open_file(b->file, &opts);
	r = (int)libbpf_get_error(b->obj);
	if (r) {
		b->obj = NULL;
		libbpf_strerror(r, why, sizeof(why));
		bw_log(BW_LOG_ERROR, "%s: cannot be loaded: libbpf finds no BPF object in it (%s); its own words are above", b->file, why);
		return r;
	}
	bpf_object__for_each_program(p, b->obj) {
		if (!bpf_program__autoload(p))
			continue;
		b->programs++;
		r = check_program(b, p);
		if (r)
			return r;
	}
	if (!b->programs && !bpf_object__next_map(b->obj, NULL)) {
		bw_log(BW_LOG_ERROR, "%s: cannot be loaded: there is neither a program nor a map in it", b->file);
		return -ENOENT;
	}
	return 0;
}

/* A map that pins itself, and is not there yet, would be left behind by a load that fails later. */
static int note_shared(struct bw_object *b)
{
	struct bpf_map *m;
	int r = 0;

	bpf_object__for_each_map(m, b->obj) {
		const char *path = bpf_map__pin_path(m);

		if (!r && path && access(path, F_OK) < 0)
			r = bw_pins_remember(&b->shared, path);
	}
	return r;
}

static void say_refused(const struct bw_object *b, int r)
{
	char why[256];

	libbpf_strerror(r, why, sizeof(why));
	if (!b->o->btf && (r == -ESRCH || r == -ENOENT) && access(VMLINUX_BTF, F_OK) < 0)
		bw_log(BW_LOG_ERROR, "%s: cannot be fitted to this kernel, which shows no types (" VMLINUX_BTF "): build it with CONFIG_DEBUG_INFO_BTF=y, or give "
		       "its types by --btf FILE", b->file);
	else if (r == -EPERM)
		bw_log(BW_LOG_ERROR, "%s: the kernel does not permit it (%s): is this root, and is the kernel locked down? See bpfwired --check", b->file, why);
	else
		bw_log(BW_LOG_ERROR, "%s: the kernel refuses it (%s); which program or map, and the verifier's reasons, are above", b->file, why);
}

int bw_object_load(struct bw_object *b)
{
	struct bpf_map *m;
	int r = note_shared(b);

	if (r)
		return r;
	r = bpf_object__load(b->obj);
	if (r) {
		say_refused(b, r);
		return r;
	}
	bpf_object__for_each_map(m, b->obj)
		b->maps += bpf_map__fd(m) >= 0;
	return 0;
}

void bw_object_fini(struct bw_object *b, bool keep)
{
	for (size_t i = 0; i < b->n; i++) {
		/* Else libbpf would switch the event off that the pinned link holds. */
		if (keep && b->v[i].pinned)
			bpf_link__disconnect(b->v[i].link);
		bpf_link__destroy(b->v[i].link);
	}
	free(b->v);
	bw_pins_fini(&b->pins, keep);
	bw_pins_fini(&b->shared, keep);
	bpf_object__close(b->obj);
}
