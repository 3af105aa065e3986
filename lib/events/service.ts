import { SelectionError } from '../kernel/errors.ts';

/** What a live service keeps up to date, by what it is called in messages, each with a text that stands for how it does that. */
export type Served = ReadonlyMap<string, string>;

/** A live service on a store. */
export interface Service {
  /** What it keeps up to date. */
  readonly served: Served;
  /**
   * Says what it keeps up to date from now on.
   *
   * @throws SelectionError ALREADY_SERVED where another service keeps something of it up to date in another way; then it stays as it was
   */
  readonly claim: (served: Served) => void;
  /** Whether somebody waits for a turn, and the service should let go of its own. */
  readonly contended: () => boolean;
  /** Puts take no turns any more, unless another service is there. */
  readonly end: () => void;
}

/** Another service among these, until it ends. */
export function serveAmong(services: Set<Service>, contended: () => boolean): Service {
  let served: Served = new Map();
  const service: Service = Object.freeze({
    get served() {
      return served;
    },
    claim: (wanted: Served) => {
      for (const other of services) if (other !== service) refuseOtherwise(wanted, other.served);
      served = wanted;
    },
    contended,
    end: () => void services.delete(service),
  });
  services.add(service);
  return service;
}

/** Each of two that make one thing in two ways would take what the other one made for stale, and make it again, for ever. */
function refuseOtherwise(wanted: Served, theirs: Served): void {
  const names = [...wanted].flatMap(([name, how]) => (theirs.has(name) && theirs.get(name) !== how ? name : []));
  if (names.length === 0) return;
  throw new SelectionError(
    'ALREADY_SERVED',
    `Another live service of this store keeps ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''} up to date, with other code, config or wiring. Close that one first, or give it these definitions with its update(). Where the code is the same, say so with a "codeVersion": an op without one is another one in each definitions object.`,
    { details: { served: names } },
  );
}
