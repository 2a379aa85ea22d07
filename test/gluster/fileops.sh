# fileops.sh DIRECTORY: works through file operations of every kind and prints what each gave, in words that do not
# depend on the file system, so that the outputs of two runs can be compared.
cd "$1" || exit 1
export LC_ALL=C
umask 022
say() { printf '%s: ' "$1"; shift; "$@" 2>&1 | sed "s,^[^ ]*/fileops[^:]*: line [0-9]*: ,,"; echo "= ${PIPESTATUS[0]}"; }
# The size of a directory is the file system's own affair.
show() { stat -c '%n %F %a %u:%g %h %s' "$@" | sed -E 's/ directory (.*) [0-9]+$/ directory \1/'; }

say mkdir mkdir -m 750 d d/e
say mkdir-again mkdir d
say touch touch f
say write bash -c 'echo hello > f'
say append bash -c 'echo world >> f'
say read cat f
say stat show f d d/e
say chmod chmod 4711 f
say chown chown 17:18 f
say utimes touch -d '2001-02-03 04:05:06.789012345 UTC' f
say times stat -c '%.Y %.X' f
say truncate truncate -s 3 f
say read cat f
say extend truncate -s 10000 f
say sum cksum f
say link ln f d/hard
say links show f d/hard
say symlink ln -s ../f d/e/soft
say readlink readlink d/e/soft
say long-symlink ln -s "$(printf '%0999d' 7)" long
say readlink readlink long
say symlink-again ln -s x long
say rename mv f g
say rename-over bash -c 'echo other > h; mv -f h g; cat g'
say still cat d/hard
say rename-directory mv d/e d/e2
say rename-into-itself python3 -c 'import os; os.rename("d", "d/e2/d")'
say rename-over-full mv -T d/e2 d
say rename-directory-over-file mv -T d/e2 g
say mkfifo mkfifo fifo
say mknod mknod null c 1 3
say special show fifo null
say device stat -c '%t %T' null
say rmdir-full rmdir d
say unlink rm g
say unlink-again rm g
say unlink-directory unlink d
say no-directory cat g/x
say through-file cat d/hard/x
say no-file cat missing
say exclusive bash -c 'set -C; echo x > d/hard'
say setfattr setfattr -n user.a -v 1 d/hard
say setfattr-create python3 -c 'import os; os.setxattr("d/hard", "user.a", b"2", os.XATTR_CREATE)'
say setfattr-replace python3 -c 'import os; os.setxattr("d/hard", "user.b", b"2", os.XATTR_REPLACE)'
say setfattr setfattr -n user.b -v 0x00ff10 d/hard
say getfattr getfattr -d -e hex d/hard
say getfattr-missing getfattr -n user.c d/hard
say removexattr setfattr -x user.a d/hard
say removexattr-again setfattr -x user.a d/hard
say getfattr getfattr -d -e hex d/hard
say too-long-name touch "$(printf '%0300d' 1)"
say list bash -c 'find . -type d -printf "%p %y %m\n" -o -printf "%p %y %m %s %l\n" | sort'
say names bash -c 'cd d; touch "a b" "a
b" "-x" "\\" "*" "%s"; ls -b | sort'
say recursive rm -r d
say list bash -c 'ls | sort'
say clean rm fifo null long
