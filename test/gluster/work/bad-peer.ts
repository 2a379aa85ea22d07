/**
 * Sends a brick what no honest client sends: bad-peer PORT BRICK USERNAME. Prints the lines of a scenario.
 * USERNAME is one that the volfile knows.
 *
 * The bytes are made by hand here, and nothing of brickd's own wire code is used: an error in that must not hide itself.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [, , port = '', brick = '', username = ''] = process.argv;
/** Stock takes the call apart differently in places: what only brickd promises is checked of brickd only. */
const stock = process.env['BRICK'] === 'stock';

const HANDSHAKE = 14398633;
const SETVOLUME = 1;
const FOPS = 1298437;
const FOPS_VERSION = 400;
const LOOKUP = 27;
const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const EINVAL = 22;

const say = (good: boolean, what: string, detail = ''): void => {
  process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);
  if (!good) process.stdout.write(`#| ${detail}\n`);
};

type Bytes = Buffer<ArrayBuffer>;

function words(...values: number[]): Bytes {
  const b = Buffer.alloc(values.length * 4);
  values.forEach((v, i) => {
    b.writeUInt32BE(v >>> 0, i * 4);
  });
  return b;
}

const padded = (b: Buffer): Bytes => Buffer.concat([words(b.length), b, Buffer.alloc((4 - (b.length % 4)) % 4)]);
const record = (b: Buffer): Bytes => Buffer.concat([words(0x80000000 + b.length), b]);
/** AUTH_GLUSTERFS v2: pid, uid, gid, no groups, a lock owner of four bytes. */
const CREDENTIAL = Buffer.concat([
  words(390039),
  padded(Buffer.concat([words(4711, 0, 0, 0, 4), Buffer.from('peer')])),
]);
const NOTHING = Buffer.alloc(0);
const NO_VERIFIER = words(0, 0);

const call = (
  xid: number,
  program: number,
  version: number,
  procedure: number,
  args: Buffer = NOTHING,
  rpc = 2,
): Bytes => record(Buffer.concat([words(xid, 0, rpc, program, version, procedure), CREDENTIAL, NO_VERIFIER, args]));

/** A dictionary as the handshake sends it. */
function dictionary(pairs: Record<string, string>): Bytes {
  const parts = [words(Object.keys(pairs).length)];
  for (const [key, value] of Object.entries(pairs)) {
    parts.push(words(key.length, value.length + 1), Buffer.from(`${key}\0${value}\0`));
  }
  return Buffer.concat(parts);
}

class Peer {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;

