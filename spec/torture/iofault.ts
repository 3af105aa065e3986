import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AskedProcess, Death } from './asked-process.ts';
import { judgeExactly } from './judge.ts';
import { Random } from './random.ts';
import { QuickFolder, scriptChild } from './script-child.ts';
import { readSayings } from './sayings.ts';
import type { Promised, Refused, ScriptOrder, ScriptReply } from './script-process.ts';
import { makeScript, placesOf, type OffsetHabit, type ScriptName } from './script.ts';
import { bytesOf, lacksStrace, Strace, type Fault, type TracedCall } from './strace.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

const CALLS: readonly string[] = 'pwrite64 pwritev write writev fdatasync fsync ftruncate rename mkdir copy_file_range sendfile'.split(' ');
const PLAYERS = 2;
/** A folder that is not there: looking at it loads all that a process needs. */
const NOWHERE = join(tmpdir(), 'sluice-nowhere');
const HEADER_BYTES = 8192;
const ERRORS = ['EIO', 'ENOSPC'] as const;
/** Faults enough for every call of the scripts, and more than there are. */
const ALL = 1_000_000;

/** What goes on while a call fails. */
interface Phase {
  readonly name: 'make' | 'write' | 'care';
  readonly script: Omit<ScriptName, 'seed'>;
  /** The step before which the calls begin that may fail. */
  readonly from: number;
}

const PHASES: readonly Phase[] = [
  { name: 'write', script: { commits: 50, care: false }, from: 1 },
  { name: 'care', script: { commits: 6, care: true }, from: 1 },
  { name: 'make', script: { commits: 3, care: false }, from: 0 },
];

/** A call that is to fail, and when. */
interface Site {
  readonly phase: Phase;
  readonly fault: Fault;
}

/** Makes each call that writes or flushes fail once: with an error of the disk, and with a disk that is full. */
export const iofault: Torture = {
  name: 'iofault',
  about: 'whichever call fails that writes or flushes: what was refused is not there, what was acknowledged is, and the store goes on',
  short: 24,
  long: ALL,
  run: (request) => failCalls(request, { isLiar: false }),
};

/** What a player promises. */
export interface Honesty {
  /** Whether it promises what is refused too. */
  readonly isLiar: boolean;
  readonly habit?: OffsetHabit;
}

/** The torture of a player that may be a liar. */
export async function failCalls({ count, seed, tell }: TortureRequest, honesty: Honesty): Promise<TortureReport> {
  const tally = new Tally({ tell });
  const lacks = lacksStrace();
  if (lacks !== undefined) {
    tally.skip();
    return tally.report(lacks);
  }
  const found = (await Promise.all(PHASES.map((phase) => sitesOf(phase, seed, honesty.habit)))).flat();
  tell(`${found.length} calls can fail`);
  const sites = found.length <= count ? found : sample(found, count, new Random(seed));
  await Promise.all(
    Array.from({ length: PLAYERS }, async (_, which) => {
      await using examiner = scriptChild();
      await using players = new Spare();
      for (const site of sites.filter((_site, index) => index % PLAYERS === which)) {
        const problem = await injectFault(site, { ...honesty, seed, players, examiner, tally });
        if (problem === undefined) tally.pass();
        else tally.fail(`${site.phase.name}, ${site.fault.call} ${site.fault.number} gives ${site.fault.error}: ${problem}`);
      }
    }),
  );
  return tally.report();
}

/** A process that waits to be needed, for each is needed once only: what a fault leaves behind in it may show much later. */
class Spare implements AsyncDisposable {
  #next = started();

  async take(): Promise<AskedProcess<ScriptOrder, ScriptReply>> {
    const taken = await this.#next;
    this.#next = started();
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#next)[Symbol.asyncDispose]();
  }
}

async function started(): Promise<AskedProcess<ScriptOrder, ScriptReply>> {
  const child = scriptChild();
  await child.ask({ do: 'examine', folder: NOWHERE });
  return child;
}

/** Some of them, spread over all. */
function sample(sites: readonly Site[], count: number, random: Random): readonly Site[] {
  const left = [...sites];
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)).flat();
}

