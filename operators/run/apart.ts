import { Subject } from 'rxjs';

/** A listener that cannot harm what it listens to: what it throws is reported as an uncaught error, as rxjs does for subscribers. */
export function apart<T>(listener: ((told: T) => void) | undefined): ((told: T) => void) | undefined {
  if (listener === undefined) return undefined;
  const subject = new Subject<T>();
  subject.subscribe(listener);
  return (told) => subject.next(told);
}
