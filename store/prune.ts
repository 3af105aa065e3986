import { setImmediate as nextTurn } from 'node:timers/promises';
import { liveAddresses } from '../lib/events/retention.ts';
import type { PruneReport, PruneRequest } from '../lib/events/store-port.ts';
import { pruneLogs } from './prune-logs.ts';
import { rootsOnDisk, type Read } from './prune-roots.ts';
import { ValueSweep } from './prune-values.ts';
import { readState } from './log-state.ts';
import type { Writer } from './writer.ts';

/** What a prune works on. */
export interface Pruning {
  readonly writer: Writer;
  readonly read: Read;
  readonly label: string;
}

/** What became of a prune: `stopped` is what its user said or threw to stop it. */
export type Pruned = PruneReport | { readonly stopped: unknown };

/**
 * Removes what nothing needs. What is needed is found first, in a log that only grows; from before that on, the writer remembers what
 * is appended and referred to, so that each transaction of the sweep knows what has come to be needed since.
 */
export async function prune(pruning: Pruning, request: PruneRequest): Promise<Pruned> {
  const release = await pruning.writer.prunes.take();
  try {
    return await pruneInTurn(pruning, request);
  } catch (error) {
    if (error instanceof Stopped) return { stopped: error.reason };
    throw error;
  } finally {
    pruning.writer.values.forgetTouched();
    release();
  }
}

async function pruneInTurn(pruning: Pruning, request: PruneRequest): Promise<PruneReport> {
  const touched = pruning.writer.values.rememberTouched();
  const steps = new Steps(request);
  const live = await mark(pruning, request, steps);
  const sweep = new ValueSweep({ ...pruning, live, touched });
  await sweep.find((rows) => steps.pass('values', rows));
  while (sweep.step()) await steps.pass('values', 0);
  const { logsOfRuns } = request;
  const removed = logsOfRuns === undefined ? 0 : await pruneLogs(pruning, logsOfRuns, (rows) => steps.pass('logs', rows));
  return Object.freeze({ values: sweep.result(), events: Object.freeze({ removed }) });
}

async function mark({ read, label }: Pruning, { versions, runs }: PruneRequest, steps: Steps): Promise<ReadonlySet<string>> {
  const head = await read((_reader, tables) => readState(tables, label).head);
  return liveAddresses(rootsOnDisk({ read, head, pass: (rows) => steps.pass('mark', rows) }), { versions, runs });
}

/** Between the steps of a prune: others get a turn, and it may be stopped. */
class Steps {
  readonly #request: PruneRequest;
  readonly #rows = { mark: 0, values: 0, logs: 0 };

  constructor(request: PruneRequest) {
    this.#request = request;
  }

  async pass(doing: 'mark' | 'values' | 'logs', rows: number): Promise<void> {
    this.#rows[doing] += rows;
    try {
      this.#request.onProgress?.({ doing, rows: this.#rows[doing] });
      await nextTurn();
      this.#request.signal?.throwIfAborted();
    } catch (reason) {
      throw new Stopped(reason);
    }
  }
}

/** Thrown and caught here: the user has had enough. */
class Stopped extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('a prune was stopped');
    this.reason = reason;
  }
}
