import type { RouterLogger } from './describe-error.ts';
import type { Health } from './health.ts';
import type { DestinationStatus } from './ipc.ts';

export type DeliveryState =
  | { kind: 'running' }
  /** Request after request fails; or the destination refuses our credentials. It is asked with one event at `nextProbeMs`. */
  | { kind: 'failing' | 'unauthorized'; code: string; sinceMs: number; nextProbeMs: number }
  /** The ledger cannot be written, for a reason that may pass. What was answered is kept, nothing is sent. */
  | { kind: 'waiting'; reason: string; sinceMs: number }
  /** The log cannot be read where this destination stands, or the ledger cannot be written. */
  | { kind: 'stopped'; reason: string };

export function stateOf(health: Health): DeliveryState {
  if (health.kind === 'sound') return { kind: 'running' };
  const { kind, code, sinceMs, probeAtMs } = health;
  return { kind, code, sinceMs, nextProbeMs: probeAtMs };
}

export function isSame(a: DeliveryState, b: DeliveryState): boolean {
  if (a.kind !== b.kind) return false;
  return !('nextProbeMs' in a && 'nextProbeMs' in b) || a.nextProbeMs === b.nextProbeMs;
}

export function logChange(
  state: DeliveryState,
  { destinationId, logger }: { destinationId: string; logger: RouterLogger },
): void {
  switch (state.kind) {
    case 'failing':
      logger.warn(
        { destinationId, code: state.code },
        'the destination keeps failing: asked with one event at a time',
      );
      break;
    case 'unauthorized':
      logger.warn({ destinationId, code: state.code }, 'credentials refused: asked again every five minutes');
      break;
    case 'waiting':
      logger.error({ destinationId, reason: state.reason }, 'the ledger cannot be written; trying again');
      break;
    case 'running':
      logger.info({ destinationId }, 'the destination works again');
      break;
    case 'stopped':
      break;
  }
}

/** A destination is as well as its worst partition. */
export function worstOf(states: readonly DeliveryState[]): Omit<DestinationStatus, 'destinationId'> {
  const order = ['stopped', 'waiting', 'unauthorized', 'failing', 'running'] as const;
  const [worst] = states.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  switch (worst?.kind) {
    case 'stopped':
      return { state: 'stopped', reason: worst.reason };
    case 'waiting':
      return { state: 'waiting', reason: worst.reason, sinceMs: worst.sinceMs };
    case 'unauthorized':
    case 'failing': {
      const { kind, code, sinceMs, nextProbeMs } = worst;
      return { state: kind, reason: code, sinceMs, nextProbeMs };
    }
    default:
      return { state: 'running' };
  }
}
