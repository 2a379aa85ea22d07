/** What glusterd asks of single translators: profile of io-stats, barrier. */
import type { Brick } from '../../mux/brick.js';

type Values = Map<string, string | number | bigint>;

/** A translator that answers profile and top requests. */
interface Profiler {
  profile(input: Map<string, string>): Values;
}
/** A translator that holds acknowledgements back. */
interface Barrier {
  setBarrier(enable: boolean): Promise<void> | void;
}

export async function profileOf(brick: Brick, input: Map<string, string>): Promise<Values> {
  const layer = brick.layers.find((l) => l.type === 'debug/io-stats') as Partial<Profiler> | undefined;
  if (layer?.profile === undefined)
    throw { brick: brick.name, errno: 22, message: 'xlator-type debug/io-stats is not loaded' };
  return layer.profile(input);
}

export async function barrierOf(brick: Brick, enable: boolean): Promise<void> {
  const layer = brick.layers.find((l) => l.type === 'features/barrier') as Partial<Barrier> | undefined;
  if (layer?.setBarrier === undefined)
    throw { brick: brick.name, errno: 22, message: 'Failed to reconfigure barrier.' };
  await layer.setBarrier(enable);
}
