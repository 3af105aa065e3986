import type { Killer } from './mutant.ts';

const inSpec = (spec: string): ((...tests: readonly string[]) => readonly Killer[]) => {
  return (...tests) => tests.map((test) => ({ spec, test }));
};

/** Laws of subsets, by the words in which their titles begin. */
export const subset: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/subset.spec.ts');
/** Laws of runs over a store that remembers. */
export const incremental: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/incremental-laws.spec.ts');
/** Random histories against the reference. */
export const histories: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/incremental.spec.ts');
/** Laws of what a selection needs. */
export const need: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/lib/plan/need.spec.ts');
/** Laws of the state machine that says who may start. */
export const epoch: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/lib/epoch/epoch.spec.ts');
/** What is recorded, and when that is told. */
export const recorder: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/run/recorder.spec.ts');
/** What random cases meet too rarely. */
export const corners: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/corners.spec.ts');
/** Tails of a log, and their cursors. */
export const tail: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/lib/events/tail.spec.ts');
/** Values: what is stored, frozen and told apart. */
export const values: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/lib/kernel/value/laws.spec.ts');
/** Laws of what a live service leaves on disk. */
export const liveLog: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/live-log.spec.ts');
/** Laws of what a live service takes in and tells. */
export const liveFlow: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/live-flow.spec.ts');
/** Random services against runs, and against services that are killed. */
export const services: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/live.spec.ts');
/** What waits in front of a live graph. */
export const intake: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/intake.spec.ts');
/** What is told of the disk, and when. */
export const toldOnDisk: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/told-on-disk.spec.ts');
/** Services that are updated and killed. */
export const liveUpdates: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/laws/live-update.spec.ts');
/** Updates that ask for other outputs of steps. */
export const updateNeed: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/update-need.spec.ts');
/** Updates that take sources away. */
export const updateSources: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/update-sources.spec.ts');
/** What is put under the key of an asset. */
export const putUnderAsset: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/put-under-asset.spec.ts');
/** Where sources come from, and how they fail. */
export const feeds: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/feeds.spec.ts');
/** What is said of a feed that failed. */
export const sourceFailed: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/source-failed.spec.ts');
/** Too many items, and readers that are too far behind. */
export const overflow: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/overflow.spec.ts');
/** What those get who watch. */
export const lag: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/watching.spec.ts');
/** What leaves the process. */
export const outboxes: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/outbox.spec.ts');
/** Before there is an epoch, and what an update does then. */
export const firstEpoch: (...tests: readonly string[]) => readonly Killer[] = inSpec('spec/operators/live/first-epoch.spec.ts');
