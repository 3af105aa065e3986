import { RetryRequest } from 'sluice';
import { z } from 'zod';
import type { SlackFile } from './slack-file.ts';

/** One call of `files.list`; the answer is not looked at before {@link everyFile} does. */
export type ListFiles = (args: { readonly page: number; readonly count: number }) => Promise<unknown>;

// Only what paging needs: what a file must be is said once, by the schema of the op's result.
const listed = z.object({
  files: z.array(z.looseObject({ id: z.string() })),
  paging: z.object({ total: z.number().int(), pages: z.number().int() }),
});

/** Every file, page after page, newest first. Asks for the next page when the files of the one before are used up. */
export async function* everyFile(list: ListFiles, pageSize: number): AsyncGenerator<SlackFile, void, undefined> {
  const seen = new Set<string>();
  let expected: number | undefined;
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const { files, paging } = listed.parse(await list({ page, count: pageSize }));
    expected ??= paging.total;
    if (paging.total !== expected) throw changed(`there were ${expected}, and are ${paging.total}`);
    for (const file of files.filter(({ id }) => !seen.has(id))) {
      seen.add(file.id);
      // A claim, as of any answer from outside, until the schema of the op's result has checked it.
      yield file as unknown as SlackFile;
    }
    pages = paging.pages;
  }
  // One went and another one came: as many as before, and still not the same.
  if (seen.size !== expected) throw changed(`${seen.size} of ${expected} were found`);
}

/** Pages are counted from the newest file: one that comes or goes moves those behind it, over the edges of pages too. */
function changed(how: string): RetryRequest {
  return new RetryRequest(`Slack's files changed while their pages were read: ${how}.`);
}
