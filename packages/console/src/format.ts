const counts = new Intl.NumberFormat('en-US');
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** 1,234,567 */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** 1.2M, for narrow places; exact below 100,000. */
export function formatCompact(count: number): string {
  return count < 100_000 ? counts.format(count) : compact.format(count);
}

/** 14:03:07.250, local time. */
export function formatTime(atMs: number): string {
  const at = new Date(atMs);
  const [hours, minutes, seconds] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${hours}:${minutes}:${seconds}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** 0.4, 12, 3,400: three digits are enough to follow. */
export function formatRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return '–';
  if (perSecond === 0) return '0';
  return perSecond < 10 ? perSecond.toFixed(1) : formatCompact(Math.round(perSecond));
}

export function formatBytes(bytes: number): string {
  return bytes < 1_024 ? `${bytes} B` : `${formatCount(Math.round(bytes / 102.4) / 10)} KB`;
}
