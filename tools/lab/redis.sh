# A private Redis: own address, port, folder and password. Sourced by lab.sh.

REDIS_PORT=7379

# Further lines for redis.conf are read from standard input.
# redis_configure NAME PORT <LINES
redis_configure()
{
	local dir=$LAB/$1 port=$2
	mkdir -p -m 0700 "$dir"
	{
		cat <<-END
		bind $LAB_NET.5
		replica-announce-ip $LAB_NET.5
		port $port
		dir $dir
		daemonize no
		logfile $dir/redis.log
		unixsocket $dir/socket
		unixsocketperm 700
		requirepass $(cat "$LAB/redis.password")
		masterauth $(cat "$LAB/redis.password")
		appendonly yes
		appendfsync everysec
		save ""
		maxmemory-policy noeviction
		END
		cat
	} >"$dir/redis.conf"
	chown -R redis:redis "$dir"
}

# redis_start NAME [--sentinel]
redis_start()
{
	local name=$1
	shift
	setpriv --reuid=redis --regid=redis --clear-groups \
		redis-server "$LAB/$name/redis.conf" "$@" \
		>>"$LAB/$name.out" 2>&1 </dev/null 7>&- 8>&- &
	echo $! >"$LAB/$name.pid"
	disown $!
	wait_for "Redis $name answers" 10 redis_is_up "$name"
}

redis_is_up()
{
	[ "$(redis_at "$1" ping)" = PONG ]
}

# redis_at NAME COMMAND...: redis-cli to that one, by its socket. The Sentinels
# have no password.
redis_at()
{
	local name=$1
	shift
	[[ $name = sentinel* ]] ||
		local -x REDISCLI_AUTH=$(cat "$LAB/redis.password")
	redis-cli --no-auth-warning -s "$LAB/$name/socket" "$@"
}

# redis_stop NAME [SIGNAL]
redis_stop()
{
	local pid
	pid=$(cat "$LAB/$1.pid")
	kill "-${2:-TERM}" "$pid"
	wait_for "Redis $1 ends" 10 process_is_gone "$pid"
}
