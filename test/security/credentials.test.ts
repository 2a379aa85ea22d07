/**
 * Numbers at the borders of their types: clocks in credentials, times, sizes and offsets of every fop, as any user may send them. They
 * cost the sender an error at most: the brick's root, its worker and the other clients never notice.
 */

import { chmodSync } from 'node:fs';
import type { Test } from 'tap';
import t from 'tap';
import { codecOf } from '../../mux/fops/codecs.js';
import { Dict, DictType } from '../../mux/xlator/dict.js';
import { FOP_NAMES } from '../../mux/xlator/fop-table.js';
import type { FopName } from '../../mux/xlator/fops.js';
import { Iatt } from '../../mux/xlator/iatt.js';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import {
  type Answer,
  encodeRequest,
  gfidRequest,
  newKey,
  RawClient,
  ROOT_KEY,
  ROOT_USER,
  requestOf,
  USER,
  type Who,
} from '../support/raw-client.js';
import { until } from '../support/until.js';

const SECONDS = [0n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -1n, -(2n ** 40n)];
const NSECS = [1e9, 2 ** 32 - 1];
/** Of 64 bits; those of 32 bits get the lower half. */
const NUMBERS = [0, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, -1, -(2 ** 63)];
/** All of TimeFlag: every time that a fop can set. */
const ALL_TIMES = 0x3f;
/** An answer that has not come by then does not come, however busy the disk is: only locks may wait for ever. */
const WAIT_MS = 20_000;

/** Fields that are numbers, and not which file or fd is meant. */
function numericFields(fop: FopName): string[] {
  const request = requestOf(fop);
  return codecOf(fop).request.fieldNames.filter((name) => {
    const value = request[name];
    return (typeof value === 'number' || typeof value === 'bigint') && !name.startsWith('fd');
  });
}

const asFieldOf = (blank: unknown, value: number): unknown => (typeof blank === 'bigint' ? BigInt(value) : value);

function iatt(sec: number, nsec: number): Iatt {
  const times = { atime: sec, mtime: sec, ctime: sec, btime: sec };
  const nanos = { atimeNsec: nsec, mtimeNsec: nsec, ctimeNsec: nsec, btimeNsec: nsec };
  return Object.assign(new Iatt(), { mode: 0o100644, size: sec, blocks: sec, ...times, ...nanos });
}

function mdata(sec: number, nsec: number): Dict {
  const value = { atime: sec, mtime: sec, ctime: sec, atimeNsec: nsec, mtimeNsec: nsec, ctimeNsec: nsec };
  return new Dict().set('set-ctime-mdata', { type: DictType.mdata, value });
}

interface Rig {
  brick: BrickProcess;
  attacker: RawClient;
  honest: RawClient;
}

async function start(t: Test): Promise<Rig> {
  const brick = new BrickProcess();
  t.teardown(() => brick.remove());
  chmodSync(brick.brick, 0o777);
  await brick.start();
  const attacker = await RawClient.login(brick.port, brick.brick);
  const honest = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  return { brick, attacker, honest };
}

