import { emit, input, op, optional } from '../../../index.ts';

/** An op that emits what it is given, nothing for 0, and fails for a negative number; and one that holds what the first gave. Both note that they ran. */
export function heldGate(ran: string[]) {
  const gate = op({
    name: 'gate',
    codeVersion: '1',
    inputs: { x: input<number>() },
    outputs: { it: optional<number>() },
    *run({ x }) {
      ran.push('gate');
      if (x < 0) throw new Error('negative');
      if (x > 0) yield emit('it', x);
    },
  });
  const read = op({
    name: 'read',
    codeVersion: '1',
    inputs: { it: input<number>({ hold: true }), y: input<number>() },
    run: ({ it, y }) => (ran.push('read'), `${it} ${y}`),
  });
  return { gate, read };
}
