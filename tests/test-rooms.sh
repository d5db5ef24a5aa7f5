#!/bin/sh
# A wrong include stops the build: build-aux/room-includes on copies of the
# sources, each with one include that its room may not have.
set -eu
top=$(cd "${srcdir:-.}/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

copy()
{
	rm -rf "$dir/tree"
	mkdir "$dir/tree"
	(cd "$top" && find build-aux/room* ring redis module tools -name '*.[ch]' \
		-o -path 'build-aux/room*' | tar -c -T - -f -) |
		tar -C "$dir/tree" -x -f -
	chmod -R u+w "$dir/tree"
}

# refuses FILE INCLUDE
refuses()
{
	copy
	printf '#include %s\n' "$2" >>"$dir/tree/$1"
	if sh "$top/build-aux/room-includes" "$dir/tree" 2>"$dir/said"; then
		echo "FAILED: $1 may include $2"
		failed=1
	elif ! grep -q "^$1:[0-9]*: .*may not include $2" "$dir/said"; then
		echo "FAILED: $1 with $2 is refused in other words:"
		cat "$dir/said"
		failed=1
	fi
}

copy
sh "$top/build-aux/room-includes" "$dir/tree" || {
	echo "FAILED: the tree as it is has wrong includes"
	failed=1
}
refuses ring/ring.c '<sys/socket.h>'
refuses ring/ring.c '<time.h>'
refuses ring/ring.c '"store.h"'
refuses ring/ring.c '"settings.h"'
refuses redis/store.c '"agent.h"'
refuses redis/store.c '"settings.h"'
refuses redis/store.c '<dovecot/lib.h>'
refuses redis/loop.h '"ioloop.h"'
refuses module/node/line.c '"store.h"'
refuses module/node/line.c '"ioloop.h"'
refuses module/agent/route.c '"ioloop.h"'
refuses module/agent/route.c '<time.h>'
refuses module/auth/agent-client.c '"ring.h"'
refuses module/auth/agent-client.c '"redis-client.h"'
refuses module/auth/agent-client.c '"agent.h"'
refuses tools/dovering.c '"agent.h"'
exit $failed
