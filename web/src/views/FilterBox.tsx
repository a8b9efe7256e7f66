// The filter of a table: applied a moment after the last key.
import { useEffect, useRef, useState } from 'preact/hooks';
import { FILTER_ID } from './keys';

const DELAY_MS = 200;

interface Props {
  label: string;
  filter: string;
  onFilter: (filter: string) => void;
}

export function FilterBox({ label, filter, onFilter }: Props) {
  const [text, setText] = useState(filter);
  /** The filter that came from here: it must not overwrite what was typed since. */
  const sent = useRef(filter);
  useEffect(() => {
    if (filter === sent.current) return;
    sent.current = filter;
    setText(filter);
  }, [filter]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      onFilter(text);
    }, DELAY_MS);
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
