/**
 * The tools that change a volume under its clients: rebalance, add-, remove-, replace- and reset-brick, healing and what it tells, split-brain
 * and its resolution. TOOLS_FILES: files that rebalance finds, which are then moved by force as well; TOOLS: which of rebalance, heal, replace, splitbrain.
 */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'tools', { timeoutS: 240 + Number(process.env['TOOLS_FILES'] ?? 0) / 5 });
