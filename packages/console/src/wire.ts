/** The server's API, as the server itself declares it. Types only: nothing of it is bundled. */
export type {
  DestinationView,
  EventCounts,
  FeedEvent,
  ReceivedEvent,
  ReceivedMessage,
  RefusedEvent,
  RefusedMessage,
  Status,
} from '../../server/src/console/wire.ts';
