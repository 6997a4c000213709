/**
 * Moves of processes that need not wait.
 *
 * Whoever moves a process takes a lock that every fork and exit on the machine has a share of
 * (cgroup_threadgroup_rwsem). Shares cost nothing as long as nobody wants the whole: so the first who does waits until
 * each CPU has passed through the scheduler (rcu_sync_enter), 6 to 12 ms, and meanwhile no group can be made or looked
 * up. Whoever comes within some milliseconds of another waits for nothing. So when a move is to be expected, this process
 * moves itself to where it is, again and again, for a while. See docs/decisions/0018.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { writeAside } from './files.ts';
import { groupsOf, type Hierarchy, pathInHierarchy, readHierarchies } from './mounts.ts';

/** Who runs one program after the other opens the next session well within this time. */
const EXPECTED_FOR_MS = 1_000;
const PAUSE_MS = 4;

export class QuickMoves {
  readonly #hierarchies: readonly Hierarchy[];
  #expectedUntil = -Infinity;
  #isGoing = false;

  constructor(hierarchies: readonly Hierarchy[] = readHierarchies()) {
    // Named ones of v1 have no controller that says which line of /proc/PID/cgroup is theirs.
    this.#hierarchies = hierarchies.filter(({ version, controllers }) => version === 2 || controllers.length > 0);
  }

  /** A process is to be moved soon. */
  expect(): void {
    this.#expectedUntil = performance.now() + EXPECTED_FOR_MS;
    if (!this.#isGoing) void this.#goOn();
  }

  async #goOn(): Promise<void> {
    this.#isGoing = true;
    try {
      while (performance.now() < this.#expectedUntil) {
        await this.#moveNowhere();
        await sleep(PAUSE_MS, undefined, { ref: false });
      }
    } catch {
      // Where this process may not write there, moves are as they were, only slower.
    }
    this.#isGoing = false;
  }

  async #moveNowhere(): Promise<void> {
    // Looked up each time: somebody may move this process elsewhere.
    const groups = groupsOf(process.pid) ?? '';
    for (const hierarchy of this.#hierarchies) {
      const at = pathInHierarchy(groups, hierarchy, hierarchy.controllers[0]);
      // 0 is whoever writes.
      if (at !== undefined) return writeAside(`${hierarchy.directory}${at}/cgroup.procs`, '0');
    }
  }
}
