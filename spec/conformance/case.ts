import {
  readAny,
  readFlag,
  readList,
  readNumber,
  readObject,
  readOptional,
  readPair,
  readRecord,
  readText,
  readWord,
  MalformedCase,
  type Read,
} from './read.ts';

/** How an op of a case computes: see README.md. */
export type CaseBody = 'tuple' | 'selected' | 'data' | 'fail' | 'omit' | 'collapse';

/** An op of a case: ports in declared order, and what it computes. */
export interface CaseOp {
  readonly ins: readonly (readonly [name: string, kind: 'value' | 'list' | 'nothing'])[];
  readonly outs: readonly (readonly [name: string, isRequired: boolean])[];
  readonly body: CaseBody;
  readonly k: number;
}

/** An output of an earlier step of the same graph, or an input of the graph. */
export type CaseRef = { readonly step: string; readonly out: string } | { readonly input: string };

/** An op or a graph at one place, with what feeds each input; a list is a fan-in. */
export interface CaseStep {
  readonly name: string;
  readonly target: { readonly op: string } | { readonly graph: CaseGraph };
  readonly in: ReadonlyMap<string, CaseRef | readonly CaseRef[]>;
}

/** A graph of a case. */
export interface CaseGraph {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly steps: readonly CaseStep[];
  readonly outputs: ReadonlyMap<string, CaseRef>;
}

/** The policies of a case's runs. */
export interface CasePolicy {
  readonly unselectedOutputs: 'discard' | 'materialize' | 'error';
  readonly inGraphUpstream: 'recompute' | 'load' | 'auto';
  readonly crossGraphUpstream?: 'load' | 'auto';
}

/** What a run is expected to do. A field that a case leaves out is not compared. */
export interface CaseExpectation {
  readonly error?: string;
  readonly success?: boolean;
  readonly executed?: readonly string[];
  readonly skipped?: readonly string[];
  readonly failed?: readonly string[];
  readonly blocked?: readonly string[];
  readonly selectedOutputs?: ReadonlyMap<string, readonly string[]>;
  readonly materialized?: ReadonlyMap<string, unknown>;
  readonly unexpected?: readonly string[];
  readonly loaded?: readonly string[];
  readonly reused?: readonly string[];
  readonly unchanged?: readonly string[];
  readonly absent?: readonly string[];
  readonly state?: ReadonlyMap<string, unknown>;
}

/** One selection, and what is expected of its run. */
export interface CaseRun {
  readonly select: readonly string[];
  readonly expect: CaseExpectation;
}

/** One action of a script: changes, which stay in force, then a verb over a selection. */
export interface CaseAction {
  readonly set: ReadonlyMap<string, unknown>;
  /** Op → code version. */
  readonly bump: ReadonlyMap<string, string>;
  readonly verb: 'materialize' | 'refresh';
  readonly select: readonly string[];
  readonly expect: CaseExpectation;
}

/** One line of a conformance file. It has `runs`, or a `script` of actions that build on each other. */
export interface Case {
  readonly id: string;
  readonly ops: ReadonlyMap<string, CaseOp>;
  readonly graphs: readonly CaseGraph[];
  /** True where step paths start with `definition:`, because the case is written with `graphs`. */
  readonly several: boolean;
  readonly upstream: ReadonlyMap<string, unknown>;
  readonly policy: CasePolicy;
  readonly runs: readonly CaseRun[];
  readonly script: readonly CaseAction[];
  /** Whether the script can be played as a live service too: every action selects the same. */
  readonly live: boolean;
}

const readOp: Read<CaseOp> = (value, at) => {
  const op = readObject(value, at);
  return {
    ins: readList(readPair(readText, readWord('value', 'list', 'nothing')))(op['ins'], `${at}.ins`),
    outs: readList(readPair(readText, readFlag))(op['outs'], `${at}.outs`),
    body: readWord('tuple', 'selected', 'data', 'fail', 'omit', 'collapse')(op['body'], `${at}.body`),
    k: readNumber(op['k'], `${at}.k`),
  };
};

const readRef: Read<CaseRef> = (value, at) => {
  const ref = readObject(value, at);
  if (typeof ref['input'] === 'string') return { input: ref['input'] };
  if (typeof ref['step'] === 'string' && typeof ref['out'] === 'string') return { step: ref['step'], out: ref['out'] };
  throw new MalformedCase(at, '{step, out} or {input}', value);
};

const readWire: Read<CaseRef | readonly CaseRef[]> = (value, at) =>
  Array.isArray(value) ? readList(readRef)(value, at) : readRef(value, at);

