// The state of the Dead code page. All of it is in the URL.
import { CODE_ORDERS, CODE_STATES, type CodeWanted } from '../data/deadCode';
import { CARRIED, type Carried } from './findings';
import { pageState } from './page';
import { choice, text } from './schema';

export const { state, change } = pageState<CodeWanted & Carried>('/dead-code', {
  service: text(''),
  kind: choice(['all', ...CODE_STATES]),
  order: choice(CODE_ORDERS),
  filter: text(''),
  module: text(''),
  finding: text(''),
  ...CARRIED,
});
