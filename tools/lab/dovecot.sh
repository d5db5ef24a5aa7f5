# Real Dovecots, one instance a node. Sourced by lab.sh.
#
# What a scenario may choose, before cluster_up:
#	LAB_STORE=shared|own	one mail folder for all backends (as on shared
#				storage), or one each, so that a user who is
#				served twice shows
#	LAB_CHAIN=lookup|verify	the site's passdb: one that can look users up
#				(passwd-file), or one that only checks passwords
#				(PAM), in the form that the design has for it
#	LAB_USERS=file|any	who exists: $LAB/users, or everybody
#	LAB_HOME=%u		name of a user's folder
#	LAB_UNDER=asan|valgrind	what the agent and auth run under
#	LAB_ROUTING		passdb lines in dovering's stead, for a control

IMAP_PORT=7143
POP3_PORT=7110
LMTP_PORT=7024
DOVEADM_PORT=7425
AGENT_PORT=7420
# Mail belongs to nobody who has an account.
MAIL_UID=77077
USER_PASSWORD=user-secret
MASTER_PASSWORD=master-secret

DIRECTORS='d1 d2'
BACKENDS='b1 b2 b3'

address()
{
	case $1 in
	d*) echo "$LAB_NET.1${1#d}" ;;
	b*) echo "$LAB_NET.2${1#b}" ;;
	esac
}

# Which director a backend's imapc connects to: they take turns.
director_of()
{
	case $1 in
	b2) address d2 ;;
	*) address d1 ;;
	esac
}

dovecot_users()
{
	local user
	for user in "$@"; do
		printf '%s:{PLAIN}%s\n' "$user" "$USER_PASSWORD"
	done >>"$LAB/users"
}

# The passdb that knows the site's users.
dovecot_chain()
{
	case ${LAB_CHAIN:-lookup}-${LAB_USERS:-file} in
	lookup-file) cat <<-END ;;
		passdb {
		  driver = passwd-file
		  args = username_format=%u $LAB/users
		  result_success = continue-ok
		  result_failure = return-fail
		}
		END
	lookup-any) cat <<-END ;;
		passdb {
		  driver = static
		  args = password=$USER_PASSWORD
		  result_success = continue-ok
		  result_failure = return-fail
		}
		END
	verify-*) cat <<-END ;;
		passdb {
		  driver = pam
		  args = dovering-lab
		  mechanisms = plain login
		  skip = authenticated
		  result_success = continue-ok
		  result_failure = return-fail
		}
		passdb {
		  driver = static
		  args = nopassword=y
		  mechanisms = none external
		  result_success = continue-ok
		}
		END
	esac
}

dovecot_routing()
{
	if [ -n "${LAB_ROUTING:-}" ]; then
		printf '%s\n' "$LAB_ROUTING"
		return
	fi
	cat <<-END
	passdb {
	  driver = dovering
	  skip = unauthenticated
	  result_failure = return-fail
	  result_internalfail = return-fail
	}
	service dovering-agent {
	  executable = $(dovecot_under agent "$STAGE/usr/lib/dovecot/dovering-agent") --config $LAB/$1/dovering.conf
	  process_min_avail = 1
	  process_limit = 1
	  client_limit = 1000
	  unix_listener dovering-auth {
	    mode = 0600
	    user = \$default_internal_user
	  }
	  unix_listener dovering {
	    mode = 0666
	  }
	  fifo_listener login/proxy-notify {
	    mode = 0600
	    user = \$default_login_user
	  }
	}
	END
}

# dovecot_under SERVICE PROGRAM: the program, or a wrapper that runs it under a
# checker whose findings go to $LAB/found.*
dovecot_under()
{
	local wrapper=$LAB/under-$1
	case ${LAB_UNDER:-} in
	'')
		echo "$2"
		return ;;
	asan)
		cat >"$wrapper" <<-END
		#!/bin/sh
		LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)
		ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:log_path=$LAB/found/$1
		UBSAN_OPTIONS=print_stacktrace=1:log_path=$LAB/found/$1
		export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS
		exec $2 "\$@"
		END
		;;
	valgrind)
		cat >"$wrapper" <<-END
		#!/bin/sh
		exec valgrind -q --error-exitcode=99 --trace-children=no \\
			--log-file=$LAB/found/$1.%p $2 "\$@"
		END
		;;
	esac
	chmod 0755 "$wrapper"
	mkdir -p -m 1777 "$LAB/found"
	echo "$wrapper"
}

# Everything that directors and backends have in common.
dovecot_common()
{
	local name=$1
	cat <<-END
	instance_name = lab-$name
	base_dir = $LAB/$name/run
	state_dir = $LAB/$name/state
	log_path = $LAB/$name/log
	listen = $(address "$name")
	protocols = imap pop3 lmtp
	ssl = no
	disable_plaintext_auth = no
	auth_mechanisms = plain login
	auth_username_chars =
	auth_master_user_separator = *
	auth_failure_delay = 0
	auth_verbose = yes
	lmtp_proxy = yes
	doveadm_port = $DOVEADM_PORT
	doveadm_password = $(cat "$LAB/doveadm.password")
	default_vsz_limit = 0
	default_client_limit = 4000
	mail_max_userip_connections = 0
	login_log_format_elements = user=<%u> auth_user=<%{auth_user}> from=%{real_rip} lip=%l session=<%{session}>
	# All clients have one address here.
	service anvil {
	  unix_listener anvil-auth-penalty {
	    mode = 0
	  }
	}
	service imap-login {
	  service_count = 0
	  client_limit = 2000
	  inet_listener imap {
	    port = $IMAP_PORT
	  }
	  inet_listener imaps {
	    port = 0
	  }
	}
	service pop3-login {
	  service_count = 0
	  client_limit = 500
	  inet_listener pop3 {
	    port = $POP3_PORT
	  }
	  inet_listener pop3s {
	    port = 0
	  }
	}
	service lmtp {
	  inet_listener lmtp {
	    port = $LMTP_PORT
	  }
	}
	service doveadm {
	  inet_listener {
	    port = $DOVEADM_PORT
	  }
	}
	service imap {
	  service_count = 200
	  process_limit = 4000
	}
	service auth {
	  executable = $(dovecot_under auth /usr/lib/dovecot/auth)
	}
	# Shared mailboxes, as Dovecot's documentation has them: one master
	# password. Who comes by it is in another's mail, so he gets no shared
	# namespace there: it would lead back to his own.
	passdb {
	  driver = dovering-ticket
	  master = yes
	  result_success = continue
	}
	passdb {
	  driver = static
	  args = password=$MASTER_PASSWORD userdb_namespace/shared/disabled=yes
	  master = yes
	  result_success = continue
	}
	$(dovecot_chain)
	$(dovecot_routing "$name")
	END
}

