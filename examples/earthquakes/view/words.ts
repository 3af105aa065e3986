/** `1,679` */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 run`, `2 runs` */
export function many(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}

/** `6.4`: magnitudes have one decimal, as seismologists write them. */
export function magnitude(value: number): string {
  return value.toFixed(1);
}

/** `Sun 4 Feb`, in UTC. */
export function shortDay(time: number | string): string {
  const [weekday, day, month] = partsOf(time);
  return `${weekday} ${day} ${month}`;
}

/** `15:50`, in UTC. */
export function clockTime(time: number): string {
  return partsOf(time)[4].slice(0, 5);
}

/** ECMAScript fixes this form, in English and in UTC: `Sun, 04 Feb 2018 15:50:42 GMT`. */
function partsOf(time: number | string): readonly [weekday: string, day: string, month: string, year: string, clock: string] {
  const [weekday = '', day = '', month = '', year = '', clock = ''] = new Date(time).toUTCString().replace(',', '').split(' ');
  return [weekday, day.replace(/^0/, ''), month, year, clock];
}

/** `0.3 s`, `12 ms`, `<1 ms` */
export function duration(ms: number): string {
  if (ms < 1) return '<1 ms';
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
