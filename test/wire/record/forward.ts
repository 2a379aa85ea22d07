/**
 * Leads a unix socket's connections through a TCP port, where a capture sees them:
 *
 *   node dist/test/wire/record/forward.js SOCKET PORT
 *
 * The socket's file is moved aside, and a new one takes its place.
 */
import { renameSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';

const [, , socket, port] = process.argv;
if (socket === undefined || port === undefined) throw new Error('usage: forward SOCKET PORT');
const real = `${socket}.real`;
renameSync(socket, real);

function join(a: Socket, b: Socket): void {
  a.pipe(b).pipe(a);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}

createServer((s) => join(s, connect(real))).listen(Number(port), '127.0.0.1');
createServer((s) => join(s, connect(Number(port), '127.0.0.1'))).listen(socket);
