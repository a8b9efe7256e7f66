// The selector: a combobox that completes names, operators and values, and shows errors where they are.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ApiError, LabelNames, LabelValues } from '../api/types';
import { labels, labelValues, type Question } from '../api/urls';
import { complete, OPERATORS, printName, quote, type Wish, wishAt, withBraces } from '../data/selector';
import { share } from '../data/units';
import { change, fields, NO_PLACE } from '../state/explore';
import { useResource } from '../state/resource';
import { SELECTOR_ID } from './keys';

const VALUES_MAX = 50;
const CHOICES_MAX = 12;
const LIST_ID = 'selector-choices';

interface Choice {
  insert: string;
  shown: string;
  hint: string;
}

interface Props {
  question: Question | null;
  error: ApiError | null;
}

export function SelectorBox({ question, error }: Props) {
  const asked = fields.query.value;
  const box = useEditing(asked, question);
  const { open, choices, chosen } = box;
  return (
    <div class="selector" onFocusOut={box.onFocusOut}>
      <input
        ref={box.input}
        id={SELECTOR_ID}
        type="text"
        role="combobox"
        aria-label="Selector: which samples to show"
        aria-autocomplete="list"
        aria-expanded={open && choices.length > 0}
        aria-controls={LIST_ID}
        aria-activedescendant={chosen >= 0 ? `${LIST_ID}-${chosen}` : undefined}
        aria-invalid={error !== null}
        aria-describedby={error ? 'selector-error' : undefined}
        spellcheck={false}
        autocomplete="off"
        placeholder={'everything – filter with {service.name="…"}'}
        value={box.text}
        onInput={box.onInput}
        onKeyDown={box.onKeyDown}
        onKeyUp={box.moved}
        onClick={box.onClick}
      />
      {box.text !== '' && (
        <button
          type="button"
          class="quiet clear"
          aria-label="Clear the selector"
          onClick={() => box.apply('')}
        >
          ✕
        </button>
      )}
      <Choices open={open} choices={choices} active={chosen} take={box.take} />
      {error && !open && <SelectorError error={error} text={asked} />}
    </div>
  );
}

/** The text being edited, where its cursor is, and the list of completions with the one the arrows are on. */
function useEditing(asked: string, question: Question | null) {
  const [text, setText] = useState(asked);
  const [cursor, setCursor] = useState(asked.length);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(asked), [asked]);
  const wish = useMemo<Wish>(() => (open ? wishAt(text, cursor) : { kind: 'nothing' }), [open, text, cursor]);
  const choices = useChoices(question, wish);
  const chosen = active < choices.length ? active : -1;

  const moved = () => setCursor(input.current?.selectionStart ?? 0);
  const edit = (next: string) => {
    setText(next);
    moved();
    setActive(-1);
    setOpen(true);
  };
  const apply = (query: string) => {
    setOpen(false);
    change({ query: query.trim(), ...NO_PLACE });
  };
  const take = (choice: Choice) => {
    const done = complete(text, wish, choice.insert);
    const element = input.current!;
    element.value = done.text;
    element.setSelectionRange(done.cursor, done.cursor);
    element.focus();
    edit(done.text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      setOpen(true);
      // Round through the choices and through none of them.
      const places = choices.length + 1;
      setActive(((chosen + 1 + step + places) % places) - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && chosen >= 0) take(choices[chosen]);
    else if (event.key === 'Escape' && open) setOpen(false);
    else if (event.key === 'Escape') setText(asked);
    else {
      if (event.key === 'Enter') apply(text);
      return;
    }
    event.preventDefault();
  };
  return {
    ...{ input, text, open, choices, chosen, moved, apply, take, onKeyDown },
    onInput: (event: InputEvent) => edit((event.currentTarget as HTMLInputElement).value),
    onClick() {
      moved();
      setOpen(true);
    },
    onFocusOut(event: FocusEvent) {
      if (!(event.currentTarget as Element).contains(event.relatedTarget as Node)) setOpen(false);
    },
  };
}

function Choices(props: {
  open: boolean;
  choices: Choice[];
  active: number;
  take: (choice: Choice) => void;
}) {
  const shown = props.open && props.choices.length > 0;
  return (
    <ul id={LIST_ID} class="choices" role="listbox" aria-label="Completions" hidden={!shown}>
      {props.choices.map((choice, idx) => (
        <li
          key={choice.insert}
          id={`${LIST_ID}-${idx}`}
          role="option"
          aria-selected={idx === props.active}
          onMouseDown={(event) => {
            event.preventDefault();
            props.take(choice);
          }}
        >
          <span>{choice.shown}</span>
          <small>{choice.hint}</small>
        </li>
      ))}
    </ul>
  );
}

/** What the API offers for a wish. */
function useChoices(question: Question | null, wish: Wish): Choice[] {
  // Completions come from the whole time range, so that a half-typed selector does not hide them.
  const whole = question && { ...question, selector: '{}' };
  const names = useResource<LabelNames>(whole && wish.kind === 'name' ? labels(whole) : null);
  const values = useResource<LabelValues>(
    whole && wish.kind === 'value' && wish.label !== '' ? labelValues(whole, wish.label, VALUES_MAX) : null,
  );
  if (wish.kind === 'operator')
    return OPERATORS.map(({ text, means }) => ({ insert: `${text}"`, shown: text, hint: means }));
  if (wish.kind === 'next') {
    return [
      { insert: ', ', shown: ',', hint: 'and another condition' },
      { insert: '}', shown: '}', hint: 'done' },
    ];
  }
  if (wish.kind === 'name') {
    const found = best(names.value?.names ?? [], wish.prefix, (name) => name);
    return found.map((name) => ({ insert: `${printName(name)}=`, shown: name, hint: 'label' }));
  }
  if (wish.kind !== 'value') return [];
  const known = values.value?.values ?? [];
  const sum = known.reduce((total, { total: part }) => total + part, 0);
  return best(known, wish.prefix, ({ value }) => value).map(({ value, total }) => ({
    insert: quote(value),
    shown: value === '' ? '"" (absent)' : value,
    hint: share(total, sum),
  }));
}

/** Those that begin with the prefix, then those that hold it. */
function best<T>(all: readonly T[], prefix: string, textOf: (item: T) => string): T[] {
  const wanted = prefix.toLowerCase();
  const starts = all.filter((item) => textOf(item).toLowerCase().startsWith(wanted));
  const holds = all.filter((item) => textOf(item).toLowerCase().indexOf(wanted) > 0);
  return [...starts, ...holds].slice(0, CHOICES_MAX);
}

function SelectorError({ error, text }: { error: ApiError; text: string }) {
  const position = error.position == null ? null : Math.max(0, error.position - withBraces(text).shift);
  return (
    <div class="selector-error" id="selector-error" role="alert">
      {position !== null && (
        <pre aria-hidden="true">
          {text}
          {'\n'}
          {' '.repeat(Math.min(position, text.length))}
          <b>^</b>
        </pre>
      )}
      <p>
        {error.message}
        {position !== null && <span class="spoken"> at character {position + 1}</span>}
      </p>
      {error.fix && <p>{error.fix}</p>}
    </div>
  );
}
