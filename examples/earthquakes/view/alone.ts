import { explain, type Plan, type RunEvent } from 'sluice';
import { colors, WIDTH, wrap } from './terminal.ts';
import { duration, listed, many } from './words.ts';

type OutputDiscarded = Extract<RunEvent, { readonly type: 'output-discarded' }>;

/** Which steps a run of a part ran, which outputs were gated, and why: the plan gives the reasons, the events what came of it. */
export function accountOf(plan: Plan, events: readonly RunEvent[]): readonly string[] {
  const { steps } = explain(plan);
  const planned = new Map(plan.steps.map(({ step }) => [step.id, step]));
  const lines = steps.flatMap(({ step, reason }) => {
    const at = planned.get(step);
    if (at === undefined) return [];
    const mine = events.filter((event) => 'step' in event && event.definition === at.definition && event.step === at.path);
    const verb = mine.some(({ type }) => type === 'step-started') ? 'ran' : 'was reused';
    const discarded = mine.filter((event): event is OutputDiscarded => event.type === 'output-discarded');
    const gate = discarded.map(({ output }) => `It emitted ${output} all the same, and the gate dropped that.`);
    const why = [`${step} ${verb}, since ${reason}.`, ...gate].join(' ');
    return paragraph(colors.green('✓'), why);
  });
  const left = steps.filter(({ verdict }) => verdict === 'left-out').map(({ step }) => step);
  return [
    ...lines,
    ...paragraph(colors.dim('–'), `${many(left.length, 'step')} left out, since no selected asset needs them: ${listed(left)}.`),
  ];
}

function paragraph(mark: string, text: string): readonly string[] {
  return wrap(text, WIDTH - 4).map((line, index) => (index === 0 ? `  ${mark} ${line}` : `    ${line}`));
}

/** From the first event of a run to its last. */
export function timeOf(events: readonly RunEvent[]): string {
  const times = events.flatMap((event) => ('time' in event ? [event.time] : []));
  return duration(Math.max(...times) - Math.min(...times));
}
