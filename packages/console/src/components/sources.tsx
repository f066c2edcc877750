import type { Status } from '../wire.ts';

interface SourcesProps {
  sources: Status['sources'];
}

export function Sources({ sources }: SourcesProps) {
  if (sources.length === 0) return null;
  return (
    <section aria-labelledby="sources-title">
      <h2 id="sources-title">Sources</h2>
      <ul className="sources">
        {sources.map(({ id, name, maskedWriteKey }) => (
          <li key={id}>
            <span>{name}</span>
            <code title="The end of its write key">{maskedWriteKey}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}
