// The state of the Flags page. All of it is in the URL.
import { EXPOSURES, FLAG_ORDERS, type FlagEndpoint, type FlagsWanted, UNITS } from '../data/flags';
import { ENDPOINT, flagLabel, SERVICE } from '../data/labels';
import { withMatcher } from '../data/selector';
import { addressOf as exploreAddressOf, UNTOUCHED } from './explore';
import { CARRIED, type Carried } from './findings';
import { pageState } from './page';
import { choice, list, text } from './schema';

export interface Flags extends FlagsWanted, Carried {
  /** Flags whose endpoints are in sight. */
  open: string[];
}

export const { state, change } = pageState<Flags>('/flags', {
  unit: choice(UNITS),
  exposure: choice(EXPOSURES),
  order: choice(FLAG_ORDERS),
  filter: text(''),
  finding: text(''),
  open: list(),
  ...CARRIED,
});

/** Address of Explore with the requests of an endpoint by the variants of a flag. */
export function exploreAddress(
  flag: string,
  { endpoint, service }: Pick<FlagEndpoint, 'endpoint' | 'service'>,
): string {
  const ofService = service === '' ? '' : withMatcher('', SERVICE, service);
  const query = endpoint === '' ? ofService : withMatcher(ofService, ENDPOINT, endpoint);
  const { start, end } = state.value;
  return exploreAddressOf({ ...UNTOUCHED, query, by: flagLabel(flag), per: 'request', start, end });
}