/** Finds out which calls a phase makes to files of its folder, by playing it once without a fault. */
async function sitesOf(phase: Phase, seed: number, habit: OffsetHabit = {}): Promise<readonly Site[]> {
  using quick = new QuickFolder();
  await using child = await started();
  const { reply, calls } = await play(child, { isLiar: false, habit, phase, seed, folder: quick.path });
  if (reply.said !== 'played' || reply.refused.length > 0)
    throw new Error(`The phase ${phase.name} fails by itself: ${JSON.stringify(reply)}`);
  // The number of a call is counted by thread, as strace does.
  const numbers = new Map<string, number>();
  const sites = new Map<string, Site>();
  for (const call of calls) {
    const counter = `${call.thread} ${call.name}`;
    const number = (numbers.get(counter) ?? 0) + 1;
    numbers.set(counter, number);
    if (!isIn(call, quick.path)) continue;
    for (const error of ERRORS) sites.set(`${call.name} ${number} ${error}`, { phase, fault: { call: call.name, number, error } });
  }
  return [...sites.values()];
}

interface Surroundings extends Honesty {
  readonly seed: number;
  readonly players: Spare;
  readonly examiner: AskedProcess<ScriptOrder, ScriptReply>;
  readonly tally: Tally;
}

async function injectFault(
  { phase, fault }: Site,
  { isLiar, habit = {}, seed, players, examiner, tally }: Surroundings,
): Promise<string | undefined> {
  using quick = new QuickFolder();
  const { reply, calls, sayings } = await playOnce(players, { isLiar, habit, phase, seed, folder: quick.path, fault });
  const injected = calls.filter(({ isInjected }) => isInjected);
  const hits = injected.filter((call) => isIn(call, quick.path));
  tally.count(`${phase.name}: ${hits.length > 0 ? 'failed' : 'other'} ${fault.call}`);
  // The number of a call may be that of another one in another thread or process: of a pipe, without which Node ends it.
  const hasHitNode = hits.length < injected.length;
  const isCutShort = reply.said === 'died';
  if (reply.said === 'played') {
    for (const { code } of reply.refused) tally.count(`refused with ${code}`);
    const problem = judgeRefusals(reply.refused, { faults: injected.length, mayEnd: hasHitNode || hits.some(isFirstWrite) });
    if (problem !== undefined) return problem;
    if (reply.refused.length === 0) tally.count('overcome');
  } else {
    const isExcused = hasHitNode || hits.some((call) => isWriteOfPages(call) || isFirstWrite(call));
    if (!isCutShort || !isExcused) return `the process ended: ${JSON.stringify(reply)}`;
    tally.count('ended the process');
  }
  return await judgePlaces(quick.path, { phase, seed, examiner, sayings, isCutShort });
}

/**
 * When LMDB cannot write a page, it writes a message about that into too little memory (lmdb 3.5.6), which may end the process, at any
 * later time; the file is none the worse. Its header, in the first two pages, is written by other means.
 */
function isWriteOfPages({ name, text }: TracedCall): boolean {
  if (!pathOf(text).endsWith('/data.mdb')) return false;
  return name === 'writev' || (name === 'pwrite64' && Number(/(\d+)$/.exec(text)?.[1]) >= HEADER_BYTES);
}

/** Where LMDB cannot write the headers of a new file, it cannot be opened, and lmdb-js 3.5.6 uses memory that was given back. */
function isFirstWrite({ name, text }: TracedCall): boolean {
  return name === 'pwrite64' && pathOf(text).endsWith('/data.mdb') && text.endsWith(', 8192, 0');
}

