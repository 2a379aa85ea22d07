/** Serves the status page of a made-up process with very many bricks and ill-willed names; prints its port. Argument: bricks. */
import { startMetrics } from '../../../brickd/metrics/http/endpoint.js';
import { fopByName } from '../../../mux/xlator/fop-table.js';
import { bytesOfText } from '../../../native/bytes.js';
import { brick, qos, slowFop, state, worker } from '../../unit/metrics/fake-stats.js';

/** As a path, a client's name and a tenant's may be. */
const ILL = `<img src=x onerror="document.title='taken over'">&amp;'"</td><script>document.title='taken over'</script>`;

const all = Array.from({ length: Number(process.argv[2]) }, (_, i) =>
  brick(`/d/bricks/volume-${i % 20}/brick-${i}`, i !== 7),
);
all.forEach((b, i) => {
  b.volume = `volume-${i % 20}`;
});
const ill = all[0]!;
ill.brick = bytesOfText(`/d/${ILL}`);
ill.volume = ILL;
ill.topClients[0]!.name = ILL;
ill.topClients[0]!.subdir = `/${ILL}`;
ill.topClients[0]!.file = `/${ILL}`;
ill.slow = [slowFop(`/${ILL}`, ILL)];
ill.qos = qos(3);
ill.qos.volume = ILL;
ill.qos.tenants[0]!.tenant = ILL;
ill.qos.badOptions = [{ option: `limit-${ILL}`, value: ILL, reason: ILL, instead: ILL }];
const lookup = fopByName('lookup').number;
const source = {
  stats: async () => {
    // As if something happened: the brick that is there first is the busiest.
    all.forEach((b, i) => {
      b.hits = b.hits.slice();
      b.hits[lookup] = b.hits[lookup]! + 3 * (all.length - i);
      b.latencies = b.latencies.slice();
      b.latencies[4] = b.latencies[4]! + 3 * (all.length - i);
      b.bytesRead += 4096;
    });
    return [worker(all.map((b) => ({ ...b })))];
  },
  bricks: () => all.map((b) => b.brick),
  state: () => state(all),
};
const { port } = await startMetrics(source, '127.0.0.1', 0);
process.stdout.write(`${port}\n`);
