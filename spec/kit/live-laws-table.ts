import type { Law } from './law.ts';

const LOG = 'spec/laws/live-log.spec.ts';
const FLOW = 'spec/laws/live-flow.spec.ts';

/** Laws of services that stay up while their sources push. Not the rules of live mode, which are called L1 to L6 in docs/SEMANTICS.md. */
export const liveLaws: readonly Law[] = [
  {
    id: 'L1',
    name: 'crash and resume',
    statement: 'A service that is killed at any write and started again leaves the events and states that one leaves which nobody killed.',
    why: 'A deployment, a crash and a quiet night cannot be told apart afterwards.',
    broken: 'what a service remembers and its log does not say',
    spec: 'spec/laws/live.spec.ts',
    title: 'L1 killed at any write',
  },
  {
    id: 'L2',
    name: 'offset = epoch',
    statement: 'The offset that is kept of a source is that of an epoch iff exactly the events of the epochs up to it are in the log.',
    why: 'What an offset says was done is done, and nothing else is.',
    broken: 'an offset that is written before or after what came of its items',
    spec: LOG,
    title: 'L2 whenever it is killed',
  },
  {
    id: 'L3',
    name: 'at least once is enough',
    statement: 'Items that come again, twice or in other chunks add no event and change no state.',
    why: 'Origins may deliver at least once, and every one does some day.',
    broken: 'counting items that came before where an epoch is so many items',
    spec: LOG,
    title: 'L3 items that come again',
  },
  {
    id: 'L4',
    name: 'one event an epoch',
    statement: 'An epoch logs of an asset one event at most, and one that readers go by iff the asset came out as something else for them.',
    why: 'The log is a history of values, and not of how often somebody looked.',
    broken: 'an event for each item of an epoch',
    spec: LOG,
    title: 'L4 an epoch logs',
  },
  {
    id: 'L5',
    name: 'closed provenance',
    statement:
      'Every input that the log names refers to an earlier event that is there; run again on the inputs and the code that it names, a step gives the version that it names.',
    why: 'A value can be explained, and made again, from the log alone.',
    broken: 'a position that was guessed when the epoch began',
    spec: LOG,
    title: 'L5 the log alone tells',
  },
  {
    id: 'L6',
    name: 'offsets and inputs',
    statement: 'Offsets only grow, and the steps of the epoch that keeps an offset read exactly the items up to it.',
    why: 'The offset says which items a value is of.',
    broken: 'an offset taken from the queue and not from the epoch',
    spec: LOG,
    title: 'L6 offsets only grow',
  },
  {
    id: 'L7',
    name: 'bounds',
    statement: 'However items arrive, at most Q of a source wait, and at most W epochs are settled and not on disk.',
    why: 'A slow disk or a fast source costs time, and never the process.',
    broken: 'a policy for what is too much that is asked only where an epoch begins',
    spec: FLOW,
    title: 'L7 no more waits',
  },
  {
    id: 'L8',
    name: 'views',
    statement:
      'A lossless observer is told of each epoch once, a conflating one of a strictly increasing part that ends with the last; for both, the deltas add up to the value.',
    why: 'An observer chooses how much it hears, and never what is true.',
    broken: 'a delta that goes with the change that was left out',
    spec: FLOW,
    title: 'L8 who is told of all',
  },
  {
    id: 'L9',
    name: 'what is told of the disk',
    statement: 'What is told as durable, acknowledged or resolved is on disk: a crash right after forgets none of it.',
    why: 'What has left the process cannot be taken back.',
    broken: 'telling when the write is asked for, or of an item that repeats one which is not written yet',
    spec: FLOW,
    title: 'L9 nobody who waits',
  },
  {
    id: 'L10',
    name: 're-entrancy',
    statement: 'What an observer pushes while it is told lands in a later epoch, and no epoch begins within another one.',
    why: 'Observers may feed the graph that they watch.',
    broken: 'an epoch that is begun from a push',
    spec: FLOW,
    title: 'L10 what an observer pushes',
  },
  {
    id: 'L11',
    name: 'nothing is left',
    statement:
      'When everybody has left nobody is told; who comes again is given what there is; a closed service has no timer, no subscription and no watcher.',
    why: 'Services come and go in one process, and in tests.',
    broken: 'a set of observers that only grows',
    spec: FLOW,
    title: 'L11 who has left',
  },
  {
    id: 'L12',
    name: 'two writers',
    statement: 'Of two writers, the one that lost the right to write commits nothing from then on, and all who wait for it are told.',
    why: 'A process that was only asleep cannot write over the one that took its place.',
    broken: 'asking for the right when the service starts, and not in each transaction',
    spec: LOG,
    title: 'L12 who has lost',
  },
  {
    id: 'L13',
    name: 'update and resume',
    statement:
      'A service that is killed around an update, at any write, and started as it was to be, or as it was and updated again where nothing of the update is in the log, ends with the log of one that was not killed.',
    why: 'A service is updated while it runs, and nobody knows how far it had come.',
    broken: 'beginning an update from the log while epochs that have settled are on their way to it',
    spec: 'spec/laws/live-update.spec.ts',
    title: 'L13 killed at each write',
  },
];
