import type { Pieces } from './value-pieces.ts';

/** Which values refer to which, by the hex of their keys: what is needed needs its pieces. */
export class PieceMarks {
  readonly #pieces = new Map<string, readonly string[]>();

  /** Notes what a value refers to. */
  add(key: Buffer, { keys }: Pieces): void {
    if (keys.length > 0)
      this.#pieces.set(
        key.toString('hex'),
        keys.map((piece) => piece.toString('hex')),
      );
  }

  /** What a value refers to. */
  of(key: string): readonly string[] {
    return this.#pieces.get(key) ?? [];
  }

  /** All that values refer to for which `isNeeded` says so, and what that refers to, and so on. */
  neededBy(isNeeded: (key: string) => boolean): ReadonlySet<string> {
    const needed = new Set<string>();
    const open = [...this.#pieces.keys()].filter(isNeeded).flatMap((key) => this.of(key));
    for (let key = open.pop(); key !== undefined; key = open.pop()) {
      if (needed.has(key)) continue;
      needed.add(key);
      open.push(...this.of(key));
    }
    return needed;
  }
}
