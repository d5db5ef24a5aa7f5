# An IMAP dialogue in bash, and what the backends' own logs say. Sourced by
# lab.sh.
#
# A check must not take dovering's word for who served a login: the backend
# says its name in its answer to ID, and its login process writes a line.

# imap_open NODE: connects and reads the greeting.
imap_open()
{
	exec {IMAP_FD}<>"/dev/tcp/$(address "$1")/$IMAP_PORT" ||
		fail "no connection to $1"
	IMAP_TAG=0
	imap_line || fail "$1 sends no greeting"
}

imap_line()
{
	IFS= read -r -t 40 IMAP_LINE <&"$IMAP_FD" || return
	IMAP_LINE=${IMAP_LINE%$'\r'}
}

# imap_try COMMAND [LITERAL]: IMAP_REPLY gets all lines but the tagged one,
# IMAP_RESULT that one without its tag. Fails if the server closes.
imap_try()
{
	local tag=a$((++IMAP_TAG))
	IMAP_REPLY='' IMAP_RESULT='closed'
	if [ $# -gt 1 ]; then
		printf '%s %s {%d+}\r\n%s\r\n' $tag "$1" \
			"$(printf %s "$2" | wc -c)" "$2" >&"$IMAP_FD"
	else
		printf '%s %s\r\n' $tag "$1" >&"$IMAP_FD"
	fi 2>/dev/null || return
	while imap_line; do
		case $IMAP_LINE in
		"$tag "*)
			IMAP_RESULT=${IMAP_LINE#* }
			return 0 ;;
		*)
			IMAP_REPLY+=$IMAP_LINE$'\n' ;;
		esac
	done
	return 1
}

# The same, and it has to be OK.
imap()
{
	imap_try "$@" || fail "connection closed at: $1"
	[ "${IMAP_RESULT%% *}" = OK ] || fail "$1: $IMAP_RESULT"
}

imap_quote()
{
	local text=${1//\\/\\\\}
	printf '"%s"' "${text//\"/\\\"}"
}

# imap_login USER [MASTER]: by SASL PLAIN, so that any name can be sent.
imap_login()
{
	local initial
	if [ $# -gt 1 ]; then
		initial=$(printf '%s\0%s\0%s' "$1" "$2" "$MASTER_PASSWORD" | base64 -w0)
	else
		initial=$(printf '\0%s\0%s' "$1" "$USER_PASSWORD" | base64 -w0)
	fi
	imap "AUTHENTICATE PLAIN $initial"
	imap_try 'ID NIL'
	IMAP_SERVER=$(sed -n 's/.*"name" "\([^"]*\)".*/\1/p' <<<"$IMAP_REPLY")
}

imap_close()
{
	imap_try LOGOUT
	exec {IMAP_FD}<&-
}

# backend_logins: each login that any backend has served so far, as its login
# process wrote it: BACKEND USER AUTH_USER FROM, separated by tabs.
backend_logins()
{
	local name
	for name in $BACKENDS; do
		awk -v name="$name" '
		/imap-login: Info: (Login|Logged in): / ||
		/pop3-login: Info: (Login|Logged in): / {
			user = $0
			sub(/.* user=</, "", user)
			auth = user
			sub(/>, auth_user=<.*/, "", user)
			sub(/.*>, auth_user=</, "", auth)
			from = auth
			sub(/>, from=.*/, "", auth)
			sub(/.*>, from=/, "", from)
			sub(/,.*/, "", from)
			print name "\t" user "\t" auth "\t" from
		}' "$LAB/$name/log"
	done
}

# served_by USER: the backends that have ever served him.
served_by()
{
	backend_logins | awk -F '\t' -v user="$1" \
		'$2 == user && !seen[$1]++ { print $1 }' | sort | tr '\n' ' ' |
		sed 's/ $//'
}
