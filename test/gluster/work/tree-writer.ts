/**
 * A tree of small files that changes all the time: tree-writer DIRECTORY MANIFEST, until SIGTERM, when it writes down what is to be
 * there; tree-writer --check DIRECTORY MANIFEST compares. Creates, appends, renames (also over others) and unlinks; each must succeed,
 * and those that don't are noted in MANIFEST.errors: a cluster within its redundancy hides that bricks fail.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const FILES = 150;
const DIRECTORIES = 5;

type Tree = Map<string, string>;

function step(root: string, tree: Tree, n: number): void {
  const name = `d${n % DIRECTORIES}/f${(n * 7919) % FILES}`;
  const path = join(root, name);
  const old = tree.get(name);
  const text = `${name} ${n}\n`.repeat((n % 13) * 20 + 1);
  if (old === undefined) {
    writeFileSync(path, text);
    tree.set(name, text);
  } else if (n % 4 === 0) {
    unlinkSync(path);
    tree.delete(name);
  } else if (n % 4 === 1) {
    const to = `d${(n + 1) % DIRECTORIES}/r${n % FILES}`;
    renameSync(path, join(root, to));
    tree.delete(name);
    tree.set(to, old);
  } else {
    appendFileSync(path, text);
    tree.set(name, old + text);
  }
}

async function write(root: string, manifest: string): Promise<void> {
  let ending = false;
  process.on('SIGTERM', () => {
    ending = true;
  });
  for (let i = 0; i < DIRECTORIES; i++) mkdirSync(join(root, `d${i}`), { recursive: true });
  const tree: Tree = new Map();
  for (let n = 0; !ending; n++) {
    try {
      step(root, tree, n);
    } catch (error) {
      appendFileSync(`${manifest}.errors`, `step ${n}: ${(error as Error).message}\n`);
    }
    await sleep(2);
  }
  writeFileSync(manifest, JSON.stringify([...tree]));
}

function check(root: string, manifest: string): number {
  const tree: Tree = new Map(JSON.parse(readFileSync(manifest, 'utf8')));
  const problems: string[] = [];
  for (let i = 0; i < DIRECTORIES; i++)
    for (const file of readdirSync(join(root, `d${i}`)))
      if (!tree.has(`d${i}/${file}`)) problems.push(`d${i}/${file} should not be there`);
  for (const [name, text] of tree) {
    try {
      if (readFileSync(join(root, name), 'utf8') !== text) problems.push(`${name} differs`);
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  if (tree.size === 0) problems.push('nothing was made');
  process.stdout.write(problems.slice(0, 10).join('\n'));
  return problems.length === 0 ? 0 : 1;
}

const [first = '', second = '', third = ''] = process.argv.slice(2);
if (first === '--check') process.exitCode = check(second, third);
else await write(first, second);
