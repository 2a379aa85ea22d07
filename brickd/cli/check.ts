/** `brickd check`: reports problems of a volfile, and what in it brickd does not implement. */
import { existsSync, readFileSync } from 'node:fs';
import { printable } from '../../mux/base/printable.js';
import { bytesOfText, latin1OfBytes } from '../../native/bytes.js';
import { checkVolfile } from '../../volfiles/check.js';
import { problemText, type VolfileProblem } from '../../volfiles/problem.js';
import { implemented, optionTableOf } from '../translators/catalog.js';
import { demandProblems } from '../translators/demands.js';
import { qosProblems } from '../translators/user/qos/problems.js';
import { CommandError } from './command-error.js';
import { brickVolfiles, isVolume, volumeNames } from './node-volumes.js';

/** Problems of a file. Throws a CommandError when it cannot be read. */
function problemsOf(file: string): VolfileProblem[] {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${(error as Error).message}`);
  }
  return checkVolfile(text, nameOf(file), optionTableOf, (graph) => [
    ...demandProblems(graph, implemented),
    ...qosProblems(graph),
  ]);
}

// Problems quote the volfile, which is bytes: so is all that is printed.
const nameOf = (file: string): string => latin1OfBytes(bytesOfText(file));

const lineOf = (file: string, problem: VolfileProblem): string =>
  printable(`${problem.severity}: ${problemText(nameOf(file), problem)}`);

/** Lines of what brickd would refuse to serve of a volume of this node. */
export const refusals = (volume: string): string[] =>
  brickVolfiles(volume).flatMap((file) =>
    problemsOf(file)
      .filter((problem) => problem.severity === 'error')
      .map((problem) => lineOf(file, problem)),
  );

/** Prints a line per problem. Returns how many of them are errors. */
function checkFile(file: string): number {
  const problems = problemsOf(file);
  for (const problem of problems) process.stdout.write(`${lineOf(file, problem)}\n`, 'latin1');
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  if (errors === 0)
    process.stdout.write(`${file} can be served${problems.length > 0 ? ', with the warnings above' : ''}\n`);
  return errors;
}

const errorCount = (errors: number): string => `${errors} error${errors === 1 ? '' : 's'}`;

/** what: a file, or a volume of this node. Throws a CommandError when something of it cannot be read or served. */
export function check(what: string): void {
  if (existsSync(what) || !isVolume(what)) {
    if (!existsSync(what) && !what.includes('/')) {
      const volumes = volumeNames();
      const known =
        volumes.length === 0 ? 'this node has no volumes' : `volumes of this node are ${volumes.join(', ')}`;
      throw new CommandError(`there is no file ${what}, and no volume of that name; ${known}`);
    }
    const errors = checkFile(what);
    if (errors > 0) throw new CommandError(`${what} cannot be served: ${errorCount(errors)}`);
    return;
  }
  const files = brickVolfiles(what);
  if (files.length === 0) throw new CommandError(`volume ${what} has no volfiles of bricks yet`);
  const errors = files.reduce((sum, file) => sum + checkFile(file), 0);
  if (errors > 0) throw new CommandError(`volume ${what} cannot be served: ${errorCount(errors)}`);
}
