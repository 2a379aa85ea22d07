/** The command line of brickd's commands (all uses but that as a brick process). */
import yargs from 'yargs';
import { CommandError } from './cli/command-error.js';
import { VERSION } from './version.js';

const port = (n: number): number => {
  if (!Number.isInteger(n) || n < 0 || n > 65535) throw new CommandError('a port is a number from 0 to 65535');
  return n;
};

/** argv: without node and program. */
export async function runCommand(argv: string[]): Promise<void> {
  if (argv.length === 0 || argv[0] === 'help') {
    (await import('./cli/print.js')).print('help');
    return;
  }
  try {
    await commandParser(argv).parseAsync();
  } catch (error) {
    const known = error instanceof CommandError ? error : usageError(error);
    if (known === undefined) throw error;
    process.stderr.write(`brickd: ${known.message}\n`);
    process.exitCode = known.exitStatus;
  }
}

/** What is wrong with a value, yargs reports as an error of its own. */
const usageError = (error: unknown): CommandError | undefined =>
  error instanceof Error && error.name === 'YError' ? new CommandError(error.message, 64) : undefined;

/** Created for each use. Man pages and completion are generated from it, too. */
export function commandParser(argv: string[]) {
  return yargs(argv)
    .scriptName('brickd')
    .command(
      'serve',
      'Serve sample bricks from a folder, to try brickd without glusterd',
      (y) =>
        y
          .option('data', {
            type: 'string',
            default: './brickd-data',
            describe: 'Folder of the bricks; made if missing',
          })
          .option('port', { type: 'number', default: 24100, coerce: port, describe: 'Port that clients connect to' })
          .option('bricks', { type: 'number', default: 1, describe: 'Number of bricks' })
          .option('workers', {
            type: 'number',
            describe: 'Threads that serve bricks, at most; as many as cores, up to 4, if not given',
          })
          .option('bind', { type: 'string', default: '127.0.0.1', describe: "Address to listen on; '*' for all" })
          .option('metrics-port', {
            type: 'number',
            default: 24101,
            coerce: port,
            describe: 'Port of metrics and status; 0 for none',
          })
          .option('log-level', { type: 'string', default: 'INFO', describe: 'As for a brick process' }),
      async (o) =>
        (await import('./cli/serve/serve.js')).serve({
          ...o,
          metricsPort: o['metrics-port'],
          logLevel: o['log-level'],
        }),
    )
    .command(
      'check <volume>',
      'Check a volume of this node, or a volfile, and say what of it brickd serves',
      (y) =>
        y.positional('volume', {
          type: 'string',
          demandOption: true,
          describe: 'Name of the volume, or path of a volfile',
        }),
      async (o) => (await import('./cli/check.js')).check(o.volume),
    )
    .command(
      'install',
      'Make the glusterd of this node start brickd for its bricks',
      (y) =>
        y
          .option('volume', {
            type: 'string',
            array: true,
            nargs: 1,
            requiresArg: true,
            default: [],
            describe: 'Only bricks of this volume (may be repeated)',
          })
          .option('all', { type: 'boolean', default: false, describe: 'Bricks of all volumes of this node' })
          .option('node', { type: 'string', default: process.execPath, describe: 'Node.js program to run brickd with' })
          .option('fallback', {
            type: 'boolean',
            default: true,
            describe:
              'Start stock bricks, with a message to syslog, while brickd or Node.js cannot run; --no-fallback fails instead',
          })
          .option('force', {
            type: 'boolean',
            default: false,
            describe:
              'Install although other users than root can change what root is going to run, or brickd does not serve a volume',
          })
          .option('refresh', {
            type: 'boolean',
            default: false,
            hidden: true,
            describe: 'Write the wrapper of an installed brickd anew, with the settings that it has',
          }),
      async (o) => (await import('./cli/install.js')).install(o),
    )
    .command(
      'uninstall',
      'Undo install, or take single volumes out of it',
      (y) =>
        y.option('volume', {
          type: 'string',
          array: true,
          nargs: 1,
          requiresArg: true,
          default: [],
          describe: 'Only this volume goes back to stock',
        }),
      async (o) => (await import('./cli/install.js')).uninstall(o),
    )
    .command(
      'config [file]',
      'Check the configuration file and print the settings in force',
      (y) =>
        y.positional('file', {
          type: 'string',
          describe: 'File to check; the usual one of brick processes if not given',
        }),
      async (o) => (await import('./cli/config.js')).showConfig(o.file),
    )
    .command(
      'top',
      'Show what the brick processes of this node do, live',
      (y) =>
        y
          .option('url', {
            type: 'string',
            array: true,
            default: [],
            describe: 'Metrics address of a process (http://HOST:PORT, unix:/PATH); all of this node if not given',
          })
          .option('once', { type: 'boolean', default: false, describe: 'Print once and end' })
          .option('sort', {
            choices: ['ops', 'read', 'written', 'p99', 'name'] as const,
            default: 'ops' as const,
            describe: 'Order of the bricks',
          })
          .option('user', { type: 'string', describe: 'User, if metrics want one; password in BRICKD_PASSWORD' })
          .option('insecure', { type: 'boolean', default: false, describe: 'Take any certificate' }),
      async (o) => (await import('./cli/top/top.js')).top({ ...o, user: o.user }),
    )
    .command(
      'node',
      'Serve metrics and a page of all bricks that should run on this node, as a service',
      (y) => y,
      async () => (await import('./cli/node.js')).runNodeExporter(),
    )
    .command(
      'statedump [pid]',
      'Ask running brick processes of brickd for a statedump',
      (y) =>
        y
          .positional('pid', { type: 'number', describe: 'Process id; without it, all of this node' })
          .option('json', { type: 'boolean', default: false, describe: 'Print the dumps as JSON, and keep no files' }),
      async (o) => (await import('./cli/statedump.js')).requestStatedumps(o.pid, o.json),
    )
    .command(
      'slow [volume]',
      'Slow fops of the bricks of this node, and where their time went',
      (y) =>
        y
          .positional('volume', { type: 'string', describe: 'Only its bricks' })
          .option('brick', { type: 'string', describe: 'Only this brick' })
          .option('json', { type: 'boolean', default: false, describe: 'As JSON' }),
      async (o) => (await import('./cli/slow.js')).showSlow({ json: o.json, volume: o.volume, brick: o.brick }),
    )
    .command('qos', 'Tenants of running bricks: rates, shares, queues', (y) =>
      y
        .command(
          'show [volume]',
          'Effective rules and counters of the bricks of this node that have user/qos',
          (z) =>
            z
              .positional('volume', { type: 'string', describe: 'Only its bricks' })
              .option('json', { type: 'boolean', default: false, describe: 'As JSON' }),
          async (o) => (await import('./cli/qos.js')).show(o),
        )
        .command(
          'explain [volume]',
          'Which tenant the fops of a client belong to, and why',
          (z) =>
            z
              .positional('volume', { type: 'string', describe: 'Only this volume' })
              .option('client', { type: 'string', default: '', describe: 'Address of the client' })
              .option('pid', { type: 'number', default: 1, describe: 'Process id that it calls with' })
              .option('uid', { type: 'number', default: 0, describe: 'User' })
              .option('gid', { type: 'number', default: 0, describe: 'Group' })
              .option('process', { type: 'string', default: '', describe: 'Its process-uuid or process name' })
              .option('user', { type: 'string', describe: 'Its user of auth.login' })
              .option('subdir', { type: 'string', default: '/', describe: 'Sub-directory that it has mounted' })
              .option('path', { type: 'string', default: '', describe: 'What it works on' }),
          async (o) => (await import('./cli/qos.js')).explain({ ...o, user: o.user, volume: o.volume }),
        )
        .demandCommand(1),
    )
    .completion(
      'completion',
      'Print a script that completes the words of brickd in bash or, where that is the SHELL, in zsh',
    )
    .demandCommand(1)
    .strict()
    .version(VERSION)
    .help()
    .fail((message, error, y) => {
      if (error !== undefined && error !== null) throw error;
      y.showHelp();
      throw new CommandError(message, 64);
    });
}
