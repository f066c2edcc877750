import { useState } from 'react';

/** Children shown of one object or array; the raw view has them all. */
const MAX_CHILD_COUNT = 200;
/** Levels that are open at first. */
const OPEN_DEPTH = 3;

interface JsonTreeProps {
  value: object;
  depth?: number;
}

/** A closed branch renders nothing below it, so hostile nesting costs nothing. */
export function JsonTree({ value, depth = 0 }: JsonTreeProps) {
  const entries = Object.entries(value);
  return (
    <ul className="tree">
      {entries.slice(0, MAX_CHILD_COUNT).map(([name, child]) => (
        <li key={name}>
          {isBranch(child) ? (
            <Branch name={name} value={child} depth={depth + 1} />
          ) : (
            <>
              <span className="tree-name">{name}</span> <Leaf value={child} />
            </>
          )}
        </li>
      ))}
      {entries.length > MAX_CHILD_COUNT && (
        <li className="muted">{entries.length - MAX_CHILD_COUNT} more in the raw view</li>
      )}
    </ul>
  );
}

function Branch({ name, value, depth }: { name: string; value: object; depth: number }) {
  const [open, setOpen] = useState(depth < OPEN_DEPTH);
  return (
    <details open={open} onToggle={(toggle) => setOpen(toggle.currentTarget.open)}>
      <summary>
        <span className="tree-name">{name}</span> <span className="muted">{sizeOf(value)}</span>
      </summary>
      {open && <JsonTree value={value} depth={depth} />}
    </details>
  );
}

function Leaf({ value }: { value: unknown }) {
  const kind = value === null ? 'null' : typeof value;
  return (
    <span className="tree-value" data-kind={kind}>
      {leafText(value)}
    </span>
  );
}

function leafText(value: unknown): string {
  if (value === '') return '""';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function sizeOf(value: object): string {
  return Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`;
}
