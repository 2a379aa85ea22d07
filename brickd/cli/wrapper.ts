/**
 * The script that `brickd install` puts in the place of glusterfsd. It is POSIX shell, because it runs before every
 * brick and daemon.
 */

export interface WrapperSettings {
  /** Path of the stock binary. */
  stock: string;
  node: string;
  /** Path of brickd's program. */
  brickd: string;
  /** Volumes whose bricks run brickd; empty for all. */
  volumes: string[];
  /** While brickd or Node.js is missing or incomplete: stock bricks (and a message) rather than none. */
  fallback: boolean;
}

const MARK = '# brickd wrapper of glusterfsd';

export const isWrapper = (text: string): boolean => text.split('\n', 2)[1] === MARK;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Text of the wrapper. */
export function wrapperText(s: WrapperSettings): string {
  return `#!/bin/sh
${MARK}
# Made by \`brickd install\`; \`brickd uninstall\` puts the stock program back. Change the settings by \`brickd install\`.
stock=${quoted(s.stock)}
node=${quoted(s.node)}
brickd=${quoted(s.brickd)}
volumes=${quoted(s.volumes.join(' '))}
fallback=${s.fallback ? 'yes' : 'no'}

# Called by another name, it is not the brick server that is meant: the stock binary under that name.
case \${0##*/} in
  glusterfsd) ;;
  *) exec "\${stock%/*}/\${0##*/}" "$@" ;;
esac

brick=no volume= before=
for word in "$@"; do
  case $before in
    --process-name) [ "$word" = brick ] && brick=yes ;;
    --volfile-id) volume=\${word%%.*} ;;
  esac
  case $word in
    --process-name=brick) brick=yes ;;
    --volfile-id=*) volume=\${word#*=} volume=\${volume%%.*} ;;
  esac
  before=$word
done

if [ $brick = yes ] && [ -n "$volumes" ]; then
  case " $volumes " in
    *" $volume "*) ;;
    *) brick=no ;;
  esac
fi
[ $brick = yes ] || exec "$stock" "$@"

if [ -x "$node" ] && [ -r "$brickd" ]; then
  BRICKD_ARGV0=$0
  export BRICKD_ARGV0
  # What it runs instead if it cannot be loaded, as in the middle of an upgrade.
  [ $fallback = yes ] && export BRICKD_STOCK="$stock"
  exec "$node" "$brickd" "$@"
fi

message="brickd cannot be started for brick of volume $volume: $node or $brickd is missing"
if [ $fallback = yes ]; then
  message="$message; starting stock glusterfsd instead"
fi
echo "$message" >&2
command -v logger >/dev/null 2>&1 && logger -t brickd -p daemon.err "$message"
[ $fallback = yes ] && exec "$stock" "$@"
exit 1
`;
}

/** Settings of a wrapper that {@link wrapperText} made. */
export function parseWrapper(text: string): WrapperSettings {
  const value = (name: string): string => {
    const [, raw = ''] = new RegExp(`^${name}=(.*)$`, 'm').exec(text) ?? [];
    return raw.startsWith("'") ? raw.slice(1, -1).replaceAll(`'\\''`, "'") : raw;
  };
  return {
    stock: value('stock'),
    node: value('node'),
    brickd: value('brickd'),
    volumes: value('volumes')
      .split(' ')
      .filter((name) => name !== ''),
    fallback: value('fallback') === 'yes',
  };
}
