/** How many events there were of one type. */
export interface TypeCount {
  readonly type: string;
  readonly count: number;
}

/** How many earthquakes had a magnitude from this one up to one more. */
export interface MagnitudeBand {
  readonly from: number;
  readonly count: number;
}

/** How many earthquakes a region had, and how strong the strongest was. */
export interface RegionCount {
  readonly region: string;
  readonly count: number;
  readonly strongest: number;
}

/** How many earthquakes a UTC day had. */
export interface DayCount {
  readonly day: string;
  readonly count: number;
}
