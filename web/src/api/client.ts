// Asks the API: one request an address, errors as values a page can show, a small store of finished answers.
import { signal } from '@preact/signals';
import type { ApiError, ErrorBody } from './types';

/** Why there is no answer. `status` is 0 when the collector could not be reached. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly detail: ApiError,
  ) {
    super(detail.message);
  }
}

/** Answers kept; a question names its time, so the same address always has the same answer. */
const KEPT = 24;
const answers = new Map<string, unknown>();

/** What the collector could not read and left out of its last answer; empty when it was whole. */
export const incomplete = signal('');

export type Decoder<T> = (body: unknown) => T;

/** The answer to an address, from the store when it is there. */
export function kept<T>(url: string): T | undefined {
  return answers.get(url) as T | undefined;
}

/** Drops the store: the same address may have another answer now. */
export function forget(): void {
  answers.clear();
}

export async function get<T>(url: string, decode: Decoder<T>, abort: AbortSignal, keep: boolean): Promise<T> {
  const response = await fetch(url, { signal: abort, headers: { accept: 'application/json' } }).catch(
    (error) => {
      if (abort.aborted) throw error;
      throw unreachable();
    },
  );
  if (!response.ok) throw await failureOf(response);
  const answer = decode(await response.json());
  const missing = response.headers.get('fewer-incomplete') ?? '';
  if (keep && missing === '') remember(url, answer);
  if (keep) incomplete.value = missing;
  return answer;
}

/** Sends a body of JSON; what the collector refuses is a `Failure`. */
export async function post(url: string, body: unknown): Promise<void> {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch(() => {
    throw unreachable();
  });
  if (!response.ok) throw await failureOf(response);
}

function remember(url: string, answer: unknown): void {
  answers.delete(url);
  answers.set(url, answer);
  for (const oldest of answers.keys()) {
    if (answers.size <= KEPT) break;
    answers.delete(oldest);
  }
}

function unreachable(): Failure {
  return new Failure(0, {
    code: 'unreachable',
    message: 'The collector does not answer.',
    fix: 'Start it with “fewer up” or “fewer collector”. This page tries again every 5 seconds.',
  });
}

async function failureOf(response: Response): Promise<Failure> {
  const body = (await response.json().catch(() => null)) as Partial<ErrorBody> | null;
  const fallback: ApiError = {
    code: 'http',
    message: `The collector answered ${response.status} ${response.statusText}.`.replace(' .', '.'),
    fix: 'Look at the collector’s log for the reason.',
  };
  return new Failure(response.status, body?.error?.message ? body.error : fallback);
}
