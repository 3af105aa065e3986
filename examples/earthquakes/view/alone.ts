import { explain, type Plan, type RunEvent } from 'sluice';
import { colors, paragraph } from './terminal.ts';
import { duration, listed, many } from './words.ts';

type OutputDiscarded = Extract<RunEvent, { readonly type: 'output-discarded' }>;

/** Which steps a run of a part ran or reused, which outputs were gated, and why: the plan gives the reasons, the events what came of it. */
export function accountOf(plan: Plan, events: readonly RunEvent[]): readonly string[] {
  const { steps } = explain(plan);
  const planned = new Map(plan.steps.map(({ step }) => [step.id, step]));
  const lines = steps.flatMap(({ step, reason }) => {
    const at = planned.get(step);
    if (at === undefined) return [];
    const mine = events.filter((event) => 'step' in event && event.definition === at.definition && event.step === at.path);
    const isReused = mine.some(({ type }) => type === 'step-reused');
    const verb = isReused ? 'was needed and reused' : 'ran';
    const discarded = mine.filter((event): event is OutputDiscarded => event.type === 'output-discarded');
    const gate = discarded.map(({ output }) => `It emitted ${output} all the same, and the gate dropped that.`);
    const why = [`${step} ${verb}, since ${reason}.`, ...gate].join(' ');
    return paragraph(colors.green(isReused ? '=' : '✓'), why);
  });
  const left = steps.filter(({ verdict }) => verdict === 'left-out').map(({ step }) => step);
  return [
    ...lines,
    ...paragraph(colors.dim('–'), `${many(left.length, 'step')} left out, since no selected asset needs them: ${listed(left)}.`),
  ];
}

/** From the first event of a run to its last. */
export function timeOf(events: readonly RunEvent[]): string {
  const times = events.flatMap((event) => ('time' in event ? [event.time] : []));
  return duration(Math.max(...times) - Math.min(...times));
}

/** How many steps of a run ran, and how many were reused. */
export function countsOf(events: readonly RunEvent[]): string {
  const of = (type: RunEvent['type']): number => events.filter((event) => event.type === type).length;
  return `${of('step-started')} ran, ${of('step-reused')} reused`;
}
