import { anyFilterMayHave } from './blocked-filter.ts';
import type { Coverage } from './coverage.ts';
import type { HashTable } from './hash-table.ts';
import type { HashWords } from './hash-words.ts';
import type { Run } from './run.ts';

/** Hashes that are in memory only: until there is a run of them, or for good while none can be written. */
export interface TablePart {
  kind: 'table';
  coverage: Coverage;
  table: HashTable;
}
export interface RunPart {
  kind: 'run';
  coverage: Coverage;
  run: Run;
}
export type Part = TablePart | RunPart;

/** The hashes of all sealed segments in the window. Each part has those of some neighbouring ones. */
export class SealedHashes {
  /** Oldest first. */
  #parts: readonly Part[] = [];
  #tables: readonly HashTable[] = [];
  #runs: readonly Run[] = [];
  #filters: readonly Uint32Array[] = [];

  get parts(): readonly Part[] {
    return this.#parts;
  }

  get memoryBytes(): number {
    return this.#parts.reduce((sum, part) => sum + memoryOf(part), 0);
  }

  get hashCount(): number {
    return this.#parts.reduce((sum, part) => sum + hashCountOf(part), 0);
  }

  /** In one step: no hash is ever in neither. */
  replace(old: readonly Part[], by: readonly Part[]): void {
    const parts = [...this.#parts.filter((part) => !old.includes(part)), ...by];
    this.#parts = parts.toSorted((a, b) => a.coverage.from - b.coverage.from);
    this.#tables = this.#parts.flatMap((part) => (part.kind === 'table' ? [part.table] : []));
    this.#runs = this.#parts.flatMap((part) => (part.kind === 'run' ? [part.run] : []));
    this.#filters = this.#runs.map((run) => run.filter);
  }

  /** Whether it is known; or the runs that may know it, to be asked. */
  find(hash: HashWords): boolean | readonly Run[] {
    for (const table of this.#tables) if (table.has(hash)) return true;
    if (!anyFilterMayHave(this.#filters, hash)) return false;
    return this.#runs.filter((run) => anyFilterMayHave([run.filter], hash));
  }
}

export function hashCountOf(part: Part): number {
  return part.kind === 'run' ? part.run.hashCount : part.table.count;
}

function memoryOf(part: Part): number {
  return part.kind === 'run' ? part.run.memoryBytes : part.table.memoryBytes;
}
