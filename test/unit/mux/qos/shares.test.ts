/** Shares by weight: of volumes, of tenants, with rates and floors among them. */
import t from 'tap';
import { qosRules } from '../../../../brickd/translators/user/qos/settings.js';
import { BucketTable } from '../../../../mux/qos/bucket.js';
import { Floors } from '../../../../mux/qos/floors.js';
import { Flow, QueuedFop } from '../../../../mux/qos/queued-fop.js';
import { Scheduler } from '../../../../mux/qos/scheduler.js';
import type { SchedulableFop } from '../../../../mux/qos/scheduling.js';
import { Tenant, type TenantFlow, type TenantFop, type Volume } from '../../../../mux/qos/tenant.js';
import { fopByName } from '../../../../mux/xlator/fop-table.js';

let now = 1e15;
const rule = qosRules(new Map(), null).tenants.at(-1)!;

/** What is in their queues goes down, and nothing more comes. */
const over = new Set<Scheduler>();

/** A fop that is told when it may go down. */
function stat(tenant: Tenant, cost: number, proceed: () => void = () => {}): TenantFop {
  const fop = { entry: fopByName('stat'), request: {}, heldBytes: 0, proceed } as unknown as SchedulableFop;
  return Object.assign(new QueuedFop(fop, null as never, tenant), { cost });
}

/** A tenant that always has something waiting; counts what goes down. */
class Source {
  readonly tenant: Tenant;
  readonly #flow: TenantFlow;
  readonly #scheduler: Scheduler;
  readonly #cost: number;
  done = 0;

  constructor(scheduler: Scheduler, volume: Volume, weight: number, cost = 1) {
    this.#scheduler = scheduler;
    this.#cost = cost;
    this.tenant = new Tenant({ ...rule, weight }, volume, { inFlight: 0, limit: 32, bricks: 1, blocked: new Set() });
    this.#flow = new Flow(this.tenant);
    for (let i = 0; i < 64; i++) this.ask();
  }
  ask(): void {
    const fop = stat(this.tenant, this.#cost, () => this.#gone());
    this.#scheduler.hold(this.tenant, this.#flow, fop);
  }
  #gone(): void {
    this.done++;
    this.#scheduler.ended(this.tenant);
    if (!over.has(this.#scheduler)) this.ask();
  }
}

function run(scheduler: Scheduler, turns: number): void {
  for (let i = 0; i < turns; i++) {
    now += 100_000;
    scheduler.pump();
  }
}

t.test('volumes share by weight, and tenants inside one', async (t) => {
  const scheduler = new Scheduler({ now: () => now });
  t.teardown(() => over.add(scheduler));
  const [v, w] = [scheduler.volume('v'), scheduler.volume('w')];
  w.weight = 400;
  const a = new Source(scheduler, v, 100);
  const b = new Source(scheduler, w, 100);
  const c = new Source(scheduler, w, 300);
  run(scheduler, 2000);
  const all = a.done + b.done + c.done;
  t.ok(Math.abs(a.done / all - 0.2) < 0.01, `${a.done} of ${all}`);
  t.ok(Math.abs(b.done / all - 0.2) < 0.01, `${b.done} of ${all}`);
  t.ok(Math.abs(c.done / all - 0.6) < 0.01, `${c.done} of ${all}`);
  t.equal(all, 4000, 'each turn, two');
});

t.test('whoever would be next does not wait for it, but for as long as that is so', async (t) => {
  const scheduler = new Scheduler({ now: () => now });
  t.teardown(() => over.add(scheduler));
  const noisy = new Source(scheduler, scheduler.volume('v'), 100);
  const quiet = new Tenant(rule, scheduler.volume('w'), { inFlight: 0, limit: 32, bricks: 1, blocked: new Set() });
  run(scheduler, 50);
  const goes = (): boolean => {
    const at = scheduler.admits(quiet, stat(quiet, 1));
    if (at) scheduler.ended(quiet);
    return at;
  };
  t.equal(goes(), true);
  const before = noisy.done;
  let at = 1;
  for (let i = 0; i < 100; i++) {
    run(scheduler, 1);
    while (goes()) at++;
  }
  t.ok(at >= 100 && at <= noisy.done - before, `${at} beside ${noisy.done - before}`);
});

t.test('a tenant by itself may take longer turns', async (t) => {
  const scheduler = new Scheduler({ now: () => now });
  t.teardown(() => over.add(scheduler));
  const only = new Source(scheduler, scheduler.volume('v'), 100);
  run(scheduler, 100);
  t.equal(only.done, 1600);
});

t.test('large fops weigh more', async (t) => {
  const scheduler = new Scheduler({ now: () => now });
  t.teardown(() => over.add(scheduler));
  const small = new Source(scheduler, scheduler.volume('v'), 100);
  const large = new Source(scheduler, scheduler.volume('w'), 100, 17);
  run(scheduler, 2000);
  t.ok(Math.abs(small.done / large.done - 17) < 0.5, `${small.done} : ${large.done}`);
});

t.test('a share that nobody takes is everyone’s, and is not saved up', async (t) => {
  const scheduler = new Scheduler({ now: () => now });
  t.teardown(() => over.add(scheduler));
  const a = new Source(scheduler, scheduler.volume('v'), 100);
  run(scheduler, 1000);
  t.equal(a.done, 16_000);
  const b = new Source(scheduler, scheduler.volume('w'), 100);
  run(scheduler, 100);
  t.ok(Math.abs(b.done - 100) < 5, `${b.done} of 200 for the one that comes late`);
});

t.test('floors beyond what the thread can do are refused, and kept again when it can', async (t) => {
  const scheduler = new Scheduler({ now: () => now });
  const said: string[] = [];
  const floors = new Floors();
  const tenants = [3000, 4000].map((floor, i) => {
    const tenant = new Tenant({ ...rule, name: `t${i}`, floor }, scheduler.volume('v'), {
      inFlight: 0,
      limit: 1,
      bricks: 1,
      blocked: new Set(),
    });
    floors.add(tenant, new BucketTable().bucket(`${i}`), (text) => said.push(text));
    return tenant;
  });
  t.ok(
    tenants.every((x) => x.floor !== null),
    'as long as nothing is known of capacity, all are kept',
  );
  floors.observe(6000);
  t.ok(tenants[0]!.floor);
  t.equal(tenants[1]!.floor, null);
  t.match(tenants[1]!.floorRefused, /4000 ops\/s can't be kept: the thread has shown to do 6000 .* 3000 are promised/);
  t.match(said, [/floor of t1 refused: 4000/]);
  floors.observe(9000);
  t.equal(tenants[1]!.floor, null, 'not for a little more');
  for (let i = 0; i < 10; i++) floors.observe(12_000);
  t.ok(tenants[1]!.floor);
  t.equal(tenants[1]!.floorRefused, '');
  t.match(said[1], /kept from now on/);
  floors.remove(tenants[0]!);
  t.equal(floors.size, 1);
});

t.test('a floor comes before shares', async (t) => {
  const scheduler = new Scheduler({ now: () => now });
  t.teardown(() => over.add(scheduler));
  const a = new Source(scheduler, scheduler.volume('v'), 10_000);
  const b = new Source(scheduler, scheduler.volume('w'), 1);
  scheduler.volume('v').weight = 10_000;
  scheduler.volume('w').weight = 1;
  b.tenant.floor = new BucketTable().bucket('floor');
  b.tenant.floor.configure(10_000, 0.01);
  run(scheduler, 10_000);
  t.ok(Math.abs(b.done - 10_000) < 500, `${b.done} in a second with a floor of 10000`);
  t.equal(a.done + b.done, 20_000);
});
