/** The QoS bench inside its throw-away host: runs the cases, prints what they tell, and the plots for main.ts to write. */
import type { Figure, Setting } from './case.js';
import { CASES } from './cases.js';

const options = JSON.parse(process.argv[2] ?? '{}') as { a: string; seconds: string; only: string[]; files: string };
const setting: Setting = { brickd: options.a, seconds: Number(options.seconds), files: Number(options.files) };

function line({ what, value, unit, goal }: Figure): string {
  const asked =
    goal === undefined
      ? ''
      : value >= goal[0] && value <= goal[1]
        ? 'ok'
        : `NOT from ${goal[0].toFixed(1)} to ${goal[1].toFixed(1)}`;
  const shown = Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
  return `  ${what.padEnd(62)}${shown.padStart(9)} ${unit.padEnd(6)} ${asked}`;
}

let missed = 0;
for (const c of CASES.filter(({ name }) => options.only.length === 0 || options.only.some((o) => name.includes(o)))) {
  console.log(c.name);
  try {
    const { figures, plots } = await c.run(setting);
    for (const f of figures) {
      console.log(line(f));
      if (f.goal !== undefined && !(f.value >= f.goal[0] && f.value <= f.goal[1])) missed++;
    }
    for (const [name, svg] of plots) console.log(`@plot ${JSON.stringify({ name, svg })}`);
  } catch (error) {
    missed++;
    console.log(`  failed: ${(error as Error).stack}`);
    break;
  }
}
process.exit(missed > 0 ? 1 : 0);
