import { CONFIG_SNIPPET } from '../snippets.ts';
import type { Status } from '../wire.ts';
import { DestinationTile } from './destination-tile.tsx';
import { Snippet } from './snippet.tsx';

interface DestinationsProps {
  status: Status | undefined;
}

export function Destinations({ status }: DestinationsProps) {
  return (
    <section aria-labelledby="destinations-title">
      <h2 id="destinations-title">Destinations</h2>
      {status && status.destinations.length === 0 && <NoDestination />}
      <ul className="tiles">
        {status?.destinations.map((destination) => (
          <li key={destination.id}>
            <DestinationTile destination={destination} figuresKnown={status.ledgerReadable} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function NoDestination() {
  return (
    <div className="hint">
      <p>
        None yet: events are received and kept. Save this as <code>millrace.config.ts</code> and restart:
        events received from then on are sent.
      </p>
      <Snippet title="millrace.config.ts" text={CONFIG_SNIPPET} />
    </div>
  );
}
