/** Opens the connection to glusterd: TCP from a privileged port where possible, a unix socket, or TLS. */
import { connect, type Socket } from 'node:net';
import { DEFAULT_DEPTH } from '../../mux/tls/defaults.js';
import { secureAccess } from '../../mux/tls/secure-access.js';
import { privilegedPorts } from './source-port.js';

export interface GlusterdAddress {
  /** Host, or with `transport` unix the path of a socket. */
  host: string;
  port: number;
  transport: 'socket' | 'unix';
  /** 0: whatever the name resolves to. */
  family: 0 | 4 | 6;
  /** 'by file': when secure-access asks for it, which is looked for at each connection. Unix sockets never have TLS. */
  tls: boolean | 'by file';
}

/** A SYN that meets a full backlog is not answered at all: bound the wait. */
const CONNECT_TIMEOUT_MS = 10_000;

const PORT_TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']);

/**
 * Resolves with a connected socket; rejects with the system's error (`code` ECONNREFUSED ...), a CertificateFailure, or a TlsFailure.
 */
export async function dial(address: GlusterdAddress): Promise<Socket> {
  if (address.transport === 'unix') return opened(connect({ path: address.host }));
  const secure = await securityOf(address);
  return secure(await openedFromPrivilegedPort(address));
}

async function openedFromPrivilegedPort(address: GlusterdAddress): Promise<Socket> {
  for (const localPort of privilegedPorts()) {
    try {
      return await opened(connectFrom(address, localPort));
    } catch (error) {
      if (!PORT_TAKEN.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return opened(connectFrom(address, undefined));
}

/** What makes a connected socket secure. The certificates are read before connecting: without them glusterd is not bothered. */
async function securityOf({ tls }: GlusterdAddress): Promise<(socket: Socket) => Socket | Promise<Socket>> {
  const asked = tls === false ? null : await secureAccess();
  if (tls === false || (tls === 'by file' && asked === null)) return (socket) => socket;
  const [{ clientContext }, { secured }] = await Promise.all([import('./certificates.js'), import('./tls-client.js')]);
  const context = await clientContext();
  return (socket) => secured(socket, context, asked?.depth ?? DEFAULT_DEPTH);
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
