/**
 * Entry point of brickd: a brick process with glusterfsd's options, or a command. It loads only what that use needs: a
 * brick process that goes to the background loads no more than its options and the launcher.
 */
import { UsageError } from './arguments/argp.js';
import { type BrickArguments, brickArguments } from './arguments/brick-arguments.js';
import { surviveClosedPipes } from './cli/closed-pipe.js';
import { CALL_VARIABLE, callArguments, unpackCall } from './daemon/call.js';

/** What a shell's completion script asks with. */
const COMPLETE = '--get-yargs-completions';

async function run(): Promise<void> {
  surviveClosedPipes();
  const first = process.argv[2];
  if (first === undefined || !first.startsWith('-') || first === COMPLETE) return command();
  const packed = process.env[CALL_VARIABLE];
  delete process.env[CALL_VARIABLE];
  const argv = packed === undefined ? callArguments() : unpackCall(packed);
  let args: BrickArguments;
  try {
    args = brickArguments(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(error.text, 'latin1');
    process.exitCode = error.exitStatus;
    return;
  }
  if (args.print !== '') return (await import('./cli/print.js')).print(args.print);
  if (args.processName !== '' && args.processName !== 'brick') {
    return (await import('./daemon/stock.js')).runStock(argv, args.processName);
  }
  if (packed === undefined && !args.foreground) return (await import('./daemon/launch.js')).launch(argv);
  const { runBrickProcess } = await import('./daemon/brick-process.js');
  const { makeServer } = await import('./server-factory.js');
  return runBrickProcess(args, { launched: packed !== undefined, makeServer: () => makeServer() });
}

async function command(): Promise<void> {
  const { runCommand } = await import('./commands.js');
  return runCommand(process.argv.slice(2));
}

await run();
