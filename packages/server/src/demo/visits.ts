import { between, happens, pick, type Random } from './chance.ts';
import { call, type LibraryCall, type LibraryCalls } from './call.ts';
import { PRODUCTS, type Product } from './catalog.ts';
import { browserContext, phoneContext } from './devices.ts';
import { orderCalls, sumOf } from './order.ts';
import { identityOf, newAnonymousId, newVisitor, signUp, type Customer, type Visitor } from './people.ts';

export interface VisitFacts {
  random: Random;
  now: () => Date;
  /** Somebody who has signed up before. */
  returning: Customer | undefined;
  onSignUp: (customer: Customer) => void;
}

/** From the first page to leaving again: at any point, as people do, or with an order. */
export function* webVisit({ random, now, returning, onSignUp }: VisitFacts): LibraryCalls {
  const context = browserContext(random);
  let visitor: Visitor = returning ?? newVisitor(random);
  yield page(visitor, context, 'Home', '/');
  const basket: Product[] = [];
  for (let looks = between(random, 1, 4); looks > 0; looks -= 1) {
    const product = pick(random, PRODUCTS);
    yield page(visitor, context, product.name, `/${product.category.toLowerCase()}/${product.product_id}`);
    const who = { ...identityOf(visitor), context };
    yield call('website', 'track', { ...who, event: 'Product Viewed', properties: { ...product } });
    if (happens(random, 0.4)) {
      const properties = { ...product, quantity: 1 };
      yield call('website', 'track', { ...who, event: 'Product Added', properties });
      basket.push(product);
    }
  }
  if (basket.length === 0 || happens(random, 0.25)) return;
  yield page(visitor, context, 'Basket', '/basket');
  if (visitor.userId === undefined) {
    const customer = signUp(random, visitor, now());
    yield* signUpCalls(customer);
    onSignUp(customer);
    visitor = customer;
  }
  yield call('website', 'track', {
    ...identityOf(visitor),
    context,
    event: 'Checkout Started',
    properties: { products: basket, value: sumOf(basket), currency: 'EUR' },
  });
  if (happens(random, 0.75)) yield* orderCalls(random, identityOf(visitor), basket);
}

/** With the app in hand; a phone has an anonymousId of its own. */
export function* appVisit({ random, returning }: VisitFacts): LibraryCalls {
  const visitor = returning ? { ...returning, anonymousId: newAnonymousId(random) } : newVisitor(random);
  const who = { ...identityOf(visitor), context: phoneContext(random) };
  if (happens(random, 0.3)) {
    const properties = { campaign: { name: 'fresh-today' }, action: 'View' };
    yield call('app', 'track', { ...who, event: 'Push Notification Tapped', properties });
  }
  yield call('app', 'screen', { ...who, name: 'Today', properties: { variation: pick(random, ['a', 'b']) } });
  for (let looks = between(random, 1, 3); looks > 0; looks -= 1) {
    const { name, category, product_id } = pick(random, PRODUCTS);
    yield call('app', 'screen', { ...who, category, name, properties: { product_id } });
  }
  if (happens(random, 0.3)) {
    const properties = { rating: between(random, 3, 5) };
    yield call('app', 'track', { ...who, event: 'Product Reviewed', properties });
  }
}

/** The alias ties the new customer to what they did before. */
function* signUpCalls(customer: Customer): LibraryCalls {
  const { userId, anonymousId, traits, company } = customer;
  const who = identityOf(customer);
  yield call('api', 'alias', { userId, previousId: anonymousId });
  yield call('api', 'identify', { ...who, traits });
  yield call('api', 'track', { ...who, event: 'Signed Up', properties: { plan: traits.plan } });
  if (company) {
    const { groupId, ...groupTraits } = company;
    yield call('api', 'group', { ...who, groupId, traits: groupTraits });
  }
}

/** The CRM has no use for page views. */
function page(visitor: Visitor, context: object, name: string, path: string): LibraryCall {
  const { integrations, ...who } = identityOf(visitor);
  return call('website', 'page', {
    ...who,
    context,
    name,
    properties: { path, url: `https://shop.example${path}`, title: `${name} · Bread Shop` },
    integrations: { ...integrations, crm: false },
  });
}
