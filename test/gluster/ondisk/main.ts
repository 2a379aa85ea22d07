/**
 * ondisk check [--no-ctime] [--healed] BRICK ...   prints what is wrong with bricks on disk; status 1 if anything is
 * ondisk describe BRICK                            prints a brick in words that can be compared with another's
 */
import { checkBrick } from './check.js';
import { describeBrick } from './describe.js';

const [, , command, ...rest] = process.argv;
const bricks = rest.filter((word) => !word.startsWith('--'));
if ((command !== 'check' && command !== 'describe') || bricks.length === 0) {
  process.stderr.write('usage: ondisk check [--no-ctime] [--healed] BRICK ... | ondisk describe BRICK\n');
  process.exit(2);
}
const checks = { ctime: !rest.includes('--no-ctime'), healed: rest.includes('--healed') };
for (const brick of bricks) {
  const lines = command === 'check' ? checkBrick(brick, checks) : describeBrick(brick);
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (command === 'check' && lines.length > 0) process.exitCode = 1;
}
