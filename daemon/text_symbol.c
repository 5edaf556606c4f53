// SPDX-License-Identifier: Apache-2.0
/* Symbols of the text protocol. Names stay as the linker wrote them: undoing C++'s takes more code than all the rest of the board's program. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ksyms.h"
#include "daemon/text.h"
#include "daemon/usyms.h"
#include "protocol/io.h"

void bw_text_symbols_fini(struct bw_text *t)
{
	bw_ksyms_free(t->ksyms);
	bw_usyms_free(t->usyms);
}

static bool have_ksyms(struct bw_text *t)
{
	if (!t->ksyms)
		t->ksyms = bw_ksyms_new();
	return t->ksyms;
}

static bool have_usyms(struct bw_text *t)
{
	if (!t->usyms)
		t->usyms = bw_usyms_new();
	return t->usyms;
}

/* A name out of somebody's file must not break the line that it is in. */
static void put_name(struct bw_text *t, const char *name, char end)
{
	for (; *name; name++) {
		char c = (unsigned char)*name < ' ' || *name == 127 || *name == ';' ? '?' : *name;

		bw_text_put(t, &c, 1);
	}
	bw_text_put(t, &end, 1);
}

static void put_symbol(struct bw_text *t, const char *name, uint64_t offset, const char *module)
{
	put_name(t, name, ';');
	bw_text_printf(t, "%" PRIu64 ";", offset);
	put_name(t, module, '\n');
}

static int put_addr(struct bw_text *t, const char *command, int r, uint64_t addr)
{
	bw_text_ret(t, command, r);
	if (!r)
		bw_text_printf(t, "%" PRIu64 "\n", addr);
	return 0;
}

/* ---- the kernel's ---- */

int bw_text_ksym_name(struct bw_text *t, const struct bw_text_line *l)
{
	struct bw_ksym sym;
	int r = have_ksyms(t) ? bw_ksyms_at(t->ksyms, l->v[0].num, &sym) : -ENOMEM;

	bw_text_ret(t, "GET_KSYM_NAME", r);
	if (!r)
		put_symbol(t, sym.name, l->v[0].num - sym.addr, sym.module);
	return 0;
}

int bw_text_ksym_addr(struct bw_text *t, const struct bw_text_line *l)
{
	bw_cleanup_free char *name = bw_str_dup(l->v[0].text);
	struct bw_ksym sym = { .addr = 0 };
	int r = name && have_ksyms(t) ? bw_ksyms_named(t->ksyms, name, &sym) : -ENOMEM;

	return put_addr(t, "GET_KSYM_ADDR", r, sym.addr);
}

/* A line for each address, in order; "ret=N" where there is no name. */
int bw_text_ksym_names(struct bw_text *t, const struct bw_text_line *l)
{
	struct bw_str list = l->v[0].text;
	struct bw_ksym sym;
	uint64_t addr;
	int r;

	while (!(r = bw_text_next(&list, &addr)) && !t->error) {
		r = have_ksyms(t) ? bw_ksyms_at(t->ksyms, addr, &sym) : -ENOMEM;
		if (r)
			bw_text_printf(t, "ret=%d\n", r);
		else
			put_symbol(t, sym.name, addr - sym.addr, sym.module);
	}
	return r == -EINVAL ? bw_text_ret(t, "GET_KSYM_NAMES", r) : 0;
}

/* ---- of processes ---- */

static int usym(struct bw_text *t, uint64_t pid, uint64_t addr, struct bw_usym *sym)
{
	return have_usyms(t) ? bw_usyms_at(t->usyms, (int32_t)pid, addr, sym) : -ENOMEM;
}

int bw_text_usym_name(struct bw_text *t, const struct bw_text_line *l)
{
	struct bw_usym sym;
	int r = usym(t, l->v[0].num, l->v[1].num, &sym);

	bw_text_ret(t, "GET_USYM_NAME", r);
	if (!r)
		put_symbol(t, sym.name, sym.offset, sym.module);
	return 0;
}

int bw_text_usym_names(struct bw_text *t, const struct bw_text_line *l)
{
	struct bw_str list = l->v[2].text;
	struct bw_usym sym;
	uint64_t addr;
	int r;

	while (!(r = bw_text_next(&list, &addr)) && !t->error) {
		r = usym(t, l->v[0].num, addr, &sym);
		if (r)
			bw_text_printf(t, "ret=%d\n", r);
		else
			put_symbol(t, sym.name, sym.offset, sym.module);
	}
	return r == -EINVAL ? bw_text_ret(t, "GET_USYM_NAMES", r) : 0;
}

int bw_text_usym_addr(struct bw_text *t, const struct bw_text_line *l)
{
	bw_cleanup_free char *name = bw_str_dup(l->v[1].text), *module = bw_str_dup(l->v[2].text);
	uint64_t addr = 0;
	int r = name && module && have_usyms(t) ? bw_usyms_named(t->usyms, (int32_t)l->v[0].num, name, module, &addr) : -ENOMEM;

	return put_addr(t, "GET_USYM_ADDR", r, addr);
}
