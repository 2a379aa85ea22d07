# aclops.sh DIRECTORY: permissions and POSIX ACLs, seen by several users. Prints what each step gave, in words that do not
# depend on the file system, so that the outputs of two runs can be compared.
cd "$1" || exit 1
export LC_ALL=C
umask 022
say() { printf '%s: ' "$1"; shift; "$@" 2>&1 | sed "s,^[^ ]*/aclops[^:]*: line [0-9]*: ,,"; echo "= ${PIPESTATUS[0]}"; }
# as UID[,GID,...] COMMAND: without capabilities, with these groups.
as() {
  local uid=${1%%,*} gids=${1#*,}
  [ "$gids" = "$1" ] && gids=$uid
  shift
  setpriv --reuid "$uid" --regid "${gids%%,*}" --groups "$gids" --inh-caps=-all --bounding-set=-all "$@"
}
show() { getfacl -n -c "$@" 2>&1; stat -c '%n %a %u:%g' "$@"; }

note() { echo "-- $*"; }
note plain permissions
mkdir -m 755 d && chown 1001:1001 d
say own-file as 1001 bash -c 'echo mine > d/f; chmod 640 d/f'
say other-reads as 1002 cat d/f
say group-reads as 1002,2002,1001 cat d/f
say group-writes as 1002,2002,1001 bash -c 'echo x > d/f'
say other-creates as 1002 touch d/g
say other-removes as 1002 rm -f d/f
say other-chmods as 1002 chmod 777 d/f
say other-chowns as 1002 chown 1002 d/f
say owner-gives-away as 1001 chown 1002 d/f
say owner-chgrps as 1001,1001,2002 chgrp 2002 d/f
say owner-chgrps-elsewhere as 1001 chgrp 3003 d/f
say now show d/f
say other-utimes as 1002 touch d/f
say other-setfattr as 1002 setfattr -n user.a -v 1 d/f
say owner-setfattr as 1001 setfattr -n user.a -v 1 d/f
say other-truncates as 1002 truncate -s 0 d/f
say other-links as 1002 ln d/f l
say search-only chmod 711 d
say list-unlisted as 1002 ls d
say known-name as 1002 stat -c %a d/f
say no-search chmod 644 d
# The kernel answers for what it has just seen: ask for a name that it does not know.
say stat-no-search as 1002 stat -c %a d/unseen
chmod 755 d

note sticky and set-id bits
mkdir -m 1777 sticky
say sticky-own as 1001 touch sticky/a
say sticky-other as 1002 rm -f sticky/a
say sticky-rename as 1002 mv sticky/a sticky/b
say sticky-mine as 1001 rm sticky/a
mkdir -m 2775 setgid && chown 1001:2002 setgid && chmod 2775 setgid
say setgid-file as 1001,1001,2002 touch setgid/f
say setgid-directory as 1001,1001,2002 mkdir setgid/d
say inherited show setgid/f setgid/d
cp /bin/true suid && chmod 6755 suid && chown 1001:1001 suid && chmod 6755 suid
say suid show suid
say write-drops-suid as 1001 bash -c 'echo >> suid'
say dropped stat -c %a suid
chmod 6755 suid
say chown-drops-suid chown 1002:1002 suid
say dropped stat -c %a suid

note access ACLs
mkdir -m 755 acl
echo text > acl/f && chmod 600 acl/f
say set setfacl -m u:1002:r,g:2003:rw,m::rwx acl/f
say get show acl/f
say named-user-reads as 1002 cat acl/f
say named-user-writes as 1002 bash -c 'echo x >> acl/f'
say named-group-writes as 1003,2003 bash -c 'echo group >> acl/f'
say supplementary as 1003,3003,2003 cat acl/f
say stranger as 1004 cat acl/f
say mask setfacl -m m::r acl/f
say masked as 1003,2003 bash -c 'echo x >> acl/f'
say masked-read as 1003,2003 cat acl/f
say chmod-is-mask chmod 660 acl/f
say get show acl/f
say group-again as 1003,2003 bash -c 'echo more >> acl/f'
say remove-entry setfacl -x g:2003 acl/f
say get show acl/f
say remove-all setfacl -b acl/f
say get show acl/f
say bad-acl setfacl -m u:1002:rwxq acl/f
say not-owner as 1002 setfacl -m u:1002:rw acl/f
say xattr bash -c 'setfacl -m u:1002:r acl/f; getfattr -n system.posix_acl_access -e hex acl/f | tail -n +2'
say default-on-file setfacl -d -m u:1002:r acl/f

note default ACLs
mkdir -m 755 dflt
say set setfacl -d -m u:1002:rwx,g:2003:rx,o::- dflt
say get show dflt
umask 077
say make bash -c 'touch dflt/f; mkdir dflt/d; mkfifo dflt/p; ln -s f dflt/s; touch dflt/d/ff; mkdir dflt/d/dd'
umask 022
say file show dflt/f
say directory show dflt/d
say fifo show dflt/p
say below show dflt/d/ff dflt/d/dd
say as-user bash -c 'chmod 777 dflt'
say made-by-user as 1004 mkdir dflt/user
say theirs show dflt/user
say created-600 python3 -c 'import os; os.close(os.open("dflt/c600", os.O_CREAT | os.O_WRONLY, 0o600))'
say created-600 show dflt/c600
say created-755 python3 -c 'import os; os.close(os.open("dflt/c755", os.O_CREAT | os.O_WRONLY, 0o755))'
say created-755 show dflt/c755
say named-in as 1002 bash -c 'echo x > dflt/d/by1002; ls dflt/d'
say stranger-out as 1005 ls dflt/d
say renamed bash -c 'echo y > acl/plain; mv acl/plain dflt/moved'
say not-inherited show dflt/moved
say remove-default setfacl -k dflt
say get show dflt
say copy bash -c 'getfacl -n dflt/d 2>/dev/null | setfacl -M- acl; getfacl -n -c acl'
say recursive setfacl -R -m u:1007:rX dflt
say get show dflt/d dflt/d/ff
say clean rm -r d sticky setgid suid acl dflt
