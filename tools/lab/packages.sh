# Debian packages: install what is missing, start nothing. Sourced by lab.sh.

PACKAGES_BUILD='gcc make libc6-dev autoconf automake libtool pkg-config dovecot-dev
	libhiredis-dev libsodium-dev libssl-dev libcmocka-dev libjansson-dev'
PACKAGES_RUN='dovecot-core dovecot-imapd dovecot-lmtpd dovecot-pop3d
	redis-server redis-sentinel redis-tools openssl util-linux procps'
PACKAGES_CHECK='clang libclang-rt-14-dev valgrind xz-utils'

packages_missing()
{
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" \
			2>/dev/null)" = installed ] || echo "$package"
	done
}

# apt with services kept from starting: a fresh Dovecot on port 143 is not
# ours to start. An administrator's own policy-rc.d stays as it is.
packages_apt()
{
	local policy=/usr/sbin/policy-rc.d made='' status=0
	if [ ! -e $policy ]; then
		made=$policy
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 0755 $policy
	fi
	{ apt-get -q update &&
	  DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		--no-install-recommends install "$@" &&
	  packages_disable "$@"; } || status=$?
	[ -z "$made" ] || rm -f "$made"
	return $status
}

# What a package brought along shall not start at the next boot either: nobody
# has asked for it.
packages_disable()
{
	local package
	for package in "$@"; do
		case $package in
		dovecot-core) update-rc.d dovecot disable ;;
		redis-server|redis-sentinel) update-rc.d $package disable ;;
		esac
	done
	return 0
}

packages_install()
{
	local missing
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null ||
		fail "missing, and there is no apt-get here:" $missing
	[ "$(id -u)" -eq 0 ] || fail "installing needs root:" $missing

	RUN_GENTLY=1
	run_long "installing $(echo $missing | wc -w) packages" \
		"$CACHE/apt.log" packages_apt $missing ||
		fail "apt-get could not install:" $missing
	RUN_GENTLY=''
	case " $(echo $missing) " in
	*" dovecot-core "*|*" redis-server "*)
		say "(Dovecot and Redis were not started, and will not be at boot:" \
		    "systemctl enable is for you to say)" ;;
	esac
}
