import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AskedProcess } from './asked-process.ts';
import { CrashDisk, type DiskLaws } from './crash-disk.ts';
import { DISK_CALLS, diskSteps, type DiskStep } from './disk-steps.ts';
import { judgeLog, type Verdict } from './judge.ts';
import { Random } from './random.ts';
import { QuickFolder, scriptChild } from './script-child.ts';
import type { Promised, ScriptOrder, ScriptReply } from './script-process.ts';
import { readSayings } from './sayings.ts';
import { expectedLog, makeScript, placesOf, type ExpectedLog, type OffsetHabit, type ScriptName } from './script.ts';
import { lacksStrace, Strace } from './strace.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

const COMMITS = 50;
const STATES_OF_A_SCRIPT = 500;
const EXAMINERS = 2;

/** What a script did to its folder, step by step, and what it was to write. */
export interface Recording {
  readonly name: ScriptName;
  readonly folder: string;
  readonly steps: readonly DiskStep[];
  readonly expected: ExpectedLog;
}

/** What the disk of a test keeps: the names of new files only when their folder is flushed, as POSIX says. */
export const REAL: DiskLaws = { heedsSyncs: true, keepsNewNames: false };

/** Takes away the power, on paper: plays what reached the disk again up to some moment, and leaves out what nobody was promised. */
export const powerloss: Torture = {
  name: 'powerloss',
  about: 'what was acknowledged is there after a loss of power at any moment, and nothing half',
  short: 100,
  long: 20_000,
  run: (request) => losePower(request, REAL),
};

/** The torture on a disk of one's choice, of a player with habits of one's choice. */
export async function losePower({ count, seed, tell }: TortureRequest, laws: DiskLaws, habit: OffsetHabit = {}): Promise<TortureReport> {
  const tally = new Tally({ tell });
  const lacks = lacksStrace();
  if (lacks !== undefined) {
    tally.skip(count);
    return tally.report(lacks);
  }
  const random = new Random(seed);
  while (tally.done < count) {
    const name = { seed: random.below(2 ** 31), commits: COMMITS, care: true };
    const recording = await record(name, habit);
    for (const { do: what } of recording.steps) tally.count(`steps: ${what}`);
    await tryStates(recording, { states: Math.min(STATES_OF_A_SCRIPT, count - tally.done), laws, tally });
  }
  return tally.report();
}

/** Plays a script, and notes what it does to its folder. */
async function record(name: ScriptName, habit: OffsetHabit): Promise<Recording> {
  using quick = new QuickFolder();
  const folder = join(quick.path, 'files');
  const sayings = join(quick.path, 'sayings');
  mkdirSync(folder);
  await using child = scriptChild();
  const { pid } = child;
  // Started, and done with what starting takes.
  await child.ask({ do: 'examine', folder: join(quick.path, 'nothing') });
  const strace = await Strace.attach(pid, { calls: DISK_CALLS });
  const reply = await child.ask({ do: 'play', folder, script: name, sayings, habit });
  // The process is there still: its threads tell whose calls they are.
  const place = { pid, folder, sayings };
  const calls = await strace.stop();
  if (reply.said !== 'played' || reply.refused.length > 0)
    throw new Error(`The script ${name.seed} was not played: ${JSON.stringify(reply)}`);
  return { name, folder, steps: diskSteps(calls, place), expected: await expectedLog(makeScript(name)) };
}

interface Trial {
  readonly states: number;
  readonly laws: DiskLaws;
  readonly tally: Tally;
}

async function tryStates(recording: Recording, { states, laws, tally }: Trial): Promise<void> {
  using quick = new QuickFolder();
  await Promise.all(
    Array.from({ length: EXAMINERS }, async (_, which) => {
      await using child = scriptChild();
      for (let state = which; state < states; state += EXAMINERS) {
        const folder = join(quick.path, String(which));
        const verdict = await tryState({ recording, state, laws, folder, child, tally });
        if (verdict.problem === undefined) tally.pass();
        else tally.fail(`script ${recording.name.seed}, state ${state}: ${verdict.problem}`);
      }
    }),
  );
}

interface StateTrial {
  readonly recording: Recording;
  readonly state: number;
  readonly laws: DiskLaws;
  readonly folder: string;
  readonly child: AskedProcess<ScriptOrder, ScriptReply>;
  readonly tally: Tally;
}

async function tryState({ recording, state, laws, folder, child, tally }: StateTrial): Promise<Verdict> {
  const { steps, expected } = recording;
  const random = new Random(recording.name.seed + state * 7919);
  const disk = new CrashDisk(recording.folder, laws);
  const cut = random.below(steps.length);
  for (const step of steps.slice(0, cut)) disk.do(step);
  const next = steps[cut];
  if (next !== undefined) disk.begin(next);
  rmSync(folder, { recursive: true, force: true });
  disk.crash(folder, random);
  const promised = promisesIn(steps.slice(0, cut));
  const { store, backup, restored } = placesOf(folder);
  leaveLocks(store, random);
  for (const [what, path] of Object.entries({ store, backup, restored })) {
    // Once a copy is there for sure, nothing touches it any more.
    if (what !== 'store' && promised.some((each) => 'done' in each && each.done === careOf(what)) && !random.oneIn(5)) continue;
    const found = await child.ask({ do: 'examine', folder: path });
    const isPromised = promised.some((each) => 'done' in each && each.done === careOf(what));
    const verdict =
      what === 'store' ? judgeLog(found, { expected, promised }) : judgeLog(found, { expected, promised: [], isPromised, isCopy: true });
    tally.count(`${what}: ${verdict.kind}`);
    if (verdict.problem !== undefined) return { ...verdict, problem: `before step ${cut} of ${steps.length}, ${what}: ${verdict.problem}` };
  }
  return { kind: 'whole' };
}

/** What makes a copy of that name. */
function careOf(copy: string): string {
  return copy === 'restored' ? 'restore' : 'backup';
}

function promisesIn(steps: readonly DiskStep[]): readonly Promised[] {
  return readSayings(steps.map((step) => (step.do === 'say' ? step.text : '')).join(''));
}

/** LMDB's table of readers is never flushed: after a loss of power it may be gone, or hold anything that it once held, or nothing. */
function leaveLocks(store: string, random: Random): void {
  const bytes = random.pick([undefined, Buffer.alloc(0), Buffer.alloc(32_976), Buffer.alloc(8192)]);
  try {
    if (bytes !== undefined) writeFileSync(join(store, 'lock.mdb'), bytes);
  } catch {
    // There is no folder in this state.
  }
}
