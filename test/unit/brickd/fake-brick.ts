/**
 * A brick process whose server is a fake: what the tests of the process's life start. With FAKE_FAULT set it throws an
 * uncaught error that many milliseconds after its start.
 */
import { UsageError } from '../../../brickd/arguments/argp.js';
import { brickArguments } from '../../../brickd/arguments/brick-arguments.js';
import { runBrickProcess } from '../../../brickd/daemon/brick-process.js';
import { CALL_VARIABLE, callArguments, unpackCall } from '../../../brickd/daemon/call.js';
import { launch } from '../../../brickd/daemon/launch.js';
import { FakeServer } from './fake-server.js';

const packed = process.env[CALL_VARIABLE];
delete process.env[CALL_VARIABLE];
const argv = packed === undefined ? callArguments() : unpackCall(packed);
try {
  const args = brickArguments(argv);
  if (packed === undefined && !args.foreground) launch(argv);
  else {
    const fault = process.env['FAKE_FAULT'];
    if (fault !== undefined) {
      setTimeout(() => {
        throw new TypeError('a fault');
      }, Number(fault));
    }
    await runBrickProcess(args, { launched: packed !== undefined, makeServer: async () => new FakeServer() });
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(error.text);
  process.exit(error.exitStatus);
}
