import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** How a process ended that was asked for something: it did not survive it, or took too long. */
export interface Death {
  readonly said: 'died';
  readonly how: string;
}

/** What is told of a process that is asked. */
export interface AskedProcessOptions {
  /** The script; it answers each message with one. In TypeScript it takes longer to start. */
  readonly script: string;
  /** How long an answer may take. */
  readonly patienceMs: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Does one thing after the other in a process of its own, and goes on in a new one each time that it does not survive it. */
export class AskedProcess<Order extends object, Reply extends object> {
  readonly #options: AskedProcessOptions;
  #child: ChildProcess | undefined;

  constructor(options: AskedProcessOptions) {
    this.#options = options;
  }

  /** Starts the process where there is none, and gives its id. */
  get pid(): number {
    const { pid } = (this.#child ??= start(this.#options));
    if (pid === undefined) throw new Error(`The process ${this.#options.script} cannot be started.`);
    return pid;
  }

  async ask(order: Order): Promise<Reply | Death> {
    const child = (this.#child ??= start(this.#options));
    return await new Promise((resolve) => {
      let isHung = false;
      const hung = setTimeout(() => {
        isHung = true;
        child.kill('SIGKILL');
      }, this.#options.patienceMs);
      const end = (reply: Reply | Death): void => {
        clearTimeout(hung);
        child.off('message', end);
        child.off('close', died);
        resolve(reply);
      };
      const died = (code: number | null, signal: string | null): void => {
        this.#child = undefined;
        end({ said: 'died', how: isHung ? `said nothing for ${this.#options.patienceMs} ms` : String(signal ?? `code ${code}`) });
      };
      child.on('message', end);
      child.on('close', died);
      // A process that has just died cannot be sent to; its end is told above.
      child.send(order, () => undefined);
    });
  }

  /** Ends the process, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

function start({ script, environment }: AskedProcessOptions): ChildProcess {
  const stdio: ('ignore' | 'ipc')[] = ['ignore', 'ignore', 'ignore', 'ipc'];
  const execArgv = script.endsWith('.ts') ? ['--import', 'tsx'] : [];
  return fork(script, [], { cwd: root, env: { ...process.env, ...environment }, stdio, execArgv });
}
