// What the pages that ask about a time have in common: the range, the collector's state, asking again.
import { useEffect, useMemo } from 'preact/hooks';
import type { Status } from '../api/types';
import { STATUS } from '../api/urls';
import { parseRange, type Range } from '../data/time';
import { now_ms, refresh, setServerClock } from './clock';
import { useResource } from './resource';

const REFRESH_MS = 10_000;
/** How often a page without samples looks for the first. */
const EMPTY_MS = 5_000;

/** The range that two texts stand for now, or what is wrong with them. */
export function useRange(start: string, end: string): Range | string {
  const asked = now_ms.value;
  return useMemo(() => parseRange(start, end, asked), [start, end, asked]);
}

/** What the collector says of itself; its clock is followed. */
export function useStatus(): Status | null {
  const { value } = useResource<Status>(STATUS, { fleeting: true });
  useEffect(() => {
    if (value) setServerClock(value.now_ms);
  }, [value]);
  return value;
}

/** Asks again on its own: when switched on, and while there is nothing to show yet. */
export function useRefresh(relative: boolean, on: boolean, empty: boolean): void {
  const every_ms = !relative ? 0 : empty ? EMPTY_MS : on ? REFRESH_MS : 0;
  useEffect(() => {
    if (every_ms === 0) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
}
