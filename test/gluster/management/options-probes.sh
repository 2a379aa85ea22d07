# What shows that an option is in effect, a function each: it prints what is seen, in a word. Sourced by options.sh.
# The volume is $V with its brick in $B, its log $LOG, mounted on $M.
new() { F=f$(date +%N)$RANDOM; }                    # a fresh name
T() { timeout 20 "$@"; }
# attempt YES REFUSED COMMAND ...: YES if it succeeds, REFUSED if it fails and says so; else what it says
attempt() { local yes=$1 refused=$2 said; shift 2; said=$(LC_ALL=C "$@" 2>&1) && echo "$yes" || case $said in *"$refused"*) echo "$refused";; *) echo "failed $said";; esac; }
x() { getfattr --absolute-names -d -m "$1" -e text "$2" 2>/dev/null | grep -c "$1"; }
p_owner() { stat -c %u:%g $B; }
p_pathinfo() { new; echo x > $M/$F; getfattr --only-values -n trusted.glusterfs.pathinfo $M/$F 2>/dev/null | grep -q 'POSIX(.*:gfhost:' && echo host || echo uuid; }
p_health() { local a b; a=$(stat -c %y $B/.glusterfs/health_check 2>/dev/null); sleep 2.5; b=$(stat -c %y $B/.glusterfs/health_check 2>/dev/null); [ "$a" = "$b" ] && echo still || echo beats; }
p_pgfid() { new; echo x > $M/$F; x trusted.pgfid $B/$F; }
p_gfid2path() { new; echo x > $M/$F; x trusted.gfid2path $B/$F; }
p_sep() { new; echo x > $M/$F; ln $M/$F $M/l$F; getfattr --only-values -n glusterfs.gfidtopath $M/$F 2>/dev/null | grep -o '[^a-z0-9/]' | tr -d '\n'; echo; }
p_mode() { new; (umask 0; > $M/$F); stat -c %a $B/$F; }
p_dmode() { new; (umask 0; mkdir $M/$F) 2>/dev/null; stat -c %a $B/$F; }
p_links() { new; > $M/$F; ln $M/$F $M/1$F; attempt linked 'Too many' ln $M/$F $M/2$F; }
p_mdata() { new; echo x > $M/$F; x trusted.glusterfs.mdata $B/$F; }
p_lru() { g volume status $V inode | sed -n 's/^.*LRU limit *: *//p' | head -1; }
p_allow() { mkdir -p /m2; T mount -t glusterfs gfhost:/$V /m2 >/dev/null 2>&1; T sh -c 'ls /m2 | grep -q io' 2>/dev/null && echo mounts || echo rejected; umount -l /m2 2>/dev/null; }
p_sdump() { mkdir -p /run/sd; rm -f /run/sd/*; g volume statedump $V >/dev/null 2>&1; wait_for 4 sh -c 'ls /run/sd/*.dump.*' && echo there || echo elsewhere; }
p_backlog() { ss -ltn | awk -v p=":$(port)" '$4 ~ p"$" {print $3}' | head -1; }
p_rbuf() { ss -tmn state established "( sport = :$(port) )" | grep -o 'rb[0-9]*' | sort -u | tail -1; }
p_lktrace() { new; > $M/$F; mark2=$(stat -c %s $LOG); T flock $M/$F true; sleep 0.3; tail -c +$((mark2 + 1)) $LOG | grep -c REQUEST | awk '{print ($1 > 0 ? "traced" : "quiet")}'; }
p_trash() { new; echo x > $M/$F; rm $M/$F; find $B/*trash* $B/.trash* -name "$F*" 2>/dev/null | sed 's/_.*//;s,/[^/]*$,,' | sed "s,$B/,," | head -1 | grep . || echo gone; }
p_trashcut() { new; head -c 3000000 /dev/zero > $M/$F; rm $M/$F; find $B/.trash* $B/*trash* -name "$F*" 2>/dev/null | head -1 | grep -q . && echo kept || echo gone; }
p_trashel() { mkdir -p $M/el; new; echo x > $M/el/$F; rm $M/el/$F; find $B/*trash* $B/.trash* -name "$F*" 2>/dev/null | head -1 | grep -q . && echo kept || echo gone; }
p_barrier() { new; > $M/$F; timeout 3 rm $M/$F && echo fast || echo held; }
p_touch() { new; attempt made Read-only T touch $M/$F; }
p_append() { new; echo x > $M/$F 2>/dev/null; attempt appended Read-only T sh -c "echo y >> $M/$F"; }
p_profile() { g volume profile $V info 2>/dev/null | grep -q 'LOOKUP\|WRITE' && echo numbers || echo empty; }
p_fdstats() { new; mark2=$(stat -c %s $LOG); echo x > $M/$F; sleep 0.3; tail -c +$((mark2 + 1)) $LOG | grep -q 'fd statistics\|Filename\|---' && echo logged || echo quiet; }
p_statsdump() { rm -f /var/lib/glusterd/stats/*; wait_for 4 sh -c 'ls /var/lib/glusterd/stats/*d_b*.dump' && { sleep 1; head -c 1 /var/lib/glusterd/stats/*d_b*.dump | head -1; } || echo no-file; }
p_samples() { rm -rf /var/log/glusterfs/samples/*; for i in 1 2 3 4; do echo x > $M/smp$i; done; wait_for 4 sh -c 'cat /var/log/glusterfs/samples/*d_b* | grep -q ,' && echo sampled || echo none; }
p_debug() { mark2=$(stat -c %s $LOG); T ls $M/nosuch >/dev/null 2>&1; mounts; sleep 0.5; tail -c +$((mark2 + 1)) $LOG | awk '{print $4}' | grep -q '^D$' && echo debug || echo none; }
p_fmt() { mark2=$(stat -c %s $LOG); mounts; sleep 0.5; tail -c +$((mark2 + 1)) $LOG | grep -q MSGID && echo ids || echo plain; }
p_trace() { mark2=$(stat -c %s $LOG); new; echo x > $M/$F; T stat $M/$F >/dev/null; sleep 0.3; tail -c +$((mark2 + 1)) $LOG | grep -o 'trace_[a-z]*' | sort -u | grep -E 'trace_(writev|stat|lookup|create|getxattr)$' | tr '\n' ' '; echo; }
p_delay() { local s=$(date +%s%N); new; T touch $M/$F; s=$((($(date +%s%N) - s) / 1000000)); [ $s -gt 900 ] && echo slow || echo fast; }
p_selinux() { new; > $M/$F; setfattr -n security.selinux -v lab $M/$F 2>/dev/null; x selinux $B/$F; getfattr --absolute-names -d -m selinux $B/$F 2>/dev/null | grep -o '^[a-z.]*selinux' | tr '\n' ' '; }
p_acl() { new; mkdir -m 700 $M/$F; T setpriv --reuid 1000 --regid 1000 --clear-groups touch $M/$F/a 2>/dev/null && echo open || echo denied; }
p_mand() { new; echo data > $M/$F; python3 - $M/$F <<'PY'
import fcntl, os, sys, subprocess
f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX)
r = subprocess.run(['python3', '-c', 'import os,sys\nfd=os.open(sys.argv[1],os.O_WRONLY|os.O_NONBLOCK)\nos.write(fd,b"x")', sys.argv[1]], capture_output=True, text=True, timeout=15)
print('refused' if r.returncode else 'written')
PY
}
p_enforce() { new; > $M/$F; setfattr -n trusted.glusterfs.enforce-mandatory-lock -v 1 $M/$F 2>/dev/null && echo yes || echo EINVAL; }
p_ka() { ss -tno state established "( sport = :$(port) )" | grep -o 'keepalive,[0-9]*[a-z]*' | sed 's/keepalive,//' | sort -n | awk '{s=$1; if ($1 ~ /min/) c="minutes"; else if ($1+0 > 30) c="long"; else c="short"} END {print c ? c : "none"}'; }
