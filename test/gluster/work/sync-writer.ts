/**
 * Writers that note what was acknowledged: sync-writer DIRECTORY JOURNAL PROCESSES, until SIGTERM; or
 * sync-writer --check DIRECTORY JOURNAL WHEN, which looks whether all that is in the journal is in the directory.
 *
 * A record is acknowledged when its write and a following fsync, or the creation of its file with an fsync of it, have succeeded.
 * The journal lies outside of the mount. A record is its file's name, its offset and a digest that can be computed again.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const RECORD_BYTES = 5000;
const RECORDS_PER_FILE = 30;

const record = (file: string, index: number): Buffer => {
  const seed = createHash('sha256').update(`${file} ${index}`).digest();
  return Buffer.alloc(RECORD_BYTES, seed);
};

let ending = false;

async function write(directory: string, journal: string, id: string): Promise<void> {
  for (let n = 0; !ending; n++) {
    const name = `w${id}.${n}`;
    let fd = -1;
    for (let i = 0; i < RECORDS_PER_FILE && !ending; ) {
      try {
        if (fd < 0) fd = openSync(join(directory, `${name}.new`), constants.O_CREAT | constants.O_WRONLY);
        writeSync(fd, record(name, i), 0, RECORD_BYTES, i * RECORD_BYTES);
        fsyncSync(fd);
        appendFileSync(journal, `${name} ${i}\n`);
        i++;
      } catch (error) {
        appendFileSync(`${journal}.errors`, `${name} ${i}: ${(error as Error).message}\n`);
        try {
          if (fd >= 0) closeSync(fd);
        } catch {
          // A descriptor that lost its brick.
        }
        fd = -1;
        await sleep(50);
      }
      // The signal that ends it is served between the synchronous calls.
      if (i % 10 === 0) await sleep(0);
    }
    for (let done = fd < 0; !done; ) {
      try {
        if (fd >= 0) closeSync(fd);
        fd = -1;
        // Half of them change their name, which the journal notes too.
        if (n % 2 === 0) {
          renameSync(join(directory, `${name}.new`), join(directory, name));
          appendFileSync(journal, `${name} renamed\n`);
        }
        done = true;
      } catch (error) {
        // Done, though the answer got lost?
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') done = true;
        appendFileSync(`${journal}.errors`, `${name}: ${(error as Error).message}\n`);
        await sleep(50);
      }
    }
  }
}

function check(directory: string, journal: string, when: string): void {
  const files = new Map<string, { records: number[]; renamed: boolean }>();
  let records = 0;
  for (const line of readFileSync(journal, 'utf8').split('\n').slice(0, -1)) {
    const [name = '', what = ''] = line.split(' ');
    const file = files.get(name) ?? { records: [], renamed: false };
    files.set(name, file);
    if (what === 'renamed') file.renamed = true;
    else {
      file.records.push(Number(what));
      records++;
    }
  }
  const problems: string[] = [];
  const read = (name: string): Buffer | undefined => {
    try {
      return readFileSync(join(directory, name));
    } catch {
      return undefined;
    }
  };
  const inode = (name: string): bigint | undefined =>
    statSync(join(directory, name), { bigint: true, throwIfNoEntry: false })?.ino;
  for (const [name, file] of files) {
    const content = read(name) ?? (file.renamed ? undefined : read(`${name}.new`));
    if (content === undefined) {
      problems.push(`${name} is missing${file.renamed ? ' though renamed' : ''}`);
      continue;
    }
    // A rename between bricks that is cut off leaves a second link; tried again, POSIX has it do nothing, and succeed.
    if (file.renamed && inode(`${name}.new`) !== undefined && inode(`${name}.new`) !== inode(name)) {
      problems.push(`${name} and its old name are two files`);
    }
    for (const i of file.records) {
      const got = content.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES);
      if (!got.equals(record(name, i))) problems.push(`${name} lacks record ${i}`);
    }
  }
  const good = problems.length === 0 && records > 0;
  process.stdout.write(`${good ? 'ok' : 'not ok'} all ${records} acknowledged records are there ${when}\n`);
  if (!good) process.stdout.write(`#| ${problems.length} problems: ${problems.slice(0, 10).join('; ')}\n`);
}

async function main(directory: string, journal: string, processes: number): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const children: ChildProcess[] = [];
  for (let i = 0; i < processes; i++) {
    children.push(fork(fileURLToPath(import.meta.url), ['--writer', directory, journal, String(i)]));
  }
  process.on('SIGTERM', () => {
    for (const child of children) child.kill('SIGTERM');
  });
  const codes = await Promise.all(children.map((child) => new Promise((done) => child.once('exit', done))));
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
}

const [first = '', second = '', third = '', fourth = ''] = process.argv.slice(2);
if (first === '--check') check(second, third, fourth);
else if (first === '--writer') {
  process.on('SIGTERM', () => {
    ending = true;
  });
  await write(second, third, fourth);
  process.exit(0);
} else await main(first, second, Number(third));
