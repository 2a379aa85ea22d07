/** Dictionaries of requests are shared: the server resolves names with the very xdata that the fop itself gets later. */
import { Dict } from '../../mux/xlator/dict.js';

/** A dictionary with the same values, to be changed freely. */
export function copyDict(dict: Dict | null): Dict {
  const copy = new Dict();
  if (dict !== null) for (const [key, value] of dict.map) copy.set(key, value);
  return copy;
}
