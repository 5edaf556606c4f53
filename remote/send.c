// SPDX-License-Identifier: Apache-2.0
#include "remote/remote.h"
#include "remote/conn.h"
#include "remote/stats.h"

#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static pthread_mutex_t message_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t window;		/* what the board still takes */
static atomic_int window_grew;		/* futex */
static atomic_uint credit_due;		/* to be given back to the board */

void bw_send_init(uint32_t size)
{
	pthread_mutex_init(&message_lock, NULL);
	pthread_mutex_init(&write_lock, NULL);
	atomic_store(&window, size);
	atomic_store(&credit_due, 0);
}

static void wake_senders(void)
{
	atomic_fetch_add(&window_grew, 1);
	bw_sys(SYS_futex, &window_grew, (long)FUTEX_WAKE_PRIVATE, 1L << 30);
}

void bw_send_credited(uint32_t bytes)
{
	atomic_fetch_add(&window, bytes);
	wake_senders();
}

void bw_send_stop(void)
{
	wake_senders();
}

static bool take_window(uint32_t len)
{
	int64_t have = atomic_load(&window);

	while (have >= (int64_t)len)
		if (atomic_compare_exchange_weak(&window, &have, have - len))
			return true;
	return false;
}

static int wait_window(uint32_t len)
{
	for (;;) {
		int seen = atomic_load(&window_grew);

		if (atomic_load(&bw_conn.state) != BW_CONN_UP)
			return -ENODEV;
		if (take_window(len))
			return 0;
		bw_sys(SYS_futex, &window_grew, (long)FUTEX_WAIT_PRIVATE, (long)seen, NULL);
	}
}

/* All of it or an error; with MSG_DONTWAIT -EAGAIN only if nothing went out. */
int bw_write_raw(int fd, const void *p, size_t len, int flags)
{
	const char *at = p;
	size_t left = len;

	while (left) {
		long n = bw_sys(SYS_sendto, (long)fd, at, left, (long)(flags | MSG_NOSIGNAL), NULL, 0L);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		at += n;
		left -= (size_t)n;
		flags &= ~MSG_DONTWAIT;
	}
	return 0;
}

/* False if the socket is full: the bytes stay due. */
static bool flush_credit(void)
{
	unsigned int due = atomic_exchange(&credit_due, 0);
	struct bw_frame f = { .type = BW_MSG_CREDIT, .length = BW_FRAME_HEADER + 4 };
	uint8_t frame[BW_FRAME_HEADER + 4];
	int i;

	if (!due)
		return true;
	bw_frame_put_header(frame, &f);
	for (i = 0; i < 4; i++)
		frame[BW_FRAME_HEADER + i] = (uint8_t)(due >> 8 * i);
	if (bw_write_raw(atomic_load(&bw_conn.fd), frame, sizeof(frame), MSG_DONTWAIT) != -EAGAIN)
		return true;
	atomic_fetch_add(&credit_due, due);
	return false;
}

/* The receiving thread may have found the lock taken after our flush: look again once it is free. */
static void unlock_write(void)
{
	bool went;

	do {
		went = flush_credit();
		pthread_mutex_unlock(&write_lock);
	} while (went && atomic_load(&credit_due) && !pthread_mutex_trylock(&write_lock));
}

bool bw_send_credit(uint32_t bytes)
{
	atomic_fetch_add(&credit_due, bytes);
	if (atomic_load(&credit_due) && !pthread_mutex_trylock(&write_lock))
		unlock_write();
	return !atomic_load(&credit_due);
}

/* Header and payload by one system call where it is short, which most requests are. */
static int write_frame(const struct bw_frame *f, const uint8_t *payload, int flags)
{
	uint8_t short_frame[512];
	uint32_t len = bw_frame_payload_len(f);
	int fd = atomic_load(&bw_conn.fd), r;

	bw_frame_put_header(short_frame, f);
	if (f->length <= sizeof(short_frame)) {
		if (len)
			memcpy(short_frame + BW_FRAME_HEADER, payload, len);
		return bw_write_raw(fd, short_frame, f->length, flags);
	}
	r = bw_write_raw(fd, short_frame, BW_FRAME_HEADER, flags | MSG_MORE);
	return r ? r : bw_write_raw(fd, payload, len, flags & ~MSG_DONTWAIT);
}

int bw_send(uint16_t type, uint32_t request, const void *payload, size_t len)
{
	const uint8_t *p = payload;
	int r;

	bw_stats_sent(bw_stats_row_of(type, payload, len), len);
	pthread_mutex_lock(&message_lock);
	do {
		uint32_t part = len < BW_PAYLOAD_MAX ? (uint32_t)len : BW_PAYLOAD_MAX;
		struct bw_frame f = { .length = BW_FRAME_HEADER + part, .type = type, .request = request };

		len -= part;
		f.flags = len ? BW_F_MORE : 0;
		r = wait_window(f.length);
		if (r)
			break;
		pthread_mutex_lock(&write_lock);
		r = write_frame(&f, p, 0);
		unlock_write();
		p = p ? p + part : NULL;
	} while (len && !r);
	pthread_mutex_unlock(&message_lock);
	return r ? -ENODEV : 0;
}

int bw_send_try(uint16_t type, const void *payload, size_t len)
{
	struct bw_frame f = { .length = (uint32_t)(BW_FRAME_HEADER + len), .type = type };
	int r = -EAGAIN;

	if (pthread_mutex_trylock(&message_lock))
		return -EAGAIN;
	if (!pthread_mutex_trylock(&write_lock)) {
		if (take_window(f.length)) {
			r = write_frame(&f, payload, MSG_DONTWAIT);
			if (r)
				atomic_fetch_add(&window, f.length);
		}
		unlock_write();
	}
	pthread_mutex_unlock(&message_lock);
	return r == 0 || r == -EAGAIN ? r : -ENODEV;
}
