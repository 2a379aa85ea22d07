/**
 * Every option of GlusterFS's glusterfsd: the brick ones, and those of mounts, which parse and have no effect on a brick.
 * Order and names are glusterfsd's, since abbreviations and the messages about ambiguous ones depend on them.
 */
import type { OptionSpec } from './argp.js';

const value = (name: string, placeholder: string, help: string, more: Partial<OptionSpec> = {}): OptionSpec => ({
  name,
  takes: 'value',
  value: placeholder,
  help,
  ...more,
});
const flag = (name: string, help: string, more: Partial<OptionSpec> = {}): OptionSpec => ({
  name,
  takes: 'nothing',
  help,
  ...more,
});
const optional = (name: string, placeholder: string, help: string, more: Partial<OptionSpec> = {}): OptionSpec => ({
  name,
  takes: 'optional',
  value: placeholder,
  help,
  ...more,
});
const MOUNT = 'Option of mounts; accepted, without effect on a brick';
const mountValue = (name: string, placeholder: string): OptionSpec => value(name, placeholder, MOUNT);
const mountFlag = (name: string): OptionSpec => flag(name, MOUNT);
const mountBool = (name: string): OptionSpec => optional(name, 'BOOL', MOUNT);

export const GLUSTERFSD_OPTIONS: readonly OptionSpec[] = [
  value('volfile-server', 'SERVER', 'glusterd that the volfile comes from', { letter: 's' }),
  value('volfile', 'VOLFILE', 'Volfile to serve, instead of one from glusterd', { letter: 'f' }),
  value('spec-file', 'VOLFILE', 'Old name of --volfile', { hidden: true, aliasOf: 'volfile' }),
  value('log-level', 'LOGLEVEL', 'TRACE, DEBUG, INFO (default), WARNING, ERROR, CRITICAL or NONE', { letter: 'L' }),
  value('log-file', 'LOGFILE', 'Log file', { letter: 'l' }),
  value('logger', 'LOGGER', 'gluster-log (default) or syslog'),
  value('log-format', 'LOG-FORMAT', 'with-msg-id (default) or no-msg-id'),
  value('log-buf-size', 'LOG-BUF-SIZE', 'Messages remembered to suppress repetitions, 0 to 20 [default: 5]'),
  value('log-flush-timeout', 'LOG-FLUSH-TIMEOUT', 'Seconds until repetitions are logged, 30 to 300 [default: 120]'),

  value('volfile-server-port', 'PORT', 'Port of glusterd [default: 24007]'),
  value('volfile-server-transport', 'TRANSPORT', 'socket (default) or unix: SERVER is the path of a socket'),
  value('volfile-id', 'KEY', 'Which volfile to ask glusterd for'),
  value('pid-file', 'PIDFILE', 'File that holds the process id, locked while the process lives', { letter: 'p' }),
  value('socket-file', 'SOCKFILE', 'Unix socket for the brick operations of glusterd', { letter: 'S' }),
  flag('no-daemon', 'Stay in the foreground', { letter: 'N' }),
  value('run-id', 'RUN-ID', 'Free text that marks the process', {
    letter: 'r',
    hidden: true,
  }),
  flag('debug', 'As --no-daemon --log-level DEBUG, with the log on standard error'),
  value('volume-name', 'XLATOR-NAME', 'Not supported: the last volume of the volfile is the top'),
  value('xlator-option', 'XLATOR-NAME.OPTION=VALUE', 'Sets an option of the translators whose names match'),
  mountFlag('read-only'),
  mountFlag('acl'),
  mountFlag('selinux'),
  mountFlag('capability'),
  mountValue('subdir-mount', 'SUBDIR-PATH'),

  value('print-netgroups', 'NETGROUP-FILE', 'Option of the NFS server; not supported', { letter: 'n' }),
  value('print-exports', 'EXPORTS-FILE', 'Option of the NFS server; not supported', { letter: 'e' }),
  optional('print-xlatordir', '', 'Print the directory of the translators'),
  optional('print-statedumpdir', '', 'Print the directory of statedumps'),
  optional('print-logdir', '', 'Print the directory of logs'),
  optional('print-libexecdir', '', 'Print the directory of helper programs'),

  value('volfile-max-fetch-attempts', '0', 'Obsolete; accepted', { hidden: true }),
  mountFlag('aux-gfid-mount'),
  mountBool('enable-ino32'),
  mountFlag('worm'),
  mountBool('mac-compat'),
  value('brick-name', 'BRICK-NAME', 'Brick directory, as registered with glusterd', { hidden: true }),
  value('brick-port', 'BRICK-PORT', 'Port to register with glusterd', { hidden: true }),
  mountBool('fopen-keep-cache'),
  optional('global-timer-wheel', 'BOOL', 'Accepted, without effect'),
  mountFlag('thin-client'),
  optional('global-threading', 'BOOL', 'Accepted, without effect'),
  optional('direct-io-mode', 'BOOL|auto', MOUNT),
  mountValue('entry-timeout', 'SECONDS'),
  mountValue('negative-timeout', 'SECONDS'),
  mountValue('attribute-timeout', 'SECONDS'),
  mountValue('gid-timeout', 'SECONDS'),
  mountFlag('resolve-gids'),
  mountValue('lru-limit', 'N'),
  mountValue('invalidate-limit', 'N'),
  mountValue('background-qlen', 'N'),
  mountValue('congestion-threshold', 'N'),
  value('oom-score-adj', 'INTEGER', 'oom_score_adj of the process, -1000 to 1000'),
  value('client-pid', 'PID', MOUNT, { hidden: true }),
  mountBool('no-root-squash'),
  value('user-map-root', 'USER', MOUNT, { hidden: true }),
  mountValue('dump-fuse', 'PATH'),
  mountFlag('volfile-check'),
  flag('no-mem-accounting', 'Accepted, without effect', { hidden: true }),
  value('fuse-mountopts', 'OPTIONS', MOUNT, { hidden: true }),
  mountBool('use-readdirp'),
  optional('secure-mgmt', 'BOOL', 'TLS on the connection to glusterd [default: whether secure-access exists]'),
  flag('localtime-logging', 'Times in the log are local'),
  value('process-name', 'PROCESS-NAME', 'Kind of process', { hidden: true }),
  mountBool('event-history'),
  optional('reader-thread-count', 'INTEGER', MOUNT),
  mountBool('kernel-writeback-cache'),
  optional('attr-times-granularity', 'NS', MOUNT),
  optional('fuse-flush-handle-interrupt', 'BOOL', MOUNT, { hidden: true }),
  mountBool('auto-invalidation'),
  value('fuse-dev-eperm-ratelimit-ns', 'OPTIONS', MOUNT, { hidden: true }),
  value('fs-display-name', 'DISPLAY-NAME', MOUNT, { hidden: true }),
  flag('brick-mux', 'The process may be given further bricks'),
  optional('io-engine', 'ENGINE', 'Accepted, without effect'),
  value('metrics', 'ADDRESS', 'Where metrics and status page are served, as BRICKD_METRICS; none for nowhere'),

  flag('help', 'Show this help', { letter: '?' }),
  flag('usage', 'Show a short usage message'),
  flag('version', 'Show the version', { letter: 'V' }),
];
