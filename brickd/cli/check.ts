/** `brickd check`: what is wrong with a volfile, and what of it brickd does not serve. */
import { readFileSync } from 'node:fs';
import { printable } from '../../mux/base/printable.js';
import { bytesOfText, latin1OfBytes } from '../../native/bytes.js';
import { checkVolfile } from '../../volfiles/check.js';
import { problemText } from '../../volfiles/problem.js';
import { implemented, optionTableOf } from '../translators/catalog.js';
import { demandProblems } from '../translators/demands.js';
import { qosProblems } from '../translators/user/qos/problems.js';
import { CommandError } from './command-error.js';

/** Prints a line per problem. Throws a CommandError when the file cannot be read or used. */
export function check(file: string): void {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${(error as Error).message}`);
  }
  // Problems quote the volfile, which is bytes: so is all that is printed.
  const name = latin1OfBytes(bytesOfText(file));
  const problems = checkVolfile(text, name, optionTableOf, (graph) => [
    ...demandProblems(graph, implemented),
    ...qosProblems(graph),
  ]);
  for (const problem of problems)
    process.stdout.write(`${printable(`${problem.severity}: ${problemText(name, problem)}`)}\n`, 'latin1');
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  if (errors > 0) throw new CommandError(`${file} cannot be served: ${errors} error${errors === 1 ? '' : 's'}`);
  process.stdout.write(`${file} can be served${problems.length > 0 ? ', with the warnings above' : ''}\n`);
}
