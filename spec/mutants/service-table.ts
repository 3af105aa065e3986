import {
  feeds,
  firstEpoch,
  lag,
  liveUpdates,
  outboxes,
  overflow,
  putUnderAsset,
  sourceFailed,
  updateNeed,
  updateSources,
} from './killers.ts';
import type { Mutant } from './mutant.ts';

const READER = 'operators/live/feed-reader.ts';
const INTAKE = 'operators/live/intake.ts';
const GRAPH = 'operators/live/live-graph.ts';
const LOOP = 'operators/live/live-loop.ts';
const SERVICE = 'operators/live/service.ts';
const OUTBOX = 'operators/live/outbox.ts';
const CHANGES = 'operators/live/changes.ts';

/** What a service does that is updated, what its feeds and queues do at their bounds, and what those get who are behind. */
export const serviceMutants: readonly Mutant[] = [
  {
    name: 'update-on-what-is-written',
    wrong: 'L2: an update begins from the log as it is, while epochs that have settled are on their way to it',
    edits: [
      {
        file: LOOP,
        from: 'await this.#parts.commits.idle();\n        let opened',
        to: 'let opened',
      },
    ],
    killers: liveUpdates('L13 killed at each write'),
  },
  {
    name: 'update-begins-the-numbers-anew',
    wrong: 'L3: the epochs of a service that was updated are numbered from 0 again',
    edits: [{ file: 'operators/live/epoch-runner.ts', from: 'this.#engine?.graph.epoch ?? 0);', to: '0);' }],
    killers: firstEpoch('update() says what the first epoch is of'),
  },
  {
    name: 'failed-for-any-outputs',
    wrong: 'F7: a failed step waits also where an update asks it for other outputs',
    edits: [
      { file: GRAPH, from: 'if (failed.outputs.length !== planned.needed.length || !tellsAll(failed, planned)) return false;', to: '' },
    ],
    killers: updateNeed('tries one again'),
  },
  {
    name: 'blocked-as-it-was-said',
    wrong: 'R2: a step that is blocked still is not logged again, although an update needs an output of it of which the log says nothing',
    edits: [
      {
        file: GRAPH,
        from: 'before?.outcome === settled.outcome && tellsAll(before, settled.planned);',
        to: 'before?.outcome === settled.outcome;',
      },
    ],
    killers: updateNeed('logs again'),
  },
  {
    name: 'gone-sources-count',
    wrong: 'L1: what waits of a source that an update takes away counts for an epoch of so many items',
    edits: [
      { file: SERVICE, from: 'this.#parts.intake.without((each) => !byKey.has(each))', to: 'this.#parts.intake.without(() => false)' },
    ],
    killers: updateSources('that takes a source away', 'lets whoever waits'),
  },
  {
    name: 'update-to-no-epoch',
    wrong: 'L4: an update leaves only sources that conflate more than an epoch is of, and none ever begins',
    edits: [{ file: 'operators/live/live.ts', from: "      checkDue('update', options.epochs, { ...asked, feeds });\n", to: '' }],
    killers: updateSources('is refused where those that are left conflate'),
  },
  {
    name: 'put-over-an-asset-stays',
    wrong: 'F3: what somebody put under the key of an asset stays what readers get of it, whatever its step gave',
    edits: [{ file: GRAPH, from: 'if (place !== undefined) marked.add(place.step);', to: '' }],
    killers: putUnderAsset('is what readers get until the next epoch'),
  },
  {
    name: 'delta-from-what-was-put',
    wrong: 'L3: the delta of an asset goes from what was put over it, of which nobody was told',
    edits: [{ file: 'operators/live/rows-before.ts', from: 'if (this.#looks.isAsset(key)) this.#underPut.set(key, before());', to: '' }],
    killers: putUnderAsset('is in no delta'),
  },
  {
    name: 'once-more-than-it-says',
    wrong: 'L1: a feed is opened again once more than its "restart" allows',
    edits: [{ file: READER, from: 'if (this.#failures > restart.max)', to: 'if (this.#failures > restart.max + 1)' }],
    killers: feeds('is opened again as often as it says in a row'),
  },
  {
    name: 'lost-items-are-made-up-for',
    wrong: 'L1: items that a feed lost are forgotten as soon as another one is applied',
    edits: [{ file: READER, from: 'this.#failures = this.#losses;', to: 'this.#failures = 0;' }],
    killers: sourceFailed('where items were lost'),
  },
  {
    name: 'origin-from-its-beginning',
    wrong: 'L2: an origin that can be opened anywhere is opened at its beginning each time',
    edits: [{ file: READER, from: 'from({ offset: offset(), signal, clock })', to: 'from({ offset: undefined, signal, clock })' }],
    killers: feeds('is opened again as often as it says in a row', 'a service goes on behind the last item'),
  },
  {
    name: 'drops-the-newest',
    wrong: 'L4: a source that is to drop its oldest item drops the one before the last',
    edits: [{ file: INTAKE, from: 'const oldest = this.#line.find(', to: 'const oldest = this.#line.findLast(' }],
    killers: overflow('dropOldest keeps the latest'),
  },
  {
    name: 'conflates-without-merging',
    wrong: 'L4: of two items that are conflated the earlier one is lost, although the feed says how to merge them',
    edits: [{ file: INTAKE, from: 'last.item = merge === undefined ? item :', to: 'last.item = merge !== undefined ? item :' }],
    killers: overflow('conflate with a merge'),
  },
  {
    name: 'lossless-beyond-its-bound',
    wrong: 'L4: who asks for all changes and is too far behind is left some out, and not told',
    edits: [{ file: CHANGES, from: 'return this.#finish({ error: tooFarBehind(name, lag.bound) });', to: 'return;' }],
    killers: overflow('a reader that is not asked'),
  },
  {
    name: 'latest-is-the-first',
    wrong: 'L3: who asks for the last change alone gets the first of those that came meanwhile',
    edits: [
      {
        file: CHANGES,
        from: "this.#told = [lag.policy === 'conflate' && last !== undefined ? merge(last, told) : told];",
        to: "this.#told = [last !== undefined ? (lag.policy === 'conflate' ? merge(last, told) : last) : told];",
      },
    ],
    killers: lag('by iteration, lag policies'),
  },
  {
    name: 'outbox-passes-over',
    wrong: 'L2: what an outbox was delivering when it was closed counts as delivered',
    edits: [{ file: OUTBOX, from: 'if (!(await deliverOne(parts, event))) return;', to: 'await deliverOne(parts, event);' }],
    killers: outboxes('goes on where the one before it'),
  },
  {
    name: 'outbox-without-a-cursor',
    wrong: 'L2: an outbox begins at the beginning each time',
    edits: [{ file: OUTBOX, from: 'store.tail({ cursor: `outbox/${name}`, signal,', to: 'store.tail({ signal,' }],
    killers: outboxes('goes on where the one before it', 'tries again as its policy says'),
  },
];
