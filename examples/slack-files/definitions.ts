import type { PGliteInterface } from '@electric-sql/pglite';
import { assetsFromGraph, define, graph, input, link, op, resource, table } from 'sluice';
import { z } from 'zod';
import { storeAll } from './files-table.ts';
import { SlackClient, type SlackFiles } from './slack-client.ts';
import { slackFile, type SlackFile } from './slack-file.ts';

/** Where the files come from. */
export const slack = resource<SlackFiles>('slack', { description: 'lists the files that were shared' });

/** Where they go. */
export const db = resource<PGliteInterface>('db', { description: 'a PostgreSQL database' });

const files = z.array(slackFile);

const fetchFilesFromSlack = op({
  name: 'fetch_files_from_slack',
  description: 'every file that the token may see, page after page',
  // What Slack has is no input: it is asked in every run.
  volatile: true,
  config: z.object({ pageSize: z.number().int().min(1).max(1000).default(100) }),
  resources: { slack },
  // For what goes wrong on the way. Slack's own "come back in so many seconds" replaces the wait; a wrong token ends it at once.
  retry: { max: 3, delayMs: 500, backoff: 'exponential', jitter: 1 },
  timeoutMs: 60_000,
  result: files,
  run: async (_, { config: { pageSize }, resources, signal, log }) => {
    const found: SlackFile[] = [];
    for await (const file of resources.slack.files({ pageSize, signal })) found.push(file);
    log.info('fetched', { files: found.length, pageSize });
    return found;
  },
});

const storeFiles = op({
  name: 'store_files',
  description: 'makes the table hold what Slack has',
  inputs: { files: input(files) },
  resources: { db },
  // It returns nothing: the value lives in the table, and the store keeps what is said of it here.
  run: async ({ files: given }, { resources, annotate }) => {
    const stored = await storeAll(resources.db, given);
    const newest = given[0];
    annotate('result', {
      metadata: {
        ...stored,
        ...(newest !== undefined && { newest: link(newest.url_private, newest.name) }),
        preview: table(given.slice(0, 3).map(({ id, created, name, size }) => ({ id, shared: new Date(created * 1000), name, size }))),
      },
    });
  },
});

// One output without a name: the asset has the graph's name as its key.
const storeSlackFilesInSql = graph('store_slack_files_in_sql', () => storeFiles({ files: fetchFilesFromSlack() }));

/** What can be asked for: from the real Slack, unless a run brings another; the database comes with the run. */
export const definitions = define({
  assets: [assetsFromGraph(storeSlackFilesInSql, { notes: { result: { description: 'the table slack_files, as Slack has it' } } })],
  // Opened when a run first asks for it, and closed when the run is over: the client can be disposed.
  resources: [slack.factory({ open: () => new SlackClient({ token: process.env['SLACK_TOKEN'] ?? '' }) })],
});
