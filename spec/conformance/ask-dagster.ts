import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** The release that Sluice is compared with. */
export const DAGSTER = '1.13.27';

const root = resolve(import.meta.dirname, '../..');

/** What Dagster did on one selection. */
export type DagsterRun =
  | { readonly refused: string; readonly message: string }
  | {
      readonly success: boolean;
      readonly executed: readonly string[];
      readonly selectedOutputs: Readonly<Record<string, readonly string[]>>;
      readonly failed: Readonly<Record<string, { readonly error: string; readonly message: string }>>;
      readonly skipped: readonly string[];
      readonly materialized: Readonly<Record<string, number>>;
    };

/**
 * The Python with Dagster in it, in a folder of its own, which is made once.
 *
 * @returns why there is none, where Python is missing or cannot install it
 */
export function dagsterPython(): { readonly python: string } | { readonly missing: string } {
  const folder = join(root, 'node_modules', '.cache', `dagster-${DAGSTER}`);
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const isThere = (): boolean => existsSync(python) && spawnSync(python, ['-c', 'import dagster'], { stdio: 'ignore' }).status === 0;
  if (isThere()) return { python };
  if (spawnSync('python3', ['--version'], { stdio: 'ignore' }).status !== 0) return { missing: 'there is no python3' };
  process.stderr.write(`Installing Dagster ${DAGSTER} (once, some minutes) …\n`);
  if (spawnSync('python3', ['-m', 'venv', folder], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
    return { missing: 'python3 cannot make a venv' };
  const installed = spawnSync(python, ['-m', 'pip', 'install', '--quiet', `dagster==${DAGSTER}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return installed.status === 0 && isThere() ? { python } : { missing: `pip cannot install dagster ${DAGSTER}` };
}

/** Asks one Python process case after case. */
export class Dagster {
  readonly #child: ReturnType<typeof spawn>;
  readonly #answers: AsyncIterator<string>;

  constructor(python: string) {
    this.#child = spawn(python, [join(root, 'scripts', 'dagster-runner.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('the pipe to Python is not there');
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async play(shape: object): Promise<readonly DagsterRun[]> {
    this.#child.stdin?.write(`${JSON.stringify(shape)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('Dagster’s process has ended: see what it said above.');
    // What scripts/dagster-runner.py writes.
    return JSON.parse(value) as readonly DagsterRun[];
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
