/** A sample volfile of a plain volume with one brick, as glusterd writes it; `brickd serve` uses it. */

export interface SampleBrick {
  /** Name of the volume: letters, digits, `-` and `_`. */
  readonly volume: string;
  /** Absolute path of the brick's directory, as a byte string. Also the name that clients ask for. */
  readonly directory: string;
  /** The volume's UUID as text. */
  readonly volumeId: string;
  /** Address patterns of the clients that may connect; default: all. */
  readonly allow?: string;
  /** A user name and password that let a client in whatever its address; default: none. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Port to listen on; left out, the command line names it. */
  readonly port?: number;
  /** Address to listen on; default: all. */
  readonly bindAddress?: string;
  /** Further options by volume suffix (`posix`, `locks`, `server`, …; `''` for the io-stats volume), put after the usual ones. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Layer {
  readonly suffix: string;
  readonly type: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Text of the volfile. Throws RangeError for a name or path that can't stand in one. */
export function sampleBrickVolfile(brick: SampleBrick): string {
  if (!/^[A-Za-z0-9_-]+$/.test(brick.volume)) throw new RangeError(`'${brick.volume}' can't be the name of a volume`);
  if (!brick.directory.startsWith('/')) throw new RangeError(`'${brick.directory}' is not an absolute path`);
  if (brick.directory === '/') throw new RangeError(`the root directory can't be a brick`);
  const blocks: string[] = [];
  let below: string | undefined;
  for (const layer of layers(brick)) {
    const name = layer.suffix === '' ? brick.directory : `${brick.volume}-${layer.suffix}`;
    const options = { ...layer.options, ...brick.options?.[layer.suffix] };
    const lines = [`volume ${word(name)}`, `    type ${layer.type}`];
    for (const [key, value] of Object.entries(options)) lines.push(`    option ${word(key)} ${word(value)}`);
    if (below !== undefined) lines.push(`    subvolumes ${word(below)}`);
    lines.push('end-volume', '');
    blocks.push(lines.join('\n'));
    below = name;
  }
  return blocks.join('\n');
}

/** A word as volfiles want it: in quotes where it needs them. */
function word(text: string): string {
  if (text === '' || text.includes('\n')) throw new RangeError(`'${text}' can't stand in a volfile`);
  if (!/[\s"\\`#]/.test(text) && !/^(?:volume|type|option|subvolume[sS]|end-volume)$/.test(text)) return text;
  return `"${text.replace(/["\\`]/g, '\\$&')}"`;
}

function layers({ volume, directory, volumeId, allow = '*', login, port, bindAddress }: SampleBrick): Layer[] {
  const handles = `${directory}/.glusterfs`;
  const auth: Record<string, string> = { 'auth-path': directory, [`auth.addr.${directory}.allow`]: allow };
  if (login !== undefined) {
    auth[`auth.login.${directory}.allow`] = login.user;
    auth[`auth.login.${login.user}.password`] = login.password;
  }
  const listen: Record<string, string> = {};
  if (port !== undefined) listen['transport.socket.listen-port'] = String(port);
  if (bindAddress !== undefined) listen['transport.socket.bind-address'] = bindAddress;
  return [
    {
      suffix: 'posix',
      type: 'storage/posix',
      options: { directory, 'volume-id': volumeId, 'fips-mode-rchecksum': 'on', 'shared-brick-count': '1' },
    },
    { suffix: 'access-control', type: 'features/access-control', options: {} },
    { suffix: 'locks', type: 'features/locks', options: { 'enforce-mandatory-lock': 'off' } },
    { suffix: 'upcall', type: 'features/upcall', options: { 'cache-invalidation': 'off' } },
    { suffix: 'io-threads', type: 'performance/io-threads', options: {} },
    { suffix: 'selinux', type: 'features/selinux', options: { selinux: 'on' } },
    { suffix: 'barrier', type: 'features/barrier', options: { barrier: 'disable', 'barrier-timeout': '120' } },
    {
      suffix: 'index',
      type: 'features/index',
      options: {
        'index-base': `${handles}/indices`,
        'xattrop-dirty-watchlist': 'trusted.afr.dirty',
        'xattrop-pending-watchlist': `trusted.afr.${volume}-`,
      },
    },
    {
      suffix: '',
      type: 'debug/io-stats',
      options: {
        'unique-id': directory,
        'volume-id': volumeId,
        'log-level': 'INFO',
        'latency-measurement': 'off',
        'count-fop-hits': 'off',
      },
    },
    {
      suffix: 'server',
      type: 'protocol/server',
      options: { 'transport-type': 'tcp', ...listen, ...auth, 'transport.listen-backlog': '1024' },
    },
  ];
}
