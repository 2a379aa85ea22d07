/** The metrics that the node exporter adds to those of the processes. */
import { labels, type MetricHead, sample } from '../families/exposition.js';
import type { NodeState } from './node-state.js';

export interface NodeFamily extends MetricHead {
  labels: string;
  samples(s: NodeState, name: string, clusterId: string): string;
}

const OWN = 'volume, brick_path';

function one(name: string, help: string, value: (s: NodeState) => number): NodeFamily {
  return { type: 'gauge', name, help, labels: '', samples: (s, name) => sample(name, '', value(s)) };
}

export const NODE_FAMILIES: readonly NodeFamily[] = [
  {
    type: 'gauge',
    name: 'gluster_brick_up',
    help: 'Whether the brick serves (1) or not (0), for every brick that should run on this node.',
    labels: 'cluster_id, volume, hostname, brick_path, peer_id, pid',
    samples: (s, name, cluster_id) =>
      s.bricks
        .filter((b) => b.state !== 'unwatched')
        .map(({ volume, host, path, pid, state }) => {
          const status = { volume, hostname: host, brick_path: path, peer_id: s.nodeId };
          const within = labels({ cluster_id, ...status, pid: pid === 0 ? '' : String(pid) });
          return sample(name, within, state === 'up' ? 1 : 0);
        })
        .join(''),
  },
  {
    type: 'gauge',
    name: 'gluster_brick_down_info',
    help: 'Why the brick does not serve; the value is always 1.',
    labels: `${OWN}, reason`,
    samples: (s, name) =>
      s.bricks
        .filter((b) => b.state === 'down')
        .map(({ key, reason }) => sample(name, `${key},${labels({ reason })}`, 1))
        .join(''),
  },
  {
    type: 'gauge',
    name: 'brickd_node_brick_unwatched',
    help: 'A brick whose process answers no questions: stock glusterfsd, or a process with BRICKD_METRICS=none; always 1.',
    labels: OWN,
    samples: (s, name) =>
      s.bricks
        .filter((b) => b.state === 'unwatched')
        .map(({ key }) => sample(name, key, 1))
        .join(''),
  },
  {
    type: 'gauge',
    name: 'brickd_node_brick_unexpected',
    help: 'A brick that runs although no started volume of this node has it; always 1.',
    labels: `${OWN}, pid`,
    samples: (s, name) =>
      s.unexpected.map(({ key, pid }) => sample(name, `${key},${labels({ pid: String(pid) })}`, 1)).join(''),
  },
  {
    type: 'gauge',
    name: 'brickd_node_volfile_applied',
    help: 'Whether the brick goes by the volfile that glusterd has for it now (1) or by another (0).',
    labels: OWN,
    samples: (s, name) =>
      s.bricks.map(({ key, current }) => (current === undefined ? '' : sample(name, key, current ? 1 : 0))).join(''),
  },
  one('brickd_node_bricks_expected', "Bricks that should run on this node by glusterd's records.", (s) => {
    return s.bricks.length;
  }),
  one(
    'brickd_node_record_problems',
    "Records of glusterd that can't be read: what they say is taken as before.",
    (s) => {
      return s.problems.length;
    },
  ),
  {
    type: 'gauge',
    name: 'brickd_node_process_answers',
    help: 'Whether a brick process answers (1) or not (0).',
    labels: 'pid',
    samples: (s, name) =>
      s.processes.map(({ pid, text }) => sample(name, `pid="${pid}"`, text === undefined ? 0 : 1)).join(''),
  },
  one('brickd_node_gather_seconds', 'Time that asking all processes took.', (s) => s.gatherSec),
];
