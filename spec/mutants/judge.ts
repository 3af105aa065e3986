import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { beginsWith, type Killer } from './mutant.ts';

const root = resolve(import.meta.dirname, '../..');
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
/** A mutant may never end; the slowest of the others take a tenth of this, and all tests together a third. */
const TIMEOUT_MS = 900_000;

/** What became of a test: `passed`, `failed`, or `unknown` where no test has such a title. */
export interface Judgement {
  readonly killer: Killer;
  readonly verdict: 'passed' | 'failed' | 'unknown';
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

/** Runs tests on one mutant, or on the sources as they are where `mutant` is `''`, in a process of their own. A run that never ends has failed all. */
export async function judge(mutant: string, killers: readonly Killer[]): Promise<readonly Judgement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-mutant-'));
  const file = join(folder, 'report.json');
  const titles = killers.map(({ test }) => test.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  const args = ['run', '--config', 'spec/mutants/vitest.config.ts', '--reporter=json', `--outputFile=${file}`];
  try {
    const ended = await run([...args, '-t', `(${titles.join('|')})`, ...new Set(killers.map(({ spec }) => spec))], mutant);
    if (ended === 'timeout') return killers.map((killer) => ({ killer, verdict: 'failed' }));
    // What the JSON reporter of the pinned vitest writes.
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    return killers.map((killer) => ({ killer, verdict: verdictOf(killer, report) }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function verdictOf({ spec, test }: Killer, { testResults }: Report): Judgement['verdict'] {
  const files = testResults.filter(({ name }) => name.endsWith(spec));
  const tests = files.flatMap(({ assertionResults }) => assertionResults.filter(({ title }) => beginsWith(title, test)));
  // A file that cannot even be loaded is no test that fails.
  if (tests.length === 0) return 'unknown';
  return tests.some(({ status }) => status === 'failed') ? 'failed' : 'passed';
}

function run(args: readonly string[], mutant: string): Promise<'ended' | 'timeout'> {
  return new Promise((done, fail) => {
    // A vitest that runs this one must not be taken for its own.
    const { VITEST: _, VITEST_POOL_ID: __, VITEST_WORKER_ID: ___, ...environment } = process.env;
    const child = spawn(process.execPath, [vitest, ...args], {
      cwd: root,
      env: { ...environment, SLUICE_MUTANT: mutant },
      stdio: 'ignore',
      detached: true,
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      // The whole group: a worker in an endless loop hears nothing.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, TIMEOUT_MS);
    child.once('error', fail);
    child.once('close', () => {
      clearTimeout(timer);
      done(timedOut ? 'timeout' : 'ended');
    });
  });
}
