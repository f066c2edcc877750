import { isJsonObject, type RefusalCode } from '@millrace/spec';
import type { Clock } from '../clock.ts';
import { LogWriteError, type AppendVerdict, type EventLog, type NewEvent } from '../log/log.ts';
import { judge, type Judgement } from './accept.ts';
import { authenticate, writeKeyOfBody, writeKeyOfHeader } from './authenticate.ts';
import { decode, type BodyHeaders } from './decode.ts';
import { openEnvelope, type Envelope } from './envelope.ts';
import type { CollectorLimits } from './limits.ts';
import {
  refusedEvent,
  refusedRequest,
  type Refusal,
  type RefusedEvent,
  type RequestFacts,
} from './refusal.ts';
import type { Route } from './routes.ts';
import type { SourceRegistry } from './sources.ts';

export interface ReceiverParts {
  log: Pick<EventLog, 'append'>;
  sources: SourceRegistry;
  clock: Clock;
  limits: CollectorLimits;
  newMessageId: () => string;
  report: (refusal: Refusal) => void;
}

/** One request to one of the routes, as HTTP has delivered it. */
export interface ArrivedRequest {
  route: Route;
  headers: BodyHeaders & { authorization?: string | undefined; 'user-agent'?: string | undefined };
  body: Buffer | undefined;
  /** Where it came straight from a browser: the address that it came from, for events that say none. */
  browserIp?: string;
}

export type Reception =
  /** Whatever was valid is durable. `refused`: the items of a batch that were not valid. */
  { refused: readonly { index: number; code: RefusalCode }[] } | { code: RefusalCode };

/**
 * The walk of one request: who sends it, what it says, what of it is valid, and into the log.
 * Reports each refusal and each duplicate. Rejects only for what is our own fault.
 */
export function createReceiver(parts: ReceiverParts): (request: ArrivedRequest) => Promise<Reception> {
  const { log, sources, clock, limits, newMessageId, report } = parts;

  return async ({ route, headers, body, browserIp }) => {
    const facts: RequestFacts = {
      receivedAtMs: clock.nowMs(),
      sizeBytes: body?.length ?? 0,
      userAgent: headers['user-agent'],
    };
    const refuse = (code: RefusalCode): Reception => {
      report(refusedRequest(code, facts));
      return { code };
    };

    // A key in the header is looked at first, so that what is wrong with the body has a source.
    const headerKey = writeKeyOfHeader(headers.authorization);
    const byHeader = headerKey === undefined ? undefined : await authenticate(sources, headerKey);
    if (byHeader && 'code' in byHeader) return refuse(byHeader.code);
    if (byHeader) facts.sourceId = byHeader.source.id;

    const decoded = await decode(headers, body, route, limits, browserIp === undefined);
    if ('code' in decoded) return refuse(decoded.code);

    const authentication = byHeader ?? (await authenticate(sources, writeKeyOfBody(decoded.value)));
    if ('code' in authentication) return refuse(authentication.code);
    const sourceId = authentication.source.id;
    facts.sourceId = sourceId;

    const opened = openEnvelope(decoded, route, limits);
    if ('code' in opened) return refuse(opened.code);

    if (browserIp !== undefined) fillIp(opened.envelope, browserIp);
    const acceptance = { route, sourceId, receivedAtMs: facts.receivedAtMs, limits, newMessageId };
    const judgement = judge(opened.envelope, acceptance);
    const verdicts = await append(log, judgement);
    if ('code' in verdicts) return refuse(verdicts.code);

    for (const item of judgement.refused) report(refusedEvent(item.code, facts, item));
    for (const [index, verdict] of verdicts.entries()) {
      if (verdict !== 'duplicate') continue;
      report(refusedEvent('duplicate', facts, duplicateOf(judgement.events[index]!)));
    }
    const [first] = judgement.refused;
    return route !== 'batch' && first ? { code: first.code } : { refused: judgement.refused };
  };
}

/** As Segment does for what a browser sends. */
function fillIp({ items, shared }: Envelope, ip: string): void {
  if (isJsonObject(shared.context) && shared.context['ip'] !== undefined) return;
  for (const item of items) {
    if (!isJsonObject(item)) continue;
    const context = (item['context'] ??= {});
    if (isJsonObject(context)) context['ip'] ??= ip;
  }
}

async function append(
  log: Pick<EventLog, 'append'>,
  { events }: Judgement,
): Promise<readonly AppendVerdict[] | { code: RefusalCode }> {
  if (events.length === 0) return [];
  try {
    return await log.append(events);
  } catch (error) {
    if (error instanceof LogWriteError) return { code: error.code };
    throw error;
  }
}

function duplicateOf({ json }: NewEvent): RefusedEvent {
  return { event: JSON.parse(json.toString()), sizeBytes: json.length };
}
