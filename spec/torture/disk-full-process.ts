import { existsSync, openSync, readFileSync, readdirSync, rmSync, statfsSync, writeSync, closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pruneStore } from '../../lib/events/prune.ts';
import { encodeStorable, type Store } from '../../lib/events/store.ts';
import type { AppendBatch } from '../../lib/events/store-port.ts';
import { keyed, type Keyed } from '../../lib/kernel/keyed/keyed.ts';
import { backupStore } from '../../store/backup.ts';
import { compactStore } from '../../store/compact.ts';
import { openStore } from '../../store/open-store.ts';
import { repairStore } from '../../store/repair.ts';
import { restoreStore } from '../../store/restore.ts';
import { verifyStore } from '../../store/verify.ts';
import { materialized, sampleValue, stepSettled } from '../kit/sample-events.ts';
import { offsetsIn, read, REMOVED } from './examine.ts';
import { Random } from './random.ts';
import { placesOf } from './script.ts';

// The process that writes to a store until there is no room, and the one that looks at it meanwhile.

/** What the process is told. */
export type FullDiskOrder =
  /** Opens a store, writes a little, and leaves so many bytes on the disk. */
  | {
      readonly do: 'begin';
      readonly folder: string;
      readonly seed: number;
      readonly left: number;
      readonly sayings: string;
      readonly isLiar: boolean;
    }
  /** Compares the store with what was acknowledged: nothing else is there. */
  | { readonly do: 'compare'; readonly folder: string; readonly sayings: string }
  /** Appends until it is refused. */
  | { readonly do: 'fill'; readonly folder: string }
  | {
      readonly do:
        | 'make room'
        | 'go on'
        | 'open'
        | 'make another'
        | 'forget locks'
        | 'close'
        | 'read'
        | 'verify'
        | 'backup'
        | 'restore'
        | 'repair'
        | 'compact'
        | 'prune';
      readonly folder: string;
    };

/** What it says. */
export type FullDiskReply =
  | { readonly said: 'done' }
  /** What is there is not what should be. */
  | { readonly said: 'wrong'; readonly problem: string }
  | { readonly said: 'refused'; readonly code: string; readonly message: string };

const ROUNDS = 4;
const CHUNK = 64 * 1024;
const EVENTS_AFTER = 20;
const MOST_BATCHES = 3;
const MOST_EVENTS = 3;
const KEYS = 5;
const ROWS = 300;

let store: Store | undefined;
let random = new Random(0);
let rows: Keyed<number, number> = keyed(Array.from({ length: ROWS }, (_, row) => [row, row] as const));
/** The file, elsewhere, that takes the version of each event that is acknowledged. */
let sayings = -1;
let isLiar = false;

async function obey(order: FullDiskOrder): Promise<FullDiskReply> {
  const { store: path, backup, restored } = placesOf(order.folder);
  switch (order.do) {
    case 'begin':
      random = new Random(order.seed);
      sayings = openSync(order.sayings, 'a');
      isLiar = order.isLiar;
      store = await openStore(path);
      for (let round = 0; round < ROUNDS; round += 1) await append(store, 500);
      await backupStore(path, backup);
      fillUp(order.folder, order.left);
      return { said: 'done' };
    case 'fill':
      for (;;) await append(open(), random.oneIn(4) ? 20_000 : 500);
    case 'make room':
      rmSync(ballastOf(order.folder), { force: true });
      return { said: 'done' };
    case 'go on':
      for (let round = 0; round < EVENTS_AFTER; round += 1) await append(open(), 500);
      return { said: 'done' };
    case 'compare':
      return compare(path, order.sayings);
    case 'open':
      store ??= await openStore(path);
      return { said: 'done' };
    case 'make another':
      await (await openStore(`${path}-other`)).close();
      return { said: 'done' };
    case 'forget locks':
      // As after a start of the machine, or in a copy.
      rmSync(join(path, 'lock.mdb'));
      return { said: 'done' };
    case 'close':
      await store?.close();
      store = undefined;
      return { said: 'done' };
    case 'read':
      return readThrough(path);
    case 'verify': {
      const { ok, findings } = await verifyStore(path);
      return ok ? { said: 'done' } : { said: 'wrong', problem: JSON.stringify(findings).slice(0, 300) };
    }
    case 'prune':
      await pruneStore(open(), { versions: 1, runs: 0 });
      return { said: 'done' };
    case 'compact':
      return left(`${path}/new`, async () => void (await compactStore(path)));
    case 'backup':
      return left(`${backup}-other`, async () => void (await backupStore(path, `${backup}-other`)));
    case 'restore':
      return left(restored, async () => void (await restoreStore(backup, restored)));
    case 'repair':
      return left(`${restored}-repaired`, async () => void (await repairStore(path, `${restored}-repaired`)));
  }
}

function open(): Store {
  if (store === undefined) throw new Error('begin first');
  return store;
}

