# Bricks attached and detached over and over, with clients that come and go; MANY_CYCLES for how often.
. "$(dirname "$0")/../lib.sh"
bench=$(readlink -f "$dist/../bench/many")
export MANY_PROGRAM=$repo/dist/brickd/main.js
if [ "$BRICK" = stock ]; then skip 'many bricks' 'stock leaks, and stops at 77'; end; exit; fi
note 'attach and detach'
node "$bench/soak.js" /d/soak "${MANY_CYCLES:-300}" | grep -v '^# end'

note 'many bricks at rest'
node "$bench/limits.js" "${MANY_BRICKS:-120}" /d/rest | grep -v '^# end'
end
