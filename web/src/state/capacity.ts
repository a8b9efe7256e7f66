// The state of the Capacity page. All of it is in the URL.
import { CARRIED, type Carried } from './findings';
import { pageState } from './page';
import { countOrAll, list, text } from './schema';

interface Capacity extends Carried {
  /** Empty for the one that needs the most servers. */
  service: string;
  /** Id of the finding whose service is shown where none is chosen. */
  finding: string;
  /** Ids of findings that are left as they are. */
  without: string[];
  /** In percent of now; `null` for as many. */
  requests: number | null;
  /** Target utilisation in percent; `null` for as it is. */
  busy: number | null;
  /** `null` for as many. */
  regions: number | null;
}

export const { state, change } = pageState<Capacity>('/capacity', {
  service: text(''),
  finding: text(''),
  without: list(),
  requests: countOrAll(),
  busy: countOrAll(),
  regions: countOrAll(),
  ...CARRIED,
});
