/**
 * performance/io-threads: sets how many batches of the brick the native pool runs at a time (option thread-count), and
 * passes all fops on. glusterfsd runs fops on threads of this translator; here the queue of the native pool does that,
 * with the same priorities. Questions about its queue are answered with zeros: nothing waits here.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import type { DictReply, GetxattrArgs, MaybePromise } from '../../../../mux/xlator/fops.js';
import { type DumpSection, Translator } from '../../../../mux/xlator/translator.js';
import type { Options } from './options.js';

const QUEUE_SIZE = 'io-thread-queue-size';
const PRIORITIES = ['HIGH', 'NORMAL', 'LOW', 'LEAST'];

export class IoThreadsTranslator extends Translator<Options> {
  override async init(): Promise<void> {
    this.brick.limitCalls(this.options['thread-count']);
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.brick.limitCalls(options['thread-count']);
  }

  override dump(): DumpSection[] {
    const lines = [`maximum_threads_count=${this.options['thread-count']}`];
    return [{ title: `performance/io-threads.${this.name}`, lines }];
  }

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    if (args.name !== QUEUE_SIZE) return this.next.getxattr(call, args);
    const dict = new Dict();
    for (const priority of PRIORITIES) dict.setInt(priority, 0);
    return { ret: 0, dict, xdata: null };
  }
}
