import fc from 'fast-check';
import { expect, test } from 'vitest';
import { emit, input, list, materialize, op, output, type Schema } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { untyped } from '../rig/untyped.ts';
import { logOf } from '../rig/watched-store.ts';
import { ofType } from '../rig/watch-run.ts';
import { whole } from '../rig/whole.ts';
import { handMade, hastyClock } from './schemas-rig.ts';

/** What a schema does: it refuses the first so many questions at a path, and makes something of what is left. */
interface Rule {
  readonly refusals: number;
  readonly path: readonly (string | number)[];
  readonly make: 'the same' | 'a wrapper' | 'a constant' | 'its text';
  readonly slow: boolean;
}

const rule: fc.Arbitrary<Rule> = fc.record({
  refusals: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }) }),
  path: fc.array(fc.oneof(fc.constantFrom('a', 'b c', '3'), fc.nat(9)), { maxLength: 3 }),
  make: fc.constantFrom('the same', 'a wrapper', 'a constant', 'its text'),
  slow: fc.boolean(),
});

function madeBy({ make }: Rule, value: unknown): unknown {
  switch (make) {
    case 'the same':
      return value;
    case 'a wrapper':
      return { wrapped: [value] };
    case 'a constant':
      return 7;
    case 'its text':
      return JSON.stringify(value);
  }
}

/** The rule as a schema, with what it was asked. */
function played(given: Rule): { readonly schema: Schema; readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const answer = (value: unknown): unknown =>
    asked.push(value) <= given.refusals ? { issues: [{ message: 'refused', path: given.path }] } : { value: madeBy(given, value) };
  return { asked, schema: handMade((value) => (given.slow ? Promise.resolve().then(() => answer(value)) : answer(value))) };
}

function printed(path: Rule['path'], start = '$'): string {
  const step = (key: string | number): string => (typeof key === 'number' ? `[${key}]` : /^[a-z]$/.test(key) ? `.${key}` : `["${key}"]`);
  return start + path.map(step).join('');
}

interface World {
  readonly value: unknown;
  readonly out: Rule;
  readonly max: number;
  readonly form: 'a result' | 'a record' | 'a generator';
  readonly readers: readonly { readonly rule: Rule; readonly kind: 'value' | 'list'; readonly max: number; readonly failures: number }[];
}

const world: fc.Arbitrary<World> = fc.record({
  value: fc.jsonValue({ maxDepth: 3 }).map((value) => untyped<unknown>(JSON.parse(JSON.stringify(value)))),
  out: rule,
  max: fc.nat(3),
  form: fc.constantFrom('a result', 'a record', 'a generator'),
  readers: fc.array(fc.record({ rule, kind: fc.constantFrom('value', 'list'), max: fc.nat(2), failures: fc.nat(2) }), { maxLength: 3 }),
});

/** One step as it should have come out. */
interface Said {
  readonly outcome: string;
  readonly value?: unknown;
  /** What the store has of it. */
  readonly stored?: unknown;
  readonly code?: string;
  readonly path?: string;
  readonly attempts: number;
  readonly asked: readonly unknown[];
}

const both = (value: unknown) => ({ value, stored: value });

/** The model: parse at the output, once an attempt; then at each reader's input, once an execution. */
function expected({ value, out, max, readers }: World): readonly Said[] {
  const attempts = Math.min(out.refusals, max) + 1;
  const asked = Array.from({ length: attempts }, () => value);
  const blocked = readers.map((): Said => ({ outcome: 'blocked', attempts: 0, asked: [] }));
  if (attempts <= out.refusals)
    return [{ outcome: 'failed', code: 'OUTPUT_INVALID', path: printed(out.path), attempts, asked }, ...blocked];
  const flows = madeBy(out, value);
  const read = readers.map(({ rule: own, kind, max: most, failures }): Said => {
    const entries = kind === 'list' ? [flows, flows] : [flows];
    const start = kind === 'list' ? '$[0]' : '$';
    if (own.refusals > 0) return { outcome: 'failed', code: 'INPUT_INVALID', path: printed(own.path, start), attempts: 0, asked: entries };
    const tries = Math.min(failures, most) + 1;
    if (tries <= failures) return { outcome: 'failed', code: 'OP_THREW', attempts: tries, asked: entries };
    const got = entries.map((entry) => madeBy(own, entry));
    return { outcome: 'succeeded', ...both(kind === 'list' ? got : got[0]), attempts: tries, asked: entries };
  });
  return [{ outcome: 'succeeded', ...both(flows), attempts, asked }, ...read];
}

function bodyOf({ form, value }: World, schema: Schema): object {
  if (form === 'a result') return { result: schema, run: () => value };
  const outputs = { result: output(schema) };
  if (form === 'a record') return { outputs, run: () => ({ result: value }) };
  return {
    outputs,
    *run() {
      yield emit('result', value);
    },
  };
}

async function actual(given: World): Promise<readonly Said[]> {
  const out = played(given.out);
  const makes = op(untyped<Parameters<typeof op>[0]>({ name: 'makes', retry: { max: given.max }, ...bodyOf(given, out.schema) }));
  const rules = given.readers.map((reader) => played(reader.rule));
  const readers = given.readers.map(({ kind, max, failures }, index) => {
    const { schema = handMade(() => undefined) } = rules[index] ?? {};
    return op({
      name: `reads_${index}`,
      inputs: { x: kind === 'list' ? list(schema) : input(schema) },
      retry: { max },
      run: ({ x }, { attempt }) => {
        if (attempt <= failures) throw new Error('again');
        return x;
      },
    });
  });
  const store = memoryStore();
  const defs = whole(() => {
    const made = untyped<() => unknown>(makes)();
    const handle = untyped<never>(given.form === 'a result' ? made : untyped<{ result: unknown }>(made).result);
    const read = readers.map((each, index) =>
      each({ x: untyped<never>(given.readers[index]?.kind === 'list' ? [handle, again(handle)] : handle) }),
    );
    return { made: handle, ...Object.fromEntries(read.map((each, index) => [`read_${index}`, each])) };
  });
  const result = await materialize(defs, { store, clock: hastyClock(), throwOnFailure: false });
  const settled = ofType(await logOf(store), 'step-settled');
  const steps = [['makes', 'made', out] as const, ...rules.map((each, index) => [`reads_${index}`, `read_${index}`, each] as const)];
  return Promise.all(
    steps.map(async ([step, key, { asked }]): Promise<Said> => {
      const event = settled.find((each) => each.step === step);
      const error = result.steps.get(step)?.error;
      const issues = untyped<{ path: string }[] | undefined>(error?.details['issues']);
      const { outcome = 'nowhere', attempts = -1 } = event ?? {};
      const value: unknown = outcome === 'succeeded' ? result.value(untyped(key)) : undefined;
      return {
        outcome,
        attempts,
        asked,
        ...(outcome === 'succeeded' && { value, stored: await store.value(key) }),
        ...(error && { code: error.code }),
        ...(issues && { path: issues[0]?.path ?? '' }),
      };
    }),
  );
}

/** The same handle by another name: a fan-in takes each entry once. */
const pass = op({ name: 'pass', inputs: { x: input<unknown>() }, run: ({ x }) => x });
function again(handle: never): unknown {
  return untyped<(wiring: object) => unknown>(pass)({ x: handle });
}

test('values flow as the schemas say: parsed at the output, then at each input, once each per attempt and reader', async () => {
  await fc.assert(
    fc.asyncProperty(world, async (given) => {
      expect(await actual(given)).toEqual(expected(given));
    }),
    { numRuns: 300 },
  );
});
