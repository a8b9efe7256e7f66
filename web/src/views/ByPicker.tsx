// Which label the timeline and the breakdown go by.
import type { LabelNames } from '../api/types';
import { labels, type Question } from '../api/urls';
import { labelGroups, labelTitle } from '../data/labels';
import { change, fields } from '../state/explore';
import { useResource } from '../state/resource';

export function ByPicker({ question }: { question: Question }) {
  const by = fields.by.value;
  // Of the whole time range, so that a choice does not vanish with the selector.
  const names = useResource<LabelNames>(labels({ ...question, selector: '{}' }));
  return (
    <label class="by">
      by
      <select value={by} onChange={(event) => change({ by: event.currentTarget.value })}>
        {labelGroups(names.value?.names ?? [], by).map((group) => (
          <optgroup key={group.title} label={group.title}>
            {group.names.map((name) => (
              <option key={name} value={name}>
                {labelTitle(name)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}
