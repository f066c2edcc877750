import { happens, hex, pick, type Random } from './chance.ts';
import { COMPANIES, FIRST_NAMES, LAST_NAMES, type Company } from './catalog.ts';

/** Somebody who looks around; a customer once there is a `userId`. */
export interface Visitor {
  /** Of their browser or their phone. */
  anonymousId: string;
  userId?: string;
  /** Without, their events are not for the newsletter tool. */
  allowsMarketing: boolean;
}

export interface Customer extends Visitor {
  userId: string;
  traits: { name: string; email: string; plan: string; createdAt: string };
  company?: Company;
}

export function newVisitor(random: Random): Visitor {
  return { anonymousId: newAnonymousId(random), allowsMarketing: happens(random, 0.9) };
}

/** In the form of a random UUID. */
export function newAnonymousId(random: Random): string {
  return `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-a${hex(random, 3)}-${hex(random, 12)}`;
}

export function signUp(random: Random, visitor: Visitor, at: Date): Customer {
  const name = `${pick(random, FIRST_NAMES)} ${pick(random, LAST_NAMES)}`;
  const company = happens(random, 0.35) ? pick(random, COMPANIES) : undefined;
  return {
    ...visitor,
    userId: `user-${hex(random, 6)}`,
    traits: {
      name,
      email: `${name.toLowerCase().replace(' ', '.')}@example.com`,
      plan: company ? 'Business' : 'Free',
      createdAt: at.toISOString(),
    },
    ...(company && { company }),
  };
}

/** What each event of theirs carries. */
export function identityOf({ anonymousId, userId, allowsMarketing }: Visitor) {
  return {
    anonymousId,
    ...(userId !== undefined && { userId }),
    ...(!allowsMarketing && { integrations: { newsletter: false } }),
  };
}
