# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Real ssh and adb whose far end is this machine: OpenSSH's client and dropbear, which boards have; adb and adbd. Their servers are in a network of their own, where
# nobody else comes by. Sourced after lib.sh.

# can_real_cables: a network of its own may be made here (a container may forbid it), and the archive has adbd (a mirror may have Debian 12 alone), which is in the root
# directory $ADB then
can_real_cables() {
	local why
	if ! timeout -k 5 10 unshare -nm ip link set lo up 2>/dev/null; then
		why='this machine allows no network of its own'
	elif ! ADB=$(timeout -k 5 600 "$TOP/tests/setup" adb 2>"$W/setup.err"); then
		why=$(tail -n 1 "$W/setup.err")
	else
		return 0
	fi
	echo "# skipped: ssh and adb themselves: $why"
	return 1
}
# real_cables: makes $W/real with an `ssh` and an `adb` in it, which reach "root@board" and one device
real_cables() {
	local inside real=$W/real config=$W/servers
	mkdir "$real" "$config" "$config/home" && mkdir -m 700 "$config/home/.ssh" || return
	ssh-keygen -qt ed25519 -N '' -f "$config/key" && cp "$config/key.pub" "$config/home/.ssh/authorized_keys" &&
		/usr/bin/dropbearkey -t ed25519 -f "$config/host" >/dev/null 2>&1 || return
	/usr/bin/dropbearkey -y -f "$config/host" | sed -n 's/^ssh-ed25519 /board ssh-ed25519 /p' >"$config/known"
	printf '%s\n' 'Host board' ' HostName 127.0.0.1' ' HostKeyAlias board' ' Port 6022' ' BatchMode yes' ' LogLevel ERROR' \
		" IdentityFile $config/key" ' IdentitiesOnly yes' " UserKnownHostsFile $config/known" >"$config/config"
	# Of root's home and shell, the servers see those of a board, and of /usr/local/bin our daemon.
	sed "s#^\(root:[^:]*:[^:]*:[^:]*:[^:]*\):.*#\1:$config/home:/bin/sh#" /etc/passwd >"$config/passwd"
	cat >"$config/run" <<-EOS
		mount --bind $config/passwd /etc/passwd &&
			mount --rbind /proc $ADB/proc && mount --rbind /dev $ADB/dev && mount -t tmpfs none $ADB/tmp && ip link set lo up &&
			mount -t tmpfs none /usr/local/bin && ln -s $(realpath "$O")/bpfwired /usr/local/bin/ || exit
		export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		lib=$ADB/usr/lib/$(uname -m)-linux-gnu
		trap 'kill \$(jobs -p)' EXIT
		trap exit TERM INT
		/usr/sbin/dropbear -F -E -s -p 127.0.0.1:6022 -r $config/host -P $config/pid &
		ADBD_PORT=6042 SHELL=/bin/sh $ADB/lib*/ld-linux-*.so.* --library-path \$lib:\$lib/android $ADB/usr/lib/android-sdk/platform-tools/adbd &
		HOME=/tmp chroot $ADB adb nodaemon server &
		echo \$\$ >$config/run.pid
		wait
	EOS
	timeout -k 5 400 unshare -nm sh "$config/run" </dev/null >"$config/log" 2>&1 & OURS+=($!)
	in_time 10 test -s "$config/run.pid" || return
	inside="exec nsenter -t $(cat "$config/run.pid") -n -m --"
	printf '#!/bin/sh\n%s /usr/bin/ssh -F %s "$@"\n' "$inside" "$config/config" >"$real/ssh"
	printf '#!/bin/sh\n%s env HOME=/tmp ANDROID_SERIAL=127.0.0.1:6042 chroot %s adb "$@"\n' "$inside" "$ADB" >"$real/adb"
	chmod 755 "$real"/*
	in_time 20 real_answers
}
real_answers() {
	timeout -k 5 10 "$W/real/adb" connect 127.0.0.1:6042 >/dev/null 2>&1
	timeout -k 5 10 "$W/real/adb" shell -T true </dev/null >/dev/null 2>&1 && timeout -k 5 10 "$W/real/ssh" root@board true </dev/null >/dev/null 2>&1
}
