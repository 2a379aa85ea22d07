/** What bricks hold on disk after work on files of every kind: Gluster's contract, as stock keeps it, also in turns with stock. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'ondisk', { timeoutS: 240 });
