import type { LibraryCode } from '@millrace/spec';
import { soon, type Clock } from './clock.ts';
import { Delivery } from './delivery.ts';
import type { Emitter } from './emitter.ts';
import { callProgram, type AnalyticsError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import { flushed, type Waiting } from './flush.ts';
import { debugWriter } from './debug.ts';
import { Journal, type Done } from './journal.ts';
import { Liveness } from './liveness.ts';
import { MemoryBacklog } from './memory-backlog.ts';
import type { ResolvedOptions } from './options.ts';
import type { FlushData, OutgoingEvent } from './outgoing.ts';
import { Plugins } from './plugins/plugins.ts';
import { EventQueue } from './queue.ts';
import { Refusals } from './refusals.ts';
import { Settlement, type Settled } from './settlement.ts';
import { openSpool } from './spool/open-spool.ts';
import type { SpoolStats } from './spool/spool.ts';
import { createTransport } from './transport/create-transport.ts';
import { observed } from './transport/observed.ts';
import type { OutgoingRequest, Transport } from './transport/transport.ts';

export interface OutboxPorts {
  options: ResolvedOptions;
  clock: Clock;
  emitter: Emitter<ClientEvents>;
  writeKey: () => string;
  request: () => Omit<OutgoingRequest, 'body'>;
  onError: (error: AnalyticsError) => void;
  /** An event has been queued. */
  onQueued: () => void;
  /** Events are there that another process left. */
  onAdopted: () => void;
  /** What is queued is to be sent now: somebody waits for it, or there is no room. */
  onPressed: () => void;
  /** Some events have met their end, and their callbacks have run. */
  onSettled: (settled: Settled) => void;
  /** Nothing is left. */
  onIdle: () => void;
}

export type FlushWaiting = Omit<Waiting, 'insideCount' | 'lookedOn'>;

/** Where a client's events are now, and what became of the others. Counts are of events, sizes of their JSON in bytes. */
export interface Stats extends Done {
  /** In plugins, or behind one that is. */
  inPluginsCount: number;
  inPluginsBytes: number;
  /** Queued, or waiting for a request. */
  queuedCount: number;
  /** With a spool of those that are in memory. */
  queuedBytes: number;
  /** In a request, or in one that will be retried. */
  inFlightCount: number;
  inFlightBytes: number;
  /** Where there is one. */
  spool?: SpoolStats;
}

/** Every event from the call to its end, within the bounds on memory: in plugins, queued, waiting, in flight. */
export class Outbox {
  readonly queue = new EventQueue();
  #ports: OutboxPorts;
  #journal: Journal;
  #liveness: Liveness;
  #transport: Transport;
  #refusals: Refusals;
  #settlement: Settlement;
  #delivery: Delivery;
  #spool: ReturnType<typeof openSpool>;
  #plugins: Plugins | undefined;

  constructor(ports: OutboxPorts) {
    const { options, clock, emitter, writeKey, request, onError, onSettled } = ports;
    this.#ports = ports;
    this.#liveness = new Liveness(clock);
    const transport = createTransport(options, {
      liveness: this.#liveness,
      clock,
      random: Math.random,
      writeKey,
    });
    this.#transport = observed(transport, emitter);
    const journal = new Journal(debugWriter(options.debug));
    this.#journal = journal;
    this.#refusals = new Refusals(onError, (code, count) => journal.dropped(code, count));
    this.#settlement = new Settlement({
      onSettled: (settled) => {
        journal.settled(settled);
        onSettled(settled);
      },
      onIdle: () => this.#tellIfIdle(),
    });
    this.#spool = openSpool(options.enable ? options.spool : undefined, {
      ...options,
      url: `${options.host}${options.path}`,
      clock,
      onError,
      onWithdrawn: (count) => this.#settlement.skip(count),
      onLost: (batch, error) => this.#settlement.drop(batch, error, new Date(clock.nowMs())),
      beforeAdoption: () => this.send(),
      onAdopted: (count) => {
        this.#settlement.insert(count);
        ports.onAdopted();
        this.#delivery.start();
      },
    });
    this.#delivery = new Delivery({
      transport: this.#transport,
      backlog: this.#spool ?? new MemoryBacklog(),
      settlement: this.#settlement,
      journal,
      liveness: this.#liveness,
      clock,
      random: Math.random,
      retryDelay: options.retryDelay,
      bounds: {
        retryCount: options.retryCount ?? Infinity,
        deadlineMs: options.retryDeadlineMs,
        keeps: this.#spool !== undefined,
      },
      maxConcurrentRequests: options.maxConcurrentRequests,
      postsAtOnce: options.send !== undefined,
      request,
      onError,
    });
  }

  /** Flushed or in plugins, and without an end yet: whether a flush has anything to wait for. */
  get hasOpen(): boolean {
    return this.#settlement.openCount > 0 || (this.#plugins !== undefined && this.#plugins.count > 0);
  }

  /** Takes the event on, or drops it when there is no room. @returns whether it did. */
  add(type: string, event: OutgoingEvent): boolean {
    const full = this.#makeRoom(event.bytes);
    if (full) {
      this.drop(event, full);
      return false;
    }
    if (this.#plugins) this.#plugins.add(type, event);
    else this.#enqueue(event);
    return true;
  }

  /** Has its callback called and the client's own error reported. */
  drop({ callback }: OutgoingEvent, code: LibraryCode): void {
    this.#refusals.refuse(code, callback);
  }

  /** Hands all that is queued to delivery. */
  send(): void {
    const events = this.queue.take((done, error) => {
      this.#journal.dropped(error.code, 1);
      this.#ports.onError(error);
      if (done) soon(callProgram, () => done(error));
    });
    this.#delivery.add(events);
  }

  /** A promise for all that is open now. */
  flushed(waiting: FlushWaiting): Promise<FlushData | undefined> {
    const plugins = this.#plugins;
    this.#delivery.startNow();
    return flushed(this.#settlement, this.#liveness, {
      ...waiting,
      insideCount: plugins?.count ?? 0,
      lookedOn: () => plugins?.registry.watched(),
    });
  }

  get stats(): Stats {
    const delivery = this.#delivery;
    return {
      inPluginsCount: this.#plugins?.count ?? 0,
      inPluginsBytes: this.#plugins?.bytes ?? 0,
      queuedCount: this.queue.count + delivery.count - delivery.inFlightCount,
      queuedBytes: this.queue.bytes + delivery.bytes - delivery.inFlightBytes,
      inFlightCount: delivery.inFlightCount,
      inFlightBytes: delivery.inFlightBytes,
      ...this.#journal.done,
      ...(this.#spool && { spool: this.#spool.stats }),
    };
  }

  /** No more events are to come, neither by calls nor from other processes. */
  end(): void {
    this.#spool?.stopAdopting();
  }

  /** Nothing more is to be sent: closes idle connections, and leaves what is on the disk to other clients. */
  close(): void {
    this.#transport.close();
    this.#spool?.close();
  }

  /** Undefined while none was ever registered. */
  get plugins(): Plugins | undefined {
    return this.#plugins;
  }

  /** Made when it is first asked for. */
  pluginsOf(client: object): Plugins {
    return (this.#plugins ??= new Plugins({
      client,
      after: (delayMs, done) => this.#liveness.after(delayMs, done),
      onError: this.#ports.onError,
      onEnriched: (event) => this.#leavePlugins(event),
      onCancelled: (event, error) => this.#withdraw(event, error),
    }));
  }

  #enqueue(event: OutgoingEvent): void {
    if (this.#spool) this.#spool.append(event);
    this.queue.push(event);
    this.#ports.onQueued();
  }

  #leavePlugins(event: OutgoingEvent): void {
    // It may have grown.
    const full = this.#makeRoom(event.bytes);
    if (full) return this.#withdraw(event, this.#refusals.error(full));
    const isAwaited = this.#settlement.arrive();
    this.#enqueue(event);
    if (isAwaited) this.#ports.onPressed();
  }

  /** Ends an event that was never flushed. */
  #withdraw({ callback }: OutgoingEvent, error: AnalyticsError): void {
    this.#journal.dropped(error.code, 1);
    const isAwaited = this.#settlement.withdraw(() => callback?.(error));
    if (isAwaited) this.#ports.onPressed();
  }

  /**
   * Has room made for an event besides what is held already, as `overflow` says.
   * @returns why there is none; undefined when there is.
   */
  #makeRoom(bytes: number): LibraryCode | undefined {
    if (!this.#fullCode(bytes)) return undefined;
    // Room comes from delivery; and only what is flushed can be the oldest.
    if (this.queue.count > 0) this.#ports.onPressed();
    for (;;) {
      const code = this.#fullCode(bytes);
      if (!code || this.#ports.options.overflow === 'drop-newest') return code;
      if (!this.#delivery.dropOldest(this.#refusals.error(code))) return code;
    }
  }

  #fullCode(bytes: number): LibraryCode | undefined {
    const spoolCode = this.#spool?.fullCode(bytes);
    if (spoolCode) return spoolCode;
    const { maxBufferedEvents, maxBufferedBytes } = this.#ports.options;
    // The spool bounds by itself what it has in memory.
    let heldCount = this.#spool ? 0 : this.queue.count + this.#delivery.count;
    let heldBytes = this.#spool ? 0 : this.queue.bytes + this.#delivery.bytes;
    if (this.#plugins) {
      heldCount += this.#plugins.count;
      heldBytes += this.#plugins.bytes;
    }
    return heldCount >= maxBufferedEvents || heldBytes + bytes > maxBufferedBytes ? 'QUEUE_FULL' : undefined;
  }

  #tellIfIdle(): void {
    if (this.queue.count === 0 && !this.hasOpen) this.#ports.onIdle();
  }
}
