// SPDX-License-Identifier: Apache-2.0
/* Fields in the order of msg.h; the encoder and the decoder of a message stand together so that they can be compared line by line. */
#include "protocol/msg.h"

#include <errno.h>
#include <string.h>

static void put_str(struct bw_buf *b, struct bw_str s)
{
	bw_put_strn(b, s.p, s.len);
}

/* u32 length, then the bytes. */
static void put_data(struct bw_buf *b, const uint8_t *data, uint32_t len)
{
	bw_put_u32(b, len);
	bw_put_bytes(b, data, len);
}

static const uint8_t *get_data(struct bw_reader *r, uint32_t *len, uint32_t max)
{
	*len = bw_get_u32(r);
	if (*len > max)
		r->err = -EPROTO;
	return bw_get_bytes(r, *len);
}

static int refuse(struct bw_reader *r, bool wrong)
{
	if (wrong)
		r->err = -EPROTO;
	return bw_get_end(r);
}

void bw_put_hello(struct bw_buf *b, const struct bw_hello *m)
{
	bw_put_u16(b, m->major);
	bw_put_u16(b, m->minor);
	bw_put_u32(b, m->caps);
	bw_put_u32(b, m->window);
	bw_put_u32(b, m->msg_max);
	put_str(b, m->role_version);
	put_str(b, m->serial);
	put_str(b, m->sysname);
	put_str(b, m->nodename);
	put_str(b, m->release);
	put_str(b, m->version);
	put_str(b, m->machine);
	bw_put_u8(b, m->arch);
	bw_put_u8(b, m->lockdown);
	bw_put_u8(b, m->big_endian);
	bw_put_u8(b, m->reserved);
	bw_put_u32(b, m->page_size);
	put_str(b, m->cpus_possible);
	put_str(b, m->cpus_online);
	put_str(b, m->build_id);
	put_str(b, m->boot_id);
	bw_put_u32(b, m->pmu_kprobe);
	bw_put_u32(b, m->pmu_uprobe);
	bw_put_i64(b, m->clock_realtime);
	bw_put_i64(b, m->clock_monotonic);
	bw_put_i64(b, m->clock_boottime);
	put_str(b, m->reason);
}

/* What a HELLO says of versions and sizes is judged by who gets it, so that it can answer with a reason. */
int bw_get_hello(struct bw_reader *r, struct bw_hello *m)
{
	m->major = bw_get_u16(r);
	m->minor = bw_get_u16(r);
	m->caps = bw_get_u32(r);
	m->window = bw_get_u32(r);
	m->msg_max = bw_get_u32(r);
	m->role_version = bw_get_str(r, BW_NAME_MAX);
	m->serial = bw_get_str(r, BW_NAME_MAX);
	m->sysname = bw_get_str(r, BW_NAME_MAX);
	m->nodename = bw_get_str(r, BW_NAME_MAX);
	m->release = bw_get_str(r, BW_NAME_MAX);
	m->version = bw_get_str(r, BW_NAME_MAX);
	m->machine = bw_get_str(r, BW_NAME_MAX);
	m->arch = bw_get_u8(r);
	m->lockdown = bw_get_u8(r);
	m->big_endian = bw_get_u8(r);
	m->reserved = bw_get_u8(r);
	m->page_size = bw_get_u32(r);
	m->cpus_possible = bw_get_str(r, BW_STRING_MAX);
	m->cpus_online = bw_get_str(r, BW_STRING_MAX);
	m->build_id = bw_get_str(r, BW_NAME_MAX);
	m->boot_id = bw_get_str(r, BW_NAME_MAX);
	m->pmu_kprobe = bw_get_u32(r);
	m->pmu_uprobe = bw_get_u32(r);
	m->clock_realtime = bw_get_i64(r);
	m->clock_monotonic = bw_get_i64(r);
	m->clock_boottime = bw_get_i64(r);
	m->reason = bw_get_str(r, BW_STRING_MAX);
	return bw_get_end(r);
}

void bw_put_open(struct bw_buf *b, const struct bw_open *m)
{
	bw_put_u32(b, m->pid);
	bw_put_u32(b, m->uid);
	put_str(b, m->comm);
	bw_put_u32(b, m->window);
	if (m->service)
		bw_put_u32(b, m->service);
}

