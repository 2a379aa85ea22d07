/**
 * The unix socket at which a brick process answers the node exporter: one per process, by its process id, so that no other process can
 * answer in its place. Only root can reach it, so it asks for no password. It costs a process one descriptor until somebody connects.
 */
import { mkdirSync, unlinkSync } from 'node:fs';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { textLoggerFor } from '../../mux/base/log.js';
import { chmodOwnSocket, DIRECTORY_MODE, PRIVATE_MODE } from '../../mux/base/own-files.js';
import { bytesOfText } from '../../native/bytes.js';

const log = textLoggerFor('metrics');

export const PROCESS_SOCKETS = '/run/brickd/processes';
/** Who may list and enter the folder: root. */
const FOLDER_MODE = 0o700;

export const processSocket = (pid: number, folder = PROCESS_SOCKETS): string => `${folder}/${pid}.sock`;

/** The process that a name in the folder is of; undefined for other files. */
export function pidOfSocket(name: string): number | undefined {
  const m = /^([1-9]\d{0,9})\.sock$/.exec(name);
  return m === null ? undefined : Number(m[1]);
}

/** Another process may be making it at the same time. */
function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

export class ProcessSocket {
  readonly #path: string;
  readonly #makeListener: () => Promise<RequestListener>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #http: Promise<HttpServer> | undefined;

  /** makeListener: called when somebody connects for the first time. */
  constructor(makeListener: () => Promise<RequestListener>, pid: number = process.pid, folder = PROCESS_SOCKETS) {
    this.#path = processSocket(pid, folder);
    this.#makeListener = makeListener;
    this.#server = createServer((socket) => this.#connected(socket));
  }

  /** Rejects with the error of the file system. */
  async listen(): Promise<void> {
    const folder = dirname(this.#path);
    makeFolder(dirname(folder), DIRECTORY_MODE);
    makeFolder(folder, FOLDER_MODE);
    try {
      // Left behind by a process of the same id that is no more.
      unlinkSync(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path: this.#path }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => log.error(0, `${this.#path}: ${error.message}`));
    chmodOwnSocket(bytesOfText(this.#path), PRIVATE_MODE);
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // Nobody else listens for errors until the HTTP server has it.
    socket.on('error', () => socket.destroy());
    this.#http ??= this.#makeHttp();
    this.#http.then(
      (http) => {
        http.emit('connection', socket);
      },
      (error: unknown) => {
        log.error(0, `${this.#path}: ${String(error)}`);
        socket.destroy();
      },
    );
  }

  async #makeHttp(): Promise<HttpServer> {
    const [{ createServer }, listener] = await Promise.all([import('node:http'), this.#makeListener()]);
    return createServer(listener);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      // This removes the socket's file, too.
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