/** The connection of the honest client from before still serves: its worker is the one that it was. */
async function unharmed(t: Test, { brick, attacker, honest }: Rig): Promise<void> {
  const now = { flags: ALL_TIMES, sec: BigInt(Math.floor(Date.now() / 1000)), nsec: 5 };
  const who: Who = { ...ROOT_USER, time: now };
  const name = `honest-${newKey().slice(0, 4)}`.replace(/[^a-z-]/g, 'x') + Math.random().toString(36).slice(2);
  const { gfid, fd } = await honest.create(ROOT_KEY, name, 0o644, who);
  const data = Buffer.from('the data of an honest client');
  const wrote = await honest.call('writev', { gfid, fd, offset: 0, size: data.length }, who, data);
  t.equal(wrote.ret, data.length, 'writes');
  const read = await honest.call('readv', { gfid, fd, offset: 0, size: 4096 }, who);
  t.same(read.payload.subarray(0, data.length), data, 'reads');
  t.equal((await honest.mkdir(ROOT_KEY, `${name}-dir`, 0o755, who)).length, 16);
  t.notOk(attacker.closed, 'the attacker has not even been cut off');
  t.equal(brick.exit, null);
  t.notMatch(brick.log, /the worker of|unexpected failure|unhandled|uncaught|fault of this program|can't encode/);
}

/** Sends calls together; which of them were not answered. */
async function unanswered(calls: [what: string, answer: Promise<Answer>][]): Promise<string[]> {
  const left = new Set(calls.map(([what]) => what));
  const all = calls.map(async ([what, answer]) => {
    await answer;
    left.delete(what);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, WAIT_MS);
  });
  await Promise.race([Promise.all(all), late]);
  clearTimeout(timer);
  return [...left];
}

const mayWait = (what: string): boolean => /lk|lease/.test(what);

t.setTimeout(120_000);

t.test('the clock of a credential', { skip: whyNotRoot ?? false }, async (t) => {
  const rig = await start(t);
  const { attacker } = rig;
  for (const sec of SECONDS) {
    const calls: [string, Promise<Answer>][] = [];
    for (const nsec of NSECS) {
      const who = { ...USER, time: { flags: ALL_TIMES, sec, nsec } };
      const name = `file-${sec}-${nsec}`;
      const gfid = newKey();
      const made = await attacker.call(
        'create',
        { pargfid: ROOT_KEY, bname: name, mode: 0o644, flags: 2, xdata: gfidRequest(gfid) },
        who,
      );
      t.equal(made.ret, 0, `an odd clock is no error: ${sec}.${nsec}`);
      const fields = { gfid, fd: made.rsp.fd };
      t.equal((await attacker.call('writev', { ...fields, size: 4 }, who, Buffer.from('data'))).ret, 4);
      t.equal((await attacker.call('readv', { ...fields, size: 4 }, who)).ret, 4);
      t.equal((await attacker.call('truncate', { gfid }, who)).ret, 0);
      for (const fop of FOP_NAMES) {
        calls.push([
          fop,
          attacker.call(fop, { ...(codecOf(fop).request.fieldNames.includes('gfid') ? { gfid } : {}) }, who),
        ]);
        calls.push([`${fop} of the root`, attacker.call(fop, {}, who)]);
      }
    }
    t.same(
      (await unanswered(calls)).filter((what) => !mayWait(what)),
      [],
      `answers to ${sec}`,
    );
  }
  await unharmed(t, rig);
  const root = (await rig.honest.call('stat', { gfid: ROOT_KEY })).rsp.stat as Iatt;
  for (const nsec of [root.atimeNsec, root.mtimeNsec, root.ctimeNsec]) t.ok(nsec < 1e9, 'nanoseconds of the root');
});

t.test('times in arguments and dictionaries', { skip: whyNotRoot ?? false }, async (t) => {
  const rig = await start(t);
  const { attacker } = rig;
  const { gfid, fd } = await attacker.create(ROOT_KEY, 'mine');
  const time = { flags: ALL_TIMES, sec: 1n, nsec: 0 };
  for (const sec of NUMBERS) {
    const calls: [string, Promise<Answer>][] = [];
    for (const nsec of NSECS) {
      for (const valid of [0x10, 0x20, 0x30, 0x40, 0x70]) {
        const fields = { gfid, fd, stbuf: iatt(sec, nsec), valid };
        for (const who of [USER, { ...USER, time }]) {
          calls.push(
            ['setattr', attacker.call('setattr', fields, who)],
            ['fsetattr', attacker.call('fsetattr', fields, who)],
          );
        }
      }
      for (const target of [gfid, ROOT_KEY]) {
        for (const who of [USER, { ...USER, pid: -6 }]) {
          calls.push(['setxattr', attacker.call('setxattr', { gfid: target, dict: mdata(sec, nsec) }, who)]);
        }
      }
      const xdata = new Dict().setIatt('glusterfs.test', iatt(sec, nsec)).setInt('glusterfs.content', sec);
      calls.push([
        'lookup',
        attacker.lookup(ROOT_KEY, 'mine', USER, xdata.setUint('link-count', BigInt.asUintN(64, BigInt(sec)))),
      ]);
    }
    t.same(await unanswered(calls), [], `answers to ${sec}`);
    const stat = (await attacker.call('stat', { gfid })).rsp.stat as Iatt;
    for (const s of [stat.atime, stat.mtime, stat.ctime]) t.ok(Number.isSafeInteger(s), `seconds after ${sec}: ${s}`);
  }
  await unharmed(t, rig);
});

