import { readFile } from 'node:fs/promises';
import { source } from 'sluice';

/** What this example reads of the USGS's GeoJSON; there is more in it. */
export interface Feed {
  readonly metadata: { readonly title: string; readonly generated: number; readonly count: number };
  readonly features: readonly Feature[];
}

interface Feature {
  readonly id: string;
  readonly properties: {
    readonly type: string;
    readonly status: string;
    readonly mag: number;
    readonly place: string;
    readonly time: number;
  };
  readonly geometry: { readonly coordinates: readonly [longitude: number, latitude: number, depth: number] };
}

const file = new URL('data/earthquakes.json', import.meta.url);

/** The week as it was published. */
export async function publishedFeed(): Promise<Feed> {
  // The file is one fixed download: its shape was looked at when it was put here.
  return JSON.parse(await readFile(file, 'utf8')) as Feed;
}

/** Read once a run that is not given another feed; as long as it says the same, nothing new is written. */
export const feed = source<Feed>('usgs/feed', { description: 'a week of events as published', read: publishedFeed });
