// SPDX-License-Identifier: Apache-2.0
#include "daemon/elfsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/buf.h"
#include "protocol/io.h"

#define SEGMENTS_MAX	16
#define BUILD_ID_MAX	64
#define LOOK_BACK	32	/* symbols that begin before and may reach over an address */

struct symbol {
	uint64_t addr, size;
	uint32_t name;
};

struct segment {
	uint64_t offset, size, addr;
};

struct bw_elfsyms {
	struct bw_buf names;
	struct symbol *all;
	size_t count, cap;
	struct segment segments[SEGMENTS_MAX];
	unsigned int nsegments;
	bool thumb;			/* 32-bit ARM: bit 0 of an address is the instruction set */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len;
	char debuglink[NAME_MAX + 1];
	uint32_t debuglink_crc;
};

/* An ELF file that is open; both are closed by leave(). */
struct file {
	int fd;
	Elf *elf;
};

static void leave(struct file *f)
{
	if (f->elf)
		elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
}

/* Read and not mapped: a file that is cut short while we look must not end the session. */
static bool enter(struct file *f, const char *path)
{
	struct stat st;

	*f = (struct file){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	elf_version(EV_CURRENT);
	if (f->fd >= 0 && !fstat(f->fd, &st) && S_ISREG(st.st_mode))
		f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (f->elf && elf_kind(f->elf) == ELF_K_ELF)
		return true;
	leave(f);
	return false;
}

/* ---- symbols ---- */

static int add(struct bw_elfsyms *e, const GElf_Sym *sym, const char *name)
{
	struct symbol s = { .addr = sym->st_value, .size = sym->st_size, .name = (uint32_t)e->names.len };

	if (e->count == BW_ELF_SYMBOLS_MAX || e->names.len > INT32_MAX)
		return -EFBIG;
	if (e->count == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 1024;
		struct symbol *p = realloc(e->all, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		e->all = p;
		e->cap = cap;
	}
	if (e->thumb)
		s.addr &= ~1ull;
	bw_put_bytes(&e->names, name, strlen(name) + 1);
	e->all[e->count++] = s;
	return e->names.err;
}

static bool is_function(const GElf_Sym *s)
{
	int type = GELF_ST_TYPE(s->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && s->st_shndx != SHN_UNDEF && s->st_value;
}

static void read_table(struct bw_elfsyms *e, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;
	GElf_Sym sym;

	for (size_t i = 0; i < n; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym))
			return;
		if (!is_function(&sym))
			continue;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (name && *name && add(e, &sym, name))
			return;
	}
}

static void read_tables(struct bw_elfsyms *e, Elf *elf, uint32_t type)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == type)
			read_table(e, elf, scn, &sh);
}

static int by_addr(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr ? 1 : x->name < y->name ? -1 : x->name > y->name;
}

/* ---- the file itself ---- */

static void read_segments(struct bw_elfsyms *e, Elf *elf)
{
	GElf_Phdr ph;
	size_t n = 0;

	if (elf_getphdrnum(elf, &n))
		return;
	for (size_t i = 0; i < n && e->nsegments < SEGMENTS_MAX; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD)
			e->segments[e->nsegments++] = (struct segment){ ph.p_offset, ph.p_filesz, ph.p_vaddr };
}

static void read_build_id(struct bw_elfsyms *e, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t off = 0, name, desc;
	GElf_Nhdr nh;

	while (data && (off = gelf_getnote(data, off, &nh, &name, &desc)))
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 && nh.n_descsz >= 2 && nh.n_descsz <= BUILD_ID_MAX) {
			memcpy(e->build_id, (uint8_t *)data->d_buf + desc, nh.n_descsz);
			e->build_id_len = nh.n_descsz;
		}
}

/* A name, its NUL, padding to four bytes, a checksum of the whole file. */
static void read_debuglink(struct bw_elfsyms *e, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t len;

	if (!data || !data->d_buf)
		return;
	len = strnlen(data->d_buf, data->d_size);
	if (!len || len > NAME_MAX || ((len + 4) & ~3ull) + 4 > data->d_size || memchr(data->d_buf, '/', len))
		return;
	memcpy(e->debuglink, data->d_buf, len + 1);
	memcpy(&e->debuglink_crc, (uint8_t *)data->d_buf + ((len + 4) & ~3ull), 4);
}

static void read_hints(struct bw_elfsyms *e, Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (name && sh.sh_type == SHT_NOTE)
			read_build_id(e, scn);
		else if (name && !strcmp(name, ".gnu_debuglink"))
			read_debuglink(e, scn);
	}
}

/* ---- the debug file ---- */

