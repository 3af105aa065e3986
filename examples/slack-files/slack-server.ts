import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A file object as Slack sends it, with the fields that every file has. */
export interface ServedFile {
  readonly id: string;
  readonly created: number;
  readonly timestamp: number;
  readonly name: string;
  readonly title: string;
  readonly mimetype: string;
  readonly filetype: string;
  readonly pretty_type: string;
  readonly user: string;
  readonly editable: boolean;
  readonly size: number;
  readonly mode: 'hosted';
  readonly is_external: boolean;
  readonly is_public: boolean;
  readonly url_private: string;
  readonly url_private_download: string;
  readonly permalink: string;
  readonly channels: readonly string[];
}

/** What is said of a file that somebody shares; the rest follows from it. */
export interface SharedFile {
  readonly id: string;
  readonly created: number;
  readonly name: string;
  readonly title?: string;
  readonly mimetype: string;
  readonly user?: string;
  readonly size: number;
}

/** The whole file object of a shared file. */
export function servedFile({ id, created, name, title = name, mimetype, user = 'U061F7AUR', size }: SharedFile): ServedFile {
  const filetype = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : 'text';
  const address = `https://files.slack.com/files-pri/T061EG9R6-${id}`;
  return {
    id,
    created,
    timestamp: created,
    name,
    title,
    mimetype,
    filetype,
    pretty_type: filetype.toUpperCase(),
    user,
    editable: false,
    size,
    mode: 'hosted',
    is_external: false,
    is_public: true,
    url_private: `${address}/${encodeURIComponent(name)}`,
    url_private_download: `${address}/download/${encodeURIComponent(name)}`,
    permalink: `https://sluice-example.slack.com/files/${user}/${id}/${encodeURIComponent(name)}`,
    channels: ['C0T8SE4AU'],
  };
}

const DEFAULT_COUNT = 100;
const LARGEST_COUNT = 1000;

/** A stand-in for Slack on this machine: answers `files.list` as the Web API does, paging, wrong tokens and rate limits included. */
export class SlackServer {
  /** The only token that it takes. */
  readonly token = 'xoxb-2147483650-2147483650-sluice';
  readonly #server: Server;
  readonly #files = new Map<string, ServedFile>();
  #requests = 0;
  #limited = { requests: 0, retryAfterSeconds: 1 };

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Starts one on a free port, for this machine alone. */
  static async start(files: readonly SharedFile[] = []): Promise<SlackServer> {
    const http = createServer();
    const server = new SlackServer(http);
    for (const file of files) server.add(file);
    http.on('request', (request, response) => {
      // Whoever asks may go away in the middle of it.
      server.#answer(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(0, '127.0.0.1', resolve);
    });
    return server;
  }

  /** Where the methods are, as `https://slack.com/api` is for the real one. */
  get baseUrl(): string {
    // It listens on a port and not on a pipe, so its address is a record.
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/api`;
  }

  /** The files, newest first, as Slack lists them. */
  get files(): readonly ServedFile[] {
    return [...this.#files.values()].sort((a, b) => b.created - a.created);
  }

  /** How many requests came so far, refused ones included. */
  get requests(): number {
    return this.#requests;
  }

  /** Shares a file; one of the same id takes the place of the one that was there, as an edit does. */
  add(file: SharedFile): void {
    this.#files.set(file.id, servedFile(file));
  }

  /** Deletes a file. */
  remove(id: string): void {
    this.#files.delete(id);
  }

  /** Refuses the next requests with 429. */
  limitNext(requests: number, { retryAfterSeconds = 1 }: { readonly retryAfterSeconds?: number } = {}): void {
    this.#limited = { requests, retryAfterSeconds };
  }

  /** Ends it, and the connections that clients keep alive. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests += 1;
    const { pathname, searchParams } = new URL(request.url ?? '/', this.baseUrl);
    // Slack takes arguments in the address, or as a form in the body.
    if (request.method === 'POST') for (const [name, value] of new URLSearchParams(await text(request))) searchParams.set(name, value);
    if (this.#limited.requests > 0) {
      this.#limited.requests -= 1;
      send(response, { ok: false, error: 'ratelimited' }, 429, { 'Retry-After': String(this.#limited.retryAfterSeconds) });
    } else send(response, this.#call(pathname, searchParams, request.headers.authorization));
  }

  /** All but rate limits are told with status 200. */
  #call(pathname: string, args: URLSearchParams, authorization: string | undefined): object {
    if (pathname !== '/api/files.list') return { ok: false, error: 'unknown_method' };
    if (authorization === undefined) return { ok: false, error: 'not_authed' };
    if (authorization !== `Bearer ${this.token}`) return { ok: false, error: 'invalid_auth' };
    const count = Math.min(wholeNumber(args.get('count')) ?? DEFAULT_COUNT, LARGEST_COUNT);
    const page = wholeNumber(args.get('page')) ?? 1;
    const from = Number(args.get('ts_from') ?? 0);
    const found = this.files.filter(({ created }) => created >= from);
    const paging = { count, total: found.length, page, pages: Math.ceil(found.length / count) };
    return { ok: true, files: found.slice((page - 1) * count, page * count), paging };
  }
}

function wholeNumber(value: string | null): number | undefined {
  return value !== null && /^[1-9]\d*$/.test(value) ? Number(value) : undefined;
}

function send(response: ServerResponse, body: object, status = 200, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));
}
