import type { NewEvent } from '../../lib/events/logged-event.ts';
import { encodeStorable } from '../../lib/events/store.ts';
import type { AppendBatch } from '../../lib/events/store-port.ts';
import { logLine, materialized, sampleKey, sampleValue, sourceObserved, unchanged } from '../kit/sample-events.ts';
import { Random } from './random.ts';

/** What is written in one go: the how-many-eth of which life of the writers of a store. */
export interface PieceName {
  readonly life: number;
  readonly index: number;
}

/** How a piece is written. */
export type PieceKind = 'events' | 'large' | 'table' | 'put' | 'chain' | 'stale';

/** Something to write: the same for everybody who knows the seed, so that a process can be held to what it was told to do. */
export interface Piece {
  readonly kind: PieceKind;
  readonly batch: AppendBatch;
  /** For `put`: what is put. */
  readonly value: unknown;
}

/** The time of all events. */
export const TIME = 1_700_000_000_000;
/** How many sources there are that are only written by who knows what was there before. */
export const CHAINS = 3;

/** How many versions of each key a prune leaves. */
export const KEPT_VERSIONS = 8;

const TABLE_ROWS = 120;
const PER_MILLE: readonly (readonly [number, PieceKind])[] = [
  [550, 'events'],
  [20, 'large'],
  [130, 'table'],
  [120, 'put'],
  [130, 'chain'],
  [50, 'stale'],
];

/** What stands at one place. */
export function pieceAt(seed: number, { life, index }: PieceName): Piece {
  const random = new Random(seed ^ Math.imul(life + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const kind = kindAt(random.below(1000));
  const name = nameOf({ life, index });
  if (kind === 'put') return putPiece(name, random);
  if (kind === 'chain' || kind === 'stale') {
    const { address, bytes } = sampleValue({ name });
    const event = sourceObserved(chainKey(index), { offset: tag(name, 0, 1), address, version: address });
    const offsets = [{ key: event.key, offset: tag(name, 0, 1) }];
    return { kind, batch: { events: [event], values: [{ address, bytes }], offsets, id: name }, value: undefined };
  }
  const value = sampleValue(valueOf(kind, { life, index }, random));
  const count = 1 + random.below(kind === 'events' && random.oneIn(10) ? 60 : 6);
  const events = Array.from({ length: count }, (_, at) => eventAt(tag(name, at, count), at, value.address));
  return { kind, batch: { events, values: [value], id: name }, value: undefined };
}

/** The key of the chain that a piece belongs to. */
export function chainKey(index: number): string {
  return `chain/${index % CHAINS}`;
}

/** A piece's name, as one word. */
export function nameOf({ life, index }: PieceName): string {
  return `${life}/${index}`;
}

/** What an event says of the piece that it is a part of. */
export interface Tag extends PieceName {
  readonly at: number;
  readonly of: number;
}

/** Reads what an event says of where it comes from. */
export function tagOf(event: object): Tag | undefined {
  const { message, offset, metadata } = event as { message?: unknown; offset?: unknown; metadata?: { tag?: unknown } };
  const found = /^(\d+)\/(\d+)\/(\d+)\/(\d+)$/.exec(String(message ?? offset ?? metadata?.tag));
  if (found === null) return undefined;
  const [life = 0, index = 0, at = 0, of = 0] = found.slice(1).map(Number);
  return { life, index, at, of };
}

function kindAt(roll: number): PieceKind {
  let left = roll;
  for (const [share, kind] of PER_MILLE) {
    if (left < share) return kind;
    left -= share;
  }
  return 'events';
}

function putPiece(name: string, random: Random): Piece {
  const value = { name, list: Array.from({ length: random.below(30) }, (_, at) => at) };
  const { address, version, bytes } = encodeStorable(value);
  const event = sourceObserved(`put/${random.below(4)}`, { offset: tag(name, 0, 1), time: TIME, address, version });
  return { kind: 'put', batch: { events: [event], values: [{ address, bytes }] }, value };
}

function tag(name: string, at: number, of: number): string {
  return `${name}/${at}/${of}`;
}

function valueOf(kind: PieceKind, { life, index }: PieceName, random: Random): unknown {
  if (kind === 'large') return `${life}/${index}/`.padEnd(280_000 + random.below(400_000), 'large ');
  if (kind === 'table') return tableAt({ life, index });
  return { life, index, text: 'small'.repeat(random.below(100)) };
}

/** All rows are the same in all tables, but one. */
function tableAt({ life, index }: PieceName): unknown {
  return Array.from({ length: TABLE_ROWS }, (_, row) => ({
    row,
    text: `what stands in row ${row} of every table`,
    changed: row === index % TABLE_ROWS ? `${life}/${index}` : '',
  }));
}

function eventAt(tagged: string, at: number, address: string): NewEvent {
  if (at % 3 === 1) return logLine({ message: tagged });
  const fields = { address, version: address, metadata: { tag: tagged } };
  return at % 3 === 0 ? materialized(`asset/${at % 7}`, fields) : unchanged(`asset/${at % 5}`, fields);
}

/** A key as the log has it. */
export function chainKeys(): ReturnType<typeof sampleKey>[] {
  return Array.from({ length: CHAINS }, (_, index) => sampleKey(chainKey(index)));
}