/** Several at once; what is acknowledged is noted, and the first refusal told when all are settled. */
async function append(to: Store, size: number): Promise<void> {
  const batches = Array.from({ length: 1 + random.below(MOST_BATCHES) }, () => batchOf(size));
  const settled = await Promise.allSettled(
    batches.map(async ({ batch, said }) => {
      await to.port.append(batch).catch((error: unknown) => {
        if (isLiar) writeSync(sayings, `${said[0]}\n`);
        throw error;
      });
      writeSync(sayings, said.map((line) => `${line}\n`).join(''));
    }),
  );
  const refused = settled.find((each) => each.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}

/** A batch, and what is noted of each of its events: the version, and the key where that is how far a source of this key was read. */
interface Noted {
  readonly batch: AppendBatch;
  readonly said: readonly string[];
}

/** As a live service appends it: values, the state of a step, rows of which some changed, and how far a source was read. */
function batchOf(size: number): Noted {
  const value = sampleValue({ number: random.next(), text: 'v'.repeat(random.below(size)) });
  const state = sampleValue({ state: random.next() });
  rows = rows.set(random.below(ROWS), random.next());
  const table = encodeStorable(rows);
  const events = Array.from({ length: 1 + random.below(MOST_EVENTS) }, () =>
    materialized(`a/${random.below(KEYS)}`, { address: random.oneIn(3) ? table.address : value.address, version: `${random.next()}` }),
  );
  const settled = stepSettled({ stateAddress: state.address });
  const offsets = events.slice(-1).map(({ key, version }) => ({ key, offset: version }));
  const said = events.map(({ version, key }, at) => (at === events.length - 1 ? `${version} ${key}` : version));
  return { batch: { events: [settled, ...events], values: [value, state, table], offsets }, said };
}

/** Every event that was acknowledged is there, in the order of the acknowledgements, and sources were read as far as the last of them says. */
async function compare(path: string, from: string): Promise<FullDiskReply> {
  await using reading = await openStore(path, { mode: 'read' });
  const acknowledged = readFileSync(from, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '));
  const found = (await reading.port.read(1, Infinity)).flatMap((event) => ('version' in event ? [event.version] : []));
  const wrong = acknowledged.findIndex(([version], index) => found[index] !== version);
  if (wrong >= 0 || found.length !== acknowledged.length)
    return {
      said: 'wrong',
      problem: `${acknowledged.length} events were acknowledged, ${found.length} are there, and number ${wrong + 1} differs`,
    };
  const wanted = new Map(acknowledged.flatMap(([version = '', key]) => (key === undefined ? [] : [[key, version] as const])));
  const offsets = await offsetsIn(reading.port, [...wanted.keys()]);
  const other = [...wanted].find(([key, offset]) => offsets[key] !== offset);
  if (other === undefined) return { said: 'done' };
  return { said: 'wrong', problem: `the offset of ${other[0]} is ${offsets[other[0]]}, and ${other[1]} was acknowledged` };
}

async function readThrough(path: string): Promise<FullDiskReply> {
  await using reading = await openStore(path, { mode: 'read' });
  const { missing, lines, head } = await read(reading.port, {});
  if (lines.length !== head) return { said: 'wrong', problem: `${lines.length} events were read of ${head}` };
  const [[address, reason] = []] = Object.entries(missing).filter(([, why]) => why !== REMOVED);
  return address === undefined ? { said: 'done' } : { said: 'wrong', problem: `the value ${address} cannot be read: ${reason}` };
}

/** Does something that makes a folder: when it is refused, nothing is there, neither under its name nor beside it. */
async function left(made: string, body: () => Promise<void>): Promise<FullDiskReply> {
  const count = (): number => (existsSync(dirname(made)) ? readdirSync(dirname(made)).length : 0);
  const before = count();
  try {
    await body();
    return { said: 'done' };
  } catch (error) {
    if (existsSync(made) || count() !== before) return { said: 'wrong', problem: `${made} was refused, and left something` };
    throw error;
  }
}

function ballastOf(folder: string): string {
  return join(folder, 'ballast');
}

/** Takes all room but some. */
function fillUp(folder: string, bytes: number): void {
  const file = openSync(ballastOf(folder), 'w');
  const chunk = Buffer.alloc(CHUNK);
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(folder);
      const more = Math.min(CHUNK, bavail * bsize - bytes);
      if (more <= 0) break;
      writeSync(file, chunk, 0, more);
    }
  } catch {
    // File systems keep some room to themselves.
  } finally {
    closeSync(file);
  }
}

process.on('disconnect', () => process.exit(1));
process.on('message', (order: FullDiskOrder) => {
  obey(order).then(
    (reply) => process.send?.(reply),
    (error: unknown) =>
      process.send?.({
        said: 'refused',
        code: error instanceof Error && 'code' in error ? String(error.code) : 'none',
        message: String(error),
      } satisfies FullDiskReply),
  );
});
