import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A system call that returned. */
export interface TracedCall {
  /** The thread that made it. */
  readonly thread: number;
  readonly name: string;
  /** What stood between its parentheses. */
  readonly text: string;
  /** What it returned; -1 for an error. */
  readonly result: number;
  /** What stood behind the result: the path of a file that was opened, or the name of the error. */
  readonly note: string;
  /** Whether it was made to fail, and not done. */
  readonly isInjected: boolean;
}

/** What strace is to do with a process. */
export interface StraceOptions {
  /** Names of the calls to note. */
  readonly calls: readonly string[];
  /** Only those on this file. */
  readonly path?: string;
  /** How many bytes of each to note, at most. All where nothing is said. */
  readonly bytes?: number;
  /** Which of them to make fail: of each thread, the call of that name and number, with that error. */
  readonly fault?: Fault;
}

/** One call that fails. */
export interface Fault {
  readonly call: string;
  readonly number: number;
  readonly error: 'EIO' | 'ENOSPC';
}

const MOST_BYTES = 64 * 2 ** 20;

let lack: string | undefined | null = null;

/** Why processes cannot be traced here; `undefined` where they can. */
export function lacksStrace(): string | undefined {
  return (lack === null ? (lack = findLack()) : lack) ?? undefined;
}

function findLack(): string | undefined {
  if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).status !== 0) return 'there is no strace here';
  // Like a torture: to a process of one's own, which has been started already.
  const script = 'sleep 60 & strace -o /dev/null -p $! 2>&1 | { read -r line; echo "$line"; kill -9 $!; }';
  const { stdout } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  return /attached/.test(stdout) ? undefined : `strace may not attach to processes here (${stdout.trim()})`;
}

/** strace at work on a process that was running already, its threads, and the processes that it starts. */
export class Strace {
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Resolves when everything that the process does from now on is seen. */
  static async attach(pid: number, { calls, path, fault, bytes = MOST_BYTES }: StraceOptions): Promise<Strace> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-strace-'));
    const child = spawn(
      'strace',
      [
        '-f',
        '-y',
        '-xx',
        '-s',
        String(bytes),
        '-o',
        join(folder, 'trace'),
        '-p',
        String(pid),
        ...(path === undefined ? [] : ['-P', path]),
        '-e',
        `trace=${calls.join(',')}`,
        ...(fault === undefined ? [] : ['-e', `inject=${fault.call}:error=${fault.error}:when=${fault.number}`]),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    await attached(child);
    return new Strace(child, folder);
  }

  /** Lets go of the process, and gives what it did, in the order in which calls returned. */
  async stop(): Promise<readonly TracedCall[]> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'close');
      this.#child.kill('SIGINT');
      await ended;
    }
    const text = await readFile(join(this.#folder, 'trace'), 'latin1');
    await rm(this.#folder, { recursive: true, force: true });
    return readTrace(text);
  }
}

function attached(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (/Process \d+ attached/.test(said)) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`strace ended: ${said.trim()}`)));
  });
}

const UNFINISHED = ' <unfinished ...>';

/** Reads what strace wrote: a call that others came between stands on two lines, and counts where it returned. */
function readTrace(text: string): readonly TracedCall[] {
  const calls: TracedCall[] = [];
  const begun = new Map<number, string>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const thread = Number(line.slice(0, space));
    const rest = line.slice(space).trimStart();
    if (rest.endsWith(UNFINISHED)) {
      begun.set(thread, rest.slice(0, -UNFINISHED.length));
      continue;
    }
    const [resumed] = /^<\.\.\. \w+ resumed>/.exec(rest) ?? [];
    const call = resumed === undefined ? rest : `${begun.get(thread) ?? ''}${rest.slice(resumed.length)}`;
    const read = readCall(thread, call);
    if (read !== undefined) calls.push(read);
  }
  return calls;
}

function readCall(thread: number, line: string): TracedCall | undefined {
  // From the end: the bytes in between can be megabytes, and hold no character of these.
  const equals = line.lastIndexOf(' = ');
  const open = line.indexOf('(');
  const [, result, note = ''] = /^ = (-?\d+)(.*)$/.exec(line.slice(Math.max(equals, 0))) ?? [];
  if (open < 0 || equals < open || result === undefined) return undefined;
  const text = line.slice(open + 1, line.lastIndexOf(')', equals));
  return { thread, name: line.slice(0, open), text, result: Number(result), note, isInjected: note.includes('(INJECTED)') };
}

/** The bytes in the hex of a string of strace's. */
export function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex');
}
