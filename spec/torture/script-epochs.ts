import { encodeStorable } from '../../lib/events/store.ts';
import type { AppendBatch } from '../../lib/events/store-port.ts';
import { keyed, type Keyed } from '../../lib/kernel/keyed/keyed.ts';
import { materialized, sampleValue, sourceObserved, stepSettled } from '../kit/sample-events.ts';
import type { Random } from './random.ts';

/** Sources whose offsets scripts write. */
export const SOURCES: readonly string[] = ['feed/one', 'feed/two'];

const ROWS = 120;

/**
 * What a live service appends of one epoch after the other: how far its sources were read, what was read, the state of a step, and rows of
 * which stores keep only the pieces that changed. All of it is there, or nothing.
 */
export class Epochs {
  #epoch = 0;
  #rows: Keyed<number, string> = keyed(Array.from({ length: ROWS }, (_, row) => [row, `row ${row}, as it was at first`] as const));

  /** The next epoch, which some of the sources gave something for. */
  next(name: string, random: Random): AppendBatch {
    this.#epoch += 1;
    const offset = `${this.#epoch}`;
    const given = random.oneIn(3) ? SOURCES : [random.pick(SOURCES)];
    this.#rows = this.#rows.set(random.below(ROWS), `as ${name} left it`);
    const rows = encodeStorable(this.#rows);
    const state = sampleValue({ state: 'of a step', name });
    const read = given.map((source) => {
      const item = sampleValue({ item: name, source });
      return { item, event: sourceObserved(source, { runId: name, offset, address: item.address, version: item.address }) };
    });
    const settled = stepSettled({ runId: name, step: 'follow', stateAddress: state.address });
    const made = materialized('rows', { runId: name, step: 'follow', address: rows.address, version: rows.version });
    return {
      events: [...read.map(({ event }) => event), settled, made],
      values: [...read.map(({ item }) => item), state, rows],
      offsets: read.map(({ event }) => ({ key: event.key, offset })),
    };
  }
}
