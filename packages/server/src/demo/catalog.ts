export interface Product {
  product_id: string;
  sku: string;
  name: string;
  category: string;
  /** In euros. */
  price: number;
}

export const PRODUCTS: readonly [Product, ...Product[]] = [
  product('Stone-ground rye flour 5 kg', 'Flour', 14.9),
  product('Spelt flour 2.5 kg', 'Flour', 9.5),
  product('Semolina 1 kg', 'Flour', 4.2),
  product('Sourdough starter', 'Leaven', 7.9),
  product('Fresh yeast, six cubes', 'Leaven', 3.6),
  product('Banneton, oval', 'Tools', 22),
  product('Bread lame', 'Tools', 12.5),
  product('Dough scraper', 'Tools', 5.9),
  product('Cast-iron Dutch oven 4 l', 'Bakeware', 89),
  product('Baking steel', 'Bakeware', 74.5),
  product('Loaf tin', 'Bakeware', 18.4),
  product('Bread for beginners', 'Books', 29),
];

function product(name: string, category: string, price: number): Product {
  const sku = `${category.slice(0, 3)}-${name.replaceAll(/[^a-z]/gi, '').slice(0, 6)}`.toUpperCase();
  return { product_id: sku.toLowerCase(), sku, name, category, price };
}

export const FIRST_NAMES = names(
  'Ada Bruno Chloe Deniz Elif Femi Greta Hugo Ines Jonas Kofi Lena Mei Noor Oskar Priya',
);
export const LAST_NAMES = names(
  'Acheson Berg Castro Dahl Eriksen Farah Gruber Hansen Iqbal Jansen Kowalski Lindner Moreau Novak',
);

export interface Company {
  groupId: string;
  name: string;
  industry: string;
  employees: number;
  plan: string;
}

export const COMPANIES: readonly [Company, ...Company[]] = [
  {
    groupId: 'company-harbour',
    name: 'Harbour Café',
    industry: 'Restaurants',
    employees: 12,
    plan: 'Wholesale',
  },
  {
    groupId: 'company-cornmill',
    name: 'Corn Mill Hotel',
    industry: 'Hotels',
    employees: 140,
    plan: 'Wholesale',
  },
  { groupId: 'company-oven', name: 'The Second Oven', industry: 'Bakeries', employees: 9, plan: 'Starter' },
  {
    groupId: 'company-school',
    name: 'Evening Baking School',
    industry: 'Education',
    employees: 24,
    plan: 'Starter',
  },
];

function names(spaced: string): readonly [string, ...string[]] {
  return spaced.split(' ') as [string, ...string[]];
}
