// The state of the Shared memory page. All of it is in the URL.
import { SHARING_ORDERS, type SharingWanted } from '../data/sharing';
import { CARRIED, type Carried } from './findings';
import { pageState } from './page';
import { choice, text } from './schema';

interface Sharing extends SharingWanted, Carried {
  /** Id of the finding whose advice is in sight; empty for none. */
  finding: string;
}

export const { state, change } = pageState<Sharing>('/sharing', {
  order: choice(SHARING_ORDERS),
  filter: text(''),
  finding: text(''),
  ...CARRIED,
});
