/** Forks refused in a group and those below, those of groups gone meanwhile as they were last seen. */
import path from 'node:path';
import { watchFile } from './files.ts';
import type { GroupFiles } from './group-files.ts';
import { refusedForks } from './stats.ts';

export class ForkCounter {
  readonly #seen = new Map<string, number>();

  count(files: GroupFiles): number {
    for (const [directory, refused] of refusedForks(files)) this.#seen.set(directory, refused);
    return this.#seen.values().reduce((total, refused) => total + refused, 0);
  }
}

/** Calls back at each refused fork in the groups that are there now; answers how to stop. */
export function watchForks(files: GroupFiles, heard: () => void): () => void {
  const stops = [...refusedForks(files).keys()].map((directory) =>
    watchFile(path.join(directory, 'pids.events'), heard),
  );
  return () => {
    for (const stop of stops) stop();
  };
}
