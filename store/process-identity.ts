import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Which process it is, on this host: an id alone may be used again. `null` where the system does not say. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in ticks since the host did. */
  readonly start: string | null;
  /** Which start of the host. */
  readonly boot: string | null;
  /** Which copy of this module: a process may have several (bundles, threads). */
  readonly copy: string;
}

const copy = randomUUID();

/** This process. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, start: stat(process.pid)?.start ?? null, boot: bootId(), copy };
}

/**
 * Whether a process that wrote down who it is can still be there. Never says no of one that is; may say yes of one that is gone,
 * where the system tells too little. Sees only its own namespace of processes: containers that share a store have to share that.
 */
export function mayBeAlive({ pid, start, boot }: ProcessIdentity): boolean {
  const here = bootId();
  if (boot !== null && here !== null && boot !== here) return false;
  if (!isRunning(pid)) return false;
  const found = stat(pid);
  if (found === undefined) return true;
  // A zombie has let go of everything; its parent has just not asked for its exit code yet.
  return !/[ZX]/.test(found.state) && (start === null || start === found.start);
}

/** Whether it was this very copy of the module that wrote it down. */
export function isThisCopy(other: ProcessIdentity): boolean {
  return other.copy === copy;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is one too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** From /proc, which only Linux has. The name of the process, in brackets, may hold anything, brackets too. */
function stat(pid: number): { readonly state: string; readonly start: string } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const [state, ...fields] = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  const start = fields[18];
  return state === undefined || start === undefined ? undefined : { state, start };
}

function bootId(): string | null {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? null;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
