import assert from 'node:assert/strict';
import { assetsFromGraph, define, graph, input, materialize, op } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import type { Example } from './say.ts';

interface SharedFile {
  readonly id: string;
  readonly title: string;
}

// Stand-ins for a chat service and a database: what they hold is outside of Sluice.
const chat = {
  listFiles: async (): Promise<readonly SharedFile[]> => [
    { id: 'F1', title: 'plan.pdf' },
    { id: 'F2', title: 'logo.png' },
  ],
};
const table: SharedFile[] = [];

const fetchFiles = op({ name: 'fetch_files_from_slack', run: () => chat.listFiles() });

const storeFiles = op({
  name: 'store_files',
  inputs: { files: input<readonly SharedFile[]>() },
  run: ({ files }) => {
    table.push(...files);
  },
});

const storeSlackFilesInSql = graph('store_slack_files_in_sql', () => storeFiles({ files: fetchFiles() }));

const definitions = define({ assets: [assetsFromGraph(storeSlackFilesInSql)] });

/** A chain of two ops is one asset; its value lives in a table, and the store remembers that it was made. */
export const storeFilesExample: Example = {
  title: 'A graph of two ops backs one asset, whose value lives elsewhere',
  tell: async (say) => {
    await using store = memoryStore();
    const result = await materialize(definitions, { store });
    assert.equal(result.outcome('store_slack_files_in_sql'), 'materialized');
    assert.deepEqual(
      table.map(({ title }) => title),
      ['plan.pdf', 'logo.png'],
    );
    assert.equal(await store.value('store_slack_files_in_sql'), undefined);
    assert.throws(() => result.value('store_slack_files_in_sql'), { code: 'NO_VALUE' });
    say(
      `store_slack_files_in_sql is ${result.outcome('store_slack_files_in_sql')}: ${table.length} rows in the table, no value in the store`,
    );
  },
};
