import { input, list, nothing, op, optional, output } from '../../../index.ts';

/** Gives 2. */
export const two = op({ name: 'two', run: () => 2 });

/** One more than its input. */
export const addOne = op({ name: 'add_one', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });

/** The sum of a fan-in. */
export const sum = op({ name: 'sum', inputs: { xs: list<number>() }, run: ({ xs }) => xs.reduce((a, b) => a + b, 0) });

/** Takes nothing but order. */
export const after = op({ name: 'after', inputs: { first: nothing() }, run: () => 1 });

/** Two required outputs. */
export const pair = op({
  name: 'pair',
  outputs: { left: output<number>(), right: output<string>() },
  run: () => ({ left: 1, right: 'r' }),
});

/** One input of each kind that may stay unfed. */
export const lenient = op({
  name: 'lenient',
  inputs: { x: input<number>({ optional: true }), xs: list<number>({ optional: true }), first: nothing({ optional: true }) },
  outputs: { out: optional<number>() },
  run: ({ x }) => (x === undefined ? {} : { out: x }),
});
