import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from 'sluice/store';
import { sampleAppends, type Append } from './appends.ts';
import type { Figure } from './benchmark.ts';
import { check, takeTurns } from './measure.ts';

const APPENDS = 20_000;
const IN_FLIGHT = 10;
const TURNS = 3;

/** What it costs to forget what nothing needs, beside appends: 50 assets, of which the last 100 values each are kept. */
export async function retentionFigure(folder: string): Promise<Figure> {
  const path = join(folder, 'retaining');
  const appends = sampleAppends(APPENDS);
  const [forgetting, keeping] = await takeTurns([() => appendAll(path, appends, true), () => appendAll(path, appends, false)], TURNS);
  return {
    name: `append, ${IN_FLIGHT} in flight, retention beside`,
    value: (1000 * forgetting) / APPENDS,
    unit: 'µs',
    against: { name: 'without retention', value: (1000 * keeping) / APPENDS },
  };
}

async function appendAll(path: string, appends: readonly Append[], forgets: boolean): Promise<void> {
  let removed = 0;
  const retention = forgets && {
    onPruned: ({ values }: { readonly values: { readonly removed: number } }) => void (removed += values.removed),
  };
  const store = await openStore(path, { retention });
  for (let from = 0; from < appends.length; from += IN_FLIGHT)
    await Promise.all(appends.slice(from, from + IN_FLIGHT).map((append) => store.port.append(append)));
  await store.close();
  rmSync(path, { recursive: true });
  check(removed > 0 === forgets, 'values are removed where they are to be');
}
