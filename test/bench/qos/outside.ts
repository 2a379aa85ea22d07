/** Outside of the lab: shows what the QoS bench prints, and writes its plots where they stay. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Runs a command; its plots go to `folder`. Resolves with its exit status. */
export function withPlots(program: string, args: string[], folder: string): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('@plot ')) {
      console.log(line);
      return;
    }
    const { name, svg } = JSON.parse(line.slice(6)) as { name: string; svg: string };
    const path = join(folder, `qos-${name}.svg`);
    writeFileSync(path, svg);
    console.log(`  plot: ${path}`);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}