int bw_get_open(struct bw_reader *r, struct bw_open *m)
{
	m->pid = bw_get_u32(r);
	m->uid = bw_get_u32(r);
	m->comm = bw_get_str(r, BW_NAME_MAX);
	m->window = bw_get_u32(r);
	m->service = r->left >= 4 ? bw_get_u32(r) : BW_SERVICE_MESSAGES;
	return refuse(r, m->window < BW_WINDOW_MIN || m->window > BW_WINDOW_MAX || m->service > BW_SERVICE_TEXT);
}

static bool bpf_buf_travels(const struct bw_bpf_buf *f, bool reply)
{
	return reply || f->dir == BW_BUF_IN || f->dir == BW_BUF_INOUT;
}

static void put_bpf_buf(struct bw_buf *b, const struct bw_bpf_buf *f, bool reply)
{
	bw_put_u16(b, f->where);
	bw_put_u16(b, f->dir);
	bw_put_u32(b, f->len);
	if (bpf_buf_travels(f, reply))
		bw_put_bytes(b, f->data, f->len);
}

static bool known_where(uint16_t where)
{
	return where % BW_BUF_INFO < BW_BPF_ATTR_MAX && where / BW_BUF_INFO <= BW_BUF_HANDLES / BW_BUF_INFO;
}

static void get_bpf_buf(struct bw_reader *r, struct bw_bpf_buf *f, bool reply)
{
	f->where = bw_get_u16(r);
	f->dir = bw_get_u16(r);
	f->len = bw_get_u32(r);
	f->data = NULL;
	if (!known_where(f->where) || f->dir < BW_BUF_IN || f->dir > BW_BUF_BAD || f->len > BW_MSG_MAX)
		r->err = -EPROTO;
	if (reply && f->dir != BW_BUF_OUT && f->dir != BW_BUF_INOUT)
		r->err = -EPROTO;
	if (f->dir == BW_BUF_BAD && f->len)
		r->err = -EPROTO;
	if (bpf_buf_travels(f, reply))
		f->data = bw_get_bytes(r, f->len);
}

static uint32_t get_bpf_bufs(struct bw_reader *r, struct bw_bpf_buf bufs[BW_BPF_BUFS_MAX], bool reply)
{
	uint32_t n = bw_get_u32(r);

	if (n > BW_BPF_BUFS_MAX) {
		r->err = -EPROTO;
		n = 0;
	}
	for (uint32_t i = 0; i < n && !r->err; i++) {
		get_bpf_buf(r, &bufs[i], reply);
		for (uint32_t j = 0; j < i; j++)
			if (bufs[j].where == bufs[i].where)
				r->err = -EPROTO;
	}
	return n;
}

void bw_put_bpf(struct bw_buf *b, const struct bw_bpf *m)
{
	bw_put_u32(b, m->cmd);
	put_data(b, m->attr, m->attr_size);
	bw_put_u32(b, m->nbufs);
	for (uint32_t i = 0; i < m->nbufs; i++)
		put_bpf_buf(b, &m->bufs[i], false);
}

int bw_get_bpf(struct bw_reader *r, struct bw_bpf *m)
{
	m->cmd = bw_get_u32(r);
	m->attr = get_data(r, &m->attr_size, BW_BPF_ATTR_MAX);
	m->nbufs = get_bpf_bufs(r, m->bufs, false);
	return bw_get_end(r);
}

static void put_map_info(struct bw_buf *b, const struct bw_map_info *m)
{
	bw_put_u32(b, m->type);
	bw_put_u32(b, m->key_size);
	bw_put_u32(b, m->value_size);
	bw_put_u32(b, m->max_entries);
	bw_put_u32(b, m->flags);
	bw_put_u32(b, m->id);
}

static void get_map_info(struct bw_reader *r, struct bw_map_info *m)
{
	m->type = bw_get_u32(r);
	m->key_size = bw_get_u32(r);
	m->value_size = bw_get_u32(r);
	m->max_entries = bw_get_u32(r);
	m->flags = bw_get_u32(r);
	m->id = bw_get_u32(r);
}

