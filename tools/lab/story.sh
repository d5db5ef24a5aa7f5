# The story of a shared mailbox, as Dovecot's documentation tells it. Sourced
# by lab.sh.
#
# Each login is a row: which director took it, which backend served it, as
# whom. The backends say so themselves (ID, and their login processes' logs).

STORY_FORMAT='  %-40s %-22s %-8s %-7s %s\n'

story_head()
{
	printf "$STORY_FORMAT" 'what' 'login' 'director' 'backend' 'kind'
}

story_login()
{
	local text=$1 node=$2
	shift 2
	imap_open "$node"
	imap_login "$@"
	printf "$STORY_FORMAT" "$text" "$1${2:+ (by $2)}" "$node" \
		"$IMAP_SERVER" "$([ $# -gt 1 ] && echo master-user || echo normal)"
	story_mark
}

# What follows is no login of the script's own: wait until the backend has
# written the last one down.
story_mark()
{
	wait_for 'the backend logs the login' 5 story_login_logged
	backend_logins | sort >"$LAB/logins.seen"
	STORY_LOGINS=$(wc -l <"$LAB/logins.seen")
}

story_login_logged()
{
	[ "$(backend_logins | wc -l)" -gt "${STORY_LOGINS:-0}" ]
}

# Rows for the logins that backends made to each other by imapc since then, as
# those who served them wrote them down.
story_imapc()
{
	local text=$1 name user auth from
	backend_logins | sort >"$LAB/logins.now"
	while IFS=$'\t' read -r name user auth from; do
		printf "$STORY_FORMAT" "$text" "$user (by $auth)" \
			"$(story_director "$from")" "$name" 'master-user, imapc'
	done < <(comm -13 "$LAB/logins.seen" "$LAB/logins.now" | sort -u)
	STORY_LOGINS=$(wc -l <"$LAB/logins.now")
}

story_director()
{
	local name
	for name in $DIRECTORS; do
		[ "$(address "$name")" != "$1" ] || echo "$name"
	done
}

story_mail()
{
	printf 'From: %s@example.com\r\nSubject: %s\r\n\r\n%s\r\n' "$1" "$2" "$3"
}

# story_play OWNER READER
story_play()
{
	local owner=$1 reader=$2 box=shared/$1/shared_mailbox
	story_head
	story_owner_shares "$owner" "$reader"
	story_reader_works "$owner" "$reader" "$box"
	story_owner_sees "$owner" "$reader"
	story_one_backend "$owner"
}

story_owner_shares()
{
	story_login 'creates shared_mailbox, gives rights' d1 "$1"
	imap 'CREATE shared_mailbox'
	imap "SETACL shared_mailbox $2 lrswipte"
	imap 'APPEND shared_mailbox' "$(story_mail "$1" 'first' 'one')"
	imap 'APPEND shared_mailbox' "$(story_mail "$1" 'second' 'two')"
	imap_close
}

story_reader_works()
{
	local box=$3
	story_login 'lists, selects, fetches, searches,' d2 "$2"
	imap 'LIST "" "*"'
	matches 'LIST shows the shared mailbox' "*$box*" "$IMAP_REPLY"
	imap "SELECT $box"
	matches 'SELECT shows both mails' '** 2 EXISTS*' "$IMAP_REPLY"
	imap 'FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]'
	matches 'FETCH gives both subjects' '*first*second*' "$IMAP_REPLY"
	imap 'SEARCH SUBJECT second'
	matches 'SEARCH finds the second mail' '** SEARCH 2*' "$IMAP_REPLY"
	imap 'STORE 1 +FLAGS (\Seen)'
	imap 'FETCH 1 FLAGS'
	matches 'reader has seen the first' '*\\Seen*' "$IMAP_REPLY"
	imap "APPEND $box" "$(story_mail "$2" 'third' 'three')"
	imap_close
	story_imapc '  sets \Seen, appends'
}

story_owner_sees()
{
	story_login 'sees the new mail, and the first unseen' d2 "$1"
	imap 'SELECT shared_mailbox'
	matches 'three mails now' '** 3 EXISTS*' "$IMAP_REPLY"
	imap 'FETCH 1:* FLAGS'
	[[ $IMAP_REPLY != *'* 1 FETCH (FLAGS ('*Seen*'* 2 FETCH'* ]] ||
		fail "the reader's \\Seen is not his own: $IMAP_REPLY"
	imap_close
	story_login 'by a master-user login of his own' d1 "$1" "$2"
	imap 'SELECT shared_mailbox'
	imap_close
}

# I2: whatever came for the owner went to one backend.
story_one_backend()
{
	local backends
	backends=$(served_by "$1")
	case $backends in
	''|*' '*) fail "$1 was served by '$backends', not by one backend" ;;
	esac
	STORY_OWNER_BACKEND=$backends
}
