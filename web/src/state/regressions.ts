// The state of the Regressions page. All of it is in the URL.
import type { Question } from '../api/urls';
import { ENDPOINT, SERVICE, VERSION } from '../data/labels';
import type { Side } from '../data/regression';
import { withMatcher } from '../data/selector';
import { printTime } from '../data/time';
import { addressOf as exploreAddressOf, UNTOUCHED } from './explore';
import { LIST, type List } from './findings';
import { pageState } from './page';

export const { state, fields, addressOf, change } = pageState<List>('/regressions', LIST);

/** What a finding is about. */
export interface About {
  service: string;
  endpoint: string;
  function: string;
}

/** What one side of a comparison asks for. */
export function questionOf({ service, endpoint }: About, { range, version }: Side): Question {
  const ofService = service === '' ? '{}' : withMatcher('', SERVICE, service);
  const ofVersion = version === '' ? ofService : withMatcher(ofService, VERSION, version);
  const selector = endpoint === '' ? ofVersion : withMatcher(ofVersion, ENDPOINT, endpoint);
  return { selector, range, type: 'cpu' };
}

/** Address of Explore with one side of a comparison, what a finding is about in sight. */
export function exploreAddress(about: About, side: Side): string {
  const { selector, range } = questionOf(about, side);
  const search = about.function.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const time = { start: printTime(range.start_ms), end: printTime(range.end_ms) };
  const query = selector === '{}' ? '' : selector;
  return exploreAddressOf({ ...UNTOUCHED, query, search, per: 'request', ...time });
}
