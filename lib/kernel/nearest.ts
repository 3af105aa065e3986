import { distance } from 'fastest-levenshtein';
import { quote, quoteList } from './print.ts';

const SHOWN = 3;
const LONGEST_SHOWN = 80;

/**
 * The known names that a misspelt one may have meant, best first, at most three.
 * Costs one edit distance a candidate, on the first 80 characters.
 */
export function nearest(name: string, known: Iterable<string>): readonly string[] {
  // A JavaScript user may look up anything.
  if (typeof name !== 'string') return [];
  const wanted = name.slice(0, LONGEST_SHOWN).toLowerCase();
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  return [...known]
    .map((candidate) => ({ candidate, cost: costOf(wanted, candidate.slice(0, LONGEST_SHOWN).toLowerCase()) }))
    .filter(({ cost }) => cost <= limit)
    .sort((a, b) => a.cost - b.cost)
    .slice(0, SHOWN)
    .map(({ candidate }) => candidate);
}

/** Edits; fewer for the same name under another prefix, and for one that was cut short: both are forgotten more often than misspelt. */
function costOf(wanted: string, candidate: string): number {
  if (candidate.endsWith(`/${wanted}`) || wanted.endsWith(`/${candidate}`)) return 1;
  const edits = distance(wanted, candidate);
  return wanted.length > 2 && candidate.startsWith(wanted) ? Math.min(2, edits) : edits;
}

/** The sentence that names the nearest known names, or lists a few of all, or says that there is none. */
export function suggest(name: string, known: Iterable<string>): string {
  const all = [...known];
  if (all.length === 0) return 'There is none.';
  const close = nearest(name, all);
  if (close.length > 0) return `Did you mean ${close.map(quote).join(' or ')}?`;
  const rest = all.length - SHOWN;
  return `There ${all.length === 1 ? 'is' : 'are'} ${quoteList(all.slice(0, SHOWN))}${rest > 0 ? ` and ${rest} more` : ''}.`;
}