void bw_put_bpf_reply(struct bw_buf *b, const struct bw_bpf_reply *m)
{
	bw_put_i32(b, m->value);
	bw_put_u32(b, m->object);
	bw_put_u32(b, m->handle);
	put_map_info(b, &m->map);
	put_data(b, m->attr, m->attr_size);
	bw_put_u32(b, m->nbufs);
	for (uint32_t i = 0; i < m->nbufs; i++)
		put_bpf_buf(b, &m->bufs[i], true);
}

int bw_get_bpf_reply(struct bw_reader *r, struct bw_bpf_reply *m)
{
	m->value = bw_get_i32(r);
	m->object = bw_get_u32(r);
	m->handle = bw_get_u32(r);
	get_map_info(r, &m->map);
	m->attr = get_data(r, &m->attr_size, BW_BPF_ATTR_MAX);
	m->nbufs = get_bpf_bufs(r, m->bufs, true);
	return bw_get_end(r);
}

void bw_put_perf_open(struct bw_buf *b, const struct bw_perf_open *m)
{
	bw_put_i32(b, m->pid);
	bw_put_i32(b, m->cpu);
	bw_put_u32(b, m->group);
	bw_put_u64(b, m->flags);
	put_data(b, m->attr, m->attr_size);
	bw_put_u8(b, m->has_target);
	put_str(b, m->target);
}

int bw_get_perf_open(struct bw_reader *r, struct bw_perf_open *m)
{
	m->pid = bw_get_i32(r);
	m->cpu = bw_get_i32(r);
	m->group = bw_get_u32(r);
	m->flags = bw_get_u64(r);
	m->attr = get_data(r, &m->attr_size, BW_BPF_ATTR_MAX);
	m->has_target = bw_get_u8(r);
	m->target = bw_get_str(r, BW_PATH_MAX);
	return refuse(r, m->has_target > 1 || (!m->has_target && m->target.len));
}

void bw_put_handle_reply(struct bw_buf *b, const struct bw_handle_reply *m)
{
	bw_put_u32(b, m->object);
	bw_put_u32(b, m->handle);
}

int bw_get_handle_reply(struct bw_reader *r, struct bw_handle_reply *m)
{
	m->object = bw_get_u32(r);
	m->handle = bw_get_u32(r);
	return bw_get_end(r);
}

void bw_put_ioctl(struct bw_buf *b, const struct bw_ioctl *m)
{
	bw_put_u32(b, m->handle);
	bw_put_u32(b, m->code);
	bw_put_u64(b, m->value);
	put_data(b, m->data, m->len);
}

int bw_get_ioctl(struct bw_reader *r, struct bw_ioctl *m)
{
	m->handle = bw_get_u32(r);
	m->code = bw_get_u32(r);
	m->value = bw_get_u64(r);
	m->data = get_data(r, &m->len, BW_MSG_MAX);
	return bw_get_end(r);
}

void bw_put_ioctl_reply(struct bw_buf *b, const struct bw_ioctl_reply *m)
{
	bw_put_i64(b, m->value);
	put_data(b, m->data, m->len);
}

int bw_get_ioctl_reply(struct bw_reader *r, struct bw_ioctl_reply *m)
{
	m->value = bw_get_i64(r);
	m->data = get_data(r, &m->len, BW_MSG_MAX);
	return bw_get_end(r);
}

void bw_put_handle_read(struct bw_buf *b, const struct bw_handle_read *m)
{
	bw_put_u32(b, m->handle);
	bw_put_u64(b, m->offset);
	bw_put_u32(b, m->len);
}

int bw_get_handle_read(struct bw_reader *r, struct bw_handle_read *m)
{
	m->handle = bw_get_u32(r);
	m->offset = bw_get_u64(r);
	m->len = bw_get_u32(r);
	return refuse(r, m->len > BW_MSG_MAX);
}

void bw_put_handle_write(struct bw_buf *b, const struct bw_handle_write *m)
{
	bw_put_u32(b, m->handle);
	bw_put_u64(b, m->offset);
	put_data(b, m->data, m->len);
}

int bw_get_handle_write(struct bw_reader *r, struct bw_handle_write *m)
{
	m->handle = bw_get_u32(r);
	m->offset = bw_get_u64(r);
	m->data = get_data(r, &m->len, BW_MSG_MAX);
	return bw_get_end(r);
}

