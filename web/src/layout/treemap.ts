// A squarified treemap: rectangles with areas in proportion to sizes, as square as they get, the largest first.
// After Bruls, Huizing and van Wijk: Squarified Treemaps (2000).

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** One box for each size, in their order. Sizes that are not positive get a box without area. */
export function treemap(sizes: readonly number[], { x, y, width, height }: Box): Box[] {
  const boxes: Box[] = sizes.map(() => ({ x, y, width: 0, height: 0 }));
  const order = sizes.map((_, idx) => idx).filter((idx) => sizes[idx] > 0);
  order.sort((a, b) => sizes[b] - sizes[a]);
  const sum = order.reduce((total, idx) => total + sizes[idx], 0);
  if (!(sum > 0) || !(width > 0) || !(height > 0)) return boxes;
  const scale = (width * height) / sum;
  const free = { x, y, width, height };
  for (let at = 0; at < order.length; ) {
    const count = rowLength(order, at, sizes, scale, Math.min(free.width, free.height));
    placeRow(order.slice(at, at + count), sizes, scale, free, boxes);
    at += count;
  }
  return boxes;
}

/** How many boxes make the next row: as many as make the worst of them squarer. */
function rowLength(
  order: number[],
  at: number,
  sizes: readonly number[],
  scale: number,
  side: number,
): number {
  let area = 0;
  let worst = Number.POSITIVE_INFINITY;
  for (let count = 1; at + count <= order.length; count++) {
    area += sizes[order[at + count - 1]] * scale;
    const [largest, smallest] = [sizes[order[at]] * scale, sizes[order[at + count - 1]] * scale];
    const next = Math.max((side * side * largest) / (area * area), (area * area) / (side * side * smallest));
    if (next > worst) return count - 1;
    worst = next;
  }
  return order.length - at;
}

/** Lays a row along the shorter side of what is free, and takes it off. */
function placeRow(row: number[], sizes: readonly number[], scale: number, free: Box, boxes: Box[]): void {
  const area = row.reduce((sum, idx) => sum + sizes[idx] * scale, 0);
  const isColumn = free.width >= free.height;
  const side = isColumn ? free.height : free.width;
  const depth = side > 0 ? Math.min(area / side, isColumn ? free.width : free.height) : 0;
  let along = 0;
  for (const idx of row) {
    const length = depth > 0 ? Math.min((sizes[idx] * scale) / depth, side - along) : 0;
    boxes[idx] = isColumn
      ? { x: free.x, y: free.y + along, width: depth, height: length }
      : { x: free.x + along, y: free.y, width: length, height: depth };
    along += length;
  }
  if (isColumn) {
    free.x += depth;
    free.width -= depth;
  } else {
    free.y += depth;
    free.height -= depth;
  }
}
