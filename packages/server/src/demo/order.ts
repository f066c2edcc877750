import { happens, hex, type Random } from './chance.ts';
import { call, type LibraryCalls } from './call.ts';
import type { Product } from './catalog.ts';
import type { identityOf } from './people.ts';

/** In euros. */
const FREE_SHIPPING_FROM = 50;
const SHIPPING = 4.9;

/** An order, reported as Segment's ecommerce spec has it: https://segment.com/docs/connections/spec/ecommerce/v2/ */
export function* orderCalls(
  random: Random,
  who: ReturnType<typeof identityOf>,
  basket: readonly Product[],
): LibraryCalls {
  const order_id = `order-${hex(random, 6)}`;
  const revenue = sumOf(basket);
  const shipping = revenue < FREE_SHIPPING_FROM ? SHIPPING : 0;
  const total = toCents(revenue + shipping);
  const products = basket.map((product) => ({ ...product, quantity: 1 }));
  const completed = call('api', 'track', {
    ...who,
    event: 'Order Completed',
    // Made from the order, so that it counts once though it may be reported twice.
    messageId: `completed-${order_id}`,
    properties: { order_id, products, revenue, shipping, total, currency: 'EUR' },
  });
  yield completed;
  // After the checkout, now and then the payment provider's callback reports it too.
  if (happens(random, 0.3)) yield completed;
  if (happens(random, 0.1)) {
    yield call('api', 'track', {
      ...who,
      event: 'Order Refunded',
      properties: { order_id, total, currency: 'EUR' },
    });
  }
}

/** In euros. */
export function sumOf(products: readonly Product[]): number {
  return toCents(products.reduce((sum, { price }) => sum + price, 0));
}

function toCents(amount: number): number {
  return Math.round(amount * 100) / 100;
}
