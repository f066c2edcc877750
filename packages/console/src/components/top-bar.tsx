import type { Connection } from '../watch-stream.ts';
import { CopyButton } from './copy-button.tsx';

const CONNECTION_WORDS = { connecting: 'Connecting', open: 'Live', lost: 'Reconnecting' } as const;

interface TopBarProps {
  connection: Connection;
  trackingUrl: string | undefined;
}

export function TopBar({ connection, trackingUrl }: TopBarProps) {
  return (
    <header className="top-bar">
      <h1 className="brand">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M2 7.500c3.300 0 3.300-2.500 6.700-2.500s3.300 2.500 6.600 2.500S18.700 5 22 5" />
          <path d="M2 13.200c3.300 0 3.300-2.500 6.700-2.500s3.300 2.500 6.600 2.500 3.400-2.500 6.700-2.500" />
          <path d="M2 19c3.300 0 3.300-2.500 6.700-2.500s3.300 2.500 6.600 2.500 3.400-2.500 6.700-2.500" />
        </svg>
        Millrace
      </h1>
      <p className="connection" data-state={connection.kind} role="status">
        <span className="dot" aria-hidden="true" />
        {CONNECTION_WORDS[connection.kind]}
      </p>
      {trackingUrl !== undefined && (
        <p className="tracking-url">
          <span className="label">Tracking API</span> <code>{trackingUrl}</code>
          <CopyButton text={trackingUrl} what="Tracking API address" />
        </p>
      )}
    </header>
  );
}
