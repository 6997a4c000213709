/** Forks refused in a group and those below, those of groups gone meanwhile as they were last seen. */
import type { GroupFiles } from './group-files.ts';
import { refusedForks } from './stats.ts';

export class ForkCounter {
  readonly #seen = new Map<string, number>();

  count(files: GroupFiles): number {
    for (const [directory, refused] of refusedForks(files)) this.#seen.set(directory, refused);
    return this.#seen.values().reduce((total, refused) => total + refused, 0);
  }
}
