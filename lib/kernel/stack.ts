/** Where Sluice's own code is, in a checkout as well as in the package that is made of it. */
const ROOT = decodeURIComponent(new URL('../..', import.meta.url).pathname);
const OWN = ['lib/', 'operators/', 'store/'].map((folder) => ROOT + folder);

function isOwn(line: string): boolean {
  return isFrame(line) && OWN.some((folder) => line.includes(folder));
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

/**
 * The lines of a stack that are frames of the user's own code, innermost first: those of Sluice, of rxjs and of Node itself say nothing
 * about the code that failed.
 */
export function userFrames(stack: unknown): readonly string[] {
  if (typeof stack !== 'string') return [];
  return stack.split('\n').filter((line) => isFrame(line) && !isOwn(line) && !/node:|node_modules\/rxjs\//.test(line));
}

/** A stack without the frames of Sluice. */
export function withoutOwnFrames(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => !isOwn(line))
    .join('\n');
}
