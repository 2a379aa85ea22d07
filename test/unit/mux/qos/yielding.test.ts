/** What background work leaves to clients on a thread that is not full. */
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { qosRules } from '../../../../brickd/translators/user/qos/settings.js';
import { QueuedFop } from '../../../../mux/qos/queued-fop.js';
import { Scheduler } from '../../../../mux/qos/scheduler.js';
import { Tenant, type TenantFop, type Volume } from '../../../../mux/qos/tenant.js';
import { fopByName } from '../../../../mux/xlator/fop-table.js';

const SECOND_NS = 1e9;
const { tenants } = qosRules(new Map(), null);
const clientRule = tenants.at(-1)!;
const healRule = tenants.find((r) => r.name === 'self-heal')!;

let now = 1e15;

function stat(tenant: Tenant): TenantFop {
  const fop = { entry: fopByName('stat') } as never;
  return Object.assign(new QueuedFop(fop, null as never, tenant), { cost: 1 });
}

class Setting {
  readonly scheduler = new Scheduler({ now: () => now });
  readonly volume: Volume = this.scheduler.volume('v');
  readonly client = this.#tenant(clientRule);
  readonly heal = this.#tenant(healRule);

  #tenant(rule: typeof clientRule): Tenant {
    return new Tenant(rule, this.volume, { inFlight: 0, limit: 32, bricks: 1, blocked: new Set() });
  }

  /** A try every 50 µs for so long, with a turn after each; gives how many went down. */
  async heals(seconds: number, clientsPerSecond: number, locksPerSecond = 0): Promise<number> {
    let done = 0;
    let clients = 0;
    let locks = 0;
    for (const end = now + seconds * SECOND_NS; now < end; now += 50_000) {
      clients += clientsPerSecond * 50e-6;
      for (; clients >= 1; clients--)
        if (this.scheduler.admits(this.client, stat(this.client))) this.scheduler.ended(this.client);
      locks += locksPerSecond * 50e-6;
      for (; locks >= 1; locks--) this.scheduler.passed(this.heal, 1);
      if (this.scheduler.admits(this.heal, stat(this.heal))) {
        this.scheduler.ended(this.heal);
        done++;
      }
      await turn();
    }
    return done;
  }
}

t.test('background work takes what its weight says while clients are at work', async (t) => {
  const busy = new Setting();
  await busy.heals(0.5, 20_000);
  const beside = await busy.heals(1, 20_000);
  // A unit of work takes 40 µs, and ten times that is left to clients after each.
  t.ok(beside > 2000 && beside < 3000, `${beside} a second beside 20,000 of clients`);
});

t.test('it takes what there is while they do little or nothing', async (t) => {
  const quiet = new Setting();
  t.equal(await quiet.heals(0.5, 0), 10_000, 'each time that it tried');
  await quiet.heals(0.5, 100);
  const little = await quiet.heals(0.5, 100);
  t.ok(little > 8000, `${little} in half a second beside 100 a second of clients`);
  await quiet.heals(0.5, 20_000);
  now += SECOND_NS * 2;
  t.equal(await quiet.heals(0.1, 0), 2000, 'at once when clients have gone');
});

t.test('what never waits counts for what does', async (t) => {
  const s = new Setting();
  await s.heals(0.5, 20_000);
  const without = await s.heals(1, 20_000);
  const beside = await s.heals(1, 20_000, 1500);
  t.ok(beside < without * 0.6, `${beside} beside 1,500 locks a second, ${without} without`);
});

t.test('what goes past the queues does not take a turn from those who wait', async (t) => {
  const s = new Setting();
  const start = s.client.start;
  s.scheduler.passed(s.heal, 100);
  t.equal(s.volume.now, 0, 'the time of the volume stands');
  t.equal(s.client.start, start);
  t.ok(s.heal.start > start, 'its own next one starts later');
  t.end();
});
