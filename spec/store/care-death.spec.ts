import { describe, expect, test } from 'vitest';
import { deathOf, died, type ProcessEnd } from '../../store/care-death.ts';

const ended = (signal: string | null, said = ''): ProcessEnd => ({ code: signal === null ? 1 : null, signal, said });
const wrote = (error: string): string => `Write error: ${error} position 8192, size 4096`;

describe('the end of a process that took care of a store', () => {
  test.each([
    ['by a signal that damage gives', ended('SIGSEGV'), 'STORE_CORRUPT', /is damaged: .*\(it was ended by SIGSEGV\)\. Verify it/],
    [
      'by such a signal, for want of memory',
      ended('SIGABRT', 'FATAL ERROR: JavaScript heap out of memory'),
      'STORE_IO',
      /out of memory\. Try again/,
    ],
    [
      'where it could not write',
      ended('SIGABRT', wrote('Input/output error')),
      'STORE_IO',
      /could not write to the disk .*Input\/output error/,
    ],
    [
      'where there was no room',
      ended('SIGSEGV', `${wrote('No space left on device')}*** buffer overflow detected ***`),
      'STORE_FULL',
      /no room left .*Make room/,
    ],
    ['where its user may have no more', ended('SIGABRT', wrote('Disk quota exceeded')), 'STORE_FULL', /no room left/],
    ['where the file may be no longer', ended(null, wrote('File too large')), 'STORE_FULL', /no room left/],
    ['by somebody else', ended('SIGKILL'), 'STORE_IO', /ended before it was done: it was ended by SIGKILL\. Try again/],
    ['by itself', ended(null, 'Cannot find module'), 'STORE_IO', /it ended with code 1: Cannot find module/],
  ])('%s is told as what it is', (_, end, code, message) => {
    const error = died('mine', deathOf(end));
    expect(error).toMatchObject({ code, details: { path: 'mine' } });
    expect(error.message).toMatch(message);
  });
});
