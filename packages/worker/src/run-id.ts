/** The name of a run, which says where the run is at home and whose it is: also of what has lost its directory. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { type Owner, self } from './owner.ts';

export interface RunId {
  id: string;
  /** Tells directories of runs apart. */
  home: string;
  owner: Owner;
}

/** Task, home, owner's pid and start, chance; without a dash, of which systemd makes levels. */
const RUN_ID = /[a-z\d_]+_(?<home>[\da-f]{8})_(?<pid>\d+)_(?<started>\d+)_[a-zA-Z\d]{6}/;

/** How the name of a run of this process below `temp` begins; six characters of chance make it whole. */
export async function beginRunId(temp: string, task: string): Promise<string> {
  const { pid, started } = await self();
  return `${task}_${homeOf(temp)}_${pid}_${started}_`;
}

/** A directory of runs, as names say it. */
export function homeOf(temp: string): string {
  return createHash('sha256').update(path.resolve(temp)).digest('hex').slice(0, 8);
}

/** The name of a run in the name of something that belongs to it, or undefined when there is none. */
export function findRunId(text: string): RunId | undefined {
  const found = RUN_ID.exec(text);
  if (found?.groups === undefined) return undefined;
  const { home = '', pid, started } = found.groups;
  return { id: found[0], home, owner: { pid: Number(pid), started } };
}
