import { watch as watchPath } from 'node:fs';

/** LMDB writes its header, which the system tells of, and only then lets readers have the transaction. */
const AFTER_EVENT_MS = [2, 20] as const;
/** For what the system did not tell. */
const SAFETY_MS = 250;
/** Where the system tells of nothing. A look costs microseconds. */
const WITHOUT_EVENTS_MS = 20;

/** What tells of changes to a file, and of its own end. */
export interface FileEvents {
  onEvent: () => void;
  onError: () => void;
}

/** What {@link watchFile} takes from the system. */
export interface WatchSystem {
  /** Starts to tell of changes; gives what ends it. Throws where that is impossible. */
  readonly watch: (path: string, events: FileEvents) => () => void;
  /** Calls back again and again, or once; gives what ends it. `keepsAlive`: whether the process waits for it. */
  readonly every: (ms: number, callback: () => void, keepsAlive: boolean) => () => void;
  readonly once: (ms: number, callback: () => void) => () => void;
}

/**
 * Calls back whenever a file may have changed, and now and then for nothing, until the returned function is called. Meanwhile the
 * process is kept alive, as by an open socket: whoever waits for another process to write may have nothing else to do.
 */
export function watchFile(path: string, onChange: () => void, system: WatchSystem = realSystem): () => void {
  let stopRechecks: readonly (() => void)[] = [];
  const stopRecheck = (): void => {
    for (const stop of stopRechecks) stop();
  };
  const onEvent = (): void => {
    stopRecheck();
    stopRechecks = AFTER_EVENT_MS.map((ms) => system.once(ms, onChange));
    onChange();
  };
  const poll = (): (() => void) => system.every(WITHOUT_EVENTS_MS, onChange, true);

  let stopEvents: () => void;
  let stopped = false;
  try {
    stopEvents = system.watch(path, {
      onEvent,
      onError: () => {
        if (stopped) return;
        stopEvents();
        stopEvents = poll();
      },
    });
  } catch {
    stopEvents = poll();
  }
  const stopSafety = system.every(SAFETY_MS, onChange, false);
  return () => {
    stopped = true;
    stopEvents();
    stopSafety();
    stopRecheck();
  };
}

const realSystem: WatchSystem = {
  watch: (path, { onEvent, onError }) => {
    const watcher = watchPath(path, onEvent);
    watcher.on('error', onError);
    return () => watcher.close();
  },
  every: (ms, callback, keepsAlive) => {
    const timer = setInterval(callback, ms);
    if (!keepsAlive) timer.unref();
    return () => clearInterval(timer);
  },
  once: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
