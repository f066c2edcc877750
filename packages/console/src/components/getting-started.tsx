import { curlSnippet, nodeSnippet } from '../snippets.ts';
import type { Status } from '../wire.ts';
import { Snippet } from './snippet.tsx';

/** Shown while there is no event to show. */
export function GettingStarted({ status }: { status: Status }) {
  return (
    <div className="getting-started">
      <h2>Waiting for events</h2>
      <p>
        Send one now; it appears here as it arrives. Any Segment SDK works too, with its host set to{' '}
        <code>{status.trackingUrl}</code>.
      </p>
      {!status.acceptsAnyWriteKey && (
        <p>
          Put the write key of one of your sources where it says <code>YOUR_WRITE_KEY</code>.
        </p>
      )}
      <Snippet title="With curl" text={curlSnippet(status)} />
      <Snippet title="With Node.js" text={nodeSnippet(status)} />
    </div>
  );
}
