import { readFile } from 'node:fs/promises';
import { source } from 'sluice';

/** What this example reads of the USGS's GeoJSON; there is more in it. */
export interface Feed {
  readonly metadata: { readonly title: string; readonly generated: number; readonly count: number };
  readonly features: readonly Feature[];
}

interface Feature {
  readonly id: string;
  readonly properties: { readonly type: string; readonly mag: number; readonly place: string; readonly time: number };
  readonly geometry: { readonly coordinates: readonly [longitude: number, latitude: number, depth: number] };
}

const file = new URL('data/earthquakes.json', import.meta.url);

/** The week as it was published. Read once a run; as long as the file stays the same, nothing new is written. */
export const feed = source<Feed>('usgs/feed', {
  description: 'a week of events as published',
  // The file is one fixed download: its shape was looked at when it was put here.
  read: async () => JSON.parse(await readFile(file, 'utf8')) as Feed,
});
