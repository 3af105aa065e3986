import { hash } from 'node:crypto';
import { StoreError } from '../../lib/kernel/errors.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import { sampleKey } from '../kit/sample-events.ts';

/** Of each question, the lines of its answer, or how it was refused. */
export type Answers = Readonly<Record<string, readonly string[] | string>>;

/** Everything that can be asked of a store, over the keys and steps of the samples. */
export async function answersOf(port: LivePort): Promise<Answers> {
  const keys = Array.from({ length: 12 }, (_, index) => sampleKey(`a/${index}`));
  const outputs = Array.from({ length: 12 }, (_, index) => ({ definition: 'graph', step: `s/${index}`, output: 'result' }));
  const answers: Record<string, readonly string[] | string> = {};
  const ask = async (name: string, question: () => Promise<unknown>): Promise<void> => {
    answers[name] = await question().then(summary, refusal);
  };
  await ask('head', () => port.head());
  const events = await port.read(1, Infinity).catch((error: unknown) => ({ error }));
  await ask('read', () => ('error' in events ? Promise.reject(events.error) : Promise.resolve(events)));
  await ask('runs', () => port.runs());
  await ask('cursor', () => port.cursor('cursor'));
  for (const key of keys) await ask(`offset ${key}`, () => port.offsets([key]));
  for (const at of [7, 30, Infinity]) {
    for (const key of keys) await ask(`readable ${key} ${at}`, () => port.readable([key], at));
    for (const output of outputs) {
      await ask(`settled ${output.step} ${at}`, () => port.lastSettled([output], at));
      await ask(`unsuccessful ${output.step} ${at}`, () => port.lastUnsuccessful([output], at));
    }
  }
  for (const event of 'error' in events ? [] : events) {
    if ('address' in event && event.address !== null) {
      const { address } = event;
      await ask(`value ${address}`, () => port.values([address]));
    }
  }
  return answers;
}

/**
 * What a store that is damaged may answer: nothing, less than there was or, of an index, what was there before; never what nobody
 * wrote, or what is about something else. Nobody can notice by one look at an index that a row of it is not there any more.
 */
export function isPart(
  answer: Answers[string] | undefined,
  { question, whole }: { readonly question: string; readonly whole: Answers },
): boolean {
  if (answer === undefined || typeof answer === 'string') return answer === 'refused';
  const [verb, subject, at] = question.split(' ');
  const isOfIndex = INDICES.has(verb ?? '');
  const all = whole[isOfIndex ? 'read' : question] ?? [];
  if (verb === 'read') return answer.every((line, index) => line === all[index]);
  if (verb === 'head') return answer.length === 1;
  // A value is what its address stands for, also where a page of old brings one back that was removed.
  if (verb === 'value' && answer.length > 0) return answer.length === 1 && `sha256:${answer[0]?.slice(2)}` === subject;
  return answer.every((line) => {
    const position = Number(/@(\d*) /.exec(line)?.[1]);
    const isAskedFor = !isOfIndex || (line.startsWith(`${subject}@`) && position <= Number(at));
    return all.includes(line) && isAskedFor;
  });
}

/** What asks an index, which may have lost its last rows. */
const INDICES: ReadonlySet<string> = new Set(['readable', 'settled', 'unsuccessful']);

/** What an answer holds, one line each: what it is about, its position, and the hash of all that it says. */
function summary(answer: unknown): readonly string[] {
  return (Array.isArray(answer) ? answer : [answer]).filter((each) => each !== undefined).map(lineOf);
}

function lineOf(item: unknown): string {
  if (item instanceof Uint8Array) return `@ ${hash('sha256', item)}`;
  // Events, runs and numbers, of which events have these fields.
  const { key, step, position } = item as { readonly key?: string; readonly step?: string; readonly position?: number };
  return `${key ?? step ?? ''}@${position ?? ''} ${hash('sha256', JSON.stringify(item))}`;
}

/** Only errors of the store's own are refusals; any other one has no business to come out of it. */
function refusal(error: unknown): string {
  return error instanceof StoreError ? 'refused' : `failed: ${String(error)}`;
}
