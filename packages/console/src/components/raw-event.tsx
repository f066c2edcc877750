import { useMemo } from 'react';
import { indentJson } from '../indent-json.ts';
import { CopyButton } from './copy-button.tsx';

/** The event's own text, as the log holds it. */
export function RawEvent({ json }: { json: string | undefined }) {
  const text = useMemo(() => (json === undefined ? undefined : indentJson(json)), [json]);
  if (text === undefined) {
    return (
      <p className="nothing">Its body was not kept: it could not be read as an event, or was too large.</p>
    );
  }
  return (
    <div className="raw">
      <CopyButton text={text} what="the event as JSON" />
      <pre>{text}</pre>
    </div>
  );
}
