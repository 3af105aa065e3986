import { Subject, type Observable } from 'rxjs';

/**
 * The outputs of running steps as Observables. A Subject is made when an output is first asked for, so outputs that nobody watches cost
 * nothing; values come through the gate only, when their step has succeeded.
 */
export interface OutputPorts {
  /** The values on one output of one step (by its id), one for each run that gives one. Completes with {@link OutputPorts.complete}. */
  output<T = unknown>(step: string, output: string): Observable<T>;
  /** Hands a value to whoever watches the output. Called by runs. */
  publish(step: string, output: string, value: unknown): void;
  /** Ends every Observable that was given out; later ones complete at once. */
  complete(): void;
}

/** Makes ports to pass to one or more runs as `ports`. */
export function outputPorts(): OutputPorts {
  const subjects = new Map<string, Subject<unknown>>();
  let completed = false;
  const nameOf = (step: string, output: string): string => `${step}\n${output}`;
  return Object.freeze({
    output: <T>(step: string, output: string): Observable<T> => {
      const name = nameOf(step, output);
      const known = subjects.get(name);
      // The caller says what the op's output carries; ports know steps by name alone.
      if (known !== undefined) return known.asObservable() as Observable<T>;
      const subject = new Subject<unknown>();
      if (completed) subject.complete();
      else subjects.set(name, subject);
      // As above.
      return subject.asObservable() as Observable<T>;
    },
    publish: (step: string, output: string, value: unknown) => subjects.get(nameOf(step, output))?.next(value),
    complete: () => {
      completed = true;
      for (const subject of subjects.values()) subject.complete();
      subjects.clear();
    },
  });
}
