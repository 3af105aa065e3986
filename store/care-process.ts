import { checkStoreFile, type CheckResult } from './check-store.ts';
import type { Finding } from './check-findings.ts';
import { compactFile, swapFile, type Compaction } from './compact-file.ts';
import { copyStoreFile, letGoOfCopy } from './copy-file.ts';
import { prepareLocks } from './disk-room.ts';
import { repairFile, type RepairPlace } from './repair-file.ts';
import type { RepairedParts } from './repair-report.ts';
import { storeFailure } from './store-failure.ts';
import type { StoreCode } from '../lib/kernel/error-codes.ts';

// The process in which stores are checked and copied: damage in LMDB's own pages may end the process that reads them.

/** What the process is told to do. Paths are absolute; `label` is how messages call the store. */
export type CareJob =
  | { readonly do: 'check'; readonly path: string; readonly label: string }
  /** Copies the store into a folder that is there. */
  | { readonly do: 'copy'; readonly path: string; readonly label: string; readonly target: string; readonly targetLabel: string }
  /** Makes a copy nobody's, so that whoever opens it may write. */
  | { readonly do: 'let go'; readonly path: string; readonly label: string; readonly raiseEpochBy: number }
  /** Takes the lease, and copies what is in use into a folder that is there. The process has the lease until `swap`, or until it ends. */
  | { readonly do: 'compact'; readonly path: string; readonly label: string; readonly target: string }
  /** After `compact`: puts the copy in the place of the store. */
  | { readonly do: 'swap'; readonly path: string; readonly label: string; readonly target: string }
  /** Makes a store of what is left of one, in a folder that is there. */
  | ({ readonly do: 'repair' } & RepairPlace);

/** What each job gives. */
export interface CareResults {
  readonly check: CheckResult;
  readonly copy: null;
  readonly 'let go': null;
  readonly compact: null;
  readonly swap: null;
  readonly repair: RepairedParts;
}

/** What the process says: how far it is, what it found, and at the end one of the other two. */
export type CareReply =
  | { readonly said: 'rows'; readonly table: string; readonly rows: number }
  | { readonly said: 'bytes'; readonly bytes: number }
  | { readonly said: 'pages'; readonly pages: number }
  | { readonly said: 'found'; readonly finding: Finding }
  | { readonly said: 'done'; readonly result: CareResults[CareJob['do']] }
  | { readonly said: 'failed'; readonly code: StoreCode; readonly message: string; readonly details: Readonly<Record<string, unknown>> };

const parent = process.ppid;
let compaction: Compaction | undefined;

function say(reply: CareReply): void {
  // A check waits for nothing, so it would not be told that its parent has gone.
  if (process.ppid !== parent) process.exit(1);
  process.send?.(reply);
}

async function obey(job: CareJob): Promise<CareResults[CareJob['do']]> {
  // Before LMDB is asked, which would end the process: that would look like damage.
  if (job.do !== 'repair' && job.do !== 'swap') prepareLocks(job);
  switch (job.do) {
    case 'check':
      return checkStoreFile(job.path, {
        label: job.label,
        tellRows: (table, rows) => say({ said: 'rows', table, rows }),
        tellFinding: (finding) => say({ said: 'found', finding }),
      });
    case 'copy':
      await copyStoreFile(job, (bytes) => say({ said: 'bytes', bytes }));
      return null;
    case 'let go':
      await letGoOfCopy(job);
      return null;
    case 'compact':
      compaction = await compactFile(job, (bytes) => say({ said: 'bytes', bytes }));
      return null;
    case 'swap':
      if (compaction === undefined) throw new Error('Sluice bug: a swap without a compaction before it');
      await swapFile(compaction);
      return null;
    case 'repair':
      return await repairFile(job, (pages) => say({ said: 'pages', pages }));
  }
}

process.on('disconnect', () => process.exit(1));

process.on('message', (job: CareJob) => {
  obey(job).then(
    (result) => say({ said: 'done', result }),
    (error: unknown) => {
      const { code, message, details } = storeFailure(error, job.label);
      say({ said: 'failed', code, message, details });
    },
  );
});
