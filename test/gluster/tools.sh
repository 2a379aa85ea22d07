#!/bin/bash
# The tools that change a volume under its clients, each on a volume of its own, all at once: what they wait for is mostly time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agree.sh"
work=$repo/test/gluster/work

# up MOUNT SUBVOLUME: the client is connected to that brick.
up() { [ "$(awk '/^connected/ { print $3 }' "$1/.meta/graphs/active/$2/private")" = 1 ]; }
down() { ! up "$@"; }

start_glusterd || fail 'glusterd starts'
jobs=()
parts=${TOOLS:-rebalance replace splitbrain}
for part in $parts; do
  # shellcheck disable=SC1090
  (SECONDS=0; . "$(dirname "$0")/tools-$part.sh"; note "$part ends") > "/var/log/glusterfs/tools-$part.out" 2>&1 &
  jobs+=($!)
done
wait "${jobs[@]}"
for part in $parts; do
  cat "/var/log/glusterfs/tools-$part.out"
  like "$part came to its end" "$(tail -n 1 "/var/log/glusterfs/tools-$part.out")" "^# $part ends"
done
end
