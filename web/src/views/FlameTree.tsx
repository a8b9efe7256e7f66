// The flame graph as a tree for the keyboard and for screen readers: the way to the selected frame, its siblings
// and its children. It has no picture of its own; the canvas shows where it stands.
import { useEffect } from 'preact/hooks';
import { amount, share } from '../data/units';
import { children, frameName, NONE, neighbours, pathOf, type Tree } from '../layout/tree';
import { change, explore } from '../state/explore';
import { spoken } from '../state/notice';
import { focusSelected } from './keys';

/** At most some 60 items in all: a reader hears a neighbourhood, not the profile. */
const SIBLINGS_MAX = 24;
const CHILDREN_MAX = 24;

interface Props {
  id: string;
  tree: Tree;
  focusIdx: number;
  selected: number;
  over_ms: number;
  flip: boolean;
  setFocused: (focused: boolean) => void;
}

interface Item {
  frame: number;
  place: number;
  of: number;
}

export function FlameTree({ id, tree, focusIdx, selected, over_ms, flip, setFocused }: Props) {
  const items = itemsAround(tree, focusIdx, selected);
  const describe = (frame: number) => {
    const { rate } = amount(tree.total[frame], tree.unit, over_ms);
    return `${frameName(tree, frame)}, ${rate}, ${share(tree.total[frame], tree.selectionTotal)}`;
  };
  const text = describe(selected);
  useEffect(() => {
    if (document.activeElement?.id === id) spoken.value = text;
  }, [text, id]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    setFocused(true);
    const around = neighbours(tree, selected);
    const down = flip ? 'ArrowUp' : 'ArrowDown';
    const up = flip ? 'ArrowDown' : 'ArrowUp';
    const next: Record<string, number> = {
      [down]: around.firstChild,
      [up]: selected === focusIdx ? NONE : around.parent,
      ArrowLeft: selected === focusIdx ? NONE : around.previous,
      ArrowRight: selected === focusIdx ? NONE : around.next,
      Home: focusIdx,
    };
    const frame = next[event.key];
    if (event.key === 'Enter') enter(tree, selected);
    else if (frame === undefined) return;
    else if (frame !== NONE) select(tree, frame, focusIdx);
    event.preventDefault();
  };
  return (
    <div
      id={id}
      class="spoken"
      role="tree"
      tabIndex={0}
      aria-label="Call tree. Arrows move between frames, Enter focuses one, Escape goes back"
      aria-activedescendant={`${id}-${selected}`}
      onKeyDown={onKeyDown}
      onFocus={() => {
        setFocused(true);
        spoken.value = text;
      }}
      onBlur={() => setFocused(false)}
    >
      {items.map(({ frame, place, of }) => (
        <div
          key={frame}
          id={`${id}-${frame}`}
          role="treeitem"
          aria-level={tree.level[frame] - tree.level[focusIdx] + 1}
          aria-posinset={place + 1}
          aria-setsize={of}
          aria-selected={frame === selected}
          aria-expanded={tree.end[frame] > frame + 1 ? tree.level[frame] <= tree.level[selected] : undefined}
        >
          {describe(frame)}
        </div>
      ))}
    </div>
  );
}

function enter(tree: Tree, selected: number): void {
  if (tree.hidden[selected] > 0) change({ path: pathOf(tree, selected), focus: null });
  else focusSelected();
}

/** Selects a frame without moving the picture. */
function select(tree: Tree, frame: number, focusIdx: number): void {
  const path = pathOf(tree, frame);
  const focus = tree.root.length + tree.level[focusIdx];
  // Replaces the address: a walk by arrows is one step of the history, not fifty.
  change({ path, focus: Math.min(focus, path.length), zoom: explore.value.zoom }, true);
}

function itemsAround(tree: Tree, focusIdx: number, selected: number): Item[] {
  const above: Item[] = [];
  for (let at = selected; at !== focusIdx && at > 0; at = tree.parent[at]) {
    if (at !== selected) above.unshift({ frame: at, place: 0, of: 1 });
  }
  if (selected !== focusIdx) above.unshift({ frame: focusIdx, place: 0, of: 1 });
  const siblings = selected === focusIdx ? [selected] : children(tree, tree.parent[selected]);
  const below = children(tree, selected);
  const first = Math.max(0, siblings.indexOf(selected) - SIBLINGS_MAX / 2);
  const near = siblings
    .slice(first, first + SIBLINGS_MAX)
    .map((frame, idx) => item(frame, first + idx, siblings));
  const nearBelow = below.slice(0, CHILDREN_MAX).map((frame, place) => item(frame, place, below));
  const at = near.findIndex(({ frame }) => frame === selected) + 1;
  return [...above.slice(-12), ...near.slice(0, at), ...nearBelow, ...near.slice(at)];
}

function item(frame: number, place: number, all: readonly number[]): Item {
  return { frame, place, of: all.length };
}
