/** How one attempt of a step ends. `takesMs` is how long it takes to, and `null` where it ends synchronously. */
export interface AttemptPlan {
  readonly ends: 'succeeds' | 'throws' | 'asks' | 'refuses' | 'times out' | 'hangs' | 'gives nonsense' | 'gives no output';
  readonly takesMs: number | null;
  /** What a body that asks for another attempt says. */
  readonly asks: { readonly delayMs?: number; readonly max?: number };
}

/** What a step says of its retries. */
export interface PolicyPlan {
  readonly max: number;
  readonly delayMs: number;
  readonly backoff: 'constant' | 'linear' | 'exponential';
  readonly maxDelayMs: number;
  readonly jitter: number;
  /** The last attempt after which `when` says yes. */
  readonly willing: number;
}

/** One step of a world. */
export interface StepScript {
  /** Indices of steps before it. */
  readonly reads: readonly number[];
  /** How often its own resource cannot be opened; `null` where it has none. */
  readonly refusals: number | null;
  /** How its attempts end that get to its body; the last one stands for all after it. */
  readonly attempts: readonly AttemptPlan[];
  readonly policy: PolicyPlan | null;
}

/** What has to come of a step. */
export interface Expected {
  readonly outcome: 'succeeded' | 'failed' | 'blocked';
  readonly attempts: number;
  /** The waits between its attempts. */
  readonly delays: readonly number[];
  /** How many of its attempts got to its body. */
  readonly calls: number;
}

const FOR_GOOD: readonly string[] = ['refuses', 'gives no output'];

/** What has to come of each step, worked out without a clock, a store or a graph. Chance is always 0.5. */
export function expectedOf(steps: readonly StepScript[]): readonly Expected[] {
  const all: Expected[] = [];
  for (const script of steps) {
    const runs = script.reads.every((each) => all[each]?.outcome === 'succeeded');
    all.push(runs ? attemptsOf(script) : { outcome: 'blocked', attempts: 0, delays: [], calls: 0 });
  }
  return all;
}

function attemptsOf(script: StepScript): Expected {
  const delays: number[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const body = attempt - (script.refusals ?? 0);
    const plan = body < 1 ? undefined : script.attempts[Math.min(body, script.attempts.length) - 1];
    const calls = Math.max(0, body);
    if (plan?.ends === 'succeeds') return { outcome: 'succeeded', attempts: attempt, delays, calls };
    const delay = plan !== undefined && FOR_GOOD.includes(plan.ends) ? undefined : delayOf(script.policy, plan, attempt);
    if (delay === undefined) return { outcome: 'failed', attempts: attempt, delays, calls };
    delays.push(delay);
  }
}

function delayOf(policy: PolicyPlan | null, plan: AttemptPlan | undefined, attempt: number): number | undefined {
  const asked = plan?.ends === 'asks' ? plan.asks : undefined;
  const most = asked === undefined ? (policy?.max ?? 0) : Math.min(policy?.max ?? asked.max ?? 1, asked.max ?? Infinity);
  if (attempt > most) return undefined;
  if (asked?.delayMs !== undefined) return asked.delayMs;
  if (policy === null) return 0;
  if (asked === undefined && attempt > policy.willing) return undefined;
  const times = { constant: 1, linear: attempt, exponential: 2 ** (attempt - 1) }[policy.backoff];
  return Math.min(policy.delayMs * times, policy.maxDelayMs) * (1 - policy.jitter / 2);
}
