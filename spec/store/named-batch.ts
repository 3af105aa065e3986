import type { AppendBatch } from '../../lib/events/store-port.ts';
import { materialized, sampleValue, sourceObserved } from '../kit/sample-events.ts';

/** A batch with an id, the same in every process but for its time: one or two events and a value. */
export function namedBatch(index: number, time = 1): AppendBatch {
  const value = sampleValue(`value ${index} ${'v'.repeat((index * 37) % 3000)}`);
  const asset = materialized(`a/${index % 7}`, { time, address: value.address, version: value.address, metadata: { index } });
  const events = index % 2 === 0 ? [asset] : [asset, sourceObserved(`s/${index % 3}`, { time, address: value.address })];
  return { events, values: [value], id: `batch ${index}` };
}
