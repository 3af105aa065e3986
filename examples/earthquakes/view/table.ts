import { widthOf } from './terminal.ts';

/** Rows in columns, two spaces between them. `alignment` has a letter a column: `l` for left, `r` for right. */
export function table(alignment: string, rows: readonly (readonly string[])[]): readonly string[] {
  const widths = Array.from(alignment, (_, column) => Math.max(0, ...rows.map((row) => widthOf(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat((widths[column] ?? 0) - widthOf(cell));
        return alignment[column] === 'r' ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Two blocks of lines next to each other, the second one from a column on. */
export function beside(left: readonly string[], right: readonly string[], from: number): readonly string[] {
  const lines = Math.max(left.length, right.length);
  return Array.from({ length: lines }, (_, index) => {
    const line = left[index] ?? '';
    return `${line}${' '.repeat(Math.max(1, from - widthOf(line)))}${right[index] ?? ''}`.trimEnd();
  });
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of blocks, an eighth of a column exact; something above nothing always shows. */
export function bar(value: number, largest: number, width: number): string {
  const eighths = value === 0 || largest === 0 ? 0 : Math.max(1, Math.round((value / largest) * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}
