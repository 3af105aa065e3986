import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';

/** Colours in a terminal, unless NO_COLOR says otherwise; none in a file or a pipe. */
export const colors = pc.createColors(Boolean(process.stdout.isTTY) && pc.isColorSupported);

/** Everything here fits 80 columns; the live view has to fit narrower terminals too. */
export const WIDTH = 80;

/** Writes lines. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Writes lines about what went wrong, where output that is piped on does not take them along. */
export function complain(...lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
}

// Whoever reads the output may stop early (`| head`); that is no error.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

/** Lines that are drawn over when they change. Only a terminal that is tall enough can do that. */
export class LiveLines {
  #drawn = 0;

  static canShow(lines: number): boolean {
    return Boolean(process.stdout.isTTY) && process.stdout.rows > lines;
  }

  draw(lines: readonly string[]): void {
    const up = this.#drawn === 0 ? '' : `\u001B[${this.#drawn}A`;
    process.stdout.write(`${up}${lines.map((line) => `${line}\u001B[K\n`).join('')}`);
    this.#drawn = lines.length;
  }
}

/** The columns that a text takes: colours take none. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** The text, cut with an ellipsis where it is wider. Cut before colouring. */
export function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Words in lines of a width, each after the first one indented. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A text behind a mark, in lines that fit. */
export function paragraph(mark: string, text: string): readonly string[] {
  return wrap(text, WIDTH - 4).map((line, index) => (index === 0 ? `  ${mark} ${line}` : `    ${line}`));
}
