import { z } from 'zod';

/** What this example keeps of Slack's file object; there is much more in it, and fields that are not named here are dropped. */
export const slackFile = z.object({
  id: z.string().regex(/^F[A-Z0-9]+$/, 'expected the id of a file, such as F0S43P1CZ'),
  /** Seconds since 1970. */
  created: z.number().int().nonnegative(),
  name: z.string(),
  title: z.string(),
  mimetype: z.string(),
  filetype: z.string(),
  /** The id of who shared it. */
  user: z.string(),
  /** In bytes. */
  size: z.number().int().nonnegative(),
  url_private: z.url(),
});

/** A file that was shared in Slack. */
export type SlackFile = Readonly<z.infer<typeof slackFile>>;
