/** The files of a Slack workspace, kept in a SQL table by a graph of two ops. Usage: main.ts */
import { PGlite } from '@electric-sql/pglite';
import { materialize, StepError, type RunEvent, type Store } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import { db, definitions, slack } from './definitions.ts';
import { readAll } from './files-table.ts';
import { SlackClient } from './slack-client.ts';
import { SlackServer, type SharedFile } from './slack-server.ts';

const KEY = 'store_slack_files_in_sql';
const MINUTE = 60;
const MORNING = Date.UTC(2026, 0, 12, 9) / 1000;

const shared: readonly SharedFile[] = [
  { id: 'F0A1PLAN', created: MORNING, name: 'plan.pdf', mimetype: 'application/pdf', size: 144_538 },
  { id: 'F0A2LOGO', created: MORNING + 3 * MINUTE, name: 'logo.png', mimetype: 'image/png', size: 20_213 },
  { id: 'F0A3COST', created: MORNING + 8 * MINUTE, name: 'costs.csv', mimetype: 'text/csv', size: 3_907 },
  { id: 'F0A4TALK', created: MORNING + 21 * MINUTE, name: 'talk.mp3', mimetype: 'audio/mpeg', size: 5_730_122 },
  { id: 'F0A5NOTE', created: MORNING + 34 * MINUTE, name: 'notes.txt', mimetype: 'text/plain', size: 812 },
];
const offsite: SharedFile = {
  id: 'F0A6SITE',
  created: MORNING + 55 * MINUTE,
  name: 'offsite.pdf',
  mimetype: 'application/pdf',
  size: 98_304,
};

const say = (line: string): void => console.log(line === '' ? '' : `  ${line}`);

/** What a run talks to: stand-ins on this machine, and a store of its own. */
interface Surroundings {
  readonly server: SlackServer;
  readonly database: PGlite;
  readonly store: Store;
}

/** Makes the asset, two files a page, and tells how that went. */
async function sync({ server, database, store }: Surroundings, token = server.token): Promise<void> {
  const before = server.requests;
  await materialize(definitions, {
    store,
    config: { ops: { fetch_files_from_slack: { pageSize: 2 } } },
    resources: [slack.factory({ open: () => new SlackClient({ token, baseUrl: server.baseUrl }) }), db.value(database)],
    hooks: {
      onMaterialization: ({ key, metadata }) => {
        say(`${server.requests - before} requests to Slack, with 2 files a page`);
        say(`${key}: ${count(metadata)}`);
      },
    },
    onEvent: (event) => tellRetry(event),
  });
}

function tellRetry(event: RunEvent): void {
  if (event.type !== 'step-retrying') return;
  say(`attempt ${event.attempt}: ${event.error.cause?.message ?? event.error.message}`);
  say(`attempt ${event.attempt + 1} comes in ${event.delayMs / 1000} s`);
}

/** What the op said of its table when it was done. */
function count(metadata: Readonly<Record<string, unknown>>): string {
  const { rows, added, edited, removed } = metadata;
  return `${String(rows)} rows (${String(added)} added, ${String(edited)} edited, ${String(removed)} removed)`;
}

async function tellTable(database: PGlite): Promise<void> {
  for (const { id, created, name, size } of await readAll(database)) {
    say(`${id}  ${new Date(created * 1000).toISOString().slice(0, 16)}  ${name.padEnd(12)}${size.toLocaleString('en-US').padStart(9)}`);
  }
}

/** What the log tells later: of the database, the store knows what the op said, and no more. */
async function tellLog(store: Store): Promise<void> {
  let run = 0;
  for await (const event of store.events()) {
    if (event.type === 'run-started') run += 1;
    if (event.type === 'log-line') say(`run ${run} ${event.level}: ${event.message} ${JSON.stringify(event.data)}`);
    if (event.type === 'asset-materialized') say(`run ${run} materialized: ${count(event.metadata)}`);
    if (event.type === 'asset-blocked') say(`run ${run} blocked: the step before it failed`);
  }
}

async function main(): Promise<void> {
  await using server = await SlackServer.start(shared);
  await using database = await PGlite.create();
  await using store = memoryStore();
  const surroundings: Surroundings = { server, database, store };

  console.log('Slack has 5 files');
  await sync(surroundings);

  console.log('\nSlack is busy: it refuses one request');
  server.limitNext(1, { retryAfterSeconds: 1 });
  await sync(surroundings);

  console.log(`\nSomebody shares ${offsite.name}`);
  server.add(offsite);
  await sync(surroundings);

  console.log('\nSomebody has a wrong token');
  await sync(surroundings, 'xoxb-wrong').catch((error: unknown) => {
    if (!(error instanceof StepError)) throw error;
    say(error.cause instanceof Error ? error.cause.message : error.message);
    say('no second attempt: the table stays as it is');
  });

  console.log('\nThe table slack_files');
  await tellTable(database);

  console.log(`\nWhat the store remembers of ${KEY}`);
  await tellLog(store);
}

await main();
