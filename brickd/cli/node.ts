/**
 * `brickd node`: the node exporter. It reports every brick that glusterd wants to run on this node, whether its process
 * runs or not.
 */
import { once } from 'node:events';
import { Endpoint } from '../metrics/http/endpoint.js';
import { ConfigError } from '../metrics/http/yaml-file.js';
import { NodeExporter } from '../metrics/node/node-exporter.js';
import { Node } from '../metrics/node/node-state.js';
import { metricsSettings } from '../metrics/settings.js';
import { CommandError } from './command-error.js';

/** Serves until it is told to end. Throws a CommandError when it cannot listen, or the configuration file is wrong. */
export async function runNodeExporter(): Promise<void> {
  const endpoint = await open();
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  await endpoint.close();
}

async function open(): Promise<Endpoint> {
  try {
    const settings = metricsSettings(undefined);
    const exporter = new NodeExporter(new Node(), settings.clusterId);
    const endpoint = new Endpoint(exporter.listener, settings);
    for (const address of settings.nodeListen) {
      const { url } = await endpoint.listen(address);
      process.stdout.write(`metrics and page of this node at ${url}\n`);
    }
    return endpoint;
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(`the configuration cannot be used:\n${error.message}`);
    throw new CommandError(`the node exporter cannot listen: ${(error as Error).message}`);
  }
}
