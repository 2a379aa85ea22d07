/**
 * Copies a request's dictionary before it is changed: the server resolves names with the same xdata that the fop gets
 * later.
 */
import { Dict } from '../../mux/xlator/dict.js';

/** A dictionary with the same values, to be changed freely. */
export function copyDict(dict: Dict | null): Dict {
  const copy = new Dict();
  if (dict !== null) for (const [key, value] of dict.map) copy.set(key, value);
  return copy;
}
