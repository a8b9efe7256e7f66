// Which functions a search pattern matches, by the same rule as the server's `match`.
import type { FunctionInfo } from '../api/types';

/** Marks the functions whose name matches; `null` when the pattern is empty or cannot be read. */
export function search(functions: readonly FunctionInfo[], pattern: string): Uint8Array | null {
  const matches = matcher(pattern);
  return matches && Uint8Array.from(functions, (item) => (matches(item.name) ? 1 : 0));
}

/** The test a pattern stands for: a regular expression, case ignored unless it holds a capital letter. */
export function matcher(pattern: string): ((name: string) => boolean) | null {
  if (pattern === '') return null;
  try {
    const expression = new RegExp(pattern, /[A-Z]/.test(pattern) ? 'u' : 'iu');
    return (name) => expression.test(name);
  } catch {
    return null;
  }
}
