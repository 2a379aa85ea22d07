/** The connection to quotad, over a socket on which a test answers as quotad does. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import t from 'tap';
import { replyRecord } from '../../../brickd/rpc/rpc-records.js';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import { Quotad } from '../../../brickd/translators/features/quota/quotad.js';
import { type LogLine, setLogSink } from '../../../mux/base/log.js';
import {
  type AggregatorLookupReq,
  aggregatorLookupReq,
  aggregatorLookupRsp,
} from '../../../mux/wire/programs/aggregator.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { gfidKey, ROOT_GFID } from '../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import { EIO, ENOENT, ENOTCONN } from '../../../native/errno.js';
import { errnoOfAttempt } from './harness.js';

const lines: LogLine[] = [];
setLogSink({ wants: (severity) => severity <= 7, write: (line) => void lines.push(line) });

const SIZE = 'trusted.glusterfs.quota.size';
const ROOT = gfidKey(ROOT_GFID);
const waiting = () => false;

/** What quotad answers: a usage in bytes, or an errno below zero; null: nothing. */
interface FakeQuotad {
  answer: number | null;
  asked: AggregatorLookupReq[];
  dropAll(): void;
  close(): Promise<void>;
}

async function listen(path: string): Promise<FakeQuotad> {
  const sockets = new Set<Socket>();
  const fake: FakeQuotad = {
    answer: 0,
    asked: [],
    dropAll: () => sockets.forEach((s) => void s.destroy()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        fake.dropAll();
      }),
  };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    new RpcSocket(
      socket,
      (call, args, rpc) => {
        t.match(call, { program: 29852134, version: 1, procedure: 1 });
        fake.asked.push(aggregatorLookupReq.decode(args));
        if (fake.answer === null) return;
        const size = Buffer.alloc(24);
        size.writeBigInt64BE(BigInt(Math.max(fake.answer, 0)), 0);
        size.writeBigInt64BE(3n, 8);
        size.writeBigInt64BE(2n, 16);
        const failed = fake.answer < 0;
        const xdata = failed ? new Dict() : new Dict().setBytes(fake.answer === 99 ? 'x' : SIZE, size);
        rpc.send(
          replyRecord(call.xid, (w) =>
            aggregatorLookupRsp.encode(w, {
              op_ret: failed ? -1 : 0,
              op_errno: failed ? -(fake.answer ?? 0) : 0,
              stat: NO_IATT,
              postparent: NO_IATT,
              xdata,
            }),
          ),
        );
      },
      () => {},
    );
  });
  rmSync(path, { force: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return fake;
}

t.test('questions and answers', async (t) => {
  const path = `${t.testdir()}/quotad`;
  const fake = await listen(path);
  const quotad = new Quotad(path, { awayMs: 600, answerMs: 300 });
  fake.answer = 12345;
  t.same(await quotad.usage('vol', ROOT, waiting), { bytes: 12345, files: 3, dirs: 2 });
  const [question] = fake.asked;
  t.equal(question?.gfid, ROOT);
  t.equal(question?.xdata?.text('volume-uuid'), 'vol');
  t.ok(question?.xdata?.has(SIZE));
  fake.answer = -ENOENT;
  t.equal(await errnoOfAttempt(() => quotad.usage('vol', ROOT, waiting)), ENOENT, 'its error is passed on');
  fake.answer = -EIO;
  t.equal(await errnoOfAttempt(() => quotad.usage('vol', ROOT, waiting)), EIO);
  fake.answer = 99;
  lines.splice(0);
  for (let i = 0; i < 3; i++) {
    t.same(await quotad.usage('vol', ROOT, waiting), { bytes: 0, files: 0, dirs: 0 }, 'what is not counted yet');
  }
  t.equal(lines.length, 1);
  t.match(lines[0]?.text, /^directories of volume vol have limits and are not counted yet/);
  quotad.close();
  await fake.close();
});

t.test('it goes, and comes back', async (t) => {
  const path = `${t.testdir()}/quotad`;
  const quotad = new Quotad(path, { awayMs: 600, answerMs: 300 });
  lines.splice(0);
  const ask = () => errnoOfAttempt(() => quotad.usage('vol', ROOT, waiting));
  let start = performance.now();
  t.equal(await ask(), ENOTCONN);
  t.ok(performance.now() - start >= 590 && performance.now() - start < 3000, 'it is waited for, not for ever');
  start = performance.now();
  for (let i = 0; i < 20; i++) t.equal(await ask(), ENOTCONN);
  t.ok(performance.now() - start < 500, 'after that fops fail at once');
  t.equal(lines.length, 1, 'one line in the log');
  t.match(lines[0]?.text, /^quotad at .* is away \(.*ENOENT.*\): fops in directories with limits wait up to 0.6 s/);
  const fake = await listen(path);
  t.equal(await ask(), 0, 'it is asked as soon as it listens');
  t.equal(lines.length, 2, 'one line more');
  t.match(lines[1]?.text, /answers again$/);

  fake.dropAll();
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(await ask(), 0, 'a new start is not noticed');
  t.equal(lines.length, 2);

  fake.answer = -ENOTCONN;
  const early = ask();
  setTimeout(() => {
    fake.answer = 1;
  }, 100);
  t.equal(await early, 0, 'it does not reach its bricks yet: waited for');

  fake.answer = null;
  start = performance.now();
  t.equal(await ask(), ENOTCONN, 'it does not answer');
  t.ok(performance.now() - start < 2000);
  fake.answer = 1;
  t.equal(await ask(), 0);

  await fake.close();
  let ending = false;
  setTimeout(() => {
    ending = true;
  }, 50);
  start = performance.now();
  const never = new Quotad(path, { awayMs: 60_000, answerMs: 300 });
  t.equal(
    await errnoOfAttempt(() => never.usage('vol', ROOT, () => ending)),
    ENOTCONN,
    'a brick that ends waits no longer',
  );
  t.ok(performance.now() - start < 2000);
  quotad.close();
  never.close();
});
