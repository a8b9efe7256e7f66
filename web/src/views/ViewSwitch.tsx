// Which of the two panels are shown.
import { change, type Explore, fields } from '../state/explore';
import { type Choice, Segments } from './Segments';

const VIEWS: readonly Choice<Explore['view']>[] = [
  { value: 'graph', title: 'Graph', hint: 'Graph (1)' },
  { value: 'both', title: 'Both', hint: 'Both (b)' },
  { value: 'table', title: 'Table', hint: 'Table (2)' },
];

/** Graph, table or both. Stands in whichever panel is there. */
export function ViewSwitch() {
  const show = (view: Explore['view']) => change({ view }, true);
  return <Segments label="Show" choices={VIEWS} value={fields.view.value} onChoice={show} />;
}
