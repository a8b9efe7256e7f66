// The state of one page, kept whole in the query part of its address.
import { computed, type ReadonlySignal } from '@preact/signals';
import { navigate, query } from './router';
import { parse, print, type Schema } from './schema';

type Fields<S> = { readonly [K in keyof S]: ReadonlySignal<S[K]> };

export interface PageState<S> {
  state: ReadonlySignal<S>;
  /** One signal a field: a part of the page renders only when what it reads has changed. */
  fields: Fields<S>;
  /** Address of the page in a state. */
  addressOf(state: S): string;
  /** Goes to the address with some fields changed. `replace` leaves no entry in the history. */
  change(patch: Partial<S>, replace?: boolean): void;
}

export function pageState<S extends object>(path: string, schema: Schema<S>): PageState<S> {
  const state = computed(() => parse(schema, query.value));
  const names = Object.keys(schema) as (keyof S)[];
  const fields = Object.fromEntries(names.map((name) => [name, computed(() => state.value[name])]));
  const addressOf = (wanted: S) => `${path}${print(schema, wanted)}`;
  const change = (patch: Partial<S>, replace = false) =>
    navigate(addressOf({ ...state.value, ...patch }), replace);
  return { state, fields: fields as unknown as Fields<S>, addressOf, change };
}
