/** Opens the connection to glusterd: TCP from a privileged port where possible, a unix socket, or TLS. */
import { connect, type Socket } from 'node:net';
import { privilegedPorts } from './source-port.js';

export interface GlusterdAddress {
  /** Host, or with `transport` unix the path of a socket. */
  host: string;
  port: number;
  transport: 'socket' | 'unix';
  /** 0: whatever the name resolves to. */
  family: 0 | 4 | 6;
  tls: boolean;
}

/** A SYN that meets a full backlog is not answered at all: bound the wait. */
const CONNECT_TIMEOUT_MS = 10_000;

const PORT_TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']);

/** Resolves with a connected socket; rejects with the system's error (`code` ECONNREFUSED ...). */
export async function dial(address: GlusterdAddress): Promise<Socket> {
  if (address.transport === 'unix') return opened(connect({ path: address.host }));
  for (const localPort of privilegedPorts()) {
    try {
      return await secured(address, await opened(connectFrom(address, localPort)));
    } catch (error) {
      if (!PORT_TAKEN.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return secured(address, await opened(connectFrom(address, undefined)));
}

function connectFrom(address: GlusterdAddress, localPort: number | undefined): Socket {
  const { host, port, family } = address;
  return connect({
    host,
    port,
    family,
    noDelay: true,
    keepAlive: true,
    ...(localPort === undefined ? {} : { localPort }),
  });
}

function opened(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('connecting timed out'), { code: 'ETIMEDOUT' }));
    }, CONNECT_TIMEOUT_MS);
    const failed = (error: Error): void => {
      clearTimeout(timer);
      reject(firstOf(error));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** Several addresses of a name fail together as an AggregateError: the first failure tells most. */
function firstOf(error: Error): Error {
  return error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as Error) : error;
}

/** TLS as GlusterFS does it: both sides show certificates of the authority, names are not compared. */
async function secured(address: GlusterdAddress, socket: Socket): Promise<Socket> {
  if (!address.tls) return socket;
  const [{ connect: connectTls }, { readCertificates }] = await Promise.all([
    import('node:tls'),
    import('./certificates.js'),
  ]);
  const secure = connectTls({ socket, ...readCertificates(), checkServerIdentity: () => undefined });
  return new Promise((resolve, reject) => {
    secure.once('error', reject);
    secure.once('secureConnect', () => {
      secure.off('error', reject);
      resolve(secure);
    });
  });
}
