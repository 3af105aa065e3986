import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An example that listens, in a process of its own. */
export interface Served {
  readonly address: string;
  readonly child: ChildProcess;
  /** What it has written so far. */
  output(): string;
  /** Ends it, and gives its exit code and the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
}

/** Starts an example as a user would, without a terminal. Resolves when it listens, and rejects where it ends before that. */
export async function serve(args: readonly string[]): Promise<Served> {
  // Straight under this process: a signal is for the example itself.
  const child = spawn(process.execPath, ['scripts/run.mjs', ...args], {
    cwd: root,
    env: { ...process.env, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const address = await new Promise<string>((resolve, reject) => {
    const listen = (text: string): void => {
      output += text;
      const found = /Listening on (http:\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('exit', (code) => reject(new Error(`It ended with ${code} before it listened:\n${output}`)));
  });
  return { address, child, output: () => output, end: (signal) => (child.kill(signal), ended) };
}
