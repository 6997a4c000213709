/** One session: its group, its limits, its clock. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '@kolejka/program';
import { GridError, type Limits, type SessionId, type Stats } from '@kolejka/protocol';
import type { Cgroups, Group, Placement } from './cgroup/index.ts';
import { type Caller, sessionGroup } from './caller.ts';
import { isAlive, type Peer } from './peer.ts';

/** setTimeout takes no longer pause. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;
/** Rounds of moving processes out while they fork; what is left then is killed. */
const MOVING_ROUNDS = 100;

interface SessionParts {
  cgroups: Cgroups;
  clock: Clock;
  /** Called when the time limit is reached, after the processes were killed or with the reason they were not. */
  timeIsUp: (session: Session, failure?: unknown) => void;
}

export class Session {
  readonly id = randomBytes(16).toString('hex') as SessionId;
  readonly secret = randomBytes(16).toString('hex');
  readonly scope: string;
  readonly group: Group;
  readonly #parts: SessionParts;
  readonly #opener: Peer;
  /** Where processes go that leave the session: where its opener was. */
  readonly #home: Placement;
  /** First attach, before that the opening. */
  #since: number;
  #hasProcesses = false;
  #limits: Limits = {};
  #timer: NodeJS.Timeout | undefined;

  /** @throws GridError as `Cgroups.create`; `foreign-process` when the caller is gone */
  constructor(caller: Caller, parts: SessionParts) {
    const home = parts.cgroups.placementOf(caller.peer.pid);
    if (home === undefined) throw new GridError('foreign-process', `There is no process ${caller.peer.pid}.`);
    this.#parts = parts;
    this.#opener = caller.peer;
    this.#home = home;
    this.#since = parts.clock.monotonic();
    this.scope = caller.scope;
    this.group = parts.cgroups.create(sessionGroup(caller.place, this.id));
  }

  /** Compared in a time that tells nothing about the secret. */
  knows(secret: string): boolean {
    const given = Buffer.from(secret);
    const own = Buffer.from(this.secret);
    return given.length === own.length && timingSafeEqual(given, own);
  }

  /** Moves a process in. @throws GridError `foreign-process` when it is gone */
  attach(pid: number): void {
    this.group.enter(pid);
    if (!this.#hasProcesses) this.#since = this.#parts.clock.monotonic();
    this.#hasProcesses = true;
    this.#watchTime();
  }

  /** Moves a process back where the session was opened. @throws GridError `foreign-process` when it is gone or not in here */
  detach(pid: number): void {
    if (!this.group.processes().includes(pid)) {
      throw new GridError('foreign-process', `The process ${pid} is not in this session.`);
    }
    this.#parts.cgroups.putBack(pid, this.#home);
  }

  /**
   * Sets limits; earlier ones that are not named stay. The kernel lets no group have more than the one above it.
   * @throws GridError `limit-not-kept`
   */
  limit(limits: Limits): void {
    const all = { ...this.#limits, ...limits };
    try {
      this.group.limit(all);
    } catch (thrown) {
      if (!(thrown instanceof GridError) || thrown.field !== 'limits.cpus') throw thrown;
      // More CPUs than the task has are, as in the original, all of the task's: what is left out stays as above.
      const { cpus: _cpus, ...others } = all;
      this.group.limit({ ...others, cpus_offset: 0 });
    }
    this.#limits = all;
    this.#watchTime();
  }

  stats(): Stats {
    return { ...this.group.read(), time: this.#parts.clock.monotonic() - this.#since };
  }

  /** Kills at the time limit, and at once who is attached later. */
  #watchTime(): void {
    clearTimeout(this.#timer);
    if (this.#limits.time === undefined || !this.#hasProcesses) return;
    const left = this.#limits.time - (this.#parts.clock.monotonic() - this.#since);
    this.#timer = setTimeout(() => void this.#onTimer(), Math.min(Math.max(0, left), LONGEST_PAUSE_MS));
  }

  async #onTimer(): Promise<void> {
    if (this.#parts.clock.monotonic() - this.#since < (this.#limits.time ?? Infinity)) return this.#watchTime();
    try {
      await this.group.kill();
      this.#parts.timeIsUp(this);
    } catch (failure) {
      this.#parts.timeIsUp(this, failure);
    }
  }

  /** True when nobody is left who could use it. */
  isAbandoned(): boolean {
    return !this.group.exists() || (!isAlive(this.#opener) && this.group.processes().length === 0);
  }

  /** Moves processes back where the session was opened, and removes the group. Answers the last stats. */
  async close(): Promise<Stats> {
    clearTimeout(this.#timer);
    const stats = this.stats();
    if (this.group.exists()) {
      await this.group.thaw();
      this.#empty();
    }
    await this.group.remove();
    return stats;
  }

  #empty(): void {
    for (let round = 0; round < MOVING_ROUNDS; round += 1) {
      const pids = this.group.processes();
      if (pids.length === 0) return;
      for (const pid of pids) {
        try {
          this.#parts.cgroups.putBack(pid, this.#home);
        } catch (thrown) {
          // It ended in between.
          if (!(thrown instanceof GridError) || thrown.code !== 'foreign-process') throw thrown;
        }
      }
    }
  }
}
