import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isPart, type Answers } from '../store/damage-answers.ts';
import { AskedProcess, type Death } from './asked-process.ts';
import { compiled } from './compiled.ts';
import type { CorruptOrder, CorruptReply } from './corrupt-process.ts';
import { anyDamage, damaged } from './damage.ts';
import { liveBytes } from './live-bytes.ts';
import { Random } from './random.ts';
import { QuickFolder } from './script-child.ts';
import { Tally, type Torture, type TortureReport, type TortureRequest } from './torture.ts';

const FILES_OF_A_STORE = 250;
const READERS = 2;
const PAGE = 4096;
const PATIENCE_MS = 30_000;

/** Damages files in every way, and holds what is read from them to what was written. */
export const corrupt: Torture = {
  name: 'corrupt',
  about: 'whatever happens to its file, a store gives what was written or a coded error, and verifyStore finds what was changed',
  short: 500,
  long: 100_000,
  run: (request) => damageFiles(request, { isBlind: false }),
};

type Reader = AskedProcess<CorruptOrder, CorruptReply>;

/** A store that nothing has happened to. */
interface Whole {
  readonly seed: number;
  readonly bytes: Buffer;
  readonly live: Uint8Array;
  readonly answers: Answers;
}

/** What a verification sees. */
export interface Sight {
  /** Whether it finds nothing, whatever there is. */
  readonly isBlind: boolean;
}

/** The torture with a verification that may be blind. */
export async function damageFiles({ count, seed, tell }: TortureRequest, { isBlind }: Sight): Promise<TortureReport> {
  const tally = new Tally({ tell });
  const random = new Random(seed);
  while (tally.done < count) {
    const files = Math.min(FILES_OF_A_STORE, count - tally.done);
    const storeSeed = random.below(2 ** 31);
    using quick = new QuickFolder();
    await using maker = start();
    const whole = await makeWhole(maker, join(quick.path, 'whole'), storeSeed);
    await Promise.all(
      Array.from({ length: READERS }, async (_, which) => {
        await using reader = start();
        const folder = join(quick.path, String(which));
        for (let file = which; file < files; file += READERS) {
          const problem = await tryFile(whole, { file, folder, reader, tally, isBlind });
          if (problem === undefined) tally.pass();
          else tally.fail(`store ${storeSeed}, file ${file}: ${problem}`);
        }
      }),
    );
  }
  return tally.report();
}

function start(): Reader {
  return new AskedProcess({ script: compiled('corrupt-process'), patienceMs: PATIENCE_MS });
}

async function makeWhole(maker: Reader, folder: string, seed: number): Promise<Whole> {
  await maker.ask({ do: 'make', folder, seed });
  const bytes = readFileSync(join(folder, 'data.mdb'));
  const checked = await maker.ask({ do: 'check', folder });
  const read = await maker.ask({ do: 'read', folder });
  if (checked.said !== 'checked' || checked.findings.length > 0 || read.said !== 'read')
    throw new Error(`The whole store ${seed} is none: ${JSON.stringify(checked)}, ${read.said}`);
  return { seed, bytes, live: liveBytes(bytes), answers: read.answers };
}

interface Trial extends Sight {
  readonly file: number;
  readonly folder: string;
  readonly reader: Reader;
  readonly tally: Tally;
}

/** Tried once more where there is a problem: in a process that has read nothing that is damaged, which can show much later. */
async function tryFile(whole: Whole, trial: Trial): Promise<string | undefined> {
  const problem = await tryOnce(whole, trial);
  if (problem === undefined) return undefined;
  await trial.reader[Symbol.asyncDispose]();
  const again = await tryOnce(whole, trial);
  if (again === undefined) trial.tally.count('after-effects of another file');
  return again;
}

async function tryOnce(whole: Whole, { file, folder, reader, tally, isBlind }: Trial): Promise<string | undefined> {
  const damage = anyDamage(whole.bytes.length, new Random(whole.seed + file * 7919));
  const bytes = damaged(whole.bytes, damage);
  // Two folders, so that what the check left of itself plays no part.
  const checked = await reader.ask({ do: 'check', folder: put(join(folder, 'check'), bytes) });
  const read = await reader.ask({ do: 'read', folder: put(join(folder, 'read'), bytes) });
  const isFound = !isBlind && (checked.said !== 'checked' || checked.findings.length > 0);
  tally.count(`check: ${outcomeOf(checked)}`);
  tally.count(`read: ${outcomeOf(read)}`);
  const problem = judge(read, { whole, isFound, tally }) ?? judgeFound(whole, { bytes, checked, isFound, tally });
  return problem === undefined ? undefined : `${JSON.stringify(damage)}: ${problem}`;
}

interface Checked {
  readonly bytes: Buffer;
  readonly checked: CorruptReply | Death;
  readonly isFound: boolean;
  readonly tally: Tally;
}

/** A verification comes to its end, and finds what anything is read from. */
function judgeFound(whole: Whole, { bytes, checked, isFound, tally }: Checked): string | undefined {
  if (checked.said === 'died' && checked.how.startsWith('said nothing')) return 'the verification does not come to its end';
  const at = changedLiveByte(whole, bytes);
  if (at === undefined) tally.count('no live byte changed');
  if (at === undefined || isFound) return undefined;
  return `byte ${at % PAGE} of page ${Math.floor(at / PAGE)} is read from and was changed, and verifyStore finds nothing`;
}

function outcomeOf(reply: CorruptReply | Death): string {
  if (reply.said === 'refused') return reply.code;
  if (reply.said === 'died') return `ended by ${reply.how}`;
  return reply.said === 'checked' ? (reply.findings.length > 0 ? 'finds it' : 'finds nothing') : reply.said;
}

interface Judging {
  readonly whole: Whole;
  readonly isFound: boolean;
  readonly tally: Tally;
}

function judge(read: CorruptReply | Death, { whole, isFound, tally }: Judging): string | undefined {
  if (read.said === 'refused')
    return /^STORE_(CORRUPT|FORMAT|IO)$/.test(read.code) ? found(isFound, 'is refused') : `opening fails with ${read.code}`;
  if (read.said === 'died') return found(isFound, `ends its reader (${read.how})`);
  if (read.said !== 'read') return `it was ${read.said}`;
  const changed = Object.entries(whole.answers).filter(([question, answer]) => !isDeepStrictEqual(read.answers[question], answer));
  for (const [question] of changed) {
    const answer = read.answers[question];
    // What is not asked for, since its event cannot be read, is not answered.
    if (answer === undefined && question.startsWith('value ')) continue;
    if (!isPart(answer, { question, whole: whole.answers })) return `${question}: ${JSON.stringify(answer)}`;
    tally.count(answer === 'refused' ? 'answers refused' : 'answers missing');
  }
  return changed.length === 0 ? undefined : found(isFound, `answers ${changed.length} questions otherwise (${changed[0]?.[0]})`);
}

function found(isFound: boolean, problem: string): string | undefined {
  return isFound ? undefined : `it ${problem}, and verifyStore finds nothing`;
}

/** The first byte that something is read from and that is not as it was. */
function changedLiveByte({ bytes: whole, live }: Whole, bytes: Buffer): number | undefined {
  for (let at = 0; at < live.length; at += 1) if (live[at] === 1 && whole[at] !== bytes[at]) return at;
  return undefined;
}

function put(folder: string, bytes: Buffer): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'data.mdb'), bytes);
  return folder;
}
