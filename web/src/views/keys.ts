// The keyboard in one table: what the page obeys is what the help lists.
import { change, explore, focusPath } from '../state/explore';
import { copy, notify } from '../state/notice';
import { path } from '../state/router';
import { toggleTheme } from '../state/theme';

export interface Key {
  key: string;
  does: string;
  run?: () => void;
  /** Whether it belongs to the Explore page only. */
  explore?: boolean;
}

/** Elements that keys lead to, by id. */
export const SEARCH_ID = 'search';
export const FILTER_ID = 'table-filter';
export const SELECTOR_ID = 'selector';
export const EXPORT_ID = 'export';
export const HELP_ID = 'help';

/** Begin of the ids of the table's tabs. */
export const TABS_ID = 'table-of';

const focus = (id: string) => document.getElementById(id)?.focus();
const focusSearch = () => focus(document.getElementById(SEARCH_ID) ? SEARCH_ID : FILTER_ID);

function flipDirection(): void {
  const direction = explore.value.direction === 'callees' ? 'callers' : 'callees';
  change({ direction, path: [], focus: null, zoom: { start: 0, end: 1 } });
}

function flipList(): void {
  const { list, view } = explore.value;
  const next = list === 'functions' ? 'breakdown' : 'functions';
  change({ list: next, filter: '', view: view === 'graph' ? 'both' : view }, true);
}

function flipPer(): void {
  change({ per: explore.value.per === 'time' ? 'request' : 'time' }, true);
}

/** One step back from where the picture is: first the zoom, then the search, then the focused frame's parent. */
export function stepBack(): void {
  const state = explore.value;
  const above = focusPath(state).length - 1;
  if (state.zoom.start !== 0 || state.zoom.end !== 1) change({ zoom: { start: 0, end: 1 } });
  else if (state.search !== '') change({ search: '' });
  else if (above >= 0) change({ focus: above });
}

export function focusSelected(): void {
  const state = explore.value;
  change({ focus: null, path: state.path, zoom: { start: 0, end: 1 } });
}

export const KEYS: readonly Key[] = [
  { key: '/', does: 'search the graph; filter the table', run: focusSearch },
  { key: 's', does: 'edit the selector', run: () => focus(SELECTOR_ID), explore: true },
  { key: '1', does: 'graph only', run: () => change({ view: 'graph' }, true), explore: true },
  { key: '2', does: 'table only', run: () => change({ view: 'table' }, true), explore: true },
  { key: 'b', does: 'graph and table', run: () => change({ view: 'both' }, true), explore: true },
  { key: 'd', does: 'break down by a label, or list functions', run: flipList, explore: true },
  { key: 'p', does: 'CPU per request, or cores', run: flipPer, explore: true },
  {
    key: '0',
    does: 'whole graph',
    run: () => change({ focus: 0, zoom: { start: 0, end: 1 } }),
    explore: true,
  },
  { key: 'arrows', does: 'move between frames (in the graph) or times (in the timeline)' },
  { key: 'Enter', does: 'focus the selected frame; apply the marked time' },
  { key: 'f', does: 'focus the selected frame', run: focusSelected, explore: true },
  { key: 'Escape', does: 'one step back: zoom, search, focus', run: stepBack, explore: true },
  { key: '[', does: 'back in the history', run: () => history.back() },
  { key: ']', does: 'forward in the history', run: () => history.forward() },
  { key: 'i', does: 'invert: callers below each function', run: flipDirection, explore: true },
  {
    key: 'u',
    does: 'upside down: root at the bottom',
    run: () => change({ flip: !explore.value.flip }, true),
    explore: true,
  },
  { key: 'e', does: 'export', run: () => document.getElementById(EXPORT_ID)?.click(), explore: true },
  { key: 'y', does: 'copy a link to this view', run: () => void copy(location.href, 'Link') },
  { key: 'n', does: 'copy the selected frame’s name', run: copyName, explore: true },
  { key: 't', does: 'light or dark', run: toggleTheme },
  {
    key: '?',
    does: 'list of keys',
    run: () => (document.getElementById(HELP_ID) as HTMLDialogElement).showModal(),
  },
];

function copyName(): void {
  const name = explore.value.path.at(-1);
  if (name === undefined) notify('Select a frame first');
  else void copy(name, 'Name');
}

function isExplore(page: string): boolean {
  return page === '/' || page === '/explore';
}

/** Runs the key of the table unless the reader is typing or a part of the page has taken it. */
export function obeyKeys(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement;
  if (target.closest?.('input, select, textarea, dialog, [role=menu]')) return;
  const known = KEYS.find(({ key }) => key === event.key);
  if (!known?.run || (known.explore && !isExplore(path.value))) return;
  event.preventDefault();
  known.run();
}
