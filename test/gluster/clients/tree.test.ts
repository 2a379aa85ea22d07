/** Whole trees: thousands of files, a git repository, dbench, renames from many processes. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'tree', { timeoutS: 360 });
