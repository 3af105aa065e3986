import type { Feed } from './feed.ts';

/** An earthquake, or something else that shook the ground: an explosion, a quarry blast. */
export interface SeismicEvent {
  readonly id: string;
  readonly type: string;
  readonly magnitude: number;
  readonly place: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly longitude: number;
  readonly latitude: number;
  /** Below sea level, in kilometres. */
  readonly depth: number;
}

/** An event with the name of the state, country or sea that it lies in. */
export interface LocatedEvent extends SeismicEvent {
  readonly region: string;
}

/** What the feed holds, oldest first. */
export function eventsOf({ features }: Feed): readonly SeismicEvent[] {
  return features
    .map(({ id, properties: { type, mag, place, time }, geometry: { coordinates } }) => {
      const [longitude, latitude, depth] = coordinates;
      return { id, type, magnitude: mag, place, time, longitude, latitude, depth };
    })
    .sort((a, b) => a.time - b.time);
}

/** The UTC day of a time, as `2018-02-04`. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

const FULL_NAMES: Readonly<Record<string, string>> = { CA: 'California', NV: 'Nevada', MX: 'Mexico' };

/** `22km NNE of Hualian, Taiwan` lies in Taiwan; a place at sea is its own region. */
export function regionOf(place: string): string {
  const last = place.slice(place.lastIndexOf(', ') + 1).trim();
  return FULL_NAMES[last] ?? last;
}

/** The strongest of some events; the earliest of equals. */
export function strongest<E extends SeismicEvent>(events: readonly E[]): E | undefined {
  return events.reduce<E | undefined>((best, event) => (best === undefined || event.magnitude > best.magnitude ? event : best), undefined);
}
