import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { Order, Reply } from './other-process.ts';

const started: Other[] = [];

afterEach(async () => {
  for (const other of started.splice(0)) await other.kill();
});

/** Another process, which opens stores. Killed at the end of the test. */
export class Other {
  /** The highest position that it was told to be on disk. */
  acknowledged = 0;
  readonly #child: ChildProcess;

  constructor({ fileLimitInBlocks }: { readonly fileLimitInBlocks?: number } = {}) {
    const script = fileURLToPath(new URL('other-process.ts', import.meta.url));
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const options = { cwd, execArgv: ['--import', 'tsx'] };
    this.#child =
      fileLimitInBlocks === undefined
        ? fork(script, [], options)
        : fork(script, [], {
            ...options,
            execPath: '/bin/sh',
            execArgv: ['-c', `ulimit -f ${fileLimitInBlocks}; exec "$0" --import tsx "$@"`, process.execPath],
          });
    this.#child.on('message', (reply: Reply) => {
      if (reply.said === 'acknowledged') this.acknowledged = reply.last;
    });
    started.push(this);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Gives an order without waiting for anything. */
  tell(order: Order): void {
    this.#child.send(order);
  }

  /** Gives an order and waits for its answer. */
  async ask(order: Order): Promise<Exclude<Reply, { said: 'acknowledged' }>> {
    const answered = new Promise<Exclude<Reply, { said: 'acknowledged' }>>((resolve, reject) => {
      const listen = (reply: Reply): void => {
        if (reply.said === 'acknowledged') return;
        this.#child.off('message', listen);
        resolve(reply);
      };
      this.#child.on('message', listen);
      this.#child.once('exit', (code, signal) => reject(new Error(`the other process ended: ${code ?? signal}`)));
    });
    this.tell(order);
    return answered;
  }

  /** As `kill -9` does, and waits for its end. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
