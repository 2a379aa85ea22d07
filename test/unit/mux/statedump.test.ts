/** What a worker's bricks tell in a statedump, and how the parts of several workers become one. */
import t from 'tap';
import type { Brick } from '../../../mux/brick/brick.js';
import { InFlightFops } from '../../../mux/brick/in-flight.js';
import { InodeTable } from '../../../mux/brick/inode-table.js';
import { dumpPart, joinParts } from '../../../mux/brick/views/statedump.js';
import { FopStats } from '../../../mux/stats/fop-stats.js';
import { Call } from '../../../mux/xlator/call.js';
import { fopByName } from '../../../mux/xlator/fop-table.js';
import { Fd } from '../../../mux/xlator/inode.js';
import type { DumpSection } from '../../../mux/xlator/translator.js';
import { S_IFREG } from '../../../native/linux.js';

function brick(name: string): Brick {
  const table = new InodeTable(7, () => {});
  const file = table.link(
    table.root,
    'f',
    Uint8Array.from({ length: 16 }, (_, i) => i),
    S_IFREG,
  );
  const client = { uid: `client-of-${name}`, openFds: 1, connections: 1, subdir: '/', openFiles: () => [fd] };
  const fd = new Fd(file, 2, client as never, 42);
  fd.number = 3;
  file.ref();
  const call = new Call(client as never, fopByName('writev').number);
  Object.assign(call, { uid: 5, gid: 6, pid: 7, lkOwner: '\xab\x01', timeSec: 12, timeNsec: 34 });
  const unlisted = new InodeTable(0, () => {}).root;
  const locks = (inode: typeof file, path: string): DumpSection => ({ title: 'locks', lines: [`path=${path}`], inode });
  const layer = {
    dump: () => [{ title: 'priv', lines: ['a=1'] }, locks(file, '/f'), locks(unlisted, '/gone')],
  };
  const book = new FopStats();
  for (const ms of [1, 2]) book.recordLatency(fopByName('writev').number, ms);
  const inFlight = new InFlightFops();
  inFlight.list({ call, xid: 99, cameMs: 0, listedAt: -1, slowNumber: 0, report: () => ({}) as never });
  inFlight.started();
  inFlight.started();
  return {
    name,
    table,
    layers: [layer],
    volume: 'v',
    unapplied: [],
    traffic: { fopStats: book },
    inFlight,
    clients: {
      all: new Map([[client.uid, client]]),
      sessions: new Set([{ client, connection: { bytesIn: 10, bytesOut: 20 } }]),
    },
  } as unknown as Brick;
}
const titles = (text: string): string[] => [...text.matchAll(/^\[(.*)\]$/gm)].map((m) => m[1]!);

t.test('sections of bricks', async (t) => {
  const parts = [await dumpPart([brick('/a')], {}), await dumpPart([brick('/b')], {})];
  const text = joinParts(parts, {});
  const of = (name: string) => [
    'xlator.protocol.server.priv',
    'GlusterFS 4.x v1',
    `${name}.latency`,
    `conn.0.bound_xl.${name}.fdtable`,
    `conn.0.bound_xl.${name}.fdtable.fdentry[3]`,
    `conn.0.bound_xl.${name}`,
    `conn.0.bound_xl.${name}.active.1`,
    `conn.0.bound_xl.${name}.active.2`,
    'locks',
    'locks',
    'priv',
  ];
  const process = titles(text).filter((title) => !title.startsWith('arena.'));
  const stacks = [1, 2].flatMap((i) => [`global.callpool.stack.${i}`, `global.callpool.stack.${i}.frame.1`]);
  t.strictSame(process, ['iobuf.global', 'global.callpool', ...stacks, 'active graph - 1', ...of('/a'), ...of('/b')]);
  t.match(text, /^callpool\.cnt=4$/m, 'calls of all workers');
  t.match(text, /\n\[\/a\.latency\]\n\/a\.latency\.WRITE=AVG:1500000\.000000 CNT:2 TOTAL:3000000\n/);
  t.match(
    text,
    /\nuid=5\ngid=6\npid=7\nunique=99\nlk-owner=ab01\nctime=12\.000000034\nop=WRITE\ntype=1\ncnt=1\n\n\[.*1\.frame\.1\]\ntranslator=v-server\ncomplete=0\n/,
  );
  t.match(text, /fdentry\[3\]\.gfid=00010203-0405-0607-0809-0a0b0c0d0e0f$/m);
  t.match(text, /^conn\.0\.bound_xl\.\/a\.lru_limit=7$/m);
  t.match(text, /ia_type=1\n\n\[locks\]\npath=\/f\n\n\[locks\]\npath=\/gone\n/, 'locks come behind their inode');
});

t.test('only what is wanted', async (t) => {
  const none = { callpool: false, iobuf: false, priv: false, fd: false, inode: false };
  const chosen = async (choice: object) => {
    const wanted = { ...none, ...choice };
    return titles(joinParts([await dumpPart([brick('/a')], wanted)], wanted));
  };
  t.strictSame(await chosen({}), ['active graph - 1']);
  t.strictSame(await chosen({ callpool: true }), [
    'global.callpool',
    'global.callpool.stack.1',
    'global.callpool.stack.1.frame.1',
    'active graph - 1',
  ]);
  t.strictSame(await chosen({ priv: true }), [
    'active graph - 1',
    'xlator.protocol.server.priv',
    'GlusterFS 4.x v1',
    '/a.latency',
    'priv',
  ]);
  t.strictSame((await chosen({ inode: true })).filter((title) => title === 'locks').length, 2);
});
