// Which cut of the call tree the flame graph needs. Pure, so that it is tested without a browser.
import type { Picture } from '../api/urls';
import { find, hasHidden, NONE, type Tree } from '../layout/tree';
import type { Zoom } from '../layout/view';

/** Widths are asked in steps, so that a resized window seldom asks again. */
const WIDTH_STEP_PX = 200;
/** A cut is never asked for more pixels than this. */
const WIDTH_MAX_PX = 100_000;

/** Frames that are enough for a screen. A magnified screen is a part of a wider one, which needs more of them. */
const FRAMES = 20_000;
const FRAMES_MAX = 320_000;

export type Cut = Omit<Picture, 'direction'>;

/**
 * The cut to ask for. The one at hand stays while it holds all of the focused frame; else the server cuts again,
 * with that frame as root and as many pixels as it would have at this zoom.
 */
export function cutFor(
  at_hand: Cut | null,
  tree: Tree | null,
  focus: string[],
  zoom: Zoom,
  widthPx: number,
): Cut {
  if (at_hand && tree) {
    const idx = find(tree, focus);
    if (idx !== NONE && at_hand.width >= widthPx && !hasHidden(tree, idx)) return at_hand;
  }
  const magnified = 2 ** Math.ceil(Math.log2(1 / (zoom.end - zoom.start)) - 1e-9);
  const screen = Math.ceil(widthPx / WIDTH_STEP_PX) * WIDTH_STEP_PX;
  return {
    root: focus,
    width: Math.min(WIDTH_MAX_PX, screen * magnified),
    max_frames: Math.min(FRAMES_MAX, FRAMES * magnified),
  };
}

/** A tree below a frame does not say which function that is; the tree in which the frame was chosen does. */
export function withRootFunction(tree: Tree, chosen_in: Tree | null): Tree {
  const idx = chosen_in && tree.root.length > 0 ? find(chosen_in, tree.root) : NONE;
  if (!chosen_in || idx === NONE || chosen_in.name[idx] < 0 || tree.name[0] >= 0) return tree;
  const name = tree.name.slice();
  name[0] = tree.functions.length;
  return { ...tree, name, functions: [...tree.functions, chosen_in.functions[chosen_in.name[idx]]] };
}