const readStep: Read<CaseStep> = (value, at) => {
  const step = readObject(value, at);
  const nested = step['graph'] !== undefined;
  return {
    name: readText(step['name'], `${at}.name`),
    target: nested ? { graph: readGraph(step['graph'], `${at}.graph`) } : { op: readText(step['op'], `${at}.op`) },
    in: readRecord(readWire)(step['in'] ?? {}, `${at}.in`),
  };
};

const readGraph: Read<CaseGraph> = (value, at) => {
  const graph = readObject(value, at);
  return {
    name: readText(graph['name'], `${at}.name`),
    inputs: readList(readText)(graph['inputs'] ?? [], `${at}.inputs`),
    steps: readList(readStep)(graph['steps'], `${at}.steps`),
    outputs: readRecord(readRef)(graph['outputs'], `${at}.outputs`),
  };
};

const readPolicy: Read<CasePolicy> = (value, at) => {
  const policy = readObject(value, at);
  const crossGraphUpstream = readOptional(readWord('load', 'auto'))(policy['crossGraphUpstream'], `${at}.crossGraphUpstream`);
  return {
    unselectedOutputs: readWord('discard', 'materialize', 'error')(policy['unselectedOutputs'], `${at}.unselectedOutputs`),
    inGraphUpstream: readWord('recompute', 'load', 'auto')(policy['inGraphUpstream'], `${at}.inGraphUpstream`),
    ...(crossGraphUpstream !== undefined && { crossGraphUpstream }),
  };
};

const readExpectation: Read<CaseExpectation> = (value, at) => {
  const fields = readObject(value, at);
  const names = readOptional(readList(readText));
  const read: { readonly [Field in keyof CaseExpectation]-?: Read<CaseExpectation[Field] | undefined> } = {
    error: readOptional(readText),
    success: readOptional(readFlag),
    executed: names,
    skipped: names,
    failed: names,
    blocked: names,
    selectedOutputs: readOptional(readRecord(readList(readText))),
    materialized: readOptional(readRecord(readAny)),
    unexpected: names,
    loaded: names,
    reused: names,
    unchanged: names,
    absent: names,
    state: readOptional(readRecord(readAny)),
  };
  const present = Object.entries(read).flatMap(([name, field]) => {
    const found = field(fields[name], `${at}.${name}`);
    return found === undefined ? [] : [[name, found] as const];
  });
  if (present.length === 0) throw new MalformedCase(at, 'something to compare', value);
  return Object.fromEntries(present);
};

const readRun: Read<CaseRun> = (value, at) => {
  const run = readObject(value, at);
  return { select: readList(readText)(run['select'], `${at}.select`), expect: readExpectation(run['expect'], `${at}.expect`) };
};

const readCodeVersion: Read<string> = (value, at) => String(typeof value === 'number' ? value : readText(value, at));

/** @param common the selection of a case whose actions all have the same */
function readAction(common: readonly string[] | undefined): Read<CaseAction> {
  return (value, at) => {
    const action = readObject(value, at);
    return {
      set: readRecord(readAny)(action['set'] ?? {}, `${at}.set`),
      bump: readRecord(readCodeVersion)(action['bump'] ?? {}, `${at}.bump`),
      verb: readWord('materialize', 'refresh')(action['do'], `${at}.do`),
      select: readOptional(readList(readText))(action['select'], `${at}.select`) ?? common ?? readList(readText)(undefined, `${at}.select`),
      expect: readExpectation(action['expect'], `${at}.expect`),
    };
  };
}

/**
 * Reads one line of a conformance file.
 *
 * @param where file and line, for the message
 * @throws MalformedCase
 */
export function readCase(line: string, where: string): Case {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new MalformedCase(`${where} (${String(error)})`, 'one JSON object a line', line);
  }
  const fields = readObject(parsed, where);
  const several = fields['graphs'] !== undefined;
  const runs = readOptional(readList(readRun))(fields['runs'], `${where}: runs`);
  const select = readOptional(readList(readText))(fields['select'], `${where}: select`);
  const script = readOptional(readList(readAction(select)))(fields['script'], `${where}: script`);
  if (runs === undefined && script === undefined) throw new MalformedCase(where, 'runs or a script', Object.keys(fields));
  return {
    id: readText(fields['id'], `${where}: id`),
    ops: readRecord(readOp)(fields['ops'], `${where}: ops`),
    graphs: several ? readList(readGraph)(fields['graphs'], `${where}: graphs`) : [readGraph(fields['graph'], `${where}: graph`)],
    several,
    upstream: readRecord(readAny)(fields['upstream'] ?? {}, `${where}: upstream`),
    policy:
      runs === undefined ? { unselectedOutputs: 'discard', inGraphUpstream: 'auto' } : readPolicy(fields['policy'], `${where}: policy`),
    runs: runs ?? [],
    script: script ?? [],
    live: select !== undefined,
  };
}
