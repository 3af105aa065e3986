import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { DamageOrder, DamageReply } from './damage-process.ts';

const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** How a process ended that was asked to do something. */
export interface Death {
  readonly said: 'died';
  readonly how: string;
}

const HUNG_MS = 15_000;

/** Checks and reads damaged stores in another process, and in a new one each time that it does not survive it. */
export class DamageChild {
  #child: ChildProcess | undefined;

  async ask(order: DamageOrder): Promise<DamageReply | Death> {
    const child = (this.#child ??= startChild());
    return await new Promise((resolve) => {
      const hung = setTimeout(() => child.kill('SIGKILL'), HUNG_MS);
      const end = (reply: DamageReply | Death): void => {
        clearTimeout(hung);
        child.off('message', end);
        child.off('close', died);
        resolve(reply);
      };
      const died = (code: number | null, signal: string | null): void => {
        this.#child = undefined;
        end({ said: 'died', how: String(signal ?? code) });
      };
      child.on('message', end);
      child.on('close', died);
      child.send(order, () => undefined);
    });
  }
  /** Ends the process, and waits for its end. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }
}

function startChild(): ChildProcess {
  const child = fork(fileURLToPath(new URL('damage-process.ts', import.meta.url)), [], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  children.push(child);
  return child;
}
