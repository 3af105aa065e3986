import type { Death } from './asked-process.ts';
import { REMOVED, type Reading } from './examine.ts';
import type { Promised, ScriptReply } from './script-process.ts';
import { SOURCES } from './script-epochs.ts';
import { expectedLog, type ExpectedLog, type ScriptStep } from './script.ts';

/** What a store is to be held to. */
export interface Expectation {
  readonly expected: ExpectedLog;
  readonly promised: readonly Promised[];
  /** Whether it was promised that there is one, where no piece was. */
  readonly isPromised?: boolean;
  /** A copy of the store at some moment, which is there as a whole or not at all. */
  readonly isCopy?: boolean;
}

/** What it was found to be: without a problem, all is as it should be. */
export interface Verdict {
  readonly kind: 'whole' | 'absent' | 'never finished' | 'broken';
  readonly problem?: string;
}

/** Holds a store that was found to what was promised: all of that is there, what is there is right, and nothing is half. */
export function judgeLog(found: ScriptReply | Death, expectation: Expectation): Verdict {
  const { expected, promised, isPromised = promised.length > 0 } = expectation;
  switch (found.said) {
    case 'read':
      return judgeReading(found, expectation);
    case 'absent':
      return isPromised ? broken(`nothing is there, and ${least(expected, promised)} events were acknowledged`) : { kind: 'absent' };
    case 'refused':
      // Before the first promise the file may be anything, as long as it is no store.
      return isPromised || expectation.isCopy === true || !found.code.startsWith('STORE_')
        ? broken(`refused with ${found.message}`)
        : { kind: 'never finished' };
    case 'died':
      return broken(`the process that looked at it ended: ${found.how}`);
    case 'played':
      return broken('nobody looked at it');
  }
}

function judgeReading(found: Reading, { expected, promised, isCopy }: Expectation): Verdict {
  const { head, lines, missing, findings, cursors } = found;
  const ends = [0, ...expected.pieces.map(({ end }) => end)];
  if (head < least(expected, promised)) return broken(`it ends at ${head}, and ${least(expected, promised)} was acknowledged`);
  if (!ends.includes(head)) return broken(`it ends at ${head}, inside of something that was appended in one`);
  const wrong = lines.findIndex((line, index) => line !== expected.lines[index]);
  if (lines.length !== head || wrong >= 0)
    return broken(`of ${head} events, ${lines.length} were read, and the one at ${wrong + 1} is another one`);
  const hasPruned = isCopy === true || promised.some((each) => 'begun' in each);
  const [[address, reason] = []] = Object.entries(missing).filter(
    ([gone, why]) => !(hasPruned && why === REMOVED && expected.removable.has(gone)),
  );
  if (address !== undefined) return broken(`the value ${address} cannot be read: ${reason}`);
  // Whoever opened it to write has made the rest of it.
  if (head === 0 && promised.length === 0 && findings.every((finding) => finding.startsWith('format:')))
    return { kind: findings.length > 0 ? 'never finished' : 'whole' };
  const ahead = judgeOffsets(found, expected);
  if (ahead !== undefined) return broken(ahead);
  if (findings.length > 0) return broken(`a verification finds ${findings.length}: ${findings[0]}`);
  if (isCopy !== true) {
    for (const [name, position] of cursorsIn(promised))
      if ((cursors[name] ?? -1) < position) return broken(`the cursor ${name} is at ${cursors[name]}, and ${position} was acknowledged`);
  }
  return { kind: 'whole' };
}

/** How far sources were read is what the last piece in the log says that came of them: one without the other would be left out, or be there twice. */
function judgeOffsets({ head, offsets }: Reading, { pieces }: ExpectedLog): string | undefined {
  const wanted = pieces.findLast(({ end }) => end === head)?.offsets ?? {};
  const other = SOURCES.find((source) => offsets[source] !== wanted[source]);
  return other === undefined
    ? undefined
    : `the offset of ${other} is ${offsets[other]}, and with the ${head} events it was ${wanted[other]}`;
}

/** What a script was, and what of it was promised. */
export interface Played {
  readonly steps: readonly ScriptStep[];
  readonly promised: readonly Promised[];
  /** Whether its process ended before the script did: then what it was about may be there, and may not. */
  readonly isCutShort: boolean;
}

const MOST_IN_FLIGHT = 8;

/** Holds a store to what was acknowledged, and to nothing else. Gives what is wrong. */
export async function judgeExactly(found: ScriptReply | Death, { steps, promised, isCutShort }: Played): Promise<string | undefined> {
  const written = new Set(promised.flatMap((each) => ('piece' in each ? [each.piece] : [])));
  const refused = new Set(promised.flatMap((each) => ('refused' in each ? [each.refused] : [])));
  const { pieces } = await expectedLog(steps);
  const last = pieces.findLastIndex(({ piece }) => written.has(piece) || refused.has(piece));
  const inFlight = isCutShort ? pieces.slice(last + 1, last + 1 + MOST_IN_FLIGHT) : [];
  let problem = await judgeWritten(found, { steps, promised }, written);
  for (const { piece } of inFlight) {
    if (problem === undefined) break;
    problem = (await judgeWritten(found, { steps, promised }, written.add(piece))) === undefined ? undefined : problem;
  }
  return problem;
}

async function judgeWritten(
  found: ScriptReply | Death,
  { steps, promised }: Pick<Played, 'steps' | 'promised'>,
  written: ReadonlySet<string>,
): Promise<string | undefined> {
  const expected = await expectedLog(steps, (piece) => written.has(piece));
  const { problem } = judgeLog(found, { expected, promised, isPromised: written.size > 0 });
  if (problem !== undefined || found.said !== 'read') return problem;
  if (found.head !== expected.lines.length) return `it has ${found.head} events, and ${expected.lines.length} were acknowledged`;
  const other = [...cursorsIn(promised)].find(([name, position]) => found.cursors[name] !== position);
  return other === undefined ? undefined : `the cursor ${other[0]} is at ${found.cursors[other[0]]}, and was set to ${other[1]}`;
}

/** How far the log has to go at least. */
function least({ pieces }: ExpectedLog, promised: readonly Promised[]): number {
  const names = new Set(promised.flatMap((each) => ('piece' in each ? [each.piece] : [])));
  return Math.max(0, ...pieces.filter(({ piece }) => names.has(piece)).map(({ end }) => end));
}

/** Where cursors have to be at least: they are only ever moved on. */
function cursorsIn(promised: readonly Promised[]): ReadonlyMap<string, number> {
  return new Map(promised.flatMap((each) => ('cursor' in each ? [[each.cursor, each.position] as const] : [])));
}

function broken(problem: string): Verdict {
  return { kind: 'broken', problem };
}
