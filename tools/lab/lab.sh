# The lab: a real cluster on loopback, for tools/quickstart and tools/check.
# Source this; TOP is the source tree then. See the parts for what each does.
#
#	LAB      its folder: sockets, settings, keys, mail, logs
#	LAB_NET  its addresses: .5 Redis, .11 .12 directors, .21 .22 .23 backends
#	CACHE    what may be kept between runs: builds

set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${DOVERING_CACHE:-/var/tmp/dovering-cache-$(id -u)}
LAB=${LAB:-/run/dovering-lab}
LAB_NET=${LAB_NET:-127.0.78}
export LC_ALL=C.UTF-8
umask 022

for part in base packages build redis dovecot cluster imap story assert; do
	. "$TOP/tools/lab/$part.sh"
done
unset part

# Others on this machine may have a folder of that name ready for us.
[ -r /proc/self/mountinfo ] || fail "there is no /proc here"
[ -d "$CACHE" ] || mkdir -p -m 0700 "$CACHE"
[ -O "$CACHE" ] && [ ! -L "$CACHE" ] || fail "$CACHE belongs to somebody else"
