// The state of the Endpoints page. All of it is in the URL.
import { ORDERS, type Order } from '../data/costs';
import { ENDPOINT, SERVICE } from '../data/labels';
import { withMatcher } from '../data/selector';
import { addressOf, UNTOUCHED } from './explore';
import { pageState } from './page';
import { choice, flag, type Schema, text } from './schema';

export interface Endpoints {
  /** Empty for all. */
  service: string;
  start: string;
  end: string;
  /** Whether CPU that belongs to no endpoint is shown and summed too. */
  outside: boolean;
  order: Order;
  filter: string;
  refresh: boolean;
}

const schema: Schema<Endpoints> = {
  service: text(''),
  start: text('now-15m'),
  end: text('now'),
  outside: flag(),
  order: choice(ORDERS),
  filter: text(''),
  refresh: flag(),
};

export const { fields, change } = pageState('/endpoints', schema);

/** Selects what the page sums. */
export function selectorOf({ service, outside }: Pick<Endpoints, 'service' | 'outside'>): string {
  const all = service === '' ? '{}' : withMatcher('', SERVICE, service);
  return outside ? all : withMatcher(all, ENDPOINT, '', '!=');
}

/** Address of Explore with one endpoint at the same time. */
export function exploreAddress(endpoint: string, at: Pick<Endpoints, 'service' | 'start' | 'end'>): string {
  const ofService = at.service === '' ? '' : withMatcher('', SERVICE, at.service);
  const query = withMatcher(ofService, ENDPOINT, endpoint);
  return addressOf({ ...UNTOUCHED, query, start: at.start, end: at.end });
}
