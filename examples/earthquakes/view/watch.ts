import { tap, type MonoTypeOperatorFunction } from 'rxjs';
import type { Plan, RunEvent } from 'sluice';
import { advance, waiting, type Progress, type Row } from './progress.ts';
import { colors, fit, LiveLines, print, WIDTH } from './terminal.ts';
import { duration, many } from './words.ts';

const MARKS: Readonly<Record<Row['state'], string>> = {
  waiting: colors.dim('·'),
  running: colors.cyan('▸'),
  reused: colors.green('='),
  succeeded: colors.green('✓'),
  skipped: colors.dim('–'),
  failed: colors.red('✗'),
  blocked: colors.yellow('–'),
  cancelled: colors.yellow('✗'),
};

/** Shows a run that passes by: in a terminal a line a step, drawn over as they change; elsewhere each line once, as its step settles. */
export function watch(plan: Plan): MonoTypeOperatorFunction<RunEvent> {
  let progress = waiting(plan);
  const live = LiveLines.canShow(progress.rows.size + 1) ? new LiveLines() : undefined;
  return tap((event) => {
    const before = progress;
    progress = advance(before, event);
    if (progress === before) return;
    if (live !== undefined) live.draw([...linesOf(progress), summaryOf(progress)]);
    else if (event.type === 'step-settled' || event.type === 'step-reused') print(...linesOf(progress, before));
    else if (event.type === 'run-ended') print(summaryOf(progress));
  });
}

/** A line for every step, or for those that changed. */
function linesOf({ rows }: Progress, before?: Progress): readonly string[] {
  const width = Math.max(0, ...[...rows.values()].map(({ step }) => step.length));
  return [...rows].filter(([id, row]) => before?.rows.get(id) !== row).map(([, row]) => lineOf(row, width));
}

function lineOf({ step, state, note, time }: Row, width: number): string {
  const columns = columnsNow();
  const text = fit(`${step.padEnd(width)}  ${note}`, columns - 12);
  const shown = state === 'waiting' ? colors.dim(text) : text.slice(0, width) + colors.dim(text.slice(width));
  return `  ${MARKS[state]} ${shown}${' '.repeat(columns - 12 - text.length)}${colors.dim(time.padStart(8))}`.trimEnd();
}

function summaryOf({ rows, settled, recorded, absent, started, now }: Progress): string {
  const missing = absent === 0 ? '' : `, ${absent} absent`;
  return fit(
    `  ${settled} of ${many(rows.size, 'step')}, ${many(recorded, 'asset')} recorded${missing}, ${duration(now - started)}`,
    columnsNow(),
  );
}

/** A file or a pipe has no columns; a line that wraps could not be drawn over. */
function columnsNow(): number {
  return Math.max(24, Math.min(WIDTH, process.stdout.columns ?? WIDTH));
}
