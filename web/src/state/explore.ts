// The state of the Explore page. All of it is in the URL.
import { computed, type ReadonlySignal } from '@preact/signals';
import { navigate, query } from './router';
import { choice, countOrAll, flag, list, parse, part, print, type Schema, text } from './schema';

export interface Explore {
  /** Selector as typed. */
  query: string;
  start: string;
  end: string;
  type: string;
  /** Label that the timeline is stacked by. */
  by: string;
  direction: 'callees' | 'callers';
  /** Root at the bottom. */
  flip: boolean;
  view: 'both' | 'graph' | 'table';
  /** Names from the top to the selected frame. */
  path: string[];
  /** How many of `path` lead to the frame that fills the picture; `null` for all. */
  focus: number | null;
  /** Part of the focused frame that is seen. */
  zoom: { start: number; end: number };
  search: string;
  sort: 'self' | 'total' | 'name';
  /** Filter of the table. */
  filter: string;
  refresh: boolean;
}

export const schema: Schema<Explore> = {
  query: text(''),
  start: text('now-15m'),
  end: text('now'),
  type: text('cpu'),
  by: text('service.name'),
  direction: choice(['callees', 'callers']),
  flip: flag(),
  view: choice(['both', 'graph', 'table']),
  path: list(),
  focus: countOrAll(),
  zoom: part(),
  search: text(''),
  sort: choice(['self', 'total', 'name']),
  filter: text(''),
  refresh: flag(),
};

export const explore = computed(() => parse(schema, query.value));

type Fields = { readonly [K in keyof Explore]: ReadonlySignal<Explore[K]> };

/** One signal a field: a part of the page renders only when what it reads has changed. */
export const fields = Object.fromEntries(
  (Object.keys(schema) as (keyof Explore)[]).map((name) => [name, computed(() => explore.value[name])]),
) as unknown as Fields;

/** The path to the frame that fills the picture. */
export function focusPath(state: Pick<Explore, 'path' | 'focus'>): string[] {
  return state.path.slice(0, state.focus ?? state.path.length);
}

/** Address of the Explore page in a state. */
export function addressOf(state: Explore): string {
  return `/explore${print(schema, state)}`;
}

export function change(patch: Partial<Explore>, replace = false): void {
  navigate(addressOf({ ...explore.value, ...patch }), replace);
}

/** What a new question resets: places in the old answer. */
export const NO_PLACE: Pick<Explore, 'path' | 'focus' | 'zoom'> = {
  path: [],
  focus: null,
  zoom: { start: 0, end: 1 },
};
