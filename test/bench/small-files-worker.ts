/** Does one kind of operation on small files from several processes; prints the seconds it took and every latency. */
import { fork } from 'node:child_process';
import { closeSync, lstatSync, mkdirSync, openSync, renameSync, rmdirSync, unlinkSync, writeSync } from 'node:fs';
import { setAttributeSync } from 'fs-xattr';

const [op, mount, round, processes, files, index] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string?,
];

const data = Buffer.alloc(4096, 'x');

function run(name: string, directory: string, i: number): void {
  const file = `${directory}/file-${i}`;
  switch (name) {
    case 'create+write+close': {
      const fd = openSync(file, 'wx');
      writeSync(fd, data);
      closeSync(fd);
      return;
    }
    case 'stat':
      lstatSync(file);
      return;
    case 'setxattr':
      setAttributeSync(file, 'user.bench', 'value');
      return;
    case 'rename':
      renameSync(file, `${directory}/moved-${i}`);
      return;
    case 'unlink':
      unlinkSync(`${directory}/moved-${i}`);
      return;
    default:
      throw new Error(`no such operation: ${name}`);
  }
}

function child(): void {
  const directory = `${mount}/small-${round}-${index}`;
  if (op === 'create+write+close') mkdirSync(directory);
  process.send!('ready');
  process.once('message', () => {
    const latencies: number[] = [];
    for (let i = 0; i < Number(files); i++) {
      const before = process.hrtime.bigint();
      run(op, directory, i);
      latencies.push(Number(process.hrtime.bigint() - before) / 1000);
    }
    if (op === 'unlink') rmdirSync(directory);
    process.send!(latencies, () => process.disconnect());
  });
}

function parent(): void {
  const all: number[] = [];
  const children = Array.from({ length: Number(processes) }, (_, i) =>
    fork(process.argv[1]!, [op, mount, round, processes, files, String(i)]),
  );
  let ready = 0;
  let ended = 0;
  let started = 0n;
  for (const c of children) {
    c.on('message', (message: 'ready' | number[]) => {
      if (message === 'ready') {
        if (++ready < children.length) return;
        started = process.hrtime.bigint();
        for (const other of children) other.send('go');
        return;
      }
      all.push(...message);
      if (++ended < children.length) return;
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      process.stdout.write(JSON.stringify({ seconds, latenciesUs: all }));
    });
    c.on('exit', (code) => {
      if (code !== 0) process.exitCode = 1;
    });
  }
}

if (index === undefined) parent();
else child();
