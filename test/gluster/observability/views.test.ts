/** What an operator sees of a volume (profile, top, status, statedump), beside the same views of stock bricks under the same load. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'views', { timeoutS: 150 });
