/** Lets go of a turn. Calling it twice is fine. */
export type Release = () => void;

/** First come, first served: one holder at a time. */
export class Turns {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #aside = 0;

  /** Whether somebody holds the turn or waits for it, who may have it for long. */
  get busy(): boolean {
    return this.#waiting > this.#aside;
  }

  /** Whether somebody waits for the turn. */
  get contended(): boolean {
    return this.#waiting > 1;
  }

  /** Resolves when all who came before have let go. Waits in the same row, for something short of which nobody has to know. */
  async takeAside(): Promise<Release> {
    this.#aside += 1;
    const release = await this.take();
    let held = true;
    return () => {
      if (held) this.#aside -= 1;
      held = false;
      release();
    };
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
