/**
 * Array accesses with indexes that are below the array's size by construction: GF_FOP_* and GF_UPCALL_* numbers,
 * buckets, files.
 */

/** The value at an index. */
export const cell = (array: Float64Array, index: number): number =>
  // biome-ignore lint/style/noNonNullAssertion: a check would cost in counting each fop; a wrong index yields NaN, and is no danger
  array[index]!;

/** Adds to the value at an index. */
export function add(array: Float64Array, index: number, more: number): void {
  array[index] = cell(array, index) + more;
}
