/** A process that is among the targets of a file until its standard input ends: FILE PORT. */
import { TargetFile } from '../../../brickd/metrics/target-file.js';

const [path, port] = process.argv.slice(2);
const file = new TargetFile(path!);
await file.add([`127.0.0.1:${port}`], {});
process.stdout.write('there\n');
process.stdin.resume();
process.stdin.once('end', () => void file.remove().then(() => process.exit(0)));
