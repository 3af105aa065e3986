import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AskedProcess } from './asked-process.ts';
import { compiled } from './compiled.ts';
import type { ScriptOrder, ScriptReply } from './script-process.ts';

/** What hangs, hangs for good. A play under strace takes 3 s alone, and was seen to take 47 s beside much other work. */
const PATIENCE_MS = 180_000;

/** A process that plays scripts, and looks at what is left of stores. */
export function scriptChild(): AskedProcess<ScriptOrder, ScriptReply> {
  // One thread for files: so the calls of a script come in one order.
  return new AskedProcess({
    script: compiled('script-process'),
    patienceMs: PATIENCE_MS,
    environment: { UV_THREADPOOL_SIZE: '1' },
  });
}

const MEMORY = '/dev/shm';

/** A new folder, in memory where the system has a place for that: nothing that is tried in it has to survive anything. */
export class QuickFolder implements Disposable {
  readonly path: string = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'sluice-torture-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
