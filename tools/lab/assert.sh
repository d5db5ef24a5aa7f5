# Words for what must hold. Sourced by lab.sh.

not()
{
	! "$@"
}

# equal WHAT WANTED GOT
equal()
{
	[ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

# matches WHAT PATTERN TEXT: the pattern is a shell's.
matches()
{
	case $3 in
	$2) ;;
	*) fail "$1: wanted $2, got '$3'" ;;
	esac
}

# within WHAT LOW HIGH GOT: integers.
within()
{
	[ "$4" -ge "$2" ] && [ "$4" -le "$3" ] ||
		fail "$1: wanted $2 to $3, got $4"
}

# exits STATUS TEXT COMMAND...: it says the text, on whichever output.
exits()
{
	local want=$1 text=$2 got=0 said
	shift 2
	said=$("$@" 2>&1) || got=$?
	[ $got -eq "$want" ] ||
		fail "$*: wanted exit status $want, got $got: $said"
	grep -qiF -- "$text" <<<"$said" ||
		fail "$*: wanted \"$text\" in: $said"
}

# The same for what is wrong: one line of it on stderr, and below that no more
# than the usage.
refuses()
{
	exits "$@"
	shift 2
	[ "$("$@" 2>&1 >/dev/null | wc -l)" -le 2 ] ||
		fail "$*: says more than a line"
}

# log_count NODE TEXT: how many lines of its log have the text.
log_count()
{
	grep -cF -- "$2" "$LAB/$1/log"
}

log_has()
{
	grep -qF -- "$2" "$LAB/$1/log"
}

# Nothing in the logs that nobody should ever see.
logs_are_clean()
{
	local bad
	bad=$(grep -hE 'Panic|Fatal|assert|killed with signal|core dumped|runtime error|AddressSanitizer' \
		"$LAB"/*/log | head -n 5)
	[ -z "$bad" ] || fail "in the logs: $bad"
	bad=$(find "$LAB/found" -type f -size +0 2>/dev/null | head -n 1)
	[ -z "$bad" ] || fail "found by the checker: $(head -n 30 "$bad")"
}

# user_on HOST: one of `numbered owner 1 40` that lives there.
user_on()
{
	local n
	for n in $(numbered owner 1 40); do
		if [ "$(user_owner "$n")" = "$1" ]; then
			echo "$n"
			return 0
		fi
	done
	return 1
}
