// Which of the two panels are shown.
import { change, type Explore, fields } from '../state/explore';

const VIEWS: readonly { view: Explore['view']; title: string; key: string }[] = [
  { view: 'graph', title: 'Graph', key: '1' },
  { view: 'both', title: 'Both', key: 'b' },
  { view: 'table', title: 'Table', key: '2' },
];

/** Graph, table or both. Stands in whichever panel is there. */
export function ViewSwitch() {
  const current = fields.view.value;
  return (
    <fieldset class="segments">
      <legend class="spoken">Show</legend>
      {VIEWS.map(({ view, title, key }) => (
        <button
          key={view}
          type="button"
          aria-pressed={view === current}
          title={`${title} (${key})`}
          onClick={() => change({ view }, true)}
        >
          {title}
        </button>
      ))}
    </fieldset>
  );
}
