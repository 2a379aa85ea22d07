/** Translates xattr names of quota: clients and quotad use names without a version. */
import { Dict } from '../../../../../mux/xlator/dict.js';
import { copyDict } from '../../../copy-dict.js';
import { isInternal, type QuotaNames } from './quota-xattrs.js';

/** The name on disk of an xattr that a client names. */
export function storedName(names: QuotaNames, name: string): string {
  for (const [external, stored] of names.external) if (name === external) return stored;
  return name;
}

/** A request's keys as they are on disk; the same dictionary if it has none that differ. */
export function storedKeys(names: QuotaNames, dict: Dict): Dict {
  if (!names.external.some(([external]) => dict.has(external))) return dict;
  const stored = new Dict();
  for (const [key, value] of dict.map) stored.set(storedName(names, key), value);
  return stored;
}

/** A reply as clients see it: names without version, and without quota's internal xattrs. */
export function shown(names: QuotaNames, answer: Dict, quotaOn: boolean): Dict {
  let hides = false;
  for (const key of answer.map.keys()) {
    if (!isInternal(key, quotaOn)) continue;
    hides = true;
    break;
  }
  if (!hides) return answer;
  const translated = copyDict(answer);
  for (const [external, stored] of names.external) {
    const value = answer.get(stored);
    if (value !== undefined) translated.set(external, value);
  }
  for (const key of [...translated.map.keys()]) if (isInternal(key, quotaOn)) translated.delete(key);
  return translated;
}