dovecot_director()
{
	cat <<-END
	login_source_ips = $(address "$1")
	imap_id_send = name $1
	userdb {
	  driver = static
	  args = uid=$MAIL_UID gid=$MAIL_UID home=/nonexistent allow_all_users=yes
	}
	END
}

dovecot_backend()
{
	local name=$1 mail=$LAB/mail
	[ "${LAB_STORE:-shared}" = shared ] || mail=$LAB/$name/mail
	mkdir -p -m 0700 "$mail"
	chown $MAIL_UID:$MAIL_UID "$mail"
	cat <<-END
	login_trusted_networks = $(address d1) $(address d2)
	imap_id_send = name $name
	userdb {
	  driver = static
	  args = uid=$MAIL_UID gid=$MAIL_UID home=$mail/${LAB_HOME:-%u} allow_all_users=yes
	}
	first_valid_uid = $MAIL_UID
	mail_location = mdbox:~/mdbox
	mail_plugins = acl
	protocol imap {
	  mail_plugins = acl imap_acl
	}
	plugin {
	  acl = vfile
	  acl_shared_dict = file:$mail/shared-mailboxes.db
	  acl_ignore_namespace = shared/*
	}
	namespace inbox {
	  type = private
	  separator = /
	  prefix =
	  inbox = yes
	}
	namespace shared {
	  type = shared
	  separator = /
	  prefix = shared/%%u/
	  location = imapc:~/shared/%%u:INDEXPVT=~/shared-pvt/%%u
	  list = children
	  subscriptions = no
	}
	imapc_host = $(director_of "$name")
	imapc_port = $IMAP_PORT
	imapc_master_user = %u
	imapc_password = $MASTER_PASSWORD
	imapc_features = fetch-bodystructure fetch-headers rfc822.size search modseq acl delay-login
	END
}

dovecot_configure()
{
	local name=$1
	mkdir -p "$LAB/$name"
	touch "$LAB/$name/log"
	{
		dovecot_common "$name"
		case $name in
		d*) dovecot_director "$name" ;;
		b*) dovecot_backend "$name" ;;
		esac
	} >"$LAB/$name/dovecot.conf"
	chmod 0600 "$LAB/$name/dovecot.conf"
}

# Our modules among Dovecot's own, for the processes of this lab only.
dovecot_overlay()
{
	local modules=/usr/lib/dovecot/modules
	mkdir "$LAB/modules"
	cp -a $modules/. "$LAB/modules/"
	cp -a "$STAGE$modules/." "$LAB/modules/"
	find "$LAB/modules" -name '*.la' -exec rm {} +
	mount --bind "$LAB/modules" $modules
}

# PAM's folder with a service of the lab's: a password is checked by a script.
dovecot_pam()
{
	cp -a /etc/pam.d "$LAB/pam.d"
	cat >"$LAB/pam.d/dovering-lab" <<-END
	auth required pam_exec.so quiet expose_authtok $LAB/pam-check
	account required pam_permit.so
	END
	cat >"$LAB/pam-check" <<-END
	#!/bin/sh
	test "\$(tr -d '\\0')" = '$USER_PASSWORD'
	END
	chmod 0755 "$LAB/pam-check"
	mount --bind "$LAB/pam.d" /etc/pam.d
}

dovecot_start()
{
	dovecot -c "$LAB/$1/dovecot.conf" >"$LAB/$1/start.log" 2>&1 7>&- 8>&- ||
		fail "Dovecot $1 does not start: $(cat "$LAB/$1/start.log")"
	wait_for "$1 greets" 20 greets "$(address "$1")" $IMAP_PORT
}

# dovecot_stop NODE [SIGNAL]
dovecot_stop()
{
	local pid
	pid=$(cat "$LAB/$1/run/master.pid")
	kill "-${2:-TERM}" "$pid"
	wait_for "Dovecot $1 ends" 15 process_is_gone "$pid"
}

greets()
{
	local line
	exec 9<>"/dev/tcp/$1/$2" || return
	read -r -t 2 line <&9
	exec 9<&-
	[ -n "$line" ]
} 2>/dev/null

# new_agent NODE PID: another process than that one.
new_agent()
{
	local pid
	pid=$(agent_pid "$1") && [ "$pid" != "$2" ]
}

# The agent's process on a node: the child of its master that runs it.
agent_pid()
{
	local master pid
	master=$(cat "$LAB/$1/run/master.pid") || return
	for pid in $(cat "/proc/$master/task/$master/children"); do
		if tr '\0' ' ' <"/proc/$pid/cmdline" |
			grep -q 'dovering-agent'; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}
