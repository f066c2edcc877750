/**
 * Rows as a Markdown table, so that what is printed can stand in a README.
 * @param {string} title
 * @param {string[]} columns The first and one called `note` are text, the others are numbers.
 * @param {string[][]} rows
 */
export function table(title, columns, rows) {
  const widths = columns.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const isText = (at) => at === 0 || columns[at] === 'note';
  const line = (cells) =>
    row(cells.map((cell, at) => (isText(at) ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))));
  const rule = row(widths.map((width, at) => (isText(at) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)));
  return `\n**${title}**\n\n${[line(columns), rule, ...rows.map(line)].join('\n')}\n`;
}

/** @param {string[]} cells */
function row(cells) {
  return `| ${cells.join(' | ')} |`;
}

/**
 * @param {number | undefined} value
 * @param {number} [digits] After the point; by default as many as make three figures.
 */
export function number(value, digits) {
  if (value === undefined || !Number.isFinite(value)) return '–';
  const places = digits ?? (value === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2);
  return value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** @param {number | undefined} value */
export function times(value) {
  return value === undefined || !Number.isFinite(value) ? '–' : `${number(value)} ×`;
}
