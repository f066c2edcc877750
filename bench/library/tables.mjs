import { median } from '../stats.mjs';
import { number, table, times } from '../table.mjs';
import { PACKAGES, REMARKS } from './adapters/adapter.mjs';

/** What was measured, as it is printed. */
export function tablesOf({ versions, sizes, summary, endings, crashes }) {
  const [calls, bursts, tick] = summary;
  const label = ({ contender }) => {
    if (!(contender in versions)) return contender;
    return `${PACKAGES[contender]} ${versions[contender]}${REMARKS[contender] ?? ''}`;
  };
  const delivery = (row) => [
    label(row),
    number(row.deliveryCpuUs),
    times(row.deliveryCpuRatio),
    number(row.deliveredPerSecond, 0),
    number(row.loopDelayP99Ms),
    times(row.loopDelayP99Ratio),
    number(row.loopDelayMaxMs),
    number(row.peakRssMb, 0),
    times(row.peakRssRatio),
    row.lostPercent > 0 ? `${number(row.lostPercent, 1)} %` : number(row.lostPercent),
    number(row.duplicateCount, 0),
    row.note,
  ];
  const deliveryColumns = [
    '',
    'CPU µs/event',
    'to floor',
    'events/s',
    'loop p99 ms',
    'to floor',
    'loop max ms',
    'peak MB',
    'to floor',
    'lost',
    'twice',
    'note',
  ];
  return [
    table(
      `CPU of one track(), in bursts of 1,000 (${number(sizes.callBurstCount, 0)} bursts)`,
      ['', 'µs/call', 'to floor', 'note'],
      calls.contenders.map((row) => [label(row), number(row.callCpuUs), times(row.callCpuRatio), row.note]),
    ),
    table(
      `From call to delivery: ${number(sizes.burstsEventCount, 0)} events, 1,000 every 10 ms`,
      deliveryColumns,
      bursts.contenders.map(delivery),
    ),
    table(
      `From call to delivery: ${number(sizes.tickEventCount, 0)} events in one tick`,
      deliveryColumns,
      tick.contenders.map(delivery),
    ),
    table(
      'Events a second with the spool, synced for each batch',
      ['', 'with', 'to without'],
      [bursts, tick].map(({ scenario, contenders }) => {
        const row = contenders.find(({ contender }) => contender === 'millrace-spool');
        return [scenario, number(row.deliveredPerSecond, 0), times(row.withoutSpoolRatio)];
      }),
    ),
    table(
      `A program that ends without a flush: ${number(sizes.endingEventCount, 0)} events, then nothing to do`,
      ['', 'gone after s', 'delivered', 'note'],
      calls.contenders.map((row) => [label(row), ...endingOf(trialsOf(endings, row), sizes)]),
    ),
    table(
      `Killed while the server is away, then started again: ${number(sizes.crashEventCount, 0)} events`,
      ['', 'delivered by the next process'],
      calls.contenders.map((row) => {
        const counts = trialsOf(crashes, row).map(({ deliveredCount }) => deliveredCount);
        return [label(row), number(median(counts), 0)];
      }),
    ),
  ];
}

function endingOf(trials, { limitMs }) {
  const isGone = trials.every(({ heldMs }) => heldMs !== undefined);
  const percents = trials.map(({ eventCount, deliveredCount }) => (100 * deliveredCount) / eventCount);
  return [
    number(isGone ? median(trials.map(({ heldMs }) => heldMs / 1_000)) : NaN),
    `${number(median(percents), 1)} %`,
    isGone ? '' : `still there after ${limitMs / 1_000} s`,
  ];
}

function trialsOf(entries, { contender }) {
  return entries.filter((entry) => entry.contender === contender).map(({ trial }) => trial);
}
