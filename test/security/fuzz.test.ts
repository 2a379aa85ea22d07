/**
 * An honest client beside a hostile one that calls all fops with arguments of all kinds: the process lives, the honest
 * client meets no error and no slow answer, and the memory comes back.
 *
 * FUZZ_FOPS: how many fops (20,000); FUZZ_SEED: which ones (1).
 */
import t from 'tap';
import { Iatt } from '../../mux/xlator/iatt.js';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { RawClient, ROOT_KEY, ROOT_USER } from '../support/raw-client.js';
import { type Attack, Fuzzer, seeded, sendNoise } from './fuzzer.js';
import { startHonestClient } from './honest-client.js';

const FOPS = Number(process.env['FUZZ_FOPS'] ?? 20_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const CONNECTIONS = 4;
const IN_FLIGHT = 16;
/** Fops of a connection until it is dropped and with it the fds and locks that it holds. */
const FOPS_OF_CONNECTION = 700;
const ANSWER_LIMIT_MS = 300;
const SLOWEST_MS = 1000;
const MEMORY_BACK_MIB = 50;
const SETTLE_S = 90;
/** Log lines of what must not happen. */
const UNFORESEEN = /FATAL|worker .* (failed|ended)|unhandled|unexpected failure|can't encode| {4}at .*\.js:\d+/i;

const within = (answer: Promise<unknown>, ms: number): Promise<unknown> =>
  Promise.race([answer, new Promise((resolve) => setTimeout(resolve, ms))]);

async function attack(brick: BrickProcess, seed: number, count: number, arena: string): Promise<void> {
  const random = seeded(seed);
  const fuzzer = new Fuzzer(random, arena);
  let client = await RawClient.login(brick.port, brick.brick);
  let sent = 0;
  const ask = async (next: Attack): Promise<void> => {
    const answer = await client.callBytes(next.fop.name, next.args, next.who).catch(() => null);
    if (answer !== null) fuzzer.learn(next, answer.rsp);
  };
  for (let done = 0; done < count && brick.exit === null; ) {
    const some: Promise<void>[] = [];
    for (let i = 0; i < IN_FLIGHT; i++) some.push(ask(fuzzer.next()));
    // Requests for locks may wait for ever.
    await within(Promise.all(some), ANSWER_LIMIT_MS);
    done += IN_FLIGHT;
    sent += IN_FLIGHT;
    if (random(100) === 0) await sendNoise(brick.port, random);
    if (sent < FOPS_OF_CONNECTION && !client.closed) continue;
    client.end();
    client = await RawClient.login(brick.port, brick.brick);
    fuzzer.reconnected();
    sent = 0;
  }
  client.end();
}

t.test(`${FOPS} hostile fops, seed ${SEED}`, { skip: whyNotRoot ?? false, timeout: 60_000 + FOPS * 20 }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const root = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const arenas: string[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const arena = await root.mkdir(ROOT_KEY, `arena${i}`);
    arenas.push(arena);
    const owner = Object.assign(new Iatt(), { uid: 1000, gid: 1000 });
    await root.call('setattr', { gfid: arena, stbuf: owner, valid: 6 });
  }
  const own = await root.mkdir(ROOT_KEY, 'honest', 0o700);
  const owner = Object.assign(new Iatt(), { uid: 2000, gid: 2000 });
  await root.call('setattr', { gfid: own, stbuf: owner, valid: 6 });
  root.end();
  const work = startHonestClient(brick.port, brick.brick, own);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const before = brick.residentMib;
  await Promise.all(arenas.map((arena, i) => attack(brick, SEED * 1000 + i, FOPS / CONNECTIONS, arena)));
  const after = brick.exit === null ? brick.residentMib : 0;
  await new Promise((resolve) => setTimeout(resolve, 500));
  const honest = await work.stop();
  t.equal(brick.exit, null, 'the process lives');
  const unforeseen = brick.log.split('\n').filter((line) => UNFORESEEN.test(line));
  t.strictSame(unforeseen.slice(0, 10), [], 'no fop failed in an unforeseen way');
  t.strictSame(honest.errors.slice(0, 10), [], 'the honest client met no error');
  t.ok(honest.rounds > 50, `the honest client worked all the time (${honest.rounds} rounds)`);
  t.ok(honest.slowestMs < SLOWEST_MS, `its slowest answer: ${honest.slowest} after ${honest.slowestMs.toFixed(0)} ms`);
  if (brick.exit !== null) return;
  let back = brick.residentMib;
  for (let s = 0; s < SETTLE_S && back > before + MEMORY_BACK_MIB; s++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    back = brick.residentMib;
  }
  t.ok(
    back <= before + MEMORY_BACK_MIB,
    `memory: ${before.toFixed(0)} MiB before, ${after.toFixed(0)} during, ${back.toFixed(0)} after`,
  );
});
