import { EMPTY, NEVER, Observable, of, Subject, throwError, toArray, lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { emit, type Emission } from '../../../index.ts';
import { gate } from '../../../operators/index.ts';

const a = emit('a', 1);
const b = emit('b', 2);

/** What a subscriber is told, in order. */
function told(source: Observable<Emission>, selected: readonly string[]): readonly unknown[] {
  const seen: unknown[] = [];
  source
    .pipe(gate(new Set(selected)))
    .subscribe({ next: (each) => seen.push(each), error: (error: unknown) => seen.push(error), complete: () => seen.push('complete') });
  return seen;
}

describe('gate', () => {
  test('passes emissions on selected outputs and drops the rest, in order, synchronously', () => {
    expect(told(of(a, b, a), ['a'])).toEqual([a, a, 'complete']);
    expect(told(of(a, b, a), ['b'])).toEqual([b, 'complete']);
    expect(told(of(a, b), [])).toEqual(['complete']);
    expect(told(of(a, b), ['b', 'a'])).toEqual([a, b, 'complete']);
  });

  test('an empty source stays empty, and one that never ends never ends', () => {
    expect(told(EMPTY, ['a'])).toEqual(['complete']);
    expect(told(NEVER, ['a'])).toEqual([]);
  });

  test('an error of the source passes through', () => {
    const error = new Error('x');
    expect(
      told(
        throwError(() => error),
        ['a'],
      ),
    ).toEqual([error]);
  });

  test('an item that is no emission is an error of the stream, not of the process', () => {
    expect(told(of(a, null as never, a), ['a'])).toEqual([a, expect.any(TypeError)]);
  });

  test('unsubscribing early reaches the source', () => {
    let closed = false;
    const source = new Observable<Emission>(() => () => void (closed = true));
    source
      .pipe(gate(new Set(['a'])))
      .subscribe()
      .unsubscribe();
    expect(closed).toBe(true);
  });

  test('what is emitted while an item is delivered comes after it', () => {
    const source = new Subject<Emission>();
    const seen: Emission[] = [];
    source.pipe(gate(new Set(['a', 'b']))).subscribe((each) => {
      seen.push(each);
      if (seen.length === 1) source.next(b);
    });
    source.next(a);
    expect(seen).toEqual([a, b]);
  });

  test('it looks at the set as it is when an item comes', async () => {
    const selected = new Set(['a']);
    expect(await lastValueFrom(of(a, b).pipe(gate(selected), toArray()))).toEqual([a]);
  });
});
