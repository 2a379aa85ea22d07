/** Random reads, writes, truncations, holes of files, verified byte by byte, from several clients at once. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'fsx', { timeoutS: 120 + Number(process.env['FSX_S'] ?? 8) });
