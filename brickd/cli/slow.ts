/** `brickd slow`: fops of the bricks of this node that took long, and those that do, with where their time went. */
import { type BrickSlowFops, type SlowFop, waitText } from '../../mux/brick/slow-fops.js';
import { errnoName } from '../../native/errno.js';
import { SLOW_QUESTION } from '../glusterd/brick-ops.js';
import { askAll } from './brick-question.js';
import { CommandError } from './command-error.js';
import { safe } from './safe-text.js';

/** Names are text here. */
interface Answer extends Omit<BrickSlowFops, 'brick'> {
  brick: string;
}

function lines(slow: SlowFop): string[] {
  const { fop, path, offset, size, client, clientName, peer, pid, uid, ms, underWay, errno, atMs, waits } = slow;
  const range = `${size < 0 ? '' : `, ${size} bytes`}${offset < 0 ? '' : ` at ${offset}`}`;
  const end = underWay ? 'under way' : errno === 0 ? 'done' : errnoName(errno);
  const who = pid === 0 && uid === 0 && fop === 'replies' ? '' : `, pid ${pid}, uid ${uid}`;
  return [
    `  ${new Date(atMs).toISOString()}  ${(ms / 1000).toFixed(2)} s  ${fop} ${path}${range}  ${end}`,
    `    client ${clientName === '' ? client : clientName} (${peer})${who}`,
    ...waits.map((w) => `    ${waitText(w)}`),
  ].map(safe);
}

export async function showSlow(o: {
  volume?: string | undefined;
  brick?: string | undefined;
  json: boolean;
}): Promise<void> {
  const all = await askAll<Answer[]>(SLOW_QUESTION);
  const bricks = all
    .flatMap(({ pid, answer }) => answer.map((a) => ({ pid, ...a })))
    .filter((b) => (o.volume === undefined || b.volume === o.volume) && (o.brick === undefined || b.brick === o.brick));
  if (bricks.length === 0) throw new CommandError('no brick that was asked for runs on this node');
  if (o.json) {
    process.stdout.write(`${JSON.stringify(bricks, null, 2)}\n`);
    return;
  }
  const text = bricks.flatMap(({ brick, volume, slow }) => {
    const head = safe(
      `brick ${brick} of volume ${volume}: ${slow.length === 0 ? 'no slow fop' : `${slow.length} slow fops kept`}`,
    );
    return [head, ...slow.flatMap(lines)];
  });
  process.stdout.write(`${text.join('\n')}\n`);
}