void bw_put_ring_map(struct bw_buf *b, const struct bw_ring_map *m)
{
	bw_put_u32(b, m->handle);
	bw_put_u32(b, m->kind);
	bw_put_u32(b, m->size);
}

int bw_get_ring_map(struct bw_reader *r, struct bw_ring_map *m)
{
	m->handle = bw_get_u32(r);
	m->kind = bw_get_u32(r);
	m->size = bw_get_u32(r);
	return refuse(r, m->kind < BW_RING_PERF || m->kind > BW_RING_BPF || !m->size || m->size & (m->size - 1));
}

void bw_put_ring_map_reply(struct bw_buf *b, const struct bw_ring_map_reply *m)
{
	bw_put_u32(b, m->size);
}

int bw_get_ring_map_reply(struct bw_reader *r, struct bw_ring_map_reply *m)
{
	m->size = bw_get_u32(r);
	return bw_get_end(r);
}

void bw_put_ring_credit(struct bw_buf *b, const struct bw_ring_credit *m)
{
	bw_put_u32(b, m->handle);
	bw_put_u32(b, m->bytes);
}

int bw_get_ring_credit(struct bw_reader *r, struct bw_ring_credit *m)
{
	m->handle = bw_get_u32(r);
	m->bytes = bw_get_u32(r);
	return bw_get_end(r);
}

void bw_put_ring_data(struct bw_buf *b, const struct bw_ring_data *m)
{
	bw_put_u32(b, m->handle);
	bw_put_u32(b, m->flags);
	put_data(b, m->data, m->len);
}

int bw_get_ring_data(struct bw_reader *r, struct bw_ring_data *m)
{
	m->handle = bw_get_u32(r);
	m->flags = bw_get_u32(r);
	m->data = get_data(r, &m->len, UINT32_MAX);	/* as long as the window of its ring: the frame or the joiner bounds it */
	return bw_get_end(r);
}

void bw_put_file(struct bw_buf *b, const struct bw_file *m)
{
	bw_put_u32(b, m->flags);
	bw_put_u32(b, m->mode);
	put_str(b, m->path);
}

int bw_get_file(struct bw_reader *r, struct bw_file *m)
{
	m->flags = bw_get_u32(r);
	m->mode = bw_get_u32(r);
	m->path = bw_get_str(r, BW_PATH_MAX);
	return bw_get_end(r);
}

void bw_put_file_change(struct bw_buf *b, const struct bw_file_change *m)
{
	bw_put_u32(b, m->what);
	bw_put_u32(b, m->mode);
	put_str(b, m->path);
	put_str(b, m->path2);
}

int bw_get_file_change(struct bw_reader *r, struct bw_file_change *m)
{
	m->what = bw_get_u32(r);
	m->mode = bw_get_u32(r);
	m->path = bw_get_str(r, BW_PATH_MAX);
	m->path2 = bw_get_str(r, BW_PATH_MAX);
	return bw_get_end(r);
}

static void put_time(struct bw_buf *b, struct bw_time t)
{
	bw_put_i64(b, t.sec);
	bw_put_u32(b, t.nsec);
}

static struct bw_time get_time(struct bw_reader *r)
{
	struct bw_time t;

	t.sec = bw_get_i64(r);
	t.nsec = bw_get_u32(r);
	if (t.nsec >= 1000000000u)
		r->err = -EPROTO;
	return t;
}

void bw_put_stat(struct bw_buf *b, const struct bw_stat *m)
{
	bw_put_u8(b, m->type);
	bw_put_u16(b, m->perm);
	bw_put_u32(b, m->dev_major);
	bw_put_u32(b, m->dev_minor);
	bw_put_u32(b, m->rdev_major);
	bw_put_u32(b, m->rdev_minor);
	bw_put_u64(b, m->ino);
	bw_put_u64(b, m->nlink);
	bw_put_u64(b, m->size);
	bw_put_u64(b, m->blocks);
	bw_put_u32(b, m->uid);
	bw_put_u32(b, m->gid);
	bw_put_u32(b, m->blksize);
	put_time(b, m->atime);
	put_time(b, m->mtime);
	put_time(b, m->ctime);
}

