import { formatCompact, formatCount, formatRate } from '../format.ts';
import { useRate } from '../use-rate.ts';
import type { EventCounts } from '../wire.ts';

interface SummaryProps {
  counts: EventCounts | undefined;
}

/** The server's own counts since it started: exact, whatever the list shows. */
export function Summary({ counts }: SummaryProps) {
  const perSecond = useRate(counts?.receivedCount);
  return (
    <section className="summary" aria-label="Since the server started">
      <dl>
        <Figure name="Received" count={counts?.receivedCount} />
        <Figure name="Refused" count={counts?.refusedCount} tone="bad" detail={byCode(counts?.refused)} />
        <Figure name="Duplicates" count={counts?.duplicateCount} tone="warn" />
        <div className="figure">
          <dt>Events / s</dt>
          <dd>{formatRate(perSecond)}</dd>
        </div>
      </dl>
    </section>
  );
}

interface FigureProps {
  name: string;
  count: number | undefined;
  tone?: 'bad' | 'warn';
  detail?: string;
}

function Figure({ name, count, tone, detail }: FigureProps) {
  return (
    <div className="figure" data-tone={count ? tone : undefined} title={detail}>
      <dt>{name}</dt>
      <dd>{count === undefined ? '–' : <span title={formatCount(count)}>{formatCompact(count)}</span>}</dd>
      {detail && <dd className="figure-detail">{detail}</dd>}
    </div>
  );
}

function byCode(refused: Record<string, number> | undefined): string {
  return Object.entries(refused ?? {})
    .toSorted(([, a], [, b]) => b - a)
    .map(([code, count]) => `${code} ${formatCount(count)}`)
    .join(', ');
}
