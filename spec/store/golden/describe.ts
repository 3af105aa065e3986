import type { LoggedEvent } from '../../../lib/events/logged-event.ts';
import type { LivePort, StepId, StorePort } from '../../../lib/events/store-port.ts';
import { decodeValue } from '../../../lib/kernel/value/decode.ts';

/** What has to come out of a store. Later versions may give more than this, and never anything else. */
export interface Description {
  readonly head: number;
  readonly events: readonly unknown[];
  /** By address: the value, or `removed`. */
  readonly values: Readonly<Record<string, unknown>>;
  /** By key: the position of what readers get. */
  readonly readable: Readonly<Record<string, number>>;
  /** Positions at which runs started and ended. */
  readonly runs: readonly (readonly [number, number | null])[];
  /** By definition, step and output: the position of the trace. */
  readonly settled: Readonly<Record<string, number | undefined>>;
  readonly cursors: Readonly<Record<string, number | undefined>>;
  /** By the key of the source. */
  readonly offsets: Readonly<Record<string, string | undefined>>;
  /** By definition and step: the position at which it last did not succeed. */
  readonly unsuccessful: Readonly<Record<string, number | undefined>>;
}

/** Reads everything in a store. */
export async function describeStore(port: LivePort, cursors: readonly string[]): Promise<Description> {
  const head = await port.head();
  const events = await port.read(1, Infinity);
  const keys = [...new Set(events.flatMap((event) => ('key' in event ? [event.key] : [])))];
  const readable = await port.readable(keys, head);
  const outputs = outputsIn(events);
  const settled = await port.lastSettled(outputs, head);
  const steps = stepsIn(events);
  const unsuccessful = await port.lastUnsuccessful(steps, head);
  const offsets = await port.offsets(keys);
  return {
    head,
    events: events.map(plain),
    values: await valuesIn(port, events),
    readable: Object.fromEntries(readable.flatMap((event) => (event === undefined ? [] : [[escaped(event.key), event.position]]))),
    runs: (await port.runs()).map(({ started, ended }) => [started.position, ended?.position ?? null] as const),
    settled: Object.fromEntries(outputs.map((output, index) => [escaped(JSON.stringify(output)), settled[index]?.position])),
    cursors: Object.fromEntries(await Promise.all(cursors.map(async (name) => [escaped(name), await port.cursor(name)] as const))),
    offsets: Object.fromEntries(keys.map((key, index) => [escaped(key), offsets[index]])),
    unsuccessful: Object.fromEntries(steps.map((step, index) => [escaped(JSON.stringify(step)), unsuccessful[index]?.position])),
  };
}

function outputsIn(events: readonly LoggedEvent[]): readonly { definition: string; step: string; output: string }[] {
  const found = new Map<string, { definition: string; step: string; output: string }>();
  for (const event of events) {
    if (event.type !== 'step-settled') continue;
    const { definition, step } = event;
    for (const { output } of event.outputs) found.set(JSON.stringify([definition, step, output]), { definition, step, output });
  }
  return [...found.values()];
}

function stepsIn(events: readonly LoggedEvent[]): readonly StepId[] {
  const found = new Map<string, StepId>();
  for (const event of events) {
    if (event.type !== 'step-settled') continue;
    const { definition, step } = event;
    found.set(JSON.stringify([definition, step]), { definition, step });
  }
  return [...found.values()];
}

async function valuesIn(port: StorePort, events: readonly LoggedEvent[]): Promise<Readonly<Record<string, unknown>>> {
  const addresses = [...new Set(events.flatMap((event) => ('address' in event && event.address !== null ? [event.address] : [])))];
  const found = await port.values(addresses);
  return Object.fromEntries(addresses.map((address, index) => [address, described(found[index])]));
}

/** The bytes are proven by the address: long ones need no more. */
function described(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return 'removed';
  return bytes.length > 500 ? `«${bytes.length} bytes»` : plain(decodeValue(bytes));
}

/** JSON text has a form for every string but lone surrogates read ill in an editor, and `__proto__` is lost on the way. */
function escaped(name: string): string {
  return name === '__proto__' ? '«__proto__»' : name;
}

/** A value as plain JSON. */
function plain(value: unknown): unknown {
  if (value === undefined || typeof value === 'bigint' || (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))))
    return `«${Object.is(value, -0) ? '-0' : String(value)}»`;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return { '«Date»': value.getTime() };
  if (value instanceof Map) return { '«Map»': [...value].map(plain) };
  if (value instanceof Set) return { '«Set»': [...value].map(plain) };
  if (ArrayBuffer.isView(value)) return { '«bytes»': Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [escaped(name), plain(member)]));
}
