import type { Clock } from '../clock.ts';
import { between, happens, pick } from './chance.ts';
import type { Call, LibraryCalls } from './call.ts';
import { mistake } from './mistakes.ts';
import type { Customer } from './people.ts';
import { appVisit, webVisit } from './visits.ts';

/** Visits that go on at the same time. */
const VISIT_COUNT = 12;
/** Customers who may come back; older ones are forgotten. */
const CUSTOMER_MAX_COUNT = 200;

/** What a small shop's programs call, without end: a dozen visits taking turns, and some mistakes. */
export function* shopCalls(clock: Pick<Clock, 'nowMs' | 'random'>): Generator<Call, never> {
  const random = (): number => clock.random();
  const now = (): Date => new Date(clock.nowMs());
  const customers: Customer[] = [];
  const visit = (): LibraryCalls => {
    const [first, ...others] = customers;
    const facts = {
      random,
      now,
      returning: first && happens(random, 0.4) ? pick(random, [first, ...others]) : undefined,
      onSignUp: (customer: Customer) => {
        customers.push(customer);
        if (customers.length > CUSTOMER_MAX_COUNT) customers.shift();
      },
    };
    return happens(random, 0.75) ? webVisit(facts) : appVisit(facts);
  };

  const visits = Array.from({ length: VISIT_COUNT }, visit);
  for (;;) {
    if (happens(random, 0.03)) yield mistake(random);
    const at = between(random, 0, VISIT_COUNT - 1);
    const step = visits[at]!.next();
    if (step.done) visits[at] = visit();
    else yield step.value;
  }
}