  constructor() {
    this.socket = connect(Number(port), '127.0.0.1');
    this.socket.on('data', (data) => {
      this.received = Buffer.concat([this.received, data]);
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(...bytes: Buffer[]): this {
    this.socket.write(Buffer.concat(bytes));
    return this;
  }

  /** Waits until `done` or for `seconds`. */
  async until(done: () => boolean, seconds = 5): Promise<boolean> {
    const end = Date.now() + seconds * 1000;
    while (!done() && Date.now() < end) await new Promise((r) => setTimeout(r, 10));
    return done();
  }

  /** The words of the next reply's header after the xid: type, reply status, ...; undefined if none comes. */
  async reply(seconds = 5): Promise<{ head: number[]; body: Buffer } | undefined> {
    const whole = (): boolean =>
      this.received.length >= 4 && this.received.length >= 4 + (this.received.readUInt32BE(0) & 0x7fffffff);
    if (!(await this.until(() => whole() || this.closed, seconds)) || !whole()) return undefined;
    const length = this.received.readUInt32BE(0) & 0x7fffffff;
    const body = this.received.subarray(4, 4 + length);
    this.received = this.received.subarray(4 + length);
    return { head: Array.from({ length: Math.floor(body.length / 4) }, (_, i) => body.readUInt32BE(i * 4)), body };
  }

  end(): void {
    this.socket.destroy();
  }
}

async function open(): Promise<Peer> {
  const peer = new Peer();
  await once(peer.socket, 'connect');
  return peer;
}

let run = 0;
/** Shakes hands; what the server says to it. */
async function setvolume(peer: Peer, pairs: Record<string, string>) {
  const all = { 'process-uuid': `bad-peer-${process.pid}-${++run}`, 'fops-version': '1298437', ...pairs };
  peer.send(call(run, HANDSHAKE, 2, SETVOLUME, padded(dictionary(all))));
  const reply = await peer.reply();
  if (reply === undefined) return undefined;
  // xid, reply, accepted, verifier (2 words), accept status, op_ret, op_errno, dictionary.
  return { ret: (reply.head[6] ?? 0) | 0, errno: reply.head[7] ?? 0, text: reply.body.subarray(32).toString('latin1') };
}

/** Whether the brick shakes hands with a well-behaved peer. */
async function serves(after: string): Promise<void> {
  const peer = await open();
  const answer = await setvolume(peer, { 'remote-subvolume': brick });
  say(answer?.ret === 0, `serves on after ${after}`, JSON.stringify(answer));
  peer.end();
}

async function closes(what: string, bytes: Buffer, seconds = 5): Promise<void> {
  const peer = (await open()).send(bytes);
  say(
    await peer.until(() => peer.closed, seconds),
    `${what}: the connection is closed`,
    `${peer.received.length} bytes came`,
  );
  peer.end();
}

async function records(): Promise<void> {
  const cut = (await open()).send(call(1, HANDSHAKE, 2, SETVOLUME, padded(dictionary({ a: 'b' }))).subarray(0, 50));
  cut.socket.end();
  say(await cut.until(() => cut.closed), 'truncated record: the connection ends without an answer', 'it stays open');
  say(cut.received.length === 0, 'truncated record: no answer');
  const held = (await open()).send(words(0x80000000 + 400), Buffer.alloc(100));
  await serves('half a record that is held back');
  held.end();

  if (stock) say(true, 'record of 2 GiB # SKIP stock waits for the rest of it');
  else await closes('record of 2 GiB', Buffer.concat([words(0xffffffff), Buffer.alloc(4096, 1)]));
  if (stock) say(true, 'endless fragments # SKIP stock counts them up without a bound');
  else
    await closes(
      'fragments that never end',
      Buffer.concat(Array(3000).fill(Buffer.concat([words(65536), Buffer.alloc(65536)]))),
      20,
    );
  await serves('records too long');
  await closes(
    'a reply that nobody asked for and a message of no type',
    record(words(9, 7, 2, FOPS, 1, 1, 0, 0, 0, 0)),
  );
  await serves('a record that is no call');
}

/** Bytes that are the same in every run. */
function noise(length: number, seed: number): Bytes {
  const b = Buffer.alloc(length);
  let x = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    b[i] = x >>> 24;
  }
  return b;
}

async function randomBytes(): Promise<void> {
  const peers: Peer[] = [];
  for (let i = 0; i < 40; i++) peers.push((await open()).send(noise(32 << 10, i)));
  // In half of them the length at least makes sense, so that the bytes are taken for a call.
  for (let i = 0; i < 40; i++) peers.push((await open()).send(record(noise(256 + i * 64, 100 + i))));
  for (let i = 0; i < 40; i++)
    peers.push((await open()).send(call(i, FOPS, FOPS_VERSION, i, noise(64 + 16 * i, 200 + i))));
  await serves('random bytes on 120 connections');
  for (const peer of peers) peer.end();
  // And as arguments of fops by a client that has shaken hands.
  const peer = await open();
  await setvolume(peer, { 'remote-subvolume': brick });
  let answers = 0;
  for (let procedure = 1; procedure <= 60 && !peer.closed; procedure++) {
    peer.send(call(1000 + procedure, FOPS, FOPS_VERSION, procedure, noise(20 + 13 * procedure, 300 + procedure)));
    if ((await peer.reply(1)) !== undefined) answers++;
  }
  say(answers > 0, `fops with random arguments are answered (${answers} of 60)`);
  peer.end();
  await serves('random arguments');
}

async function programs(): Promise<void> {
  const peer = await open();
  const accepted = async (what: string, status: number, bytes: Buffer): Promise<void> => {
    const reply = await peer.send(bytes).reply();
    say(reply?.head[1] === 1 && reply.head[2] === 0 && reply.head[5] === status, what, `the reply is ${reply?.head}`);
  };
  const hands = await setvolume(peer, { 'remote-subvolume': brick });
  say(hands?.ret === 0, 'shakes hands', JSON.stringify(hands));
  await accepted('unknown program: PROG_UNAVAIL', 1, call(21, 47114711, 1, 1));
  await accepted('unknown version: PROG_MISMATCH', 2, call(22, FOPS, 999, LOOKUP));
  await accepted('unknown procedure: PROC_UNAVAIL', 3, call(23, FOPS, FOPS_VERSION, 999));
  const denied = await peer.send(call(24, FOPS, FOPS_VERSION, LOOKUP, NOTHING, 3)).reply(2);
  say(
    stock || (denied === undefined ? peer.closed : denied.head[2] === 1),
    'RPC version 3: denied',
    `the reply is ${denied?.head}`,
  );
  peer.end();
  const early = await open();
  const reply = await early.send(call(25, FOPS, FOPS_VERSION, LOOKUP, Buffer.alloc(64))).reply(3);
  const refused =
    reply === undefined || reply.head[2] === 1 || reply.head[5] !== 0 || (reply.head[6] ?? 0) >>> 31 === 1;
  say(refused, 'a fop without a handshake is refused', `the reply is ${reply?.head}`);
  early.end();
  await serves('unknown calls');
}

async function handshakes(): Promise<void> {
  const refusal = async (
    what: string,
    pairs: Record<string, string>,
    errnos: number[],
    text: RegExp,
  ): Promise<void> => {
    const peer = await open();
    const answer = await setvolume(peer, pairs);
    say(
      answer?.ret === -1 && errnos.includes(answer.errno) && text.test(answer.text),
      `${what}: refused, errno ${answer?.errno}`,
      JSON.stringify(answer),
    );
    peer.end();
  };
  await refusal('unknown brick', { 'remote-subvolume': '/d/unknown' }, [ENOENT], /Brick not found|remote-subvolume/);
  await refusal('no brick', {}, [EINVAL, ENOENT], /No remote-subvolume option specified/i);
  await refusal(
    'wrong password',
    { 'remote-subvolume': brick, username, password: 'wrong' },
    [EACCES, EPERM],
    /Authentication failed/i,
  );
  await refusal(
    'volume-id of another volume',
    { 'remote-subvolume': brick, 'volume-id': '11111111-2222-3333-4444-555555555555' },
    [EINVAL],
    /volume-id/i,
  );
  const peer = await open();
  peer.send(
    call(99, HANDSHAKE, 2, SETVOLUME, padded(Buffer.concat([words(0x7fffffff, 4, 0x7ffffff0), Buffer.from('key')]))),
  );
  const reply = await peer.reply(3);
  say(
    reply === undefined || reply.head[5] !== 0 || ((reply.head[6] ?? 0) | 0) === -1,
    'a dictionary of 2^31 keys is refused',
    `the reply is ${reply?.head}`,
  );
  peer.end();
  await serves('refused handshakes');
}

async function crowd(): Promise<void> {
  const peers: Peer[] = [];
  for (let i = 0; i < 200; i++) peers.push(await open());
  for (const peer of peers) peer.send(words(0x80000000 + 4000), Buffer.alloc(10));
  await serves('200 connections that say nothing more');
  for (const peer of peers) peer.end();
}

await records();
await randomBytes();
await programs();
await handshakes();
await crowd();