t.test('sizes, offsets and flags', { skip: whyNotRoot ?? false }, async (t) => {
  const rig = await start(t);
  const { attacker } = rig;
  for (const fop of FOP_NAMES) {
    // A file each: what one makes large, another would read.
    const { gfid, fd } = await attacker.create(ROOT_KEY, `for-${fop}`);
    const { fieldNames } = codecOf(fop).request;
    const target = Object.fromEntries(
      Object.entries({ gfid, fd, gfid1: gfid, gfid2: gfid, fd_in: fd, fd_out: fd }).filter(([key]) =>
        fieldNames.includes(key),
      ),
    );
    const blank = requestOf(fop);
    const calls: [string, Promise<Answer>][] = [];
    for (const field of numericFields(fop)) {
      for (const value of NUMBERS) {
        // What takes the file's space is cut short: the disk is everybody's.
        const fields = { ...target, [field]: asFieldOf(blank[field], value) };
        calls.push([`${fop} ${field}=${value}`, attacker.callBytes(fop, encodeRequest(fop, fields))]);
        if (fop.includes('fill') || fop === 'fallocate') await attacker.call('truncate', { gfid });
      }
    }
    t.same(
      (await unanswered(calls)).filter((what) => !mayWait(what)),
      [],
      fop,
    );
    await attacker.call('truncate', { gfid });
    await attacker.call('unlink', { pargfid: ROOT_KEY, bname: `for-${fop}` });
  }
  await unharmed(t, rig);
});

t.test('what clients say of themselves forges no line of the log', { skip: whyNotRoot ?? false }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const forged = '[2026-01-01 00:00:00.000000 +0000] C [server.c:1:main] 0-v-server: the disk is on fire';
  const text = `x\n${forged}\r\n\x1b[2J`;
  const says = { 'process-uuid': text, 'client-version': text, 'process-name': text };
  const client = await RawClient.login(brick.port, brick.brick, USER, says);
  const name = `name\n${forged}`;
  await client.lookup(ROOT_KEY, name);
  await client.call('create', { pargfid: ROOT_KEY, bname: name, mode: 0o644, flags: 2 });
  await client.call('setxattr', { gfid: ROOT_KEY, dict: new Dict().setText(`trusted.x\n${forged}`, 'v') });
  await client.call('removexattr', { gfid: ROOT_KEY, name: `user.x\n${forged}` });
  client.end();
  const other = await RawClient.connect(brick.port);
  await other.setvolume({ 'remote-subvolume': `/none\n${forged}`, ...says });
  await other.setvolume({ 'remote-subvolume': brick.brick, 'subdir-mount': `/none\n${forged}`, ...says });
  other.end();
  await until(() => brick.log.includes('disconnecting'));
  const lines = brick.log.split('\n');
  t.match(brick.log, /the disk is on fire/, 'it is told');
  t.same(
    lines.filter((line) => line.startsWith(forged)),
    [],
    'but not as a line',
  );
  for (const control of ['\r', '\x1b']) t.notOk(brick.log.includes(control));
});
