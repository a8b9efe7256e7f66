// The moment that `now` stands for: stopped until the page refreshes, so that all its parts ask about one time.
import { batch, signal } from '@preact/signals';
import { forget } from '../api/client';

/** How far the collector's clock is ahead of this one. */
let ahead_ms = 0;

/** Clocks nearer than this are taken for equal: a second question would only cost time. */
const TOLERANCE_MS = 2_000;

const wholeSeconds = () => Math.floor((Date.now() + ahead_ms) / 1000) * 1000;

export const now_ms = signal(wholeSeconds());
/** Counts the refreshes. */
export const turn = signal(0);

/** Asks everything again. */
export function refresh(): void {
  forget();
  batch(() => {
    now_ms.value = wholeSeconds();
    turn.value += 1;
  });
}

/** Follows the collector's clock where it differs. */
export function setServerClock(server_ms: number): void {
  const difference_ms = server_ms - Date.now();
  if (Math.abs(difference_ms - ahead_ms) < TOLERANCE_MS) return;
  ahead_ms = difference_ms;
  now_ms.value = wholeSeconds();
}
