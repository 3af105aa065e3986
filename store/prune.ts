import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Address } from '../lib/events/data-version.ts';
import type { Position } from '../lib/events/position.ts';
import { PruneSteps, PruneStopped } from '../lib/events/prune-steps.ts';
import { addressesOf, liveAddresses } from '../lib/events/retention.ts';
import type { PruneReport, PruneRequest } from '../lib/events/store-port.ts';
import { pruneLogs } from './prune-logs.ts';
import { rootsOnDisk, type Read } from './prune-roots.ts';
import type { LogReader } from './log-reader.ts';
import { readState } from './log-state.ts';
import { ValueSweep } from './prune-values.ts';
import type { Writer } from './writer.ts';

/** What a prune works on. */
export interface Pruning {
  readonly writer: Writer;
  readonly read: Read;
  readonly label: string;
  /** Whether the next prune is to look only at what this one leaves and what comes after it. */
  readonly remember: boolean;
}

/** What became of a prune: `stopped` is what its user said or threw to stop it. */
export type Pruned = PruneReport | { readonly stopped: unknown };

/**
 * Removes what nothing needs. What is needed is found first, in a log that only grows; from before that on, the writer remembers what
 * is appended and referred to, so that each transaction of the sweep knows what has come to be needed since.
 */
export async function prune(pruning: Pruning, request: PruneRequest): Promise<Pruned> {
  const { values, prunes } = pruning.writer;
  const release = await prunes.take();
  let isDone = false;
  try {
    const report = await pruneInTurn(pruning, request);
    isDone = true;
    return report;
  } catch (error) {
    if (error instanceof PruneStopped) return { stopped: error.reason };
    throw error;
  } finally {
    values.forgetTouched();
    if (!isDone || !pruning.remember) values.kept.forget();
    release();
  }
}

async function pruneInTurn(pruning: Pruning, request: PruneRequest): Promise<PruneReport> {
  const { values } = pruning.writer;
  const known = values.kept.begin();
  const touched = values.rememberTouched();
  const steps = new PruneSteps(request, { nextTurn, every: 0 });
  const { read, label } = pruning;
  // What was asked for before that was not looked at for what it reads: it is part of the log that is marked.
  await pruning.writer.drained();
  const head = await read((_reader, tables) => readState(tables, label).head);
  const live = await liveAddresses(rootsOnDisk({ read, head, pass: (rows) => steps.pass('mark', rows) }), request);
  const sweep = new ValueSweep({ ...pruning, live, touched, known });
  await sweep.find((rows) => steps.pass('values', rows));
  while (await steps.inTurn(async () => (await keepWhatWasRead(pruning, head), sweep.step()))) await steps.pass('values', 0);
  const { logsOfRuns } = request;
  const removed = logsOfRuns === undefined ? 0 : await pruneLogs(pruning, logsOfRuns, (rows) => steps.pass('logs', rows));
  values.kept.end(sweep.left);
  return Object.freeze({ values: sweep.result(), events: Object.freeze({ removed }) });
}

/**
 * Keeps what was read since the mark began, by runs and services that found it before it was removed: they need it from then on. What was appended
 * since then is kept for itself, and mostly that is what they read.
 */
async function keepWhatWasRead({ read, writer: { values } }: Pruning, head: Position): Promise<void> {
  const earlier = values.takeRead().filter((position) => position <= head);
  for (let from = 0; from < earlier.length; from += PAGE) {
    const positions = earlier.slice(from, from + PAGE);
    for (const address of await read((reader) => addressesAt(reader, positions))) values.touch(address);
  }
}

function addressesAt(reader: LogReader, positions: readonly Position[]): readonly Address[] {
  return positions.flatMap((position) => reader.events(position, 1).flatMap(addressesOf));
}

const PAGE = 500;