int bw_get_stat(struct bw_reader *r, struct bw_stat *m)
{
	m->type = bw_get_u8(r);
	m->perm = bw_get_u16(r);
	m->dev_major = bw_get_u32(r);
	m->dev_minor = bw_get_u32(r);
	m->rdev_major = bw_get_u32(r);
	m->rdev_minor = bw_get_u32(r);
	m->ino = bw_get_u64(r);
	m->nlink = bw_get_u64(r);
	m->size = bw_get_u64(r);
	m->blocks = bw_get_u64(r);
	m->uid = bw_get_u32(r);
	m->gid = bw_get_u32(r);
	m->blksize = bw_get_u32(r);
	m->atime = get_time(r);
	m->mtime = get_time(r);
	m->ctime = get_time(r);
	if (m->type > 15 || m->perm > 07777)
		r->err = -EPROTO;
	return r->err;
}

void bw_put_dirent(struct bw_buf *b, const struct bw_dirent *m)
{
	bw_put_stat(b, &m->st);
	put_str(b, m->name);
}

int bw_get_dirent(struct bw_reader *r, struct bw_dirent *m)
{
	bw_get_stat(r, &m->st);
	m->name = bw_get_str(r, BW_PATH_MAX);
	return r->err;
}

void bw_put_statfs(struct bw_buf *b, const struct bw_statfs *m)
{
	bw_put_u64(b, m->type);
	bw_put_u64(b, m->bsize);
	bw_put_u64(b, m->blocks);
	bw_put_u64(b, m->bfree);
	bw_put_u64(b, m->bavail);
	bw_put_u64(b, m->files);
	bw_put_u64(b, m->ffree);
	bw_put_u64(b, m->namelen);
	bw_put_u64(b, m->frsize);
	bw_put_u64(b, m->flags);
}

int bw_get_statfs(struct bw_reader *r, struct bw_statfs *m)
{
	m->type = bw_get_u64(r);
	m->bsize = bw_get_u64(r);
	m->blocks = bw_get_u64(r);
	m->bfree = bw_get_u64(r);
	m->bavail = bw_get_u64(r);
	m->files = bw_get_u64(r);
	m->ffree = bw_get_u64(r);
	m->namelen = bw_get_u64(r);
	m->frsize = bw_get_u64(r);
	m->flags = bw_get_u64(r);
	return bw_get_end(r);
}

void bw_put_clocks(struct bw_buf *b, const struct bw_clocks *m)
{
	bw_put_i64(b, m->realtime);
	bw_put_i64(b, m->monotonic);
	bw_put_i64(b, m->boottime);
	bw_put_i64(b, m->raw);
}

int bw_get_clocks(struct bw_reader *r, struct bw_clocks *m)
{
	m->realtime = bw_get_i64(r);
	m->monotonic = bw_get_i64(r);
	m->boottime = bw_get_i64(r);
	m->raw = bw_get_i64(r);
	return bw_get_end(r);
}

void bw_put_opened(struct bw_buf *b, const struct bw_opened *m)
{
	bw_put_u32(b, m->pid);
}

int bw_get_opened(struct bw_reader *r, struct bw_opened *m)
{
	m->pid = bw_get_u32(r);
	return bw_get_end(r);
}

void bw_put_kill(struct bw_buf *b, const struct bw_kill *m)
{
	bw_put_u32(b, m->pid);
	bw_put_u32(b, m->signal);
}

int bw_get_kill(struct bw_reader *r, struct bw_kill *m)
{
	m->pid = bw_get_u32(r);
	m->signal = bw_get_u32(r);
	return bw_get_end(r);
}

void bw_put_check(struct bw_buf *b, const struct bw_check *m)
{
	bw_put_u8(b, m->verdict);
	put_str(b, m->item);
	put_str(b, m->text);
	put_str(b, m->kconfig);
	put_str(b, m->snippet);
}

int bw_get_check(struct bw_reader *r, struct bw_check *m)
{
	m->verdict = bw_get_u8(r);
	m->item = bw_get_str(r, BW_NAME_MAX);
	m->text = bw_get_str(r, BW_STRING_MAX);
	m->kconfig = bw_get_str(r, BW_STRING_MAX);
	m->snippet = bw_get_str(r, BW_NAME_MAX);
	if (m->verdict > BW_CHECK_FAIL)
		r->err = -EPROTO;
	return r->err;
}
