/**
 * Translators that do nothing under the options that a brick has: they are linked out. Each type says so in the log once,
 * where that is news: what an enabled option would need is refused earlier (catalog.ts).
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
