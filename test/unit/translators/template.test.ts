import t from 'tap';
import { optionTableOf } from '../../../brickd/translators/catalog.js';
import { options } from '../../../brickd/translators/playground/template/options.js';
import { TemplateTranslator } from '../../../brickd/translators/playground/template/template.js';
import { defined } from '../../../native/assert.js';
import { requireOptions } from '../../../volfiles/options.js';
import { type Asked, callOf, FakeBrick, FakeClient, fdOf, make } from './harness.js';

const values = (dummy?: string) =>
  requireOptions(options, {
    name: 'v',
    line: 1,
    options: new Map(dummy === undefined ? [] : [['dummy', { value: dummy, line: 2 }]]),
  });

t.test('the template passes everything on and shows its option', async (t) => {
  t.equal(defined(optionTableOf('playground/template'), 'it is in the catalog'), options);
  const asked: Asked[] = [];
  const brick = new FakeBrick();
  const template = make(TemplateTranslator, values(), brick, {}, asked);
  await template.init();
  const client = new FakeClient();
  const inode = brick.inode();
  const args = { inode, fd: fdOf(inode, client), flags: 0, xdata: null };
  t.same(await template.open(callOf(client), args), { xdata: null });
  t.equal(asked.length, 1);
  t.equal(asked[0]?.args, args);
  t.same(template.dump(), [{ title: 'v-test', lines: ['template.dummy=1'] }]);
  await template.reconfigure(values('7'));
  t.same(template.dump(), [{ title: 'v-test', lines: ['template.dummy=7'] }]);
  t.throws(() => values('1025'), /dummy/);
  await template.fini();
});
