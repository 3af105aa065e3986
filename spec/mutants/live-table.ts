import { intake, liveFlow, liveLog, services, toldOnDisk } from './killers.ts';
import type { Mutant } from './mutant.ts';

const COMMITS = 'operators/live/commits.ts';
const RUNNER = 'operators/live/epoch-runner.ts';
const INTAKE = 'operators/live/intake.ts';
const GRAPH = 'operators/live/live-graph.ts';
const PUBLICATION = 'operators/live/publication.ts';

/** What a service that stays up takes in, leaves on disk and tells. */
export const liveMutants: readonly Mutant[] = [
  {
    name: 'offset-in-a-second-transaction',
    wrong: 'L2: the offset of an epoch is written after what came of its items',
    edits: [
      {
        file: COMMITS,
        from: 'Promise.resolve() : this.#port.append(batch);',
        to: 'Promise.resolve() : this.#port.append({ ...batch, offsets: [] }).then(() => this.#port.append({ events: [], values: [], offsets: batch.offsets ?? [] }));',
      },
    ],
    killers: liveLog('L2'),
  },
  {
    name: 'acknowledge-before-flush',
    wrong: 'R5: an item is told as applied when its epoch has settled, before it is on disk',
    edits: [
      {
        file: RUNNER,
        from: "publication.tell('settled', told);",
        to: "publication.tell('settled', told);\n    for (const item of taken) item.settle({ outcome: 'applied', epoch: settled.number, position: settled.position });",
      },
    ],
    killers: liveFlow('L9'),
  },
  {
    name: 'durable-does-not-wait',
    wrong: 'L3: who watches what is on disk is told when the write is asked for',
    edits: [{ file: RUNNER, from: 'durable.then(\n', to: 'Promise.resolve().then(\n' }],
    killers: liveFlow('L9'),
  },
  {
    name: 'repeats-are-acknowledged-early',
    wrong: 'R5: an item that repeats one which was never written is told as a repetition, and its queue forgets it',
    edits: [{ file: RUNNER, from: 'this.#parts.commits.written().then(', to: 'this.#parts.commits.idle().then(' }],
    killers: [...liveFlow('L9'), ...toldOnDisk('an item that repeats')],
  },
  {
    name: 'repeats-count',
    wrong: 'L2: an epoch of so many items counts those that came before',
    edits: [{ file: 'operators/live/live.ts', from: 'isRepeat: (item) => repeats.isRepeat(item),', to: 'isRepeat: () => false,' }],
    killers: liveLog('L3'),
  },
  {
    name: 'an-epoch-of-fewer',
    wrong: 'L2: where repeated items are taken, those behind them are taken too, though they are too few for an epoch',
    edits: [
      {
        file: INTAKE,
        from: 'this.#takeUpTo(this.#isDue ? (this.#policy.items ?? Infinity) : 0);',
        to: 'this.#takeUpTo(this.#policy.items ?? Infinity);',
      },
    ],
    killers: intake('an epoch of so many items'),
  },
  {
    name: 'overflow-ignored',
    wrong: 'L4: what is pushed by hand is bounded by "error" alone',
    edits: [
      {
        file: INTAKE,
        from: 'if (this.count(item.key) >= queue.capacity &&',
        to: "if (queue.overflow === 'error' && this.count(item.key) >= queue.capacity &&",
      },
    ],
    killers: liveFlow('L7'),
  },
  {
    name: 'no-window',
    wrong: 'L4: any number of epochs may be settled and not on disk',
    edits: [{ file: COMMITS, from: 'if (this.#inFlight < this.#window)', to: 'if (this.#inFlight < Infinity)' }],
    killers: liveFlow('L7'),
  },
  {
    name: 'conflate-loses-a-delta',
    wrong: 'L3: of two changes that are told as one, the delta of the first is lost',
    edits: [{ file: PUBLICATION, from: 'delta: first.compose(then) })', to: 'delta: then })' }],
    killers: liveFlow('L8'),
  },
  {
    name: 'nested-epoch',
    wrong: 'L1: an epoch begins while another one runs',
    edits: [{ file: 'operators/live/live-loop.ts', from: 'await job();', to: 'void job();' }],
    killers: liveFlow('L10'),
  },
  {
    name: 'observers-stay',
    wrong: 'an observer that has left is kept, and told',
    edits: [{ file: PUBLICATION, from: 'listeners.delete(guarded);\n', to: '' }],
    killers: liveFlow('L11'),
  },
  {
    name: 'position-not-checked',
    wrong: 'R2: a batch is written wherever the log ends, though its events were numbered before',
    edits: [{ file: GRAPH, from: 'values: [...values.values()], at: base }', to: 'values: [...values.values()] }' }],
    killers: liveLog('who writes without asking'),
  },
  {
    name: 'lease-checked-once',
    wrong: 'R7: a writer that lost the lease goes on writing',
    edits: [{ file: 'store/lease.ts', from: 'if (state.epoch === epoch) return;', to: 'if (state.epoch >= epoch) return;' }],
    killers: liveLog('L12'),
  },
  {
    name: 'offset-of-a-repetition',
    wrong: 'L2: an item that came before moves the offset back',
    edits: [
      {
        file: 'operators/live/apply-items.ts',
        from: 'if (!isRepeated) offset = item.offset ?? offset;',
        to: 'offset = item.offset ?? offset;',
      },
    ],
    killers: liveLog('L6'),
  },
  {
    name: 'fold-of-the-last-item',
    wrong: 'L1: of the items of an epoch, only the last one is folded',
    edits: [
      {
        file: 'operators/live/apply-items.ts',
        from: 'for (const item of items) value = fold(value, item.value);',
        to: 'value = fold(value, items.at(-1)?.value);',
      },
    ],
    killers: liveLog('L6'),
  },
  {
    name: 'log-in-settle-order',
    wrong: 'L2: an epoch logs its steps in the order in which they happened to end',
    edits: [{ file: GRAPH, from: 'this.#pending.sort((a, b) => a.index - b.index)', to: 'this.#pending' }],
    killers: services('I12'),
  },
  {
    name: 'failures-do-not-wait',
    wrong: 'F7: a service that starts again runs what failed on these very inputs',
    edits: [
      { file: GRAPH, from: 'return differenceOf(failed, stepNow(this.#plan, planned, readable)) === undefined;', to: 'return false;' },
    ],
    killers: services('L1'),
  },
];