/* As gdb's manual has it (Separate Debug Files): CRC-32 with the reversed polynomial 0xedb88320. */
static bool crc_is(const char *path, uint32_t want)
{
	bw_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint32_t table[256], crc = 0xffffffff;
	uint8_t buf[16384];
	ssize_t n = -1;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320 : table[i] >> 1;
	}
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			crc = table[(crc ^ buf[i]) & 255] ^ crc >> 8;
	return n == 0 && (crc ^ 0xffffffff) == want;
}

static bool take_debug(struct bw_elfsyms *e, const char *path)
{
	struct file f;

	if (!enter(&f, path))
		return false;
	read_tables(e, f.elf, SHT_SYMTAB);
	leave(&f);
	return e->count;
}

static bool by_build_id(struct bw_elfsyms *e, const char *root)
{
	char path[PATH_MAX], hex[2 * BUILD_ID_MAX + 1];

	if (!e->build_id_len)
		return false;
	for (size_t i = 0; i < e->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", e->build_id[i]);
	return snprintf(path, sizeof(path), "%s/usr/lib/debug/.build-id/%.2s/%s.debug", root, hex, hex + 2) < (int)sizeof(path) && take_debug(e, path);
}

static bool by_debuglink(struct bw_elfsyms *e, const char *root, const char *file, const char *debug_root)
{
	static const char *const places[] = { "%s%.*s/%s", "%s%.*s/.debug/%s", "%s/usr/lib/debug%.*s/%s" };
	const char *const roots[] = { root, root, debug_root };
	int dir = (int)(strrchr(file, '/') - file);
	char path[PATH_MAX];

	for (size_t i = 0; *e->debuglink && i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, sizeof(path), places[i], roots[i], dir, file, e->debuglink) < (int)sizeof(path) && crc_is(path, e->debuglink_crc) &&
		    take_debug(e, path))
			return true;
	return false;
}

/* ---- the whole ---- */

static void read_file(struct bw_elfsyms *e, Elf *elf, const char *root, const char *path, const char *debug_root)
{
	GElf_Ehdr eh;

	e->thumb = gelf_getehdr(elf, &eh) && eh.e_machine == EM_ARM;
	read_segments(e, elf);
	read_tables(e, elf, SHT_SYMTAB);
	if (!e->count)
		read_hints(e, elf);
	if (!e->count && !by_build_id(e, debug_root) && !by_debuglink(e, root, path, debug_root))
		read_tables(e, elf, SHT_DYNSYM);
	if (e->count)
		qsort(e->all, e->count, sizeof(*e->all), by_addr);
}

struct bw_elfsyms *bw_elfsyms_open(const char *root, const char *path, const char *debug_root)
{
	struct bw_elfsyms *e = NULL;
	char full[PATH_MAX];
	struct file f;

	if (*path != '/' || snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full) || !enter(&f, full))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (e)
		read_file(e, f.elf, root, path, debug_root);
	leave(&f);
	return e;
}

void bw_elfsyms_free(struct bw_elfsyms *e)
{
	if (!e)
		return;
	bw_buf_free(&e->names);
	free(e->all);
	free(e);
}

bool bw_elfsyms_addr(const struct bw_elfsyms *e, uint64_t offset, uint64_t *addr)
{
	for (unsigned int i = 0; i < e->nsegments; i++) {
		const struct segment *s = &e->segments[i];

		if (offset >= s->offset && offset - s->offset < s->size) {
			*addr = offset - s->offset + s->addr;
			return true;
		}
	}
	return false;
}

bool bw_elfsyms_offset(const struct bw_elfsyms *e, uint64_t addr, uint64_t *offset)
{
	for (unsigned int i = 0; i < e->nsegments; i++) {
		const struct segment *s = &e->segments[i];

		if (addr >= s->addr && addr - s->addr < s->size) {
			*offset = addr - s->addr + s->offset;
			return true;
		}
	}
	return false;
}

static void show(const struct bw_elfsyms *e, const struct symbol *s, struct bw_elfsym *out)
{
	*out = (struct bw_elfsym){ .name = (const char *)e->names.data + s->name, .addr = s->addr };
}

/* A symbol without a size reaches as far as the next one. */
bool bw_elfsyms_at(const struct bw_elfsyms *e, uint64_t addr, struct bw_elfsym *out)
{
	size_t low = 0, high = e->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (e->all[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i > 0 && low - i < LOOK_BACK; i--) {
		const struct symbol *s = &e->all[i - 1];

		if (s->size ? addr - s->addr < s->size : i == low) {
			show(e, s, out);
			return true;
		}
	}
	return false;
}

bool bw_elfsyms_named(const struct bw_elfsyms *e, const char *name, struct bw_elfsym *out)
{
	for (size_t i = 0; i < e->count; i++)
		if (!strcmp((const char *)e->names.data + e->all[i].name, name)) {
			show(e, &e->all[i], out);
			return true;
		}
	return false;
}
