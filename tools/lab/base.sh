# What every script of the lab needs: words, waiting, and an end that leaves
# nothing behind. Sourced by lab.sh.

say()
{
	printf '%s\n' "$*"
}

warn()
{
	printf '%s\n' "$*" >&2
}

# A failed condition: says which, and ends the script (see lab_end).
fail()
{
	warn "FAILED: $*"
	exit 1
}

now_msecs()
{
	local t=${EPOCHREALTIME/[.,]/}
	echo "${t%???}"
}

# wait_for NAME SECONDS COMMAND...: until the command succeeds.
wait_for()
{
	local name=$1 limit=$2 end
	shift 2
	end=$(($(now_msecs) + limit * 1000))
	until "$@" >/dev/null 2>&1; do
		[ "$(now_msecs)" -lt "$end" ] ||
			fail "$name: not within $limit s"
		sleep 0.05
	done
}

# Run a long command with its output in a log, and show that it lives. On a
# terminal the line counts the seconds; elsewhere it gets a dot now and then.
# It has a process group of its own, so that run_stop can end all of it.
run_long()
{
	local what=$1 log=$2 begin=$SECONDS dots=5 status=0
	shift 2
	printf '%s ...' "$what"
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	RUN_PID=$!
	set +m
	while kill -0 "$RUN_PID" 2>/dev/null; do
		sleep 0.2
		if [ -t 1 ]; then
			printf '\r%s ... %d s' "$what" $((SECONDS - begin))
		elif [ $((SECONDS - begin)) -ge $dots ]; then
			printf '.'
			dots=$((dots + 5))
		fi
	done
	wait "$RUN_PID" || status=$?
	RUN_PID=''
	if [ $status -eq 0 ]; then
		[ ! -t 1 ] || printf '\r%s ...' "$what"
		printf ' %d s   \n' $((SECONDS - begin))
		return 0
	fi
	printf ' failed\n'
	tail -n 25 "$log" >&2
	warn "(all of it: $log)"
	return $status
}

# The end of what run_long runs. apt is let finish: half an installation is
# worse than a minute's wait.
run_stop()
{
	[ -n "${RUN_PID:-}" ] || return 0
	if [ -n "${RUN_GENTLY:-}" ]; then
		printf '\n'
		warn "waiting for apt-get, so that nothing is left half installed"
	else
		kill -TERM -- "-$RUN_PID" 2>/dev/null
	fi
	wait "$RUN_PID" 2>/dev/null
	RUN_PID=''
}

# The lab's processes live in a mount namespace of their own: Dovecot's module
# folder is overlaid there, and nothing is written to /usr. The folder $LAB is
# mounted on itself in it, and by that mount its processes are told from all
# others.
lab_enter()
{
	local error
	[ -n "${LAB_INSIDE:-}" ] && return 0
	[ "$(id -u)" -eq 0 ] ||
		fail "this needs root: it starts Dovecot and a mount namespace"
	error=$(unshare -m --propagation private true 2>&1) ||
		fail "no mount namespace may be made here ($error)." \
		     "In a container, start it with --privileged, or with" \
		     "--cap-add SYS_ADMIN and without its AppArmor or seccomp" \
		     "profile; or use a virtual machine."
	LAB_INSIDE=1 exec unshare -m --propagation private "$BASH" "$0" "$@"
}

# Every process of this lab but us.
lab_pids()
{
	local file pid
	for file in $(grep -lsF " $LAB " /proc/[0-9]*/mountinfo); do
		pid=${file#/proc/}
		pid=${pid%/mountinfo}
		case " $$ $BASHPID $PPID " in
		*" $pid "*) ;;
		*) [ -e "/proc/$pid/exe" ] && echo "$pid" ;;
		esac
	done
}

lab_is_empty()
{
	[ -z "$(lab_pids)" ]
}

# Dovecot's masters first, so that their children end in order; then whoever is
# left. Only processes of this lab are touched.
lab_stop()
{
	local pidfile pid i
	for pidfile in "$LAB"/*/run/master.pid; do
		[ -r "$pidfile" ] || continue
		read -r pid <"$pidfile"
		case " $(lab_pids | tr '\n' ' ') " in
		*" $pid "*) kill -TERM "$pid" 2>/dev/null ;;
		esac
	done
	for i in TERM TERM KILL KILL; do
		for ((n = 0; n < 30; n++)); do
			lab_is_empty && return 0
			sleep 0.05
		done
		kill -$i $(lab_pids) 2>/dev/null
	done
	lab_is_empty || fail "processes of $LAB that do not end:" $(lab_pids)
}

# At the end of each script that began a lab.
lab_end()
{
	local status=$?
	trap - EXIT
	trap "" INT TERM HUP
	run_stop
	[ $status -eq 0 ] || [ -z "${LAB_BEGUN:-}" ] || lab_keep_logs
	if [ -n "${LAB_BEGUN:-}" ] && { [ -z "${LAB_KEEP:-}" ] || [ $status -ne 0 ]; }; then
		lab_stop
		rm -rf --one-file-system "${LAB:?}"/* 2>/dev/null
	fi
	exit $status
}

# What a post-mortem needs, in $LAB_LOGS.
lab_keep_logs()
{
	local log name
	[ -n "${LAB_LOGS:-}" ] || return 0
	mkdir -p "$LAB_LOGS"
	for log in "$LAB"/*/log "$LAB"/*/*.log "$LAB"/*/dovecot.conf \
		"$LAB"/*/dovering.conf; do
		[ -e "$log" ] || continue
		name=${log#"$LAB"/}
		cp "$log" "$LAB_LOGS/${name//\//-}"
	done
	warn "(logs of the nodes: $LAB_LOGS)"
}

# Traps for the whole script: whatever way it ends, nothing stays.
lab_traps()
{
	trap lab_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# One at a time in a lab, and one in a cache. Dovecot and Redis must not inherit
# the locks (7>&- 8>&-).
lab_lock()
{
	exec 8>"$LAB.lock"
	flock -n 8 || fail "another one is at work in $LAB"
	exec 7>"$CACHE/lock"
	flock -n 7 || fail "another one is at work in $CACHE"
}

# Make $LAB anew: a folder that others may pass through, as Dovecot's own users
# must, but not look into; what is secret has 0700 or 0600 below it.
lab_begin()
{
	mkdir -p "$LAB"
	[ -O "$LAB" ] && [ ! -L "$LAB" ] || fail "$LAB is not ours"
	lab_stop
	rm -rf --one-file-system "${LAB:?}"/*
	chmod 0711 "$LAB"
	mount --bind "$LAB" "$LAB"
	LAB_BEGUN=1
	lab_traps
}

# A zombie is gone: it holds nothing.
process_is_gone()
{
	[ ! -e "/proc/$1/stat" ] ||
		[ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" = Z ]
}
