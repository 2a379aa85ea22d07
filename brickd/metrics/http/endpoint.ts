/**
 * The listening socket of the HTTP endpoint: TCP or unix, plain or TLS, open to everybody or to users with a password.
 */
import { unlinkSync } from 'node:fs';
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describeThrown } from '../../../mux/base/fault.js';
import { textLoggerFor } from '../../../mux/base/log.js';
import { chmodOwnSocket } from '../../../mux/base/own-files.js';
import { bytesOfText } from '../../../native/bytes.js';
import type { StatsSource } from '../families/registry.js';
import { hostAndPort, type MetricsAddress } from './address.js';
import { responder } from './http.js';
import { OwnHosts } from './own-hosts.js';
import { Gate } from './users.js';
import { addHeaders, type ClientAuth, readWebConfig, stateOf, type WebSettings } from './web-config.js';

const log = textLoggerFor('metrics');
/** Who may write to a unix socket: its owner and group. */
const SOCKET_MODE = 0o660;
/** Between two looks at the files of the web configuration. */
const LOOK_MS = 1000;

const OPEN: WebSettings = { tls: undefined, users: new Map(), headers: new Map() };

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export interface EndpointOptions {
  /** File of TLS and users; '' for none. */
  webConfigFile?: string;
  clusterId?: string;
  /** Names by which requests may call this machine, beside those that {@link OwnHosts} knows. */
  hosts?: readonly string[];
  advertise?: string;
}

/** One place at which the endpoint can be reached. */
export interface Place {
  /** Without a path. */
  url: string;
  /** 0 for a unix socket. */
  port: number;
}

/** Whether a client may stay, after the TLS handshake, which lets any certificate pass but for the strictest kind. */
function welcome(socket: TLSSocket, auth: ClientAuth): boolean {
  const given = Object.keys(socket.getPeerCertificate()).length > 0;
  if (auth === 'RequireAnyClientCert') return given;
  if (auth === 'VerifyClientCertIfGiven') return !given || socket.authorized;
  return true;
}

export class Endpoint {
  readonly #listener: Listener;
  readonly #gate = new Gate();
  readonly #hosts: OwnHosts;
  readonly #webConfigFile: string;
  #web: WebSettings = OPEN;
  #state = '';
  #lookedAt = 0;
  readonly #servers = new Set<HttpServer | HttpsServer>();

  /** source: of a brick process's numbers, or what answers the requests. Throws a ConfigError when the web configuration can't be used. */
  constructor(source: StatsSource | Listener, options: EndpointOptions = {}) {
    this.#webConfigFile = options.webConfigFile ?? '';
    const listener = typeof source === 'function' ? source : responder(source, { clusterId: options.clusterId ?? '' });
    this.#hosts = new OwnHosts([...(options.hosts ?? []), ...(options.advertise ? [options.advertise] : [])]);
    this.#listener = (request, response) => {
      this.#guard(request, response, listener).catch((thrown: unknown) => {
        log.error(0, `metrics endpoint: ${describeThrown(thrown)}`);
        response.destroy();
      });
    };
    if (this.#webConfigFile === '') return;
    this.#state = stateOf(this.#webConfigFile);
    this.#web = readWebConfig(this.#webConfigFile);
  }

  get secure(): boolean {
    return this.#web.tls !== undefined;
  }

  async #guard(request: IncomingMessage, response: ServerResponse, pass: Listener): Promise<void> {
    this.#look();
    addHeaders(response, this.#web);
    // Only a browser can be made to call this machine by a name that is not its own, and none speaks to unix sockets.
    if (request.socket.remoteAddress !== undefined && !this.#hosts.has(request.headers.host)) {
      this.#hosts.logOnce(request.headers.host ?? '', log);
      response.writeHead(421, { 'content-type': 'text/plain' });
      response.end(
        'not a name of this machine: if it is one, it belongs into metrics.hosts of the configuration file\n',
      );
      return;
    }
    if (await this.#gate.admits(this.#web.users, request.headers.authorization)) {
      pass(request, response);
      return;
    }
    response.writeHead(401, { 'content-type': 'text/plain', 'www-authenticate': 'Basic realm="brickd"' });
    response.end('unauthorized\n');
  }

  /** Takes up changes of the web configuration. One that can't be used changes nothing. */
  #look(): void {
    const now = performance.now();
    if (this.#webConfigFile === '' || now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const state = stateOf(this.#webConfigFile);
    if (state === this.#state) return;
    this.#state = state;
    try {
      const web = readWebConfig(this.#webConfigFile);
      if ((web.tls === undefined) !== (this.#web.tls === undefined)) {
        log.warning(0, `${this.#webConfigFile}: TLS is switched on or off at the next start only`);
        this.#web = { ...web, tls: this.#web.tls };
        return;
      }
      for (const server of this.#servers) {
        if ('setSecureContext' in server && web.tls !== undefined) server.setSecureContext(web.tls.context);
      }
      this.#web = web;
      log.info(0, `${this.#webConfigFile} has changed and is in effect`);
    } catch (error) {
      log.error(0, `the changed settings are not in effect: ${(error as Error).message}`);
    }
  }

  #makeServer(): HttpServer | HttpsServer {
    const { tls } = this.#web;
    if (tls === undefined) return createServer(this.#listener);
    const { clientAuth } = tls;
    const server = createTlsServer(
      {
        ...tls.context,
        requestCert: clientAuth !== 'NoClientCert',
        rejectUnauthorized: clientAuth === 'RequireAndVerifyClientCert',
      },
      this.#listener,
    );
    server.prependListener('connection', () => this.#look());
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      if (!welcome(socket, this.#web.tls?.clientAuth ?? clientAuth)) socket.destroy();
    });
    return server;
  }

  /** Listens at the first port of a range that is free, or at a unix socket. Rejects when it can't. */
  async listen(address: MetricsAddress): Promise<Place> {
    if (address.kind === 'unix') return this.#listenUnix(address.path);
    const scheme = this.secure ? 'https' : 'http';
    for (let port = address.first; ; port++) {
      try {
        const server = await this.#listening({ host: address.host, port });
        const taken = (server.address() as AddressInfo).port;
        return { url: `${scheme}://${hostAndPort(address.host, taken)}`, port: taken };
      } catch (error) {
        if ((error as { code?: string }).code !== 'EADDRINUSE' || port === address.last) throw error;
      }
    }
  }

  async #listenUnix(path: string): Promise<Place> {
    try {
      await this.#listening({ path });
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE' || (await answers(path))) throw error;
      // Left behind by a process that is no more.
      unlinkSync(path);
      await this.#listening({ path });
    }
    chmodOwnSocket(bytesOfText(path), SOCKET_MODE);
    return { url: `unix:${path}`, port: 0 };
  }

  async #listening(where: { host: string; port: number } | { path: string }): Promise<HttpServer | HttpsServer> {
    const server = this.#makeServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => log.error(0, `metrics endpoint: ${error.message}`));
    this.#servers.add(server);
    return server;
  }

  async close(): Promise<void> {
    const servers = [...this.#servers];
    this.#servers.clear();
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }
}

/** Whether somebody listens at a unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => done(true));
    socket.once('error', (error) => done((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'));
  });
}

/** Starts an endpoint at one TCP address, without further settings. port 0 lets the system choose. Rejects when it can't be had. */
export async function startMetrics(
  source: StatsSource,
  host: string,
  port: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const endpoint = new Endpoint(source);
  const place = await endpoint.listen({ kind: 'tcp', host, first: port, last: port });
  return { port: place.port, close: () => endpoint.close() };
}
