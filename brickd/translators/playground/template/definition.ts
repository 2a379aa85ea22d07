/** playground/template: does nothing; what new translators are copied from. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { TemplateTranslator } from './template.js';

export const definition = defineTranslator({
  type: 'playground/template',
  options,
  implemented: true,
  demands: [],
  create: (init) => new TemplateTranslator(init),
});
