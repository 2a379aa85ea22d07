/** How much of their rate clients keep while a heal or a rebalance is at work. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { median } from '../measure.js';
import { type Case, FILES, type Figure, RANDOM_READ, type Setting } from './case.js';
import * as host from './host.js';
import { barPlot } from './plot.js';

/** What works in the background beside a client: it is measured how much of its rate the client keeps. */
interface Background {
  /** Its process. */
  pid(): number;
  /** Files that it has done so far. */
  done(): number;
  ended(): boolean;
  /** Has it begin, once the client has been measured alone. */
  begin(): Promise<void>;
}

/** Files per second while the client was at work: the median of samples, for its program takes a while to start and to end. */
async function pace(work: Background, client: Promise<unknown>): Promise<[rate: number, ended: boolean]> {
  let running = true;
  void client.finally(() => {
    running = false;
  });
  const rates: number[] = [];
  let [done, at] = [work.done(), performance.now()];
  while (running && !work.ended()) {
    await host.pause(1000);
    const [before, then] = [done, at];
    [done, at] = [work.done(), performance.now()];
    rates.push(((done - before) / (at - then)) * 1000);
  }
  return [median(rates), running];
}

/** As in life, what works in the background shares the processor of the bricks, and the client has one of its own. */
async function beside(s: Setting, side: string, work: Background): Promise<Figure[]> {
  const apart = cpus().length > 1;
  const client = (): Promise<host.FioResult> =>
    host.fio('v', s.seconds, [...RANDOM_READ, '--iodepth=16'], FILES, apart ? host.onProcessor(1) : []);
  if (apart) host.bindBricks(0);
  const alone = await client();
  await work.begin();
  if (apart) {
    host.bindBricks(0);
    host.bind(work.pid(), 0);
  }
  const load = client();
  const [perSecond, ended] = await pace(work, load);
  const during = await load;
  const kept: Figure = {
    what: `${side}: clients keep of their rate`,
    value: (during.perSecond / alone.perSecond) * 100,
    unit: '%',
  };
  if (side !== 'stock') kept.goal = [80, 1000];
  return [
    kept,
    { what: `${side}: files done${ended ? ', all before the clients ended' : ''}`, value: perSecond, unit: '/s' },
  ];
}

/** A bench of both sides: stock has no scheduler, and shows what is gained. */
const both = (name: string, bars: string, run: (s: Setting, side: string) => Promise<Figure[]>): Case => ({
  name,
  async run(s) {
    const figures = await run(s, 'brickd');
    if (s.brickd !== 'stock') figures.push(...(await run({ ...s, brickd: 'stock' }, 'stock')));
    const kept = figures.filter(({ unit }) => unit === '%');
    return {
      figures,
      plots: [
        [
          bars,
          barPlot(
            `Clients beside a ${bars}`,
            '% of their rate alone',
            kept.map(({ what, value }) => ({ name: what.split(':')[0]!, value, goal: 80 })),
          ),
        ],
      ],
    };
  },
});

/** A mount of the volume, in which there is a directory for files. */
function mountIt(): void {
  execFileSync('sh', ['-c', 'mkdir -p /m && mount -t glusterfs gfhost:/v /m && until stat /m/f0; do sleep 0.2; done']);
}

function makeFiles(count: number): void {
  execFileSync('sh', ['-c', `cd /m && mkdir d && for i in $(seq ${count}); do echo $i > d/$i; done`]);
}

export const heal = both('heal under load', 'heal', async (s, side) => {
  await host.startGlusterd(s.brickd, 1);
  // Each brick has a process of its own, so that one can be killed.
  host.gluster('volume', 'set', 'all', 'cluster.brick-multiplex', 'off');
  host.volume('v', 2, 'replica', '2');
  await host.until('bricks are up', 20, () => host.brickPids().length === 2);
  await host.layOut('v', FILES);
  if (s.brickd !== 'stock') host.qos('v', '', 'io-stats');
  mountIt();
  // Clients read from the brick that the heal reads from.
  host.gluster('volume', 'set', 'v', 'cluster.choose-local', 'off');
  host.gluster('volume', 'set', 'v', 'cluster.read-subvolume-index', '0');
  const second = host.gluster('volume', 'info', 'v').match(/\/d\/bench-\d+/g)![1]!;
  const pidOf = (path: string): number =>
    Number(readFileSync(`/run/gluster/vols/v/gfhost${path.replaceAll('/', '-')}.pid`, 'latin1'));
  const done = (): number =>
    Number(execFileSync('sh', ['-c', `ls ${second}/d 2>/dev/null | wc -l`], { encoding: 'utf8' }));
  const figures = await beside(s, side, {
    pid: host.healerPid,
    done,
    ended: () => done() >= s.files,
    async begin() {
      process.kill(pidOf(second), 'SIGKILL');
      makeFiles(s.files);
      host.gluster('volume', 'start', 'v', 'force');
      await host.until('the heal begins', 60, () => done() > 0);
    },
  });
  await host.until('the heal ends', 600, () => done() >= s.files);
  execFileSync('umount', ['/m']);
  await host.stopGlusterd(['v']);
  return figures;
});

/** Files that a rebalance has moved so far, and what it says of itself. */
function rebalanced(volume: string): { files: number; status: string } {
  const xml = host.gluster('volume', 'rebalance', volume, 'status', '--xml');
  const total = xml.slice(xml.indexOf('<aggregate>'));
  return {
    files: Number(/<files>(\d+)/.exec(total)?.[1] ?? 0),
    status: /<statusStr>([^<]*)/.exec(total)?.[1] ?? '',
  };
}

export const rebalance = both('rebalance under load', 'rebalance', async (s, side) => {
  await host.startGlusterd(s.brickd, 1);
  host.volume('v', 2);
  await host.layOut('v', FILES);
  if (s.brickd !== 'stock') host.qos('v', '', 'io-stats');
  mountIt();
  makeFiles(s.files);
  host.addBrick('v');
  const figures = await beside(s, side, {
    pid: host.rebalancerPid,
    done: () => rebalanced('v').files,
    ended: () => rebalanced('v').status === 'completed',
    async begin() {
      host.gluster('volume', 'rebalance', 'v', 'start');
      await host.until('the rebalance begins', 60, () => rebalanced('v').files > 0);
    },
  });
  await host.until('the rebalance ends', 600, () => rebalanced('v').status === 'completed');
  const there = execFileSync('sh', ['-c', 'cat /m/d/* | sort -n | uniq | wc -l'], { encoding: 'utf8' });
  execFileSync('umount', ['/m']);
  await host.stopGlusterd(['v']);
  figures.push({ what: 'files there in the end', value: Number(there), unit: '', goal: [s.files, s.files] });
  return figures;
});
