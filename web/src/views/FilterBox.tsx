// The filter of a table: applied a moment after the last key.
import { useEffect, useState } from 'preact/hooks';
import { FILTER_ID } from './keys';

const DELAY_MS = 200;

interface Props {
  label: string;
  filter: string;
  onFilter: (filter: string) => void;
}

export function FilterBox({ label, filter, onFilter }: Props) {
  const [text, setText] = useState(filter);
  useEffect(() => setText(filter), [filter]);
  useEffect(() => {
    if (text === filter) return;
    const timer = setTimeout(() => onFilter(text), DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      id={FILTER_ID}
      type="search"
      class="filter"
      placeholder="filter"
      aria-label={label}
      spellcheck={false}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
    />
  );
}
