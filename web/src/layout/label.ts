// Cuts a function's name to the room it has, keeping the end that tells most.

/** Width of a text in pixels. */
export type Measure = (text: string) => number;

/** The longest form of a name that fits: whole, then without leading modules, then cut. Empty if none does. */
export function shorten(name: string, roomPx: number, measure: Measure): string {
  if (measure(name) <= roomPx) return name;
  let short = name;
  for (const form of shorterForms(name)) {
    short = form;
    if (measure(form) <= roomPx) return form;
  }
  return cut(short, roomPx, measure);
}

/** What compilers and linkers add to a name: `f.isra.0`, `f.constprop.0.cold`, `f@@GLIBC_2.34`. */
const SUFFIXES = /(\.(isra|part|constprop|cold|lto_priv|llvm)(\.\d+)?)+$|@@?[A-Z][\w.]*$/;

/** `a::b::C<D>::e` gives `C::e`, then `e`; a path gives its last part. */
function shorterForms(name: string): string[] {
  const plain = name.replace(/\([^()]*\)( const)?$/, '').replace(SUFFIXES, '');
  const separator = plain.includes('::') ? '::' : plain.includes('/') ? '/' : '.';
  const parts = withoutGenerics(plain)
    .split(separator)
    .filter((part) => part !== '');
  return [plain, parts.slice(-2).join(separator), parts.at(-1) ?? plain];
}

/** Drops what stands between angle brackets, unless the brackets are the name (`operator<`, `<closure>`). */
function withoutGenerics(name: string): string {
  let depth = 0;
  let out = '';
  for (const letter of name) {
    if (letter === '<') depth += 1;
    else if (letter === '>' && depth > 0) depth -= 1;
    else if (depth === 0) out += letter;
  }
  return depth === 0 && out.length > 2 ? out : name;
}

function cut(text: string, roomPx: number, measure: Measure): string {
  let fits = 0;
  let over = text.length;
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (measure(`${text.slice(0, middle)}…`) <= roomPx) fits = middle;
    else over = middle;
  }
  return fits < 2 ? '' : `${text.slice(0, fits)}…`;
}
