/** `/healthz`: whether the process is alive, and whether it serves all bricks that it should. */
import { unappliedText } from '../../../mux/brick/brick-facts.js';
import { textOfBytes, textOfLatin1 } from '../../../native/bytes.js';
import type { StatsSource } from '../families/registry.js';

export interface HealthReport {
  /** Of HTTP: 200 or 503. */
  status: number;
  text: string;
}

/** Alive is a process that answers at all: its main thread turns. Starting it anew would help no brick that is down. */
export const alive = (): HealthReport => ({ status: 200, text: 'alive\n' });

/** 200 while every brick that should serve does; 503 naming those that don't. */
export async function healthy(source: StatsSource): Promise<HealthReport> {
  const up = new Set((await source.stats()).flatMap((w) => w.bricks.filter((b) => b.up).map((b) => b.brick)));
  for (const { brick, state } of source.state().bricks) if (state === 'withheld') up.delete(brick);
  const down = source.bricks().filter((b) => !up.has(b));
  if (down.length === 0) return { status: 200, text: `ok: ${up.size} bricks\n` };
  return { status: 503, text: `not serving: ${down.map(textOfBytes).join(', ')}\n` };
}

/** 200 once all bricks serve what their volfiles ask for, none is on its way and no disk hangs; 503 with the reasons. */
export async function ready(source: StatsSource): Promise<HealthReport> {
  const stats = new Map((await source.stats()).flatMap((w) => w.bricks.map((b) => [b.brick, b])));
  const { bricks, attaching } = source.state();
  const reasons: string[] = [];
  if (attaching > 0) reasons.push(`${attaching} bricks are starting`);
  else if (bricks.length === 0) reasons.push('there is no brick yet');
  for (const { brick, state, unapplied } of bricks) {
    const s = stats.get(brick);
    const name = textOfBytes(brick);
    if (state !== 'up') reasons.push(`${name} is ${state}`);
    else if (s === undefined) reasons.push(`${name} does not answer`);
    else if (!s.up) reasons.push(`${name} has failed`);
    else if (s.diskHung) reasons.push(`the disk of ${name} hangs`);
    for (const u of unapplied) reasons.push(`${name}: ${textOfLatin1(unappliedText(u))}`);
  }
  if (reasons.length === 0) return { status: 200, text: `ready: ${bricks.length} bricks\n` };
  return { status: 503, text: `not ready: ${reasons.join('; ')}\n` };
}
