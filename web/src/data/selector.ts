// What can be typed next in a selector, and small edits to one. The server alone decides what is valid.

/** What the text before the cursor asks to be completed with, and the part of the text it would replace. */
export type Wish =
  | { kind: 'name'; from: number; to: number; prefix: string }
  | { kind: 'operator'; from: number; to: number; label: string }
  | { kind: 'value'; from: number; to: number; label: string; prefix: string }
  | { kind: 'next'; from: number; to: number }
  | { kind: 'nothing' };

export const OPERATORS = [
  { text: '=', means: 'is' },
  { text: '!=', means: 'is not' },
  { text: '=~', means: 'matches the regular expression' },
  { text: '!~', means: 'does not match the regular expression' },
] as const;

/** Characters of a label name that needs no quotes. */
const NAME = /^[\p{L}\p{N}_.\-/<>:]*$/u;

/** Reads the matcher that the cursor stands in; `text` is a selector with or without its braces. */
export function wishAt(text: string, cursor: number): Wish {
  const from = matcherStart(text, cursor);
  const typed = text.slice(from, cursor);
  const lead = typed.length - typed.trimStart().length;
  const parts = /^(.*?)\s*(!=|=~|!~|=)\s*(.*)$/su.exec(typed.trimStart());
  if (!parts) {
    const prefix = typed.trimStart();
    const bare = prefix.replace(/!$/, '').trimEnd();
    if (/^".*"$/u.test(bare) || bare !== prefix) {
      return { kind: 'operator', from: from + lead + bare.length, to: cursor, label: unquote(bare) };
    }
    return { kind: 'name', from: from + lead, to: cursor, prefix: unquote(prefix) };
  }
  const [, name, , value] = parts;
  if (/^"(\\.|[^"\\])*"\s*$/su.test(value)) return { kind: 'next', from: cursor, to: cursor };
  return {
    kind: 'value',
    from: cursor - value.length,
    to: cursor,
    label: unquote(name),
    prefix: unquote(value),
  };
}

/** Where the matcher that holds the cursor begins: after the last comma or brace outside quotes. */
function matcherStart(text: string, cursor: number): number {
  let quoted = false;
  let start = 0;
  for (let at = 0; at < cursor; at++) {
    if (quoted && text[at] === '\\') at += 1;
    else if (text[at] === '"') quoted = !quoted;
    else if (!quoted && (text[at] === ',' || text[at] === '{')) start = at + 1;
  }
  return Math.min(start, cursor);
}

/** A piece of completed text and where the cursor goes. */
export interface Edit {
  text: string;
  cursor: number;
}

/** Puts a completion in place of what a wish covers; a value swallows the closing quote it already has. */
export function complete(text: string, wish: Wish, insert: string): Edit {
  if (wish.kind === 'nothing') return { text, cursor: text.length };
  const after = text.slice(wish.to);
  const swallowed = wish.kind === 'value' ? (/^[^",}]*"?/u.exec(after)?.[0].length ?? 0) : 0;
  const start = text.slice(0, wish.from) + insert;
  return { text: start + after.slice(swallowed), cursor: start.length };
}

export function quote(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"`;
}

function unquote(text: string): string {
  return text.replace(/^"/, '').replace(/"$/, '').replace(/\\(.)/g, '$1');
}

/** A label name as a selector writes it. */
export function printName(name: string): string {
  return NAME.test(name) && name !== '' ? name : quote(name);
}

/** The selector with one more condition: this label has this value, or not. An equal one is not added twice. */
export function withMatcher(
  selector: string,
  label: string,
  value: string,
  operator: '=' | '!=' = '=',
): string {
  const matcher = `${printName(label)}${operator}${quote(value)}`;
  const inner = withBraces(selector).text.slice(1, -1).trim();
  if (inner === '') return `{${matcher}}`;
  const there = inner.split(matcher).slice(0, -1);
  // The end of a longer name is another label.
  return there.some((before) => /(^|[,\s])$/.test(before))
    ? `{${inner}}`
    : `{${inner.replace(/,\s*$/, '')}, ${matcher}}`;
}

/** A selector may be typed without braces. `shift` is how far an error's position moves to the left. */
export function withBraces(text: string): { text: string; shift: number } {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '{}') return { text: '{}', shift: 0 };
  const closed = trimmed.startsWith('{') && trimmed.endsWith('}');
  if (closed || trimmed.startsWith('{')) return { text: trimmed, shift: 0 };
  return { text: `{${trimmed}}`, shift: 1 };
}
