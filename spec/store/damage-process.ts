import { livePort } from '../../lib/events/tail.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { openStore } from '../../store/open-store.ts';
import { answersOf, type Answers } from './damage-answers.ts';
import { batchOfRun, fixedRuns } from './damage-samples.ts';

// The process in which damaged stores are checked and read: it may not survive that.

/** What it is told: to check a store, to read all that is asked for here, or to append to it until it is killed. */
export interface DamageOrder {
  readonly do: 'check' | 'read' | 'write for ever';
  readonly folder: string;
}

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
    return { said: 'read', answers: await answersOf(livePort(store.port)) };
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
