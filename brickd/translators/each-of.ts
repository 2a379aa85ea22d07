/** Runs work for each item, of so many at a time at most. */
export async function eachOf<T>(items: Iterable<T>, most: number, run: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let item = rest.next(); item.done !== true; item = rest.next()) await run(item.value);
  };
  await Promise.all(Array.from({ length: most }, worker));
}
