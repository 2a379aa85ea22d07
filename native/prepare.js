/** npm's `prepare`: compiles TypeScript and sets up the test runner. Both are development packages. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
if (existsSync(`${root}node_modules/.bin/tsc`)) {
  const { status } = spawnSync('npm run build:ts && tap build', { shell: true, cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} else if (!existsSync(`${root}dist/brickd/main.js`)) {
  process.stderr.write(
    'brickd: cannot be built without its development packages: run npm ci, then npm prune --omit=dev to remove them\n',
  );
  process.exitCode = 1;
}
