// SPDX-License-Identifier: Apache-2.0
#include "daemon/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/map_memory.h"

static int grow(struct bw_handles *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	struct bw_handle *h;

	if (t->cap >= BW_HANDLES_MAX)
		return -EMFILE;
	h = realloc(t->h, cap * sizeof(*h));
	if (!h)
		return -ENOMEM;
	memset(h + t->cap, 0, (cap - t->cap) * sizeof(*h));
	t->h = h;
	t->cap = cap;
	return 0;
}

int bw_handle_add(struct bw_handles *t, uint32_t object, int fd)
{
	uint32_t i = t->lowest;
	int r;

	while (i < t->cap && t->h[i].object != BW_OBJ_NONE)
		i++;
	if (i == t->cap && (r = grow(t))) {
		close(fd);
		return r;
	}
	t->h[i] = (struct bw_handle){ .object = object, .fd = fd };
	t->lowest = i + 1;
	t->used++;
	return (int)(i + 1);
}

struct bw_handle *bw_handle_get(const struct bw_handles *t, uint32_t handle)
{
	if (handle == BW_HANDLE_NONE || handle > t->cap || t->h[handle - 1].object == BW_OBJ_NONE)
		return NULL;
	return &t->h[handle - 1];
}

int bw_handle_fd(const struct bw_handles *t, uint32_t handle)
{
	struct bw_handle *h = bw_handle_get(t, handle);

	return h ? h->fd : -1;
}

int bw_handle_close(struct bw_handles *t, uint32_t handle)
{
	struct bw_handle *h = bw_handle_get(t, handle);

	if (!h)
		return -EBADF;
	free(h->journalled);
	bw_map_memory_free(h->memory);
	close(h->fd);
	memset(h, 0, sizeof(*h));
	t->used--;
	if (handle - 1 < t->lowest)
		t->lowest = handle - 1;
	return 0;
}

void bw_handles_fini(struct bw_handles *t)
{
	for (uint32_t i = 1; i <= t->cap; i++)
		bw_handle_close(t, i);
	free(t->h);
	memset(t, 0, sizeof(*t));
}
