import { hash } from 'node:crypto';
import { StoreError } from '../../lib/kernel/errors.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { openStore } from '../../store/open-store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { sampleKey } from '../kit/sample-events.ts';

// The process in which damaged stores are checked and read: it may not survive that.

/** What it is told: to check a store, and to read all that is asked for here, of a store that is whole or of one that is not. */
export interface DamageOrder {
  readonly do: 'check' | 'read';
  readonly folder: string;
}

/** What it says. Of each question, the answer's hash, or the code of the refusal. */
export type DamageReply =
  | { readonly said: 'checked'; readonly findings: readonly string[] }
  | { readonly said: 'read'; readonly answers: Readonly<Record<string, string>> }
  | { readonly said: 'refused'; readonly code: string };

async function obey({ do: what, folder }: DamageOrder): Promise<DamageReply> {
  if (what === 'check') {
    const findings: string[] = [];
    const tellFinding = ({ code, message }: { code: string; message: string }): void => void findings.push(`${code}: ${message}`);
    await checkStoreFile(folder, { label: 'damaged', tellRows: () => undefined, tellFinding });
    return { said: 'checked', findings };
  }
  const store = await openStore(folder, { mode: 'read' });
  try {
    return { said: 'read', answers: await answersOf(store.port) };
  } finally {
    await store.close();
  }
}

/** Everything that can be asked of a store, over the keys and steps of the samples. */
async function answersOf(port: StorePort): Promise<Readonly<Record<string, string>>> {
  const keys = Array.from({ length: 12 }, (_, index) => sampleKey(`a/${index}`));
  const outputs = Array.from({ length: 12 }, (_, index) => ({ definition: 'graph', step: `s/${index}`, output: 'result' }));
  const answers: Record<string, string> = {};
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

function summary(answer: unknown): string {
  if (Array.isArray(answer) && answer.every((each) => each === undefined)) return 'nothing';
  return hash(
    'sha256',
    JSON.stringify(answer, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)),
  );
}

/** Only errors of the store's own are refusals; any other one has no business to come out of it. */
function refusal(error: unknown): string {
  return error instanceof StoreError ? 'refused' : String(error);
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
