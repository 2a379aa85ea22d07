# kinds.sh DIRECTORY 1|2|3: makes, changes and removes files of every kind, in three parts that build on each other.
# The same in any directory, so that what two bricks hold after it can be compared.
set -e
cd "$1"
export LC_ALL=C
umask 022
case $2 in
1)
  mkdir one one/two one/two/three other
  echo text > regular
  : > empty
  printf '%070000d' 1 > large
  printf x > one/two/three/deep
  ln -s regular soft
  ln -s "$(printf 'a/%.0s' {1..400})" long-soft
  ln -s nowhere one/dangling
  mkfifo fifo
  mknod char c 1 3
  mknod block b 7 200
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
  echo linked > link1; ln link1 one/link2; ln link1 one/two/link3; ln -P soft one/soft-link
  ln fifo one/fifo-link
  cp /bin/true setuid; chmod 6755 setuid
  mkdir -m 3777 sticky; mkdir -m 2775 setgid; chown 17:18 setgid; chmod 2775 setgid; touch setgid/inherits; mkdir setgid/too
  echo acl > acl; setfacl -m u:1002:rw,g:2003:r acl
  mkdir acls; setfacl -d -m u:1002:rwx acls; setfacl -m g:2003:x acls; touch acls/file; mkdir acls/directory; echo > acls/directory/file
  setfacl -m u:1:r one/link2; setfacl -b one/link2
  setfattr -n user.one -v 1 regular; setfattr -n user.two -v 0x00ff0a2200 regular; setfattr -n user.gone -v x regular; setfattr -x user.gone regular
  setfattr -n user.on.directory -v y one; setfattr -n user.empty regular
  setfattr -n user.big -v "$(printf '%01000d' 5)" large
  setfattr -h -n trusted.test.mine -v t soft
  truncate -s 1M sparse
  dd if=/dev/zero of=holes bs=4096 count=1 seek=100 status=none; fallocate -p -o 409600 -l 4096 holes
  fallocate -l 65536 allocated; touch kept-size; fallocate -n -l 131072 kept-size
  touch -d '2001-02-03 04:05:06.123456789 UTC' regular one; touch -h -d '1999-09-09 09:09:09 UTC' soft; touch -a -d '2011-11-11 11:11:11 UTC' large
  chown 101:102 regular other; chown -h 103:104 soft; chmod 640 regular; chmod 700 other
  # Work on these comes well after their making, so that the order of their times shows.
  mkdir times; cd times
  for i in write read chmod chown setxattr link rename truncate unlinked fallocate copied; do echo text > $i; done
  ln unlinked unlinked2; ln -s x renamed-link
  mkdir added removed nested chmodded; touch removed/child; mkdir removed/directory
  ;;
2)
  cd times
  echo more >> write; cat read; chmod 600 chmod; chown 5:6 chown; setfattr -n user.a -v b setxattr; ln link linked; mv rename renamed
  truncate -s 2 truncate; rm unlinked2; fallocate -l 9000 fallocate; cp copied copy; mv renamed-link renamed-link2
  touch added/child; rm -d removed/*; mkdir nested/directory; chmod 700 chmodded
  cd ..
  echo renamed > before; mv before after
  echo over > over; echo under > under; mv over under
  echo keeps > hard1; ln hard1 hard2; echo kills > hard3; mv hard3 hard1     # one name of two is replaced
  echo a > same1; ln same1 same2; python3 -c 'import os; os.rename("same1", "same2")'   # POSIX: nothing happens
  mv one/link2 other/link2-moved; rm one/two/link3
  mv soft other/soft; mv fifo other/fifo
  mkdir from to; echo in > from/in; mkdir from/sub; echo deep > from/sub/deep; mv from to/moved; mv to/moved/sub to/sub
  mkdir -p target; mv -T sticky target                                       # over an empty directory
  rm empty char; rmdir one/two/three 2>/dev/null || rm -r one/two/three
  mkdir -p gone/deep/er; touch gone/deep/er/{1..5}; rm -r gone
  exec 7> open; rm open; echo unlinked >&7; exec 7>&-                       # unlinked while open
  exec 7> open2; echo kept >&7; ln open2 open2-link; rm open2; exec 7>&-
  exec 7> victim; echo old >&7; echo new > winner; mv winner victim; echo still >&7; exec 7>&-
  echo more >> large; truncate -s 100 sparse; : > allocated
  chmod 4711 after; chown 7:8 setuid; echo x >> setuid
  chmod 600 acl; setfacl -x u:1002 acl; setfacl -k acls
  setfattr -x user.one regular; setfattr -n user.two -v changed regular
  cat regular > copy; cp -a setgid copied; cp --sparse=always holes holes2
  touch "$(printf '%0255d' 1)" 'a b' $'new\nline' '\' ./-dash $'\xff\xfe' 'ümlaut' '*'
  mv 'a b' $'b\ta'; rm ./-dash
  (set -C; echo exclusive > exclusive)
  python3 -c 'import os; fd = os.open("nomode", os.O_CREAT | os.O_RDWR, 0); os.write(fd, b"x"); os.close(fd)'
  ;;
3)
  mv other/soft soft-again; ln other/link2-moved third-link; rm link1
  mv to/sub one/sub; mv to renamed-directory; rmdir target
  rm 'b'$'\t''a' $'new\nline' '\' $'\xff\xfe'; mv 'ümlaut' umlaut
  echo end >> after; touch -d '2005-05-05 05:05:05 UTC' after
  setfacl -b acl; setfacl -m u:1009:rwx copied; rm -r acls/directory
  for i in $(seq 60); do echo $i > many.$i; ln many.$i one/many.$i; done
  for i in $(seq 1 2 60); do rm many.$i; done
  for i in $(seq 2 2 60); do mv many.$i one/many.$((i - 1)); done
  mkdir -p a/b/c/d/e/f; mv a/b/c other/c; mv other/c/d/e other/e; touch other/e/f/g; chmod 500 other/e/f
  touch links; for i in $(seq 90); do ln links one/l.$i; done; for i in $(seq 1 3 90); do rm one/l.$i; done
  ;;
esac
