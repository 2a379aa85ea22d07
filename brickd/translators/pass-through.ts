/**
 * Translators that do nothing with the options that a brick has: the stack is linked without them. Each type says so
 * once in the log; options that would need an implementation are refused earlier (demands.ts).
 */
import { loggerFor } from '../../mux/base/log.js';
import type { TranslatorInit } from '../../mux/xlator/translator.js';

const told = new Set<string>();

/** Null, for a stack without this translator. */
export function passThrough(init: TranslatorInit<unknown>): null {
  if (!told.has(init.type)) {
    told.add(init.type);
    loggerFor(init.name).info(0, `${init.type} passes everything through`);
  }
  return null;
}
