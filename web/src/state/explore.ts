// The state of the Explore page. All of it is in the URL.
import { ORDERS, type Order } from '../data/costs';
import { pageState } from './page';
import { choice, countOrAll, flag, list, parse, part, type Schema, text } from './schema';

export interface Explore {
  /** Selector as typed. */
  query: string;
  start: string;
  end: string;
  type: string;
  /** Label that the timeline and the breakdown go by. */
  by: string;
  /** What CPU is divided by: time gives cores, requests give CPU per request. */
  per: 'time' | 'request';
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
  /** What the table lists. */
  list: 'functions' | 'breakdown';
  /** Order of the functions. */
  sort: 'self' | 'total' | 'name';
  /** Order of the breakdown. */
  order: Order;
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
  per: choice(['time', 'request']),
  direction: choice(['callees', 'callers']),
  flip: flag(),
  view: choice(['both', 'graph', 'table']),
  path: list(),
  focus: countOrAll(),
  zoom: part(),
  search: text(''),
  list: choice(['functions', 'breakdown']),
  sort: choice(['self', 'total', 'name']),
  order: choice(ORDERS),
  filter: text(''),
  refresh: flag(),
};

export const { state: explore, fields, addressOf, change } = pageState('/explore', schema);

/** The state of a page that nobody has touched. */
export const UNTOUCHED: Explore = parse(schema, '');

/** The path to the frame that fills the picture. */
export function focusPath(state: Pick<Explore, 'path' | 'focus'>): string[] {
  return state.path.slice(0, state.focus ?? state.path.length);
}

/** What a new question resets: places in the old answer. */
export const NO_PLACE: Pick<Explore, 'path' | 'focus' | 'zoom'> = {
  path: [],
  focus: null,
  zoom: { start: 0, end: 1 },
};
