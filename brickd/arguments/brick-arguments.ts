/** The parsed and checked command line of a brick process. */

import { readlinkSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { defined } from '../../native/assert.js';
import { type ByteString, bytesOfLatin1, bytesOfText, latin1OfBytes, NO_BYTES } from '../../native/bytes.js';
import { parseOverride } from '../../volfiles/overrides.js';
import { booleanOf } from '../../volfiles/values.js';
import type { XlatorOption } from '../brick-server.js';
import { STANDARD_ERROR } from '../log/standard-error.js';
import { parseLine, UsageError } from './argp.js';
import { CHECKS, integerOf } from './checks.js';
import { LOG_DIRECTORY } from './gluster-directories.js';
import { GLUSTERFSD_OPTIONS } from './glusterfsd-options.js';

const GLUSTERD_PORT = 24007;
const DEFAULT_VOLFILE = '/etc/glusterfs/glusterfsd.vol';
const REFUSED = 255;

export interface BrickArguments {
  /** As the process was called. */
  argv: ByteString[];
  /** glusterd hosts, the first one is used; empty with a volfile of the local disk. */
  servers: string[];
  serverPort: number;
  serverTransport: string;
  volfileId: string;
  /** Absolute path; empty when the volfile comes from glusterd. */
  volfile: ByteString;
  pidFile: ByteString;
  socketFile: ByteString;
  brickName: ByteString;
  /** Port to sign in with; 0 for none. */
  brickPort: number;
  brickPort2: number;
  foreground: boolean;
  debug: boolean;
  logFile: ByteString;
  logLevel: string;
  logFormat: string;
  logBufferSize: number;
  logFlushTimeoutS: number;
  syslog: boolean;
  localTime: boolean;
  xlatorOptions: XlatorOption[];
  oomScoreAdj: string;
  secureMgmt: boolean | undefined;
  /** Kind of process: 'brick', or another service that glusterd runs; '' when not given. */
  processName: string;
  brickMux: boolean;
  runId: string;
  volumeName: string;
  obsoleteFetchAttempts: boolean;
  /** Where metrics are served; undefined when not given. */
  metrics: string | undefined;
  /** Something to print instead of serving. */
  print: '' | 'version' | 'help' | 'usage' | 'xlatordir' | 'statedumpdir' | 'logdir' | 'libexecdir';
}

/** Text after `Usage:` for arguments beyond the options. */
const USAGE_FORMS = (program: string): string =>
  `Usage: ${program} [OPTION...] --volfile-server=SERVER [MOUNT-POINT]\n` +
  `  or:  ${program} [OPTION...] --volfile=VOLFILE [MOUNT-POINT]\n`;

type Setter = (a: BrickArguments, value: string) => void;

/** The directory of the process in exact bytes, which process.cwd() has not. */
const currentDirectory = (): string => readlinkSync('/proc/self/cwd', 'latin1');

/** path: a word of the command line, which is a byte string. */
const absolute = (path: string): ByteString =>
  bytesOfLatin1(path.startsWith('/') ? resolve(path) : resolve(currentDirectory(), path));

/** The number of a value that {@link CHECKS} has let pass. */
const checked = (value: string, base10 = false): number =>
  defined(integerOf(value, base10), 'numbers of the command line are checked');

/** What each option that matters to a brick sets. Values are checked before. */
const SETTERS: Readonly<Record<string, Setter>> = {
  'volfile-server': (a, v) => a.servers.push(v),
  volfile: (a, v) => (a.volfile = absolute(v)),
  'volfile-server-port': (a, v) => (a.serverPort = checked(v, true)),
  'volfile-server-transport': (a, v) => (a.serverTransport = v),
  'volfile-id': (a, v) => (a.volfileId = v),
  'pid-file': (a, v) => (a.pidFile = absolute(v)),
  'socket-file': (a, v) => (a.socketFile = absolute(v)),
  'brick-name': (a, v) => (a.brickName = bytesOfLatin1(v)),
  'brick-port': (a, v) => {
    const [first = '', second] = v.split(',');
    a.brickPort = checked(first, true);
    a.brickPort2 = second === undefined ? 0 : checked(second, true);
  },
  'no-daemon': (a) => (a.foreground = true),
  debug: (a) => (a.debug = true),
  'log-file': (a, v) => (a.logFile = v === STANDARD_ERROR ? bytesOfLatin1(v) : absolute(v)),
  'log-level': (a, v) => (a.logLevel = v.toLowerCase()),
  'log-format': (a, v) => (a.logFormat = v.toLowerCase()),
  'log-buf-size': (a, v) => (a.logBufferSize = checked(v)),
  'log-flush-timeout': (a, v) => (a.logFlushTimeoutS = checked(v)),
  logger: (a, v) => (a.syslog = v.toLowerCase() === 'syslog'),
  'localtime-logging': (a) => (a.localTime = true),
  'xlator-option': (a, v) => {
    const option = parseOverride(v);
    if (option !== undefined) a.xlatorOptions.push({ xlator: option.volume, key: option.key, value: option.value });
  },
  'oom-score-adj': (a, v) => (a.oomScoreAdj = v),
  'secure-mgmt': (a, v) => (a.secureMgmt = v === '' || booleanOf(v) === true),
  'process-name': (a, v) => {
    a.processName = v;
  },
  'brick-mux': (a) => (a.brickMux = true),
  'run-id': (a, v) => (a.runId = v),
  'volume-name': (a, v) => (a.volumeName = v),
  'volfile-max-fetch-attempts': (a) => (a.obsoleteFetchAttempts = true),
  metrics: (a, v) => (a.metrics = v),
  'print-xlatordir': (a) => (a.print = 'xlatordir'),
  'print-statedumpdir': (a) => (a.print = 'statedumpdir'),
  'print-logdir': (a) => (a.print = 'logdir'),
  'print-libexecdir': (a) => (a.print = 'libexecdir'),
};

/**
 * Parses argv (program first). Relative paths are taken from the present directory.
 * Throws UsageError: 64 for options that do not parse, 255 for refused values and combinations.
 */
export function brickArguments(argv: readonly ByteString[]): BrickArguments {
  const words = argv.map(latin1OfBytes);
  const program = basename(words[0] ?? 'glusterfsd');
  const line = parseLine(GLUSTERFSD_OPTIONS, words.slice(1), program);
  const a: BrickArguments = {
    argv: [...argv],
    servers: [],
    serverPort: GLUSTERD_PORT,
    serverTransport: 'socket',
    volfileId: '',
    metrics: undefined,
    volfile: NO_BYTES,
    pidFile: NO_BYTES,
    socketFile: NO_BYTES,
    brickName: NO_BYTES,
    brickPort: 0,
    brickPort2: 0,
    foreground: false,
    debug: false,
    logFile: NO_BYTES,
    logLevel: 'info',
    logFormat: 'with-msg-id',
    logBufferSize: 5,
    logFlushTimeoutS: 120,
    syslog: false,
    localTime: false,
    xlatorOptions: [],
    oomScoreAdj: '',
    secureMgmt: undefined,
    processName: '',
    brickMux: false,
    runId: '',
    volumeName: '',
    obsoleteFetchAttempts: false,
    print: '',
  };
  for (const { name, value } of line.options) {
    if (name === 'version' || name === 'help' || name === 'usage') {
      a.print = name;
      return a;
    }
    const bad = CHECKS[name]?.(value);
    if (bad !== undefined) throw new UsageError(`${program}: ${bad.message}\n`, REFUSED);
    SETTERS[name]?.(a, value ?? '');
  }
  if (line.args.length > 1) {
    const hint = `Try \`${program} --help' or \`${program} --usage' for more information.\n`;
    throw new UsageError(USAGE_FORMS(program) + hint, 64);
  }
  if (a.print !== '') return a;
  complete(a, line, program);
  return a;
}

function complete(a: BrickArguments, line: { options: { name: string }[]; args: string[] }, program: string): void {
  const refuse = (message: string): UsageError => new UsageError(`${program}: ${message}\n`, REFUSED);
  const asked = new Set(line.options.map((o) => o.name));
  if (asked.has('print-netgroups') || asked.has('print-exports')) {
    throw refuse(
      'checking netgroups and exports files belongs to the NFS server of GlusterFS, which brickd does not have',
    );
  }
  if (line.args.length === 1)
    throw refuse(`cannot mount on ${line.args[0]}: brickd serves bricks, use glusterfs to mount`);
  if (a.volumeName !== '') throw refuse('--volume-name is not supported: the last volume of the volfile is the top');
  if (a.servers.length > 0 && a.volfileId === '') {
    throw refuse("ERROR: '--volfile-id' is mandatory if '-s' OR '--volfile-server' option is given");
  }
  if (a.servers.length > 0) a.volfile = NO_BYTES;
  else if (a.volfile.length === 0) a.volfile = bytesOfText(DEFAULT_VOLFILE);
  if (a.debug) {
    a.logLevel = 'debug';
    a.logFile = bytesOfText(STANDARD_ERROR);
    a.foreground = true;
  }
  if (a.logFile.length === 0) a.logFile = defaultLogFile(a);
}

/** Where glusterfsd logs when it isn't told: named after the volfile, or its id. */
function defaultLogFile(a: BrickArguments): ByteString {
  const flat = (s: string): string => s.replace(/^\/+/, '').replaceAll('/', '-');
  const [server] = a.servers;
  const name = server === undefined ? flat(latin1OfBytes(a.volfile)) : `${flat(server)}-${flat(a.volfileId)}`;
  return bytesOfLatin1(`${LOG_DIRECTORY}/${name}.log`);
}
