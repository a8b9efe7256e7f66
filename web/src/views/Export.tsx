// Saving the selection as a file other tools read.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { download, FORMATS, type Question } from '../api/urls';
import { EXPORT_ID } from './keys';

export function Export({ question }: { question: Question }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!open) return;
    box.current?.querySelector('a')?.focus();
    const close = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    return () => document.removeEventListener('pointerdown', close);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const items = [...(box.current?.querySelectorAll('a') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLAnchorElement);
    if (event.key === 'ArrowDown') items[(at + 1) % items.length].focus();
    else if (event.key === 'ArrowUp') items[(at - 1 + items.length) % items.length].focus();
    else if (event.key === 'Escape') {
      setOpen(false);
      document.getElementById(EXPORT_ID)?.focus();
    } else return;
    event.preventDefault();
  };
  return (
    <div class="export" ref={box} onKeyDown={onKeyDown}>
      <button
        id={EXPORT_ID}
        type="button"
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        Export <span aria-hidden="true">▾</span>
      </button>
      {open && (
        <div class="popover" role="menu" aria-label="Save the selection as">
          {FORMATS.map(({ format, file, title, hint }) => (
            <a
              key={format}
              role="menuitem"
              href={download(question, format)}
              download={file}
              onClick={() => setOpen(false)}
            >
              {title}
              <small>{hint}</small>
            </a>
          ))}
        </div>
      )}
    </div>
  );
}
