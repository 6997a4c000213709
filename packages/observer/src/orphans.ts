/**
 * Groups of our sessions that have no record: of sessions that have ended, or were ending when the observer died, or whose
 * records somebody has removed. Nobody can use them any more; they go when they are empty.
 */
import type { Log } from '@kolejka/program';
import { SESSION_PREFIX } from './caller.ts';
import { type Cgroups, type Group, GROUPS_OF_TASKS, OUTSIDE } from './cgroup/index.ts';
import type { ObserverMessages } from './messages.ts';
import type { Records } from './records.ts';

interface OrphansParts {
  cgroups: Cgroups;
  records: Records;
  log: Log<ObserverMessages>;
}

export class Orphans {
  readonly #parts: OrphansParts;
  readonly #groups = new Set<Group>();

  constructor(parts: OrphansParts) {
    this.#parts = parts;
  }

  /** Looks for them, and removes those that are empty. @param known paths of the groups of open sessions */
  async find(known: ReadonlySet<string>): Promise<void> {
    const { cgroups, records } = this.#parts;
    const tasks = GROUPS_OF_TASKS.flatMap((grid) => cgroups.children(grid));
    for (const place of new Set([...tasks, OUTSIDE])) {
      for (const found of sessionGroupsBelow(cgroups, place, `${SESSION_PREFIX}${records.tag}`)) {
        if (!known.has(found)) this.#groups.add(cgroups.open(found));
      }
    }
    await this.pass();
    for (const group of this.#groups) this.#parts.log.say('group without session', { group: group.path });
  }

  /** One more, whose processes are dead; it is removed at once, or in a later pass. */
  async add(group: Group): Promise<void> {
    try {
      await group.remove();
    } catch (error) {
      this.#parts.log.say('session stays', { group: group.path, error });
      this.#groups.add(group);
    }
  }

  async pass(): Promise<void> {
    for (const group of this.#groups) {
      if (group.processes().length > 0) continue;
      this.#groups.delete(group);
      await group
        .remove()
        .catch((error: unknown) => this.#parts.log.say('session stays', { group: group.path, error }));
    }
  }
}

/** Groups of sessions at a place and in the sessions there. Only the innermost ids need be ours: a pass empties them from below. */
function sessionGroupsBelow(cgroups: Cgroups, place: string, prefix: string): string[] {
  return cgroups
    .children(place)
    .filter((each) => each.includes(`/${SESSION_PREFIX}`))
    .flatMap((each) => [
      ...sessionGroupsBelow(cgroups, each, prefix),
      ...(each.slice(place.length + 1).startsWith(prefix) ? [each] : []),
    ]);
}
