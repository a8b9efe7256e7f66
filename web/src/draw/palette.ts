// Colours of packages and labels: a hash picks one, so that a name keeps its colour on every page and day.
// Neighbouring entries differ in lightness as well as in hue, so that they stay apart for the colour-blind.
import type { FunctionInfo } from '../api/types';
import type { Theme } from '../state/theme';

export interface Palette {
  /** Fills by hash. */
  fills: readonly string[];
  kernel: string;
  marker: string;
  /** The root, and frames that do not match a search. */
  plain: string;
  /** Frames that match a search. */
  match: string;
  text: string;
  matchText: string;
  plainText: string;
  hatch: string;
  background: string;
  outline: string;
  grid: string;
  /** From much cheaper over unchanged to much dearer: blue and orange, which the colour-blind tell apart. */
  change: readonly string[];
}

const LIGHT: Palette = {
  fills: [
    ...'#acd5ff #90b8e3 #a3e1c5 #86c4a8 #e0c4f6 #c3a7d9 #cfd79f #b2ba83 #95e0e8'.split(' '),
    ...'#78c2cb #f8bdd8 #daa1bb #e4d098 #c7b37d #b8deaf #9bc093 #c7ccff #aab0e4'.split(' '),
  ],
  kernel: '#f5b488',
  marker: '#d6d7da',
  plain: '#e6e8ec',
  match: '#c2297a',
  text: '#15181d',
  matchText: '#ffffff',
  plainText: '#5b6270',
  hatch: '#8a919e',
  background: '#ffffff',
  outline: '#15181d',
  grid: '#e3e6eb',
  change: '#6fa8dc #a9cdee #d3e5f6 #e6e8ec #fbe0c3 #f6bd83 #e8924a'.split(' '),
};

const DARK: Palette = {
  fills: [
    ...'#446f9b #27527c #347b5f #0e5e44 #7b5e91 #5e4272 #6a7234 #4f5515 #177a83'.split(' '),
    ...'#005c66 #915773 #723b56 #7f692b #624d06 #517848 #355b2c #62669c #474a7d'.split(' '),
  ],
  kernel: '#90502a',
  marker: '#3b3d40',
  plain: '#282c33',
  match: '#d8468f',
  text: '#f1f3f6',
  matchText: '#ffffff',
  plainText: '#9aa2b0',
  hatch: '#757d8a',
  background: '#14161a',
  outline: '#ffffff',
  grid: '#2a2e35',
  change: '#1f5a94 #1f456b #24384f #282c33 #4a3522 #6f461d #9a5b10'.split(' '),
};

export function paletteOf(theme: Theme): Palette {
  return theme === 'dark' ? DARK : LIGHT;
}

/** The theme whose fills stand out on this one's background. */
export function opposite(theme: Theme): Theme {
  return theme === 'dark' ? 'light' : 'dark';
}

/** 32-bit FNV-1a, its high bits folded in. */
export function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  }
  return (state ^ (state >>> 15)) >>> 0;
}

/** Places of the fills that a function can have: by hash, then kernel, then marker. */
export function fillOf(item: FunctionInfo, palette: Palette): number {
  const count = palette.fills.length;
  if (item.kind === 'kernel') return count;
  if (item.kind === 'marker' || item.package === '') return count + 1;
  return hash(item.package) % count;
}

/** All fills in the order of `fillOf`, then those of plain and matching frames. */
export function allFills(palette: Palette): string[] {
  return [...palette.fills, palette.kernel, palette.marker, palette.plain, palette.match];
}

/** One colour for each name. Two that hash to one hue are told apart: the later, smaller one moves on. */
export function distinctColours(names: readonly string[], palette: Palette): string[] {
  const count = palette.fills.length;
  const taken = new Set<number>();
  const hues = new Set<number>();
  const isFree = (place: number) => !taken.has(place) && (hues.size === count / 2 || !hues.has(place >> 1));
  return names.map((name) => {
    let place = hash(name) % count;
    while (taken.size < count && !isFree(place)) place = (place + 5) % count;
    taken.add(place);
    hues.add(place >> 1);
    return palette.fills[place];
  });
}
