import { hash } from 'node:crypto';
import { StoreError } from '../../lib/kernel/errors.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { openStore } from '../../store/open-store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { sampleKey } from '../kit/sample-events.ts';
import { batchOfRun, fixedRuns } from './damage-samples.ts';

// The process in which damaged stores are checked and read: it may not survive that.

/** What it is told: to check a store, to read all that is asked for here, or to append to it until it is killed. */
export interface DamageOrder {
  readonly do: 'check' | 'read' | 'write for ever';
  readonly folder: string;
}

/** Of each question, the lines of its answer, or how it was refused. */
export type Answers = Readonly<Record<string, readonly string[] | string>>;

/** What it says. */
export type DamageReply =
  | { readonly said: 'checked'; readonly findings: readonly string[] }
  | { readonly said: 'read'; readonly answers: Answers }
  | { readonly said: 'writing' }
  | { readonly said: 'refused'; readonly code: string };

async function obey({ do: what, folder }: DamageOrder): Promise<DamageReply> {
  if (what === 'check') {
    const findings: string[] = [];
    const tellFinding = ({ code, message }: { code: string; message: string }): void => void findings.push(`${code}: ${message}`);
    await checkStoreFile(folder, { label: 'damaged', tellRows: () => undefined, tellFinding });
    return { said: 'checked', findings };
  }
  if (what === 'write for ever') {
    await writeForEver(folder);
    return { said: 'writing' };
  }
  const store = await openStore(folder, { mode: 'read' });
  try {
    return { said: 'read', answers: await answersOf(store.port) };
  } finally {
    await store.close();
  }
}

/** Appends runs, one after the other; what it started goes on when this resolves. */
async function writeForEver(folder: string): Promise<void> {
  const store = await openStore(folder);
  const runs = fixedRuns(1000);
  const append = async (index: number): Promise<void> => {
    await store.port.append(batchOfRun(runs[index % runs.length] ?? { steps: [], ends: true, source: true }, index));
    setTimeout(() => void append(index + 1), 2);
  };
  await append(0);
}

/** Everything that can be asked of a store, over the keys and steps of the samples. */
async function answersOf(port: StorePort): Promise<Answers> {
  const keys = Array.from({ length: 12 }, (_, index) => sampleKey(`a/${index}`));
  const outputs = Array.from({ length: 12 }, (_, index) => ({ definition: 'graph', step: `s/${index}`, output: 'result' }));
  const answers: Record<string, readonly string[] | string> = {};
  const ask = async (name: string, question: () => Promise<unknown>): Promise<void> => {
    answers[name] = await question().then(summary, refusal);
  };
  await ask('head', () => port.head());
  await ask('read', () => port.read(1, Infinity));
  await ask('runs', () => port.runs());
  for (const at of [7, 30, Infinity]) {
    for (const key of keys) await ask(`readable ${key} ${at}`, () => port.readable([key], at));
    for (const output of outputs) await ask(`settled ${output.step} ${at}`, () => port.lastSettled([output], at));
  }
  const events = await port.read(1, Infinity).catch(() => []);
  for (const event of events) {
    if ('address' in event && event.address !== null) {
      const { address } = event;
      await ask(`value ${address}`, () => port.values([address]));
    }
  }
  return answers;
}

/** What an answer holds, one line each: what it is about, its position, and the hash of all that it says. */
function summary(answer: unknown): readonly string[] {
  return (Array.isArray(answer) ? answer : [answer]).filter((each) => each !== undefined).map(lineOf);
}

function lineOf(item: unknown): string {
  // Events, runs, bytes and numbers, of which events have these fields.
  const { key, step, position } = item as { readonly key?: string; readonly step?: string; readonly position?: number };
  const text = JSON.stringify(item, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value));
  return `${key ?? step ?? ''}@${position ?? ''} ${hash('sha256', text)}`;
}

/** Only errors of the store's own are refusals; any other one has no business to come out of it. */
function refusal(error: unknown): string {
  return error instanceof StoreError ? 'refused' : `failed: ${String(error)}`;
}

process.on('disconnect', () => process.exit(1));
process.on('message', (order: DamageOrder) => {
  obey(order).then(
    (reply) => process.send?.(reply),
    (error: unknown) =>
      process.send?.({
        said: 'refused',
        code: String(error instanceof Error && 'code' in error ? error.code : error),
      } satisfies DamageReply),
  );
});
