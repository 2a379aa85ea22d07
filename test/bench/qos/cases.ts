/** What the QoS bench measures: each case tells figures beside what they ought to be, and plots. */
import { execFileSync, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { heal, rebalance } from './background.js';
import { type Case, FILES, type Figure, RANDOM_READ, type Setting } from './case.js';
import * as host from './host.js';
import { type Bar, barPlot, type Line, linePlot } from './plot.js';

const near = (goal: number, share: number): [number, number] => [goal * (1 - share), goal * (1 + share)];

/** Clients with files of their own, all at once: operations and MiB per second in all, and the worst p99. */
async function clients(volume: string, n: number, seconds: number, args: string[]): Promise<host.FioResult> {
  const files = (i: number): string[] => (n === 1 ? FILES : [`f${i}`]);
  const all = await Promise.all(Array.from({ length: n }, (_, i) => host.fio(volume, seconds, args, files(i))));
  return {
    perSecond: all.reduce((sum, r) => sum + r.perSecond, 0),
    mibPerSecond: all.reduce((sum, r) => sum + r.mibPerSecond, 0),
    p99Us: Math.max(...all.map((r) => r.p99Us)),
  };
}

/** A volume of two bricks, so that two workers have one each. */
async function limited(s: Setting, workers: number): Promise<void> {
  await host.startGlusterd(s.brickd, workers);
  host.volume('v', 2);
  await host.layOut('v', FILES);
  host.qos('v', '', 'io-stats');
}

function ceilings(workers: number): Case {
  return {
    name: `ceilings, ${workers} worker${workers > 1 ? 's' : ''}`,
    async run(s) {
      const figures: Figure[] = [];
      const bars: Bar[] = [];
      await limited(s, workers);
      for (const n of [1, 4]) {
        const who = `${n} client${n > 1 ? 's' : ''}, ${workers} worker${workers > 1 ? 's' : ''}`;
        for (const rate of [500, 2000, 10_000]) {
          host.qos('v', 'limit', `ops=${rate}`);
          await host.pause(1000);
          const { perSecond } = await clients('v', n, s.seconds, [...RANDOM_READ, '--iodepth=32']);
          figures.push({ what: `${rate}/s, ${who}`, value: perSecond, unit: 'ops/s', goal: near(rate, 0.03) });
          bars.push({ name: `${rate}/s|${n} cl.`, value: (perSecond / rate) * 100, goal: 100 });
        }
        for (const rate of [10, 100]) {
          host.qos('v', 'limit', `bytes=${rate}MB`);
          await host.pause(1000);
          const { mibPerSecond } = await clients('v', n, s.seconds, ['--rw=randread', '--bs=64k', '--iodepth=16']);
          figures.push({ what: `${rate} MB/s, ${who}`, value: mibPerSecond, unit: 'MB/s', goal: near(rate, 0.03) });
          bars.push({ name: `${rate} MB/s|${n} cl.`, value: (mibPerSecond / rate) * 100, goal: 100 });
        }
      }
      await host.stopGlusterd(['v']);
      const title = `Ceilings over ${s.seconds} s at saturation, ${workers} brick worker${workers > 1 ? 's' : ''}`;
      return { figures, plots: [[`ceilings-${workers}`, barPlot(title, '% of the rate that is set', bars)]] };
    },
  };
}

const live: Case = {
  name: 'a ceiling changed live',
  async run(s) {
    await limited(s, 2);
    const steps = [500, 2000, 1000, 4000, 500];
    const each = 4;
    host.qos('v', 'limit', `ops=${steps[0]}`);
    await host.pause(500);
    const load = clients('v', 1, steps.length * each + 3, [...RANDOM_READ, '--iodepth=32']);
    await host.pause(2000);
    const line: Line = { name: 'measured', points: [] };
    const goal: Line = { name: 'set', points: [] };
    const began = performance.now();
    let [at, before] = [began, host.sum(host.tenants(s.brickd, 'v'), 'fops', 'volume')];
    let slowest = 0;
    for (const [i, rate] of steps.entries()) {
      if (i > 0) host.qos('v', 'limit', `ops=${rate}`);
      const set = performance.now();
      let reached = i === 0 ? set : 0;
      goal.points.push([(set - began) / 1000, rate], [(set - began) / 1000 + each, rate]);
      while (performance.now() - set < each * 1000) {
        await host.pause(300);
        const fops = host.sum(host.tenants(s.brickd, 'v'), 'fops', 'volume');
        const now = performance.now();
        const perSecond = ((fops - before) / (now - at)) * 1000;
        if (reached === 0 && Math.abs(perSecond - rate) < rate * 0.1) reached = now;
        line.points.push([(now - began) / 1000, perSecond]);
        [at, before] = [now, fops];
      }
      slowest = Math.max(slowest, reached === 0 ? each : (reached - set) / 1000);
    }
    await load;
    await host.stopGlusterd(['v']);
    const figures: Figure[] = [{ what: 'a new ceiling holds after', value: slowest, unit: 's', goal: [0, 2] }];
    return {
      figures,
      plots: [['live', linePlot('Ceilings changed while a client is at work', 'operations per second', [goal, line])]],
    };
  },
};

/** Writes that wait for the disk: its slots are what is scarce, on any machine. So many that a client that is late still has some waiting. */
const SYNC_WRITES = ['--rw=randwrite', '--bs=4k', '--iodepth=256', '--sync=1'];

async function two(s: Setting, weights: boolean): Promise<void> {
  await host.startGlusterd(s.brickd, 1);
  for (const v of ['v', 'w']) {
    host.volume(v);
    await host.layOut(v, ['f0']);
    if (s.brickd !== 'stock') host.qos(v, '', 'io-stats');
  }
  if (!weights) return;
  host.qos('v', 'weight', '100');
  host.qos('w', 'weight', '400');
  await host.pause(1000);
}

interface Rate {
  perSecond: number;
}

const shares: Case = {
  name: 'shares of 1:4',
  async run(s) {
    await two(s, true);
    const alone = await clients('w', 1, s.seconds, SYNC_WRITES);
    // Counted by the server while both are at work: clients start and end at different times.
    const load = Promise.all(['v', 'w'].map((v) => clients(v, 1, s.seconds + 6, SYNC_WRITES)));
    const fops = (): number[] => ['v', 'w'].map((v) => host.sum(host.tenants(s.brickd, v), 'fops', 'volume'));
    const before = fops();
    await host.until('both are at work', 20, () => fops().every((n, i) => n > before[i]! + 300));
    const [from, began] = [fops(), performance.now()];
    await host.pause(s.seconds * 1000 - 1000);
    const seconds = (performance.now() - began) / 1000;
    const [a, b] = fops().map((n, i) => ({ perSecond: (n - from[i]!) / seconds })) as [Rate, Rate];
    await load;
    const line = await clients('w', 1, s.seconds, SYNC_WRITES);
    for (const v of ['v', 'w']) host.qos(v, 'enable', 'off');
    await host.pause(1000);
    const free = await clients('w', 1, s.seconds, SYNC_WRITES);
    await host.stopGlusterd(['v', 'w']);
    const ratio = b.perSecond / a.perSecond;
    const idle = ((alone.perSecond + line.perSecond) / 2 / free.perSecond) * 100;
    const figures: Figure[] = [
      { what: 'share of the volume with 400 to that with 100', value: ratio, unit: ': 1', goal: [3.6, 4.4] },
      {
        what: 'one idle: the other, against no scheduling',
        value: idle,
        unit: '%',
        goal: [95, Number.POSITIVE_INFINITY],
      },
    ];
    const bars: Bar[] = [
      { name: 'weight 100|both', value: a.perSecond },
      { name: 'weight 400|both', value: b.perSecond, goal: a.perSecond * 4 },
      { name: 'weight 400|other idle', value: alone.perSecond },
      { name: 'no scheduling|other idle', value: free.perSecond },
    ];
    return {
      figures,
      plots: [['shares', barPlot('Two volumes with weights 1:4, synchronous writes', 'operations per second', bars)]],
    };
  },
};

/**
 * Server and clients share a machine here, which they don't in life: what is asked is what one client does to another through the
 * server, not on the processor that both run on. So the bricks have a processor, the aggressor another one, and the
 * victim's own program never waits for either.
 */
const neighbour: Case = {
  name: 'noisy neighbour',
  async run(s) {
    const figures: Figure[] = [];
    const bars: Bar[] = [];
    const victim = [...RANDOM_READ, '--iodepth=1', '--rate_iops=200'];
    for (const side of [s.brickd, 'stock']) {
      await two({ ...s, brickd: side }, false);
      if (cpus().length > 1) host.bindBricks(0);
      const elsewhere = cpus().length > 1 ? host.onProcessor(1) : [];
      const alone = await host.fio('v', s.seconds, victim, ['f0'], host.AT_ONCE);
      const noise = host.fio('w', s.seconds + 5, [...RANDOM_READ, '--iodepth=64'], ['f0'], elsewhere);
      await host.pause(2500);
      const beside = await host.fio('v', s.seconds, victim, ['f0'], host.AT_ONCE);
      await noise;
      await host.stopGlusterd(['v', 'w']);
      const name = side === 'stock' ? 'stock' : 'brickd';
      const ratio = beside.p99Us / alone.p99Us;
      figures.push({ what: `${name}: p99 alone`, value: alone.p99Us, unit: 'µs' });
      figures.push({ what: `${name}: p99 beside 64 in flight`, value: beside.p99Us, unit: 'µs' });
      const what = `${name}: times its p99 alone`;
      figures.push(
        side === 'stock' ? { what, value: ratio, unit: '' } : { what, value: ratio, unit: '', goal: [0, 1.5] },
      );
      bars.push({ name: `${name}|alone`, value: alone.p99Us }, { name: `${name}|beside 64`, value: beside.p99Us });
    }
    return {
      figures,
      plots: [['neighbour', barPlot('A victim of 200 reads/s, and an aggressor with 64 in flight', 'p99, µs', bars)]],
    };
  },
};

const killed: Case = {
  name: 'clients killed while they wait',
  async run(s) {
    await two(s, false);
    execFileSync('sh', ['-c', 'mkdir -p /m && mount -t glusterfs -o attribute-timeout=0,entry-timeout=0 gfhost:/w /m']);
    const pid = host.brickPids()[0]!;
    const fops = (): number => host.sum(host.tenants(s.brickd, 'v'), 'fops');
    const round = async (): Promise<number> => {
      host.qos('v', 'limit', 'none');
      await host.pause(500);
      const base = fops();
      const args = [
        '--name=q',
        '--ioengine=gfapi_async',
        '--volume=v',
        '--brick=gfhost',
        '--filename=f0',
        '--size=32M',
      ];
      const load = [...args, '--rw=randwrite', '--bs=4k', '--iodepth=64', '--time_based', '--runtime=300'];
      for (let i = 0; i < 20; i++) spawn('fio', load, { stdio: 'ignore' });
      await host.until('the clients are at work', 60, () => fops() > base + 20_000);
      host.qos('v', 'limit', 'ops=1');
      await host.until('they wait', 20, () => host.sum(host.tenants(s.brickd, 'v'), 'queued') > 500);
      let worst = 0;
      for (const end = Date.now() + s.seconds * 1000; Date.now() < end; await host.pause(20)) {
        const began = performance.now();
        statSync('/m/f0');
        worst = Math.max(worst, performance.now() - began);
      }
      // By name: fio's jobs are sessions of their own.
      execFileSync('pkill', ['-KILL', '-x', 'fio']);
      await host.until('nothing waits', 10, () => host.sum(host.tenants(s.brickd, 'v'), 'queued') === 0);
      return worst;
    };
    await round();
    const before = host.rssMiB(pid);
    const worst = await round();
    await host.pause(1000);
    const growth = host.rssMiB(pid) - before;
    const pending = Number(/Pending calls: (\d+)/.exec(host.gluster('volume', 'status', 'v', 'callpool'))?.[1] ?? 0);
    execFileSync('umount', ['/m']);
    await host.stopGlusterd(['v', 'w']);
    return {
      figures: [
        {
          what: 'memory after the second round, against after the first',
          value: growth,
          unit: 'MiB',
          goal: [-1000, 16],
        },
        { what: 'calls left', value: pending, unit: '', goal: [0, 0] },
        { what: 'slowest answer to another volume meanwhile', value: worst, unit: 'ms', goal: [0, 100] },
      ],
      plots: [],
    };
  },
};

export const CASES: Case[] = [ceilings(1), ceilings(2), live, shares, neighbour, killed, heal, rebalance];
