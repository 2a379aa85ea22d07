/**
 * Renames files from several processes at once and counts what is left: rename-storm DIRECTORY PROCESSES SECONDS.
 * Each process moves files of its own among shared directories, also over another of its own, and all fight for one
 * file that only one rename at a time can get.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIRECTORIES = 8;
const FILES = 60;

const [, , root = '', processes = '4', seconds = '5', role] = process.argv;
const folder = (i: number): string => join(root, `d${i}`);
const say = (good: boolean, what: string, detail = ''): void => {
  process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);
  if (!good && detail !== '') process.stdout.write(`#| ${detail}\n`);
};

/** One process: reports the names that its files must have now, and how often it won the token. */
function work(id: number): void {
  let seed = id * 7919 + 1;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % below;
  };
  const places = new Map<string, string>();
  for (let i = 0; i < FILES; i++) {
    const place = join(folder(i % DIRECTORIES), `p${id}.${i}`);
    writeFileSync(place, `${id}.${i}`);
    places.set(`${id}.${i}`, place);
  }
  const problems: string[] = [];
  let renames = 0;
  let tokens = 0;
  const end = Date.now() + Number(seconds) * 1000;
  while (Date.now() < end) {
    const names = [...places.keys()];
    const name = names[random(names.length)]!;
    // Now and then onto another file of its own, which goes by that.
    const victim = random(40) === 0 && names.length > 10 ? names[random(names.length)]! : name;
    const target =
      victim === name ? join(folder(random(DIRECTORIES)), `p${id}.${name}.${random(1000)}`) : places.get(victim)!;
    try {
      renameSync(places.get(name)!, target);
      if (victim !== name) places.delete(victim);
      places.set(name, target);
      renames++;
    } catch (error) {
      problems.push(`${places.get(name)} -> ${target}: ${(error as Error).message}`);
    }
    if (renames % 10 === 0) {
      const from = random(DIRECTORIES);
      const to = random(DIRECTORIES);
      try {
        renameSync(join(folder(from), 'token'), join(folder(to), 'token'));
        tokens++;
      } catch (error) {
        // Somebody else has it.
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ESTALE') problems.push(`token: ${(error as Error).message}`);
      }
    }
  }
  process.send!({ places: [...places], problems, renames, tokens });
}

interface Report {
  places: [string, string][];
  problems: string[];
  renames: number;
  tokens: number;
}

async function main(): Promise<void> {
  mkdirSync(root, { recursive: true });
  for (let i = 0; i < DIRECTORIES; i++) mkdirSync(folder(i));
  writeFileSync(join(folder(0), 'token'), 'token');
  const children: ChildProcess[] = [];
  for (let i = 0; i < Number(processes); i++) {
    children.push(fork(fileURLToPath(import.meta.url), [root, processes, seconds, String(i)]));
  }
  const reports = await Promise.all(
    children.map((child) => new Promise<Report>((done) => child.once('message', (r) => done(r as Report)))),
  );
  const problems = reports.flatMap((r) => r.problems);
  say(problems.length === 0, 'every rename succeeds', problems.slice(0, 10).join('; '));
  const renames = reports.reduce((sum, r) => sum + r.renames, 0);
  const tokens = reports.reduce((sum, r) => sum + r.tokens, 0);
  process.stdout.write(`# ${renames} renames, the shared file changed its place ${tokens} times\n`);
  say(renames > 100 && tokens > 0, 'there were renames');
  const want = reports.flatMap((r) => r.places.map(([name, place]) => `${place} ${name}`)).sort();
  const found: string[] = [];
  let shared = 0;
  for (let i = 0; i < DIRECTORIES; i++) {
    for (const name of readdirSync(folder(i))) {
      if (name === 'token') shared++;
      else found.push(`${join(folder(i), name)} ${readFileSync(join(folder(i), name), 'utf8')}`);
    }
  }
  found.sort();
  const lost = want.filter((x) => !found.includes(x));
  const extra = found.filter((x) => !want.includes(x));
  say(lost.length === 0, 'nothing is lost', lost.slice(0, 10).join('; '));
  say(extra.length === 0, 'nothing is doubled', extra.slice(0, 10).join('; '));
  say(shared === 1, 'the shared file is in one place', `it is in ${shared}`);
}

if (role === undefined) await main();
else work(Number(role));
