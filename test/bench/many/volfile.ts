/** Volfiles of bricks as glusterd 10 writes them for a plain volume: every translator that it puts in, with its options. */

export interface ManyBrick {
  volume: string;
  /** Absolute path; also the brick's name. */
  directory: string;
  /** UUID as text. */
  volumeId: string;
}

const USER = 'c54e3cef-6030-470a-a9b1-aa1c977c68b0';
const PASSWORD = '22f7a727-78c9-4ee1-8a30-8a6f410c7736';

type Layer = [suffix: string, type: string, options: string[]];

function layers({ volume, directory, volumeId }: ManyBrick): Layer[] {
  const index = [`xattrop-pending-watchlist trusted.afr.${volume}-`, 'xattrop-dirty-watchlist trusted.afr.dirty'];
  const marker = ['inode-quota off', 'quota off', 'gsync-force-xtime off', 'xtime off', 'quota-version 0'];
  const stats = ['global-threading off', 'count-fop-hits off', 'latency-measurement off', 'threads 16'];
  return [
    [
      '-posix',
      'storage/posix',
      ['shared-brick-count 1', 'fips-mode-rchecksum on', `volume-id ${volumeId}`, `directory ${directory}`],
    ],
    ['-trash', 'features/trash', ['trash-internal-op off', `brick-path ${directory}`, 'trash-dir .trashcan']],
    [
      '-changelog',
      'features/changelog',
      [
        'changelog-barrier-timeout 120',
        'changelog-notification off',
        `changelog-dir ${directory}/.glusterfs/changelogs`,
        `changelog-brick ${directory}`,
      ],
    ],
    ['-bitrot-stub', 'features/bitrot-stub', ['bitrot disable', `export ${directory}`]],
    ['-access-control', 'features/access-control', []],
    ['-locks', 'features/locks', ['enforce-mandatory-lock off']],
    ['-worm', 'features/worm', ['worm-files-deletable on', 'worm-file-level off', 'worm off']],
    ['-read-only', 'features/read-only', ['read-only off']],
    ['-leases', 'features/leases', ['leases off']],
    ['-upcall', 'features/upcall', ['cache-invalidation off']],
    ['-io-threads', 'performance/io-threads', []],
    ['-selinux', 'features/selinux', ['selinux on']],
    [
      '-marker',
      'features/marker',
      [...marker, `timestamp-file /var/lib/glusterd/vols/${volume}/marker.tstamp`, `volume-uuid ${volumeId}`],
    ],
    ['-barrier', 'features/barrier', ['barrier-timeout 120', 'barrier disable']],
    ['-index', 'features/index', [...index, `index-base ${directory}/.glusterfs/indices`]],
    ['-quota', 'features/quota', ['deem-statfs off', 'server-quota off', `volume-uuid ${volume}`]],
    ['', 'debug/io-stats', [...stats, 'log-level INFO', `volume-id ${volumeId}`, `unique-id ${directory}`]],
    [
      '-server',
      'protocol/server',
      [
        'transport.listen-backlog 1024',
        'transport.socket.keepalive-count 9',
        'transport.socket.keepalive-interval 2',
        'transport.socket.keepalive-time 20',
        'transport.socket.ssl-enabled off',
        'transport.socket.keepalive 1',
        `auth.addr.${directory}.allow *`,
        `auth-path ${directory}`,
        `auth.login.${USER}.password ${PASSWORD}`,
        `auth.login.${directory}.allow ${USER}`,
        'transport.address-family inet',
        'transport-type tcp',
      ],
    ],
  ];
}

export function volfileOf(brick: ManyBrick): string {
  let below = '';
  return layers(brick)
    .map(([suffix, type, options]) => {
      const name = suffix === '' ? brick.directory : `${brick.volume}${suffix}`;
      const lines = [`volume ${name}`, `    type ${type}`, ...options.map((o) => `    option ${o}`)];
      if (below !== '') lines.push(`    subvolumes ${below}`);
      below = name;
      return `${lines.join('\n')}\nend-volume\n`;
    })
    .join('\n');
}

/** The volfile of a client: the brick by its port, nothing on top of it. */
export function clientVolfileOf(brick: ManyBrick, port: number): string {
  return `volume ${brick.volume}-client-0
    type protocol/client
    option remote-host 127.0.0.1
    option remote-port ${port}
    option remote-subvolume ${brick.directory}
    option transport-type tcp
    option transport.address-family inet
    option username ${USER}
    option password ${PASSWORD}
    option ping-timeout 42
    option send-gids on
end-volume

volume ${brick.volume}
    type cluster/distribute
    subvolumes ${brick.volume}-client-0
end-volume
`;
}
