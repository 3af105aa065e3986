import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';
import { compiled } from './compiled.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const STDERR_CHARACTERS = 2000;

/** A line that a process says: what it is about, and what belongs to that. */
export type Line = readonly [about: string, ...rest: readonly unknown[]];

/**
 * A process of a torture, with its modules loaded, which waits for what it is to do. What it says comes through a pipe that it writes
 * to without waiting for its event loop, so that all it said before a kill is heard.
 */
export class Child {
  /** Settles when it is gone and all it said was heard. */
  readonly ended: Promise<void>;
  /** Called with each line. */
  onLine: (line: Line) => void = () => undefined;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<{ readonly about: string; readonly done: () => void }>();
  #stderr = '';
  #isGone = false;

  /** @param script name of a file in this folder, without its ending */
  constructor(script: string) {
    this.#process = spawn(process.execPath, [compiled(script)], { cwd: root, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'ipc'] });
    this.#process.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS)));
    // The process may be gone when something is sent to it.
    this.#process.on('error', () => undefined);
    // What is opened as a pipe for the process to write to, is read from here.
    const lines = createInterface({ input: this.#process.stdio[3] as Readable });
    lines.on('line', (text) => this.#hear(text));
    const closed = new Promise((resolve) => this.#process.once('close', resolve));
    const heard = new Promise((resolve) => lines.once('close', resolve));
    this.ended = Promise.all([closed, heard]).then(() => {
      this.#isGone = true;
      for (const { done } of this.#waiting) done();
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Whether it is gone. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** What it wrote to its stderr, the end of it. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Gives it something to do. */
  tell(order: object): void {
    if (this.#process.connected) this.#process.send(order, () => undefined);
  }

  /** Settles with the next line about something, or with the end of the process. */
  async hears(about: string): Promise<void> {
    if (this.#isGone) return;
    await new Promise<void>((resolve) => {
      const waiter = {
        about,
        done: () => {
          this.#waiting.delete(waiter);
          resolve();
        },
      };
      this.#waiting.add(waiter);
    });
  }

  /** Sends a signal, if the process is there. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** As `kill -9` does, and waits for its end. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  #hear(text: string): void {
    const line = lineOf(text);
    if (line === undefined) return;
    this.onLine(line);
    for (const waiter of this.#waiting) if (waiter.about === line[0]) waiter.done();
  }
}

/** A line that was cut off by a kill is none. */
function lineOf(text: string): Line | undefined {
  try {
    // What does not end in the middle is what the process wrote.
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}

/** Processes that are started before somebody needs them: starting one takes longer than most of their lives. */
export class Nursery implements AsyncDisposable {
  readonly #script: string;
  readonly #ahead: number;
  readonly #all = new Set<Child>();
  readonly #ready: Child[] = [];

  constructor(script: string, ahead: number) {
    this.#script = script;
    this.#ahead = ahead;
  }

  /** A process that nobody had before. It is killed at the end, if it lives so long. */
  take(): Child {
    while (this.#ready.length <= this.#ahead) this.#start();
    // The loop above has put at least one there.
    return this.#ready.shift() as Child;
  }

  #start(): void {
    const child = new Child(this.#script);
    this.#all.add(child);
    void child.ended.then(() => this.#all.delete(child));
    this.#ready.push(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all].map((child) => child.kill()));
  }
}
