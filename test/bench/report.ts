/** The bench's table: medians of each side and their ratio, beside what is to be reached. */
import { FIO_TESTS } from './fio.js';
import { median, type Sample } from './measure.js';
import { SMALL_FILE_OPS } from './small-files.js';

const targets = new Map<string, number>();
for (const t of FIO_TESTS) if (t.target !== undefined) targets.set(t.name, t.target);
for (const t of SMALL_FILE_OPS) if (t.target !== undefined) targets.set(`small files: ${t.name}`, t.target);

function cell(text: string | number, width: number): string {
  return String(text).padStart(width);
}

const rounded = (n: number): string => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));

export function table(samples: [name: string, samples: Sample[]][], sides: string[], idleKiB: number[]): string {
  const [a, b] = sides as [string, string];
  const head = `${'test'.padEnd(34)}${cell('ops/s', 18)}${cell('CPU µs/op', 20)}${cell('ratio', 7)}${cell('goal', 6)}${cell('p99 µs', 18)}${cell('RSS MiB', 14)}`;
  const lines = [`${a} against ${b}, medians`, head];
  for (const [name, list] of samples) {
    const of = (side: string, key: 'perSecond' | 'cpuUs' | 'p99Us' | 'rssKiB'): number =>
      median(list.filter((s) => s.side === side).map((s) => s[key]));
    const pair = (key: 'perSecond' | 'cpuUs' | 'p99Us' | 'rssKiB', scale = 1): string =>
      `${rounded(of(a, key) / scale)} / ${rounded(of(b, key) / scale)}`;
    const ratio = of(a, 'cpuUs') / of(b, 'cpuUs');
    const target = targets.get(name);
    const mark = target === undefined ? '' : ratio <= target ? `${target}` : `${target}!`;
    const slower = of(a, 'perSecond') < of(b, 'perSecond') ? ' (slower)' : '';
    lines.push(
      `${name.padEnd(34)}${cell(pair('perSecond'), 18)}${cell(pair('cpuUs'), 20)}${cell(ratio.toFixed(2), 7)}${cell(mark, 6)}` +
        `${cell(pair('p99Us'), 18)}${cell(pair('rssKiB', 1024), 14)}${slower}`,
    );
  }
  lines.push(`idle RSS MiB: ${idleKiB.map((k, i) => `${sides[i]} ${(k / 1024).toFixed(1)}`).join(', ')}`);
  return `${lines.join('\n')}\n`;
}
