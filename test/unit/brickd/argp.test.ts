import t from 'tap';
import { UsageError } from '../../../brickd/arguments/argp.js';
import { commandLine } from './command-line.js';

const HINT = "Try `glusterfsd --help' or `glusterfsd --usage' for more information.\n";
const parse = (...words: string[]) => commandLine(['/usr/sbin/glusterfsd', ...words]);
const refusal = (...words: string[]): UsageError => {
  try {
    parse(...words);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`accepted: ${words.join(' ')}`);
};

t.test('the command line that glusterd gives a brick', async (t) => {
  const line =
    '-s gfhost --volfile-id v1.gfhost.d-b1 -p /run/v1.pid -S /run/gluster/e5.socket --brick-name /d/b1 -l /var/log/b1.log ' +
    '--xlator-option *-posix.glusterd-uuid=0000-11 --process-name brick --brick-port 57016 ' +
    '--xlator-option v1-server.listen-port=57016 --xlator-option transport.address-family=inet6 --brick-mux --localtime-logging';
  const a = parse(...line.split(' '));
  t.match(a, {
    servers: ['gfhost'],
    serverPort: 24007,
    volfileId: 'v1.gfhost.d-b1',
    volfile: '',
    pidFile: '/run/v1.pid',
    socketFile: '/run/gluster/e5.socket',
    brickName: '/d/b1',
    logFile: '/var/log/b1.log',
    processName: 'brick',
    brickPort: 57016,
    brickPort2: 0,
    brickMux: true,
    localTime: true,
    foreground: false,
    xlatorOptions: [
      { xlator: '*-posix', key: 'glusterd-uuid', value: '0000-11' },
      { xlator: 'v1-server', key: 'listen-port', value: '57016' },
      { xlator: 'transport', key: 'address-family', value: 'inet6' },
    ],
  });
});

t.test('spellings', async (t) => {
  t.equal(parse('-f/x/y.vol').volfile, '/x/y.vol');
  t.equal(parse('--volfile=/x/y.vol').volfile, '/x/y.vol');
  t.equal(parse('--spec-file', '/x/y.vol').volfile, '/x/y.vol');
  t.equal(parse('--volfile', 'y.vol').volfile, `${process.cwd()}/y.vol`);
  const cluster = parse('-NL', 'debug', '-f', '/x');
  t.equal(cluster.foreground, true);
  t.equal(cluster.logLevel, 'debug');
  t.equal(parse('--brick-p', '5,6', '-f', '/x').brickPort2, 6, 'abbreviation');
  t.equal(parse('--print-logdir').print, 'logdir');
  t.equal(parse('-V').print, 'version');
  t.equal(parse('--debug', '-f', '/x').logFile, '-');
  t.equal(parse('-f', '/etc/x/y.vol').logFile, '/var/log/glusterfs/etc-x-y.vol.log');
});

t.test('what does not parse exits with 64 and the messages of argp', async (t) => {
  const cases: [string[], string][] = [
    [['--bogus'], "glusterfsd: unrecognized option '--bogus'\n"],
    [['--bogus=3'], "glusterfsd: unrecognized option '--bogus'\n"],
    [['-Z'], "glusterfsd: invalid option -- 'Z'\n"],
    [['--volfile'], "glusterfsd: option '--volfile' requires an argument\n"],
    [['-l'], "glusterfsd: option requires an argument -- 'l'\n"],
    [['--log-le'], "glusterfsd: option '--log-level' requires an argument\n"],
    [['--debug=3'], "glusterfsd: option '--debug' doesn't allow an argument\n"],
    [
      ['--vol=3'],
      "glusterfsd: option '--vol=3' is ambiguous; possibilities: '--volfile-server' '--volfile' '--volfile-server-port' " +
        "'--volfile-server-transport' '--volfile-id' '--volume-name' '--volfile-max-fetch-attempts' '--volfile-check'\n",
    ],
    [['--mem-accounting'], "glusterfsd: unrecognized option '--mem-accounting'\n"],
  ];
  for (const [words, message] of cases) {
    const error = refusal(...words);
    t.equal(error.text, message + HINT);
    t.equal(error.exitStatus, 64, words.join(' '));
  }
  t.equal(refusal('-f', '/x', 'a', 'b').exitStatus, 64, 'more than one argument');
});

t.test('refused values exit with 255', async (t) => {
  const cases: [string[], string][] = [
    [['-L', 'bogus'], 'unknown log level bogus'],
    [['--xlator-option', 'foo'], 'invalid xlator option  foo'],
    [['--xlator-option', 'a.b='], 'invalid xlator option  a.b='],
    [['--brick-port', 'x'], 'unknown brick (listen) port x'],
    [['--brick-port', '0'], 'unknown brick (listen) port 0'],
    [['--brick-port', '5000,x'], 'wrong brick (listen) port 5000'],
    [['--volfile-server-port', '70000'], 'unknown volfile server port 70000'],
    [['--log-buf-size', '33'], 'Invalid log buf size 33. Valid range: [0,20]'],
    [['--log-flush-timeout', 'abc'], 'unknown log flush timeout option abc'],
    [['--oom-score-adj', '1001'], 'unknown oom_score_adj value 1001'],
    [['--subdir-mount', 'x'], `expect '/x', provided just "x"`],
    [['-s', 'h'], "ERROR: '--volfile-id' is mandatory if '-s' OR '--volfile-server' option is given"],
  ];
  for (const [words, message] of cases) {
    const error = refusal(...words);
    t.equal(error.text, `glusterfsd: ${message}\n`);
    t.equal(error.exitStatus, 255);
  }
  t.match(refusal('-f', '/x', '/mnt').text, /cannot mount on \/mnt/);
});
