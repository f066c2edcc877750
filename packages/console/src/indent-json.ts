/** Deeper levels are not indented further: hostile nesting would grow the text with its square. */
const MAX_DEPTH = 32;

/**
 * Lays out JSON text over lines without reading its values, so that what is shown is what the log
 * holds: a number beyond a browser's precision, a repeated key, an escape.
 */
export function indentJson(json: string): string {
  let depth = 0;
  let out = '';
  const line = (): string => `\n${'  '.repeat(Math.min(depth, MAX_DEPTH))}`;
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g) ?? [];
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === '{' || token === '[') {
      if (next === '}' || next === ']') {
        out += token;
        return;
      }
      depth += 1;
      out += token + line();
    } else if (token === '}' || token === ']') {
      const opener = tokens[index - 1];
      if (opener === '{' || opener === '[') {
        out += token;
        return;
      }
      depth -= 1;
      out += line() + token;
    } else if (token === ',') out += token + line();
    else out += token === ':' ? ': ' : token;
  });
  return out;
}
