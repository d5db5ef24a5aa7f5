# Build and stage, outside the source tree. Sourced by lab.sh.
#
# $CACHE/src is a clean copy of the sources, so that a tree which was configured
# in place does not disturb, and is not disturbed. Each flavour has a folder of
# its own: $CACHE/FLAVOUR/{build,stage}.

# What git knows; without git, all but what a build leaves behind.
build_sources()
{
	cd "$TOP" || return
	if [ -e .git ] && git -c safe.directory='*' rev-parse >/dev/null 2>&1; then
		git -c safe.directory='*' ls-files -co --exclude-standard
	else
		find . \( -name .git -o -name .libs -o -name .deps \
			-o -name autom4te.cache \) -prune -o -type f \
			! -name '*.o' ! -name '*.lo' ! -name '*.la' \
			! -name '*.a' ! -name Makefile ! -name config.status \
			! -name config.h ! -name '*.log' ! -name '*.trs' -print
	fi | LC_ALL=C sort | while IFS= read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

# One word for the state of all sources, to know whether anything changed.
build_sum()
{
	(build_sources | tr '\n' '\0' | (cd "$TOP" && xargs -0 sha256sum)) |
		sha256sum | cut -c1-64
}

build_copy()
{
	rm -rf "$CACHE/src.new"
	mkdir -p "$CACHE/src.new/m4" || return
	build_sources | tar -C "$TOP" -c -T - -f - |
		tar -C "$CACHE/src.new" -x -f - || return
	# Programs that were built in place would pass for fresh ones.
	grep -rlaP '\A\x7fELF' "$CACHE/src.new" | xargs -r rm -f
	(cd "$CACHE/src.new" && autoreconf -fi) || return
	rm -rf "$CACHE/src"
	mv "$CACHE/src.new" "$CACHE/src"
}

# The sources in the cache are those of the tree.
build_update()
{
	local sum
	sum=$(build_sum)
	[ "$(cat "$CACHE/src.sum" 2>/dev/null)" = "$sum" ] && return
	build_copy && echo "$sum" >"$CACHE/src.sum"
}

# build_flavour NAME CONFIGURE-ARGUMENTS...
build_flavour()
{
	local dir=$CACHE/$1
	shift
	build_update && rm -f "$dir/sum" && mkdir -p "$dir/build" &&
	cd "$dir/build" &&
	"$CACHE/src/configure" -q --prefix=/usr --sysconfdir=/etc "$@" &&
	make -j2 && rm -rf "$dir/stage" &&
	make install DESTDIR="$dir/stage" &&
	cp "$CACHE/src.sum" "$dir/sum"
}

# build_ready FLAVOUR CONFIGURE-ARGUMENTS...: stage it unless it is fresh.
build_ready()
{
	if [ "$(cat "$CACHE/$1/sum" 2>/dev/null)" != "$(build_sum)" ]; then
		run_long "building dovering ($1)" "$CACHE/build-$1.log" \
			build_flavour "$@" || fail "dovering could not be built"
	fi
	build_talkers
	build_use "$1"
}

# Which flavour the lab runs.
build_use()
{
	STAGE=$CACHE/$1/stage
	export PATH=$STAGE/usr/bin:$STAGE/usr/sbin:$CACHE/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

# The lab's own programs in C.
build_talkers()
{
	local source program
	mkdir -p "$CACHE/bin"
	for source in "$TOP"/tests/cluster/*.c; do
		program=$CACHE/bin/$(basename "$source" .c)
		[ "$program" -nt "$source" ] ||
			gcc -O2 -Wall -Wextra -o "$program" "$source" ||
			fail "$source does not compile"
	done
}
