/** Who is told of the changelog's events. */
import { readdirSync, statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { replyRecord } from '../../../brickd/rpc/rpc-records.js';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import {
  brReleaseEvent,
  ChangelogEvent,
  IPC_CHANGELOG,
} from '../../../brickd/translators/features/changelog-events.js';
import {
  changelogEventReq,
  changelogEventRsp,
  changelogProbeReq,
  changelogProbeRsp,
} from '../../../mux/wire/programs/changelog.js';
import { struct, u32 } from '../../../mux/wire/schema.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { addon } from '../../../native/addon.js';
import { EOPNOTSUPP } from '../../../native/errno.js';
import { until } from '../../support/until.js';
import { client, Setup } from './changelog-setup.js';
import { callOf, dictOf, errnoOfAttempt, FakeClient, fdOf } from './harness.js';

/** A consumer: listens where it says. */
class Listener {
  readonly path: string;
  readonly events: Buffer[] = [];
  readonly sequences: number[] = [];
  answers = true;
  #server: Server;
  #sockets: { destroy(): void }[] = [];

  constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      new RpcSocket(
        socket,
        (call, args, from) => {
          const { seq, events } = changelogEventReq.decode(args);
          this.sequences.push(seq);
          for (let at = 0; at < events.length; at += 4104) this.events.push(Buffer.from(events.slice(at, at + 4104)));
          if (!this.answers) return;
          from.send(replyRecord(call.xid, (w) => changelogEventRsp.encode(w, { op_ret: 0, seq })));
        },
        () => {},
      );
    });
  }
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
  }
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function probe(s: Setup, filter: number, sock: string): Promise<number> {
  const socket = connect(join(s.path, `changelog-${addon.xxh64(s.path)}.sock`));
  const rpc = new RpcSocket(
    socket,
    () => {},
    () => {},
  );
  const to = { program: 1885957735, version: 1, procedure: 1 };
  const { op_ret } = await rpc.call(to, changelogProbeReq, { filter, sock }, changelogProbeRsp, 5000);
  socket.destroy();
  return op_ret;
}

t.test('consumers are told of what they ask for', async (t) => {
  const s = await new Setup().start();
  const journals = new Listener(join(s.path, 'j'));
  const releases = new Listener(join(s.path, 'r'));
  await journals.listen();
  await releases.listen();
  t.equal(await probe(s, ChangelogEvent.journal, journals.path), 0);
  t.equal(await probe(s, ChangelogEvent.brRelease | ChangelogEvent.release, releases.path), 0);
  t.equal(await probe(s, ChangelogEvent.journal, 'no/path'), -1);
  await s.create('a');
  await s.roll('binary');
  await until(() => journals.events.length === 1);
  t.equal(journals.events[0]!.readUInt32LE(0), 1);
  t.equal(journals.events[0]!.latin1Slice(8).replace(/\0+$/, ''), s.index.records[0]);
  const call = s.brick.ownCall();
  const event = brReleaseEvent(7, s.gfid, 2);
  await s.t.ipc(call, { op: IPC_CHANGELOG, xdata: dictOf({ 'RELEASE-EVENT': event }) });
  s.t.release(fdOf(s.brick.inode(), client));
  await until(() => releases.events.length === 2);
  t.same(releases.events[0], Buffer.from(event));
  t.equal(releases.events[1]!.readUInt32LE(0), 8);
  t.equal(journals.events.length, 1);
  for (let n = 0; n < 200; n++) s.t.release(fdOf(s.brick.inode(), client));
  await until(() => releases.events.length === 202);
  t.same(
    releases.sequences,
    releases.sequences.map((_, i) => i + 1),
  );
  // They come and go.
  for (let n = 0; n < 100; n++) {
    const brief = new Listener(join(s.path, `b${n}`));
    await brief.listen();
    t.equal(await probe(s, ChangelogEvent.journal, brief.path), 0);
    if (n % 3 === 0) await s.create(`n${n}`);
    if (n % 10 === 0) await s.roll(n % 20 === 0 ? 'ascii' : 'binary');
    brief.close();
  }
  await until(() => s.t.dump()[0]!.lines.includes('changelog.consumers=2'));
  await until(() => journals.events.length === s.complete.length);
  journals.close();
  releases.close();
  await s.t.fini();
});

t.test('consumers that misbehave', async (t) => {
  const s = await new Setup().start();
  const socket = join(s.path, `changelog-${addon.xxh64(s.path)}.sock`);
  t.equal(statSync(socket).mode & 0o777, 0o600);
  const garbage = connect(socket);
  garbage.on('error', () => {});
  garbage.write(Buffer.alloc(64, 0xff));
  await new Promise((resolve) => garbage.once('close', resolve));
  const cut = new RpcSocket(
    connect(socket),
    () => {},
    () => {},
  );
  const to = { program: 1885957735, version: 1, procedure: 1 };
  await t.rejects(cut.call(to, struct('short', { filter: u32 }), { filter: 1 }, changelogProbeRsp, 5000), /refused/);
  cut.socket.destroy();
  t.equal(await probe(s, ChangelogEvent.journal, join(s.path, 'nobody')), 0, 'is not there');
  const silent = new Listener(join(s.path, 'silent'));
  silent.answers = false;
  await silent.listen();
  t.equal(await probe(s, ChangelogEvent.release, silent.path), 0);
  const fd = fdOf(s.brick.inode(), client);
  s.t.release(fd);
  await until(() => silent.events.length === 1);
  for (let n = 0; n < 65_536; n++) s.t.release(fd);
  t.ok(s.t.dump()[0]!.lines.includes('changelog.consumers=0'), 'is given up when too much waits for it');
  silent.close();
  const remote = new FakeClient();
  Object.assign(remote, { memory: { take() {}, give() {} } });
  s.t.next.ipc = () => {
    throw failure(EOPNOTSUPP);
  };
  const forged = { op: IPC_CHANGELOG, xdata: dictOf({ e: brReleaseEvent(1, s.gfid, 0) }) };
  t.equal(await errnoOfAttempt(() => s.t.ipc(callOf(remote), forged)), EOPNOTSUPP, 'clients send no events');
  await s.t.fini();
  t.notOk(readdirSync(s.path).some((name) => name.endsWith('.sock')));
});
