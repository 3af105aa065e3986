import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pruneStore } from '../../../lib/events/prune.ts';
import { livePort } from '../../../lib/events/tail.ts';
import { encodeValue } from '../../../lib/kernel/value/canonical.ts';
import { address } from '../../../lib/kernel/value/version.ts';
import { openStore } from '../../../store/open-store.ts';
import { FORMAT } from '../../../store/tables.ts';
import { logLine, runEnded, runStarted } from '../../kit/sample-events.ts';
import { CURSORS, goldenBatches, observed, OFFSETS } from './contents.ts';
import { describeStore } from './describe.ts';

/** Versions of one table: of these, some are kept as changes of others. */
const TABLES: readonly (readonly unknown[])[] = [1, 2, 3, 4].map((price) => [
  ...Array.from({ length: 400 }, (_, id) => ({ id, price: 1 })),
  { price },
]);

/** Makes the golden store of the format that this version writes, in a folder that is there: see the README beside this file. */
async function make(target: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-golden-'));
  const store = await openStore(folder);
  const port = livePort(store.port);
  for (const runId of ['pruned', 'kept'])
    await port.append({ events: [runStarted({ runId }), logLine({ runId }), runEnded({ runId })], values: [] });
  for (const value of ['removed', 'x'.repeat(300_000), 'kept']) await port.append(observed('pruned', value));
  await pruneStore(store, { versions: 1, runs: 0, logsOfRuns: 1 });
  for (const batch of goldenBatches()) await port.append(batch);
  await port.append(observed('in parts', 'y'.repeat(300_000)));
  for (const [index, table] of TABLES.entries()) {
    const before = TABLES[index - 1];
    await port.append(observed('table', table, before === undefined ? undefined : address(encodeValue(before))));
  }
  await port.append({ ...observed('named', 1), id: 'an id '.repeat(500) });
  await port.append({ ...observed('read on', 2), offsets: OFFSETS });
  for (const [index, name] of CURSORS.entries()) await port.setCursor(name, index * 7);
  const description = await describeStore(port, CURSORS);
  await store.close();
  await writeFile(join(target, 'data.mdb.gz'), gzipSync(await readFile(join(folder, 'data.mdb')), { level: 9 }));
  await writeFile(join(target, 'description.json'), `${JSON.stringify(description, undefined, 1)}\n`);
  await rm(folder, { recursive: true });
}

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error(`Name the folder of format ${FORMAT}: spec/store/golden/format-${FORMAT}`);
await make(target);
