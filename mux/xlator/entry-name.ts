/** Checks names of directory entries. Names are byte strings. */

/** Bytes of a name at most. */
export const NAME_MAX = 255;

/**
 * Whether an entry can have that name: one component of a path, and none of those that lead to the directory itself or out
 * of it. Server and translators alike reach files only by names that pass this.
 */
export function isEntryName(name: string): boolean {
  const length = name.length;
  if (length === 0 || length > NAME_MAX || name.includes('/') || name.includes('\0')) return false;
  return length > 2 || (name !== '.' && name !== '..');
}
