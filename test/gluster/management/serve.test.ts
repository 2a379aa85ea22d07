/** Bricks without glusterd: `brickd serve`, mounted by the volfile that it writes; metrics and status page. */
import t from 'tap';
import { scenario, stock } from '../scenario.js';

if (stock) t.pass('serve', { skip: 'stock has no such command' });
else await scenario(t, 'serve', { timeoutS: 60 });
