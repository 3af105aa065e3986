import { isProxy } from 'node:util/types';
import { current, enableMapSet, Immer, isDraft, isDraftable } from 'immer';
import { StepError } from '../../lib/kernel/errors.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { encodeValue } from '../../lib/kernel/value/canonical.ts';
import { fixValue, isKnownImmutable } from '../../lib/kernel/value/fix.ts';
import { objectKind } from '../../lib/kernel/value/kind.ts';
import { address as addressOf } from '../../lib/kernel/value/version.ts';
import { decodeStored, NO_CODECS } from '../../lib/events/coded-value.ts';
import type { Address } from '../../lib/events/data-version.ts';
import type { StoredValue, StoreLimits } from '../../lib/events/store-port.ts';
import { tooLarge } from '../../lib/events/value-limits.ts';
import type { OpContext, OpLog } from '../../lib/model/context.ts';
import type { AnyOp } from '../../lib/model/op.ts';
import type { OutputSink } from './outputs.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import { dropOwnFrames } from './thrown.ts';

enableMapSet();

/** Immer of our own, so that whatever its user sets for all changes nothing here. What is committed is frozen by `fixValue`. */
const immer = new Immer({ autoFreeze: false });

/** The state of a step, as it was committed. */
export interface CommittedState {
  readonly address: Address;
  readonly bytes: Uint8Array;
}

/** The state that a successful attempt leaves. */
export interface StateEnd {
  readonly after: CommittedState;
  /** What a store has to keep of it; `undefined` where it is what it was. */
  readonly stored: StoredValue | undefined;
}

/** Whose state it is, and what was committed last. */
export interface StateScope {
  readonly op: AnyOp;
  readonly step: string;
  readonly inBody: <T>(userCode: () => T) => T;
  /** `undefined` where nothing was committed yet: then the op's initial state. */
  readonly committed?: CommittedState | undefined;
  /** What the store takes that the run records on, if it records and says. */
  readonly limits?: StoreLimits | undefined;
}

/** The state of a step during one attempt: a draft of what was committed last, which is changed by nothing that the body does. */
export class OpenState {
  readonly #scope: StateScope;
  readonly #base: object;
  readonly #draft: object;

  /**
   * @throws StepError where there is no state to start from: OP_THREW, OP_BODY, VALUE_NOT_STORABLE; StoreError STORE_CORRUPT where what was
   * committed cannot be read
   */
  constructor(scope: StateScope) {
    this.#scope = scope;
    this.#base = scope.committed === undefined ? initialState(scope) : readState(scope.step, scope.committed);
    this.#draft = immer.createDraft(this.#base);
  }

