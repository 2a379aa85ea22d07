import { type BrickArguments, brickArguments } from '../../../brickd/arguments/brick-arguments.js';
import { bytesOfText } from '../../../native/bytes.js';

/** The command line of a brick process, whose words are text. */
export const commandLine = (words: readonly string[]): BrickArguments => brickArguments(words.map(bytesOfText));
