import { DontRetry, RetryRequest } from 'sluice';
import { z } from 'zod';
import { everyFile } from './every-file.ts';
import type { SlackFile } from './slack-file.ts';

/** What the ops need of Slack: anything that lists files will do. */
export interface SlackFiles {
  files(options: FilesOptions): AsyncIterable<SlackFile>;
}

/** Options of {@link SlackFiles.files}. */
export interface FilesOptions {
  /** How many files to ask for at once, up to 1,000. */
  readonly pageSize?: number;
  readonly signal?: AbortSignal;
}

const answer = z.union([z.looseObject({ ok: z.literal(true) }), z.object({ ok: z.literal(false), error: z.string() })]);

/** What Slack would say again, however often it is asked. */
const lasting = new Set([
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
  'no_permission',
]);

/** The part of Slack's Web API that lists files, over `fetch`. */
export class SlackClient implements SlackFiles, Disposable {
  readonly #token: string;
  readonly #baseUrl: string;
  readonly #closed = new AbortController();

  constructor({ token, baseUrl = 'https://slack.com/api' }: { readonly token: string; readonly baseUrl?: string }) {
    this.#token = token;
    this.#baseUrl = baseUrl;
  }

  /** Every file that the token may see, newest first. */
  files({ pageSize = 100, signal }: FilesOptions = {}): AsyncGenerator<SlackFile, void, undefined> {
    const either = AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])]);
    return everyFile((args) => this.#call('files.list', args, either), pageSize);
  }

  /** Ends what is under way; nothing can be asked after that. */
  [Symbol.dispose](): void {
    this.#closed.abort(new Error('This Slack client is closed. Make a new one.'));
  }

  async #call(method: string, args: Readonly<Record<string, number>>, signal: AbortSignal): Promise<unknown> {
    const address = new URL(`${this.#baseUrl}/${method}`);
    for (const [name, value] of Object.entries(args)) address.searchParams.set(name, String(value));
    const response = await fetch(address, { headers: { Authorization: `Bearer ${this.#token}` }, signal });
    if (response.status === 429) {
      await response.body?.cancel();
      throw rateLimited(method, response.headers.get('Retry-After'));
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`Slack answered ${method} with status ${response.status}.`);
    }
    const said = answer.parse(await response.json());
    if (said.ok) return said;
    if (lasting.has(said.error)) {
      throw new DontRetry(`Slack refused ${method}: ${said.error}. Use a token with the scope files:read.`, { cause: said });
    }
    throw new Error(`Slack answered ${method} with the error ${said.error}.`, { cause: said });
  }
}

/** Slack says in seconds when to come back. */
function rateLimited(method: string, retryAfter: string | null): RetryRequest {
  const seconds = Number(retryAfter ?? 1);
  const delayMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : 1000;
  return new RetryRequest(`Slack is asked too often (${method}), and asks to wait ${delayMs / 1000} s.`, { delayMs });
}