  /** What the body is told, with its state. It may log parts of the draft. */
  context(context: OpContext): OpContext & { readonly state: unknown } {
    return Object.freeze({ ...context, log: logOf(context.log), state: this.#draft });
  }

  /** Where emissions go: what they hold of the draft is taken out of it, as it is then. */
  sink(outputs: OutputSink): OutputSink {
    return {
      take: (output, value, said) =>
        outputs.take(
          output,
          withoutDrafts(value),
          said?.metadata === undefined ? said : { ...said, metadata: metadataWithoutDrafts(said.metadata) },
        ),
      takeNone: () => outputs.takeNone(),
      annotate: (output, said) => outputs.annotate(output, said),
    };
  }

  /**
   * Closes the draft after a success.
   *
   * @throws StepError VALUE_NOT_STORABLE, with the path inside the state, VALUE_TOO_LARGE
   */
  commit(): StateEnd {
    const { committed } = this.#scope;
    const after = this.#finish();
    if (committed !== undefined && after === this.#base && isKnownImmutable(after)) return { after: committed, stored: undefined };
    const bytes = encodeState(this.#scope, 'The state', after);
    checkSize(this.#scope, bytes.length);
    const address = addressOf(bytes);
    if (committed?.address === address) return { after: committed, stored: undefined };
    const stored = {
      address,
      bytes,
      ...(committed !== undefined && { base: committed.address }),
      ...(isKnownImmutable(after) && { value: after }),
    };
    return { after: { address, bytes }, stored };
  }

  /** Closes the draft after anything else. */
  discard(): void {
    try {
      // There is no other way to close a draft. What it gives is nobody's.
      immer.finishDraft(this.#draft);
    } catch {
      // What the body put into it is of no interest any more.
    }
  }

  #finish(): unknown {
    try {
      return immer.finishDraft(this.#draft);
    } catch (cause) {
      throw notStorable(this.#scope, 'The state', { path: '$', problem: 'nothing that can be read' }, cause);
    }
  }
}

/** The value of a committed state, which nobody else changes. */
function readState(step: string, { address, bytes }: CommittedState): object {
  const value = decodeStored(bytes, NO_CODECS, () => ({ what: `the state of step ${quote(step)}`, details: { step, address } }));
  fixValue(value);
  // What was committed was a draft, so it is an object.
  return value as object;
}

function initialState(scope: StateScope): object {
  const initial = callInitial(scope);
  checkRoot(scope, 'The initial state', initial);
  const bytes = encodeState(scope, 'The initial state', initial);
  // What cannot be frozen may be somebody else's too.
  return isKnownImmutable(initial) ? initial : readState(scope.step, { address: '', bytes });
}

function callInitial({ op, step, inBody }: StateScope): unknown {
  try {
    return inBody(() => op.state?.initial());
  } catch (cause) {
    dropOwnFrames(cause);
    throw new StepError('OP_THREW', `Step ${quote(step)} failed: "initial" of its state threw. ${readThrown(cause).said}`, {
      details: { step, op: op.name },
      cause,
    });
  }
}

/**
 * Refuses what cannot be changed in place.
 *
 * @throws StepError OP_BODY
 */
export function checkRoot({ op, step }: Pick<StateScope, 'op' | 'step'>, what: string, value: unknown): asserts value is object {
  if (typeof value === 'object' && value !== null && !isProxy(value) && isDraftable(value)) return;
  throw new StepError('OP_BODY', `${what} of step ${quote(step)} is ${kindOf(value)}. Give a record, a list, a Map or a Set.`, {
    details: { step, op: op.name },
  });
}

/**
 * The bytes of a state, once it is found storable.
 *
 * @throws StepError VALUE_NOT_STORABLE
 */
export function encodeState(scope: Pick<StateScope, 'op' | 'step'>, what: string, value: unknown): Uint8Array {
  const fixed = fixValue(value);
  if (!fixed.storable) throw notStorable(scope, what, fixed);
  try {
    return encodeValue(value);
  } catch (error) {
    // Plain data that shares parts can take more bytes than there are: nothing else of it can fail to be encoded.
    if (error instanceof RangeError) throw notStorable(scope, what, { path: '$', problem: 'more than 1 GiB of bytes' });
    throw error;
  }
}

function checkSize({ op, step, limits }: StateScope, bytes: number): void {
  if (limits === undefined || bytes <= limits.maxValueBytes) return;
  throw new StepError('VALUE_TOO_LARGE', `The state of step ${quote(step)} cannot be stored: it ${tooLarge(bytes, limits.maxValueBytes)}`, {
    details: { step, op: op.name, bytes, maxValueBytes: limits.maxValueBytes },
  });
}

function notStorable(
  { op, step }: Pick<StateScope, 'op' | 'step'>,
  what: string,
  { path, problem }: { readonly path: string; readonly problem: string },
  cause?: unknown,
): StepError {
  return new StepError(
    'VALUE_NOT_STORABLE',
    `${what} of step ${quote(step)} cannot be stored: ${problem} at ${path}. Keep plain data in "state".`,
    { details: { step, op: op.name, path }, ...(cause !== undefined && { cause }) },
  );
}

function logOf(log: OpLog): OpLog {
  const at =
    (level: keyof OpLog) =>
    (message: string, data?: unknown): void =>
      log[level](message, withoutDrafts(data));
  return Object.freeze({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') });
}

function metadataWithoutDrafts(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  // A record stays one.
  return withoutDrafts(metadata) as Readonly<Record<string, unknown>>;
}

/** More levels than can be stored; what is below is left as it is, to be refused. */
const DEEPEST = 1_001;

/** A value with what it holds of a draft as that is now. Anything else stays what it is. */
function withoutDrafts(value: unknown): unknown {
  return replaceDrafts(value, new Map(), 0);
}

function replaceDrafts(value: unknown, known: Map<object, unknown>, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > DEEPEST || isKnownImmutable(value)) return value;
  if (isOpenDraft(value)) return current(value);
  if (isProxy(value)) return value;
  const met = known.get(value);
  if (met !== undefined) return met;
  // A cycle ends here, and is refused later.
  known.set(value, value);
  const replaced = replaceMembers(value, (member) => replaceDrafts(member, known, depth + 1));
  known.set(value, replaced);
  return replaced;
}

/** A Proxy of somebody else's may throw at anything, and a draft that is closed does. */
function isOpenDraft(value: object): boolean {
  try {
    return isDraft(value);
  } catch {
    return false;
  }
}

function replaceMembers(value: object, replace: (member: unknown) => unknown): unknown {
  switch (objectKind(value)) {
    case 'array': {
      // Its prototype is that of arrays, by which it was told.
      const list = value as readonly unknown[];
      const members = list.map(replace);
      return members.some((member, index) => member !== list[index]) ? members : value;
    }
    case 'object':
      return replaceProperties(value, replace);
    case 'map': {
      // As above, by the engine's own test.
      const entries = [...(value as ReadonlyMap<unknown, unknown>)];
      const replaced = entries.map(([key, member]) => [key, replace(member)] as const);
      return replaced.some(([, member], index) => member !== entries[index]?.[1]) ? new Map(replaced) : value;
    }
    case 'set': {
      // As above.
      const members = [...(value as ReadonlySet<unknown>)];
      const replaced = members.map(replace);
      return replaced.some((member, index) => member !== members[index]) ? new Set(replaced) : value;
    }
    default:
      return value;
  }
}

/** Runs no getter: what has one cannot be stored anyway. */
function replaceProperties(value: object, replace: (member: unknown) => unknown): unknown {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(value));
  let isReplaced = false;
  for (const [, property] of properties) {
    if (!('value' in property)) continue;
    const member = replace(property.value);
    if (member === property.value) continue;
    property.value = member;
    isReplaced = true;
  }
  return isReplaced ? Object.defineProperties(Object.create(Object.getPrototypeOf(value)), Object.fromEntries(properties)) : value;
}
