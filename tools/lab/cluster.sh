# The whole cluster, with keys and ring made by the real tool. Sourced by
# lab.sh.

# What a scenario may choose, before cluster_up:
#	LAB_STORE_URL		store of the settings file
#	LAB_SETTINGS		further lines of it, for each node
#	LAB_USER_LINES		further lines of the passwd-file
#	LAB_HOLD		hold_timeout
cluster_settings()
{
	local name=$1
	mkdir -p "$LAB/$name/dovering"
	{
		cat <<-END
		cluster = lab
		node = $name
		store = ${LAB_STORE_URL:-redis://$LAB_NET.5:$REDIS_PORT/0}
		store_password_file = $LAB/redis.password
		ring_public_key_file = $LAB/ring.pub
		node_secret_key_file = $LAB/$name/node.key
		state_dir = $LAB/$name/dovering
		hold_timeout = ${LAB_HOLD:-20 secs}
		END
		case $name in
		b*) echo "host = $name" ;;
		admin) echo "ring_secret_key_file = $LAB/admin/ring.key" ;;
		esac
		[ -z "${LAB_SETTINGS:-}" ] || printf '%s\n' "$LAB_SETTINGS"
	} >"$LAB/$name/dovering.conf"
	chown dovecot:dovecot "$LAB/$name/dovering"
	chmod 0700 "$LAB/$name/dovering"
}

cluster_passwords()
{
	local name
	for name in redis doveadm; do
		(umask 077 && openssl rand -hex 24 >"$LAB/$name.password")
	done
}

# The admin's tool with the admin's settings.
dovering_admin()
{
	dovering --config "$LAB/admin/dovering.conf" "$@"
}

must()
{
	local output
	output=$("$@" 2>&1) || fail "$* (status $?): $output"
}

cluster_keys()
{
	local name
	for name in admin $DIRECTORS $BACKENDS; do
		cluster_settings "$name"
	done
	mkdir -p "$LAB/admin"
	must dovering_admin init
	for name in $DIRECTORS $BACKENDS; do
		dovering --config "$LAB/$name/dovering.conf" node key \
			>"$LAB/$name/node.pub" 2>"$LAB/$name/node.err" ||
			fail "node key $name: $(cat "$LAB/$name/node.err")"
	done
}

cluster_ring()
{
	local name
	for name in $DIRECTORS; do
		must dovering_admin node add "$name" \
			"$(address "$name"):$AGENT_PORT" \
			--role director --key "$LAB/$name/node.pub"
	done
	for name in $BACKENDS; do
		must dovering_admin node add "$name" \
			"$(address "$name"):$AGENT_PORT" \
			--role backend --key "$LAB/$name/node.pub"
		cluster_host "$name"
	done
}

cluster_host()
{
	must dovering_admin host add "$1" "$(address "$1"):$IMAP_PORT" \
		--port pop3=$POP3_PORT --port lmtp=$LMTP_PORT \
		--port doveadm=$DOVEADM_PORT
}

cluster_redis()
{
	redis_configure redis $REDIS_PORT </dev/null
	redis_start redis
}

# cluster_up [USER...]
cluster_up()
{
	local name
	lab_begin
	ulimit -n "$(ulimit -Hn)"
	cluster_passwords
	: >"$LAB/users"
	chmod 0640 "$LAB/users"
	chgrp dovecot "$LAB/users"
	dovecot_users someone1 someone2 someone3 "$@"
	[ -z "${LAB_USER_LINES:-}" ] || printf "%s\n" "$LAB_USER_LINES" >>"$LAB/users"
	dovecot_overlay
	[ "${LAB_CHAIN:-lookup}" = lookup ] || dovecot_pam
	"${LAB_CLUSTER_STORE:-cluster_redis}"
	cluster_keys
	cluster_ring
	for name in $BACKENDS $DIRECTORS; do
		dovecot_configure "$name"
		dovecot_start "$name"
	done
	wait_for "all nodes are alive and agree" 20 cluster_agrees
}

# The ring's epoch as each living agent has it.
cluster_epoch()
{
	dovering_admin --format json status |
		json_field epoch | head -n 1
}

# Every node is alive, by a heartbeat of now and not by one that the store has
# kept, and has the newest ring.
cluster_agrees()
{
	local json want
	json=$(dovering_admin --format json status) || return
	want=$(echo $DIRECTORS $BACKENDS | wc -w)
	[ "$(json_field alive <<<"$json" | grep -c true)" -eq "$want" ] &&
	[ "$(json_field age_msecs <<<"$json" | awk '$1 < 1900' | wc -l)" -eq "$want" ] &&
	[ "$(json_field epoch <<<"$json" | sort -u | wc -l)" -eq 1 ]
}

# json_field NAME <JSON: each value of that name, one a line.
json_field()
{
	grep -o "\"$1\": *\(\"[^\"]*\"\|[^,}]*\)" | sed 's/^"[^"]*": *//; s/^"\(.*\)"$/\1/'
}

# user_owner USER: whom the tool names.
user_owner()
{
	dovering_admin --format json user show "$1" |
		json_field host
}

# The beginning of each scenario: the build, unless somebody has seen to it
# (LAB_BUILT), then the lab's own namespace.
scenario()
{
	build_use "${LAB_FLAVOUR:-plain}"
	[ -n "${LAB_INSIDE:-}${LAB_BUILT:-}" ] ||
		build_ready "${LAB_FLAVOUR:-plain}"
	lab_enter "$@"
}

# NAME=IP:PORT of each director, as login-storm has it.
directors()
{
	local name
	for name in $DIRECTORS; do
		echo "$name=$(address "$name"):$IMAP_PORT"
	done
}

# storm OUTPUT ARGUMENTS... <LIST
storm()
{
	local output=$1
	shift
	login-storm "$@" $(directors) >"$output"
}

# numbered PREFIX FROM TO: names.
numbered()
{
	seq -f "$1%05.0f" "$2" "$3"
}

# kinds KIND... <NAMES: a list for login-storm.
kinds()
{
	local kind names
	names=$(cat)
	for kind in "$@"; do
		sed "s/\$/\t$kind/" <<<"$names"
	done
}

# shuffled SEED: the same order for the same seed.
shuffled()
{
	shuf --random-source=<(yes "$1")
}

# Nothing but OK in a storm's output.
storm_is_ok()
{
	local bad
	bad=$(awk -F '\t' '$6 !~ /^OK/' "$1" | head -n 3)
	[ -z "$bad" ] || fail "logins that failed:" \
		"$(awk -F '\t' '$6 !~ /^OK/' "$1" | wc -l) of $(wc -l <"$1"), as $bad"
}

# I2 and I4, by the backends' word: each user of the outputs has one backend.
storm_has_one_backend()
{
	local bad
	bad=$(awk -F '\t' '
	$6 ~ /^OK/ {
		if (($1 in at) && at[$1] != $4)
			print $1 " on " at[$1] " and " $4
		at[$1] = $4
	}' "$@" | head -n 3)
	[ -z "$bad" ] || fail "users on two backends: $bad"
}

# The same by what the backends' login processes wrote.
logs_have_one_backend()
{
	local bad
	bad=$(backend_logins | awk -F '\t' '
	($2 in at) && at[$2] != $1 { print $2 " on " at[$2] " and " $1 }
	{ at[$2] = $1 }' | head -n 3)
	[ -z "$bad" ] || fail "users on two backends: $bad"
}
