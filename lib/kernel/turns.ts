/** Lets go of a turn. Calling it twice is fine. */
export type Release = () => void;

/** First come, first served: one holder at a time. */
export class Turns {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Whether somebody holds the turn or waits for it. */
  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** Whether somebody waits for the turn. */
  get contended(): boolean {
    return this.#waiting > 1;
  }

  /** Resolves when all who came before have let go. */
  async take(): Promise<Release> {
    const before = this.#last;
    let release: Release = () => undefined;
    this.#last = new Promise((resolve) => {
      let held = true;
      release = () => {
        if (held) this.#waiting -= 1;
        held = false;
        resolve();
      };
    });
    this.#waiting += 1;
    await before;
    return release;
  }
}
