import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Schema } from '../../../index.ts';
import { deferred } from '../rig/deferred.ts';
import { manualClock, type ManualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';

/** A schema written by hand, whatever its answers look like. */
export function handMade<In = unknown, Out = In>(validate: (value: In) => unknown): Schema<In, Out> {
  // The types are the caller's claim; what is given back is the point of many tests.
  return untyped({ '~standard': { version: 1, vendor: 'hand', validate } });
}

/** A schema that makes one thing of another, and refuses nothing. */
export function making<In, Out>(make: (value: In) => Out): Schema<In, Out> {
  return handMade((value) => ({ value: make(value) }));
}

/** A schema that refuses everything, with these issues. */
export function refusing<T = unknown>(...issues: readonly StandardSchemaV1.Issue[]): Schema<T> {
  return handMade(() => ({ issues }));
}

/** A schema that answers when a test says so, with the values that it was asked about. */
export function answering<In = unknown, Out = In>() {
  const answer = deferred<unknown>();
  const asked: In[] = [];
  const schema = handMade<In, Out>((value) => {
    asked.push(value);
    return answer.promise;
  });
  return {
    schema,
    asked,
    accept: (value: Out) => answer.resolve({ value }),
    refuse: () => answer.resolve({ issues: [{ message: 'no' }] }),
    answer,
  };
}

/** A schema that keeps what it was asked about, and gives it back. */
export function watching<T = unknown>() {
  const asked: T[] = [];
  const schema = handMade<T>((value) => {
    asked.push(value);
    return { value };
  });
  return { schema, asked };
}

/** A clock whose timers are due at once: for waits between attempts that nothing depends on. */
export function hastyClock(): ManualClock {
  return {
    ...manualClock(),
    timer: (_, callback) => {
      queueMicrotask(callback);
      return () => undefined;
    },
  };
}