function judgeRefusals(
  all: readonly Refused[],
  { faults, mayEnd }: { readonly faults: number; readonly mayEnd: boolean },
): string | undefined {
  // Without a backup there is nothing to restore.
  const refused = all.filter(({ what }) => !(what === 'restore' && all.some((other) => other.what === 'backup')));
  // A process that takes care of a store and is ended by a signal, without a word, looks as if damage had ended it.
  const bad = refused.find(({ code }) => !(mayEnd ? /^STORE_(IO|FULL|CORRUPT)$/ : /^STORE_(IO|FULL)$/).test(code));
  if (bad !== undefined) return `${bad.what} was refused with ${bad.code}: ${bad.message}`;
  const stuck = refused.find(({ what }) => what === 'go on');
  if (stuck !== undefined) return `after a refusal, the store that was open refused the next write: ${stuck.message}`;
  const steps = new Set(refused.map(({ step }) => step));
  return steps.size > faults
    ? `${steps.size} steps were refused after ${faults} faults: ${JSON.stringify(refused).slice(0, 600)}`
    : undefined;
}

interface Looking {
  readonly phase: Phase;
  readonly seed: number;
  readonly examiner: AskedProcess<ScriptOrder, ScriptReply>;
  readonly sayings: readonly Promised[];
  readonly isCutShort: boolean;
}

/** The store holds what was acknowledged and nothing else; a copy is there if it was made, and else is not. */
async function judgePlaces(folder: string, { phase, seed, examiner, sayings, isCutShort }: Looking): Promise<string | undefined> {
  const steps = makeScript({ ...phase.script, seed });
  const places = placesOf(folder);
  const found = await examiner.ask({ do: 'examine', folder: places.store });
  const problem = await judgeExactly(found, { steps, promised: sayings, isCutShort });
  if (problem !== undefined) return problem;
  for (const [care, path] of [
    ['backup', places.backup],
    ['restore', places.restored],
  ] as const) {
    const isDone = sayings.some((each) => 'done' in each && each.done === care);
    const copy = await examiner.ask({ do: 'examine', folder: path });
    const isWhole = copy.said === 'read' && copy.findings.length === 0;
    if (isDone && !isWhole) return `${care} is done, and is ${JSON.stringify(copy).slice(0, 300)}`;
    if (!isDone && copy.said !== 'absent' && !(isCutShort && isWhole))
      return `${care} was refused, and something is there: ${JSON.stringify(copy).slice(0, 300)}`;
  }
  return undefined;
}

/** In a process that is gone when this resolves, and its lease with it. */
async function playOnce(players: Spare, playing: Playing): Promise<PlayedUnderStrace> {
  await using player = await players.take();
  return await play(player, playing);
}

interface Playing extends Honesty {
  readonly phase: Phase;
  readonly seed: number;
  readonly folder: string;
  readonly fault?: Fault;
}

interface PlayedUnderStrace {
  readonly reply: ScriptReply | Death;
  readonly calls: readonly TracedCall[];
  readonly sayings: readonly Promised[];
}

async function play(
  child: AskedProcess<ScriptOrder, ScriptReply>,
  { isLiar, habit = {}, phase, seed, folder, fault }: Playing,
): Promise<PlayedUnderStrace> {
  const order = { do: 'play', folder, script: { ...phase.script, seed }, sayings: join(folder, 'sayings'), isLiar, habit } as const;
  if (phase.from > 0) await child.ask({ ...order, steps: { from: 0, to: phase.from } });
  const { store } = placesOf(folder);
  mkdirSync(store, { recursive: true });
  const strace = await Strace.attach(child.pid, {
    calls: CALLS,
    bytes: 64,
    // What takes care of a store makes files of names that nobody knows before.
    ...(phase.name === 'care' ? {} : { path: join(store, 'data.mdb') }),
    ...(fault === undefined ? {} : { fault }),
  });
  const reply = await child.ask({ ...order, steps: { from: phase.from, to: ALL } });
  const calls = await strace.stop();
  return { reply, calls, sayings: readSayings(readFileSync(order.sayings, 'utf8')) };
}

/** Whether a call is about a file under a folder, and not about what the process says. */
function isIn({ text }: TracedCall, folder: string): boolean {
  const path = pathOf(text);
  return path.startsWith(folder) && !path.endsWith('/sayings');
}

function pathOf(text: string): string {
  const [, open = ''] = /<((?:\\x[0-9a-f]{2})+)>/.exec(text) ?? [];
  const [, named = ''] = /^"((?:\\x[0-9a-f]{2})+)/.exec(text) ?? [];
  return bytesOf(open === '' ? named : open).toString();
}
