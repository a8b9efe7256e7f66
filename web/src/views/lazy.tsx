// Pages that are loaded when they are first opened.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Message, Waiting } from './Message';

type View = () => JSX.Element;

/** A view that stands for one in a file of its own. */
export function lazy(load: () => Promise<View>): View {
  let loaded: View | null = null;
  return function Lazy() {
    const [state, setState] = useState<'waiting' | 'there' | 'failed'>('waiting');
    useEffect(() => {
      if (loaded) return;
      load().then(
        (view) => {
          loaded = view;
          setState('there');
        },
        () => setState('failed'),
      );
    }, []);
    const View = loaded;
    if (View) return <View />;
    return state === 'failed' ? <NotLoaded /> : <Waiting active />;
  };
}

function NotLoaded() {
  return (
    <Message title="This page could not be loaded">
      <p>The collector is away, or it has another version now than when the pages were opened.</p>
      <p>
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>
      </p>
    </Message>
  );
}
