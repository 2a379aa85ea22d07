/** Names of fops by GF_FOP_* number, as profiles and dumps print them. */
import { FOPS } from '../../../../mux/xlator/fop-table.js';

/** Numbers that no fop of the wire has. */
const OTHERS = [
  [0, 'NULL'],
  [41, 'FORGET'],
  [44, 'GETSPEC'],
  [52, 'COMPOUND'],
  [55, 'PUT'],
] as const;

export const FORGET = 41;

const names: string[] = [];
for (const [number, name] of OTHERS) names[number] = name;
for (const { internal, display } of FOPS) names[internal] = display;

export const FOP_DISPLAY: readonly string[] = names;
