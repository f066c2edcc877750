import { useEffect, useRef, useState } from 'react';
import { addSample, rateOf, type RateSample } from './rate.ts';

const SAMPLE_EVERY_MS = 1_000;

/** How fast a count grows, a second, over the last ten. */
export function useRate(count: number | undefined): number | undefined {
  const [samples, setSamples] = useState<readonly RateSample[]>([]);
  const latest = useRef(count);

  useEffect(() => {
    latest.current = count;
  }, [count]);

  useEffect(() => {
    const timer = setInterval(() => {
      const now = latest.current;
      if (now !== undefined) setSamples((old) => addSample(old, { atMs: performance.now(), count: now }));
    }, SAMPLE_EVERY_MS);
    return () => clearInterval(timer);
  }, []);

  return rateOf(samples);
}
