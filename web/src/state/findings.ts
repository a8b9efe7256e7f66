// What the pages of findings have in common: the question, and the state of their lists.
import { useEffect } from 'preact/hooks';
import type { Failure } from '../api/client';
import type { Finding, FindingKind, Findings } from '../api/types';
import { finding, findings } from '../api/urls';
import { FINDING_ORDERS, SHOWN, type Wanted } from '../data/findings';
import { refresh } from './clock';
import { type Resource, useResource } from './resource';
import { choice, flag, type Schema, text } from './schema';

/** Analyses run every few minutes, and people acknowledge at any time. */
const REFRESH_MS = 30_000;

/** `follow` asks again on its own, and with it everything else on the page. */
export function useFindings(kind: FindingKind | '', follow = true): Resource<Findings> {
  useEffect(() => {
    if (!follow) return;
    const timer = setInterval(() => !document.hidden && refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [follow]);
  return useResource<Findings>(findings(kind), { fleeting: true });
}

/** One finding: of the list where it is there, else asked for on its own, for it may be beyond the list's limit. */
export function useFinding(
  wanted: string,
  list: Findings | null,
): { alone: Finding | null; missing: Failure | null } {
  const known = list?.findings.find(({ id }) => id === wanted) ?? null;
  const url = wanted !== '' && list && !known ? finding(wanted) : null;
  const { value, error } = useResource<Finding>(url, { fleeting: true });
  return known ? { alone: known, missing: null } : { alone: value, missing: error };
}

/** The time of the pages before, kept for the pages behind. */
export interface Carried {
  start: string;
  end: string;
  refresh: boolean;
}

export const CARRIED: Schema<Carried> = { start: text('now-15m'), end: text('now'), refresh: flag() };

export interface List extends Wanted, Carried {
  /** Id of the finding that is shown alone; empty for the list. */
  finding: string;
}

export const LIST: Schema<List> = {
  finding: text(''),
  shown: choice(SHOWN),
  service: text(''),
  filter: text(''),
  order: choice(FINDING_ORDERS),
  ...CARRIED,
};
