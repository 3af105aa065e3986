import { SelectionError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote } from '../../lib/kernel/print.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import type { ReadableEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Store } from '../../lib/events/store.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { assetKey, type AssetKey, type KeyLike } from '../../lib/model/asset-key.ts';
import { BackWalk } from '../../lib/query/lineage-back.ts';
import { ForwardWalk } from '../../lib/query/lineage-forward.ts';
import type { Found } from '../../lib/query/lineage-graph.ts';
import { lineageOf, type Lineage } from '../../lib/query/lineage.ts';
import { versionNode } from '../../lib/query/recorded-step.ts';
import { nextTurn } from '../run/environment.ts';
import { checkStore } from '../run/options.ts';
import { EventPages } from './event-pages.ts';

/** Options of {@link lineage}. */
export interface LineageOptions {
  /** As of which position in the log the version is meant; now by default. */
  readonly position?: Position;
  /** `back`, the default, to what it was made from; `forward` to what was made from it; or `both`. */
  readonly direction?: 'back' | 'forward' | 'both';
  /**
   * How many hops to go, without a bound by default. A hop goes from one recorded version to the next; outputs of steps between them are
   * not counted.
   */
  readonly depth?: number;
}

const OPTION_RULES: OptionRules<LineageOptions> = {
  position: RULES.position,
  direction: {
    accepts: (value) => value === 'back' || value === 'forward' || value === 'both',
    cure: 'Give "back", "forward" or "both".',
  },
  depth: RULES.position,
};

/** How much is done in one go, before timers and input and output get a turn. */
const BURST = 500;
const PAGE = 500;

/**
 * Where a stored version came from: which versions, and by which code, over all runs and definitions, back to the sources; or what was
 * made from it since. It starts from what readers get of the key (F8), and goes from event to event: what a step read is known by
 * position, so a version that came out equal later is another one.
 *
 * The way back reads what it visits, and little more. The way forward reads every event behind the version once, since a log knows no
 * readers: about a second for 100,000 events on disk, in which the event loop gets its turns. In memory is what was found.
 *
 * Rejects with SelectionError INVALID_OPTION, UNKNOWN_ASSET where nothing was stored under the key, DefinitionError INVALID_KEY, StoreError.
 */
export async function lineage(store: Store, key: KeyLike, options: LineageOptions = {}): Promise<Lineage> {
  checkStore('lineage', store);
  checkVerbOptions('lineage', options, OPTION_RULES);
  const { direction = 'back', depth = Infinity } = options;
  const asked = assetKey(key, 'lineage()');
  const { port } = store;
  const head = await port.head();
  const position = Math.min(options.position ?? head, head);
  const [event] = await port.readable([asked], position);
  if (event === undefined) throw await nothingStored(port, asked, { position, head });
  const walking: Walking = { port, head, depth, found: { nodes: new Map(), edges: [], cutAt: new Set() }, turns: new EventTurns() };
  const { id } = versionNode(event);
  if (direction !== 'forward') await walkBack(event, walking);
  if (direction !== 'back') await walkForward(event, walking);
  const valueSince = await sinceWhen(port, event);
  return lineageOf({ key: asked, position, head, direction, start: id, valueSince }, walking.found);
}

interface Walking {
  readonly port: StorePort;
  readonly head: Position;
  readonly depth: number;
  readonly found: Found;
  readonly turns: EventTurns;
}

/** Gives the event loop a turn now and then. */
class EventTurns {
  #done = 0;

  /** `undefined` where it is not time yet: waiting for nothing would cost more than most work. */
  after(amount: number): Promise<void> | undefined {
    this.#done += amount;
    if (this.#done < BURST) return undefined;
    this.#done = 0;
    return nextTurn();
  }
}

async function walkBack(event: ReadableEvent, { port, head, depth, found, turns }: Walking): Promise<void> {
  const pages = new EventPages(port, head);
  const walk = new BackWalk(found, versionNode(event), depth);
  for (let position = walk.next(); position !== undefined; position = walk.next()) {
    walk.take(position, await pages.at(position));
    const turn = turns.after(1);
    if (turn !== undefined) await turn;
  }
}

async function walkForward(event: ReadableEvent, { port, head, depth, found, turns }: Walking): Promise<void> {
  const recorded = await new EventPages(port, head).at(event.position);
  const walk = new ForwardWalk(found, { node: versionNode(event), recorded }, depth);
  for (let next = recorded.last + 1; next <= head; next += PAGE) {
    for (const each of await port.read(next, Math.min(PAGE, head - next + 1))) walk.take(each);
    await turns.after(PAGE);
  }
  walk.finish();
}

/** The materialization that an `unchanged` version repeats: every event between the two is `unchanged` as well (R4). */
async function sinceWhen(port: StorePort, event: ReadableEvent): Promise<Position> {
  let first = event;
  while (first.type === 'asset-unchanged') {
    const [before] = await port.readable([first.key], first.position - 1);
    if (before === undefined || !('version' in before) || before.version !== first.version) break;
    first = before;
  }
  return first.position;
}

async function nothingStored(
  port: StorePort,
  key: AssetKey,
  { position, head }: { readonly position: Position; readonly head: Position },
): Promise<SelectionError> {
  const details = { key, position, path: port.label };
  const [later] = await port.readable([key], head);
  if (later !== undefined) {
    return new SelectionError(
      'UNKNOWN_ASSET',
      `The store ${quote(port.label)} had nothing under ${quote(key)} as of position ${position}: what is there came after it. Ask for a later position, or for none.`,
      { details },
    );
  }
  const known = new Set((await port.runs()).flatMap(({ started }) => started.selection));
  known.delete(key);
  const hint = known.size === 0 ? 'Run the asset first, or put the source.' : suggest(key, known);
  return new SelectionError('UNKNOWN_ASSET', `The store ${quote(port.label)} has nothing under ${quote(key)}. ${hint}`, { details });
}
