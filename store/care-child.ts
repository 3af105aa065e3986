import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError } from '../lib/kernel/errors.ts';
import { CareProcessDied, deathOf } from './care-death.ts';
import type { CareJob, CareReply, CareResults } from './care-process.ts';
import type { Finding } from './check-findings.ts';

/** How far a job is. */
export type CareProgress =
  | { readonly step: 'verify'; readonly table: string; readonly rows: number }
  | { readonly step: 'copy'; readonly bytes: number }
  | { readonly step: 'salvage'; readonly pages: number };

/** Options of everything that takes its time. */
export interface CareOptions {
  /** Told now and then how far it is. */
  readonly onProgress?: (progress: CareProgress) => void;
  /** Gives up when it aborts: nothing is left behind, and what was to be replaced is as it was. */
  readonly signal?: AbortSignal;
}

const STDERR_CHARACTERS = 2000;

/** A process that does jobs one after the other, until it is ended. */
export class CareChild implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #options: CareOptions;
  readonly #ended: Promise<CareProcessDied>;
  #stderr = '';

  constructor(options: CareOptions) {
    options.signal?.throwIfAborted();
    this.#options = options;
    this.#child = start();
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS)));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(new CareProcessDied(error.message, null)));
      // `close`, so that what it said at last is there.
      this.#child.once('close', (code, signal) => resolve(deathOf({ code, signal, said: this.#stderr.trim() })));
    });
  }

  /**
   * Does one job.
   *
   * @throws StoreError that the job failed with, CareProcessDied, what `onProgress` threw, or the reason of the signal
   */
  async run<Job extends CareJob>(job: Job, onFinding: (finding: Finding) => void = () => undefined): Promise<CareResults[Job['do']]> {
    const { signal } = this.#options;
    let stop = (): void => undefined;
    const answered = new Promise<CareResults[Job['do']]>((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      const listen = (reply: CareReply): void => {
        try {
          // A job has one kind of result.
          if (reply.said === 'done') resolve(reply.result as CareResults[Job['do']]);
          else if (reply.said === 'failed') reject(new StoreError(reply.code, reply.message, { details: reply.details }));
          else this.#hear(reply, onFinding);
        } catch (error) {
          reject(error);
        }
      };
      stop = () => {
        this.#child.off('message', listen);
        signal?.removeEventListener('abort', abort);
      };
      this.#child.on('message', listen);
      signal?.addEventListener('abort', abort);
      if (signal?.aborted === true) abort();
      // A process that has just died cannot be sent to; its end is told below.
      else this.#child.send(job, () => undefined);
    });
    try {
      return await Promise.race([answered, this.#ended.then((death) => Promise.reject(death))]);
    } finally {
      stop();
    }
  }

  #hear(reply: Extract<CareReply, { said: 'rows' | 'bytes' | 'pages' | 'found' }>, onFinding: (finding: Finding) => void): void {
    const { onProgress } = this.#options;
    if (reply.said === 'found') onFinding(reply.finding);
    else if (reply.said === 'bytes') onProgress?.({ step: 'copy', bytes: reply.bytes });
    else if (reply.said === 'pages') onProgress?.({ step: 'salvage', pages: reply.pages });
    else onProgress?.({ step: 'verify', table: reply.table, rows: reply.rows });
  }

  /** Ends the process, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** From the package, the script is one of Node's own; from the sources it is TypeScript, and the checkout has what runs that. */
function start(): ChildProcess {
  const isSource = extname(import.meta.url) === '.ts';
  const script = fileURLToPath(new URL(isSource ? 'care-process.ts' : 'care-process.js', import.meta.url));
  if (!existsSync(script))
    throw new StoreError(
      'STORE_IO',
      `A store is checked and copied in a process of its own, and its script ${JSON.stringify(script)} is not there. Load "sluice/store" from where it is installed: a bundle has no place for it.`,
      {
        details: { path: script },
      },
    );
  return fork(script, [], {
    execArgv: isSource ? ['--import', 'tsx'] : [],
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}
