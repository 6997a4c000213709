/** One session: its group, its limits, its clock, and the record of it on disk. */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '@kolejka/program';
import { GridError, type Limits, type SessionId, type Stats } from '@kolejka/protocol';
import { isWithin } from './caller.ts';
import type { Cgroups, Group } from './cgroup/index.ts';
import { watchCounted } from './counted-limits.ts';
import { limitGroup } from './limit-group.ts';
import { isAlive, type Peer } from './peer.ts';
import { ProgramPeak } from './program-peak.ts';
import type { Records, SessionRecord } from './records.ts';

/** Counters belong to the process that has opened them. */
const LOST_WITH_OBSERVER = ['perf_instructions', 'perf_cycles'] as const;

/** setTimeout takes no longer pause. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

export interface SessionParts {
  cgroups: Cgroups;
  /** Its `monotonic` is the kernel's, so that times in records mean the same to the next observer. */
  clock: Clock;
  records: Records;
  /** Called when a limit is reached that we keep, after the processes were killed or with the reason they were not. */
  limitReached: (session: Session, limit: 'time' | 'perf', failure?: unknown) => void;
}

export class Session {
  readonly group: Group;
  readonly #parts: SessionParts;
  readonly #peak: ProgramPeak;
  #record: SessionRecord;
  #timer: NodeJS.Timeout | undefined;
  #stopCounting = () => {};

  constructor(record: SessionRecord, group: Group, parts: SessionParts) {
    this.#record = record;
    this.#peak = new ProgramPeak(record.stats);
    this.#parts = parts;
    this.group = group;
  }

  get id(): SessionId {
    return this.#record.id;
  }

  get secret(): string {
    return this.#record.secret;
  }

  /** Callers of one scope can use it, with the secret. */
  get scope(): string {
    return this.#record.scope;
  }

  get limits(): Limits {
    return this.#record.limits;
  }

  /** Its CPUs among those of the group above, when it is limited to some: the first one, and how many. */
  get cpus(): readonly [first: number, count: number] | undefined {
    return this.#record.cpus;
  }

  /** The process that opened it. */
  get opener(): Peer {
    return this.#record.opener;
  }

  /** First attach, before that the opening, in milliseconds of the kernel's monotonic clock. */
  get since(): number {
    return this.#record.since;
  }

  /** Compared in a time that tells nothing about the secret. */
  knows(secret: string): boolean {
    const given = Buffer.from(secret);
    const own = Buffer.from(this.secret);
    return given.length === own.length && timingSafeEqual(given, own);
  }

  #note(changes: Partial<SessionRecord>): void {
    this.#record = { ...this.#record, ...changes };
    this.#parts.records.write(this.#record);
  }

  /** Goes on with a session that an earlier observer has opened. */
  takeOver(): void {
    this.#note({ isTakenOver: true });
    this.#watchTime();
    // What is in files is there. But v1 counts kills for memory in groups below, and both versions count instructions
    // and cycles, only for whoever has set the limit.
    const { memory, swap, perf_instructions, perf_cycles } = this.limits;
    const counted = { memory, swap, perf_instructions, perf_cycles };
    this.group.limit(Object.fromEntries(Object.entries(counted).filter(([, value]) => value !== undefined)));
    this.#watchCounted();
  }

  /** Another session is below this one now. */
  noteBelow(): void {
    if (!this.#record.hadSessions) this.#note({ hadSessions: true });
  }

  /** Moves a process in. @throws GridError `foreign-process` when it is gone */
  attach(pid: number): void {
    this.group.enter(pid);
    if (!this.#record.isUsed) this.#note({ isUsed: true, since: this.#parts.clock.monotonic() });
    this.#watchTime();
  }

  /**
   * Moves a process back where the session was opened.
   * @throws GridError `foreign-process` when it is gone or not in here, `node-unfit` when that group is gone
   */
  detach(pid: number): void {
    if (!this.holds(pid)) throw new GridError('foreign-process', `The process ${pid} is not in this session.`);
    try {
      this.#parts.cgroups.putBack(pid, this.#record.home);
    } catch (cause) {
      if (cause instanceof GridError) throw cause;
      throw new GridError('node-unfit', 'The group this session was opened from is gone; nothing leads back.', {
        cause,
      });
    }
  }

  /** Is the process in here, or in a session below? */
  holds(pid: number): boolean {
    const at = this.#parts.cgroups.pathOf(pid);
    return at !== undefined && isWithin(at, this.group.path);
  }

  /**
   * Sets limits; earlier ones that are not named stay. The kernel lets no group have more than the one above it.
   * @param beside sessions that share the group above, so that two with CPUs of their own get different ones
   * @throws GridError `limit-not-kept` naming the first that cannot be kept; all others are
   */
  limit(limits: Limits, beside: readonly Session[]): void {
    const taken = beside.flatMap(({ cpus }) => (cpus === undefined ? [] : [cpus]));
    const { cgroups } = this.#parts;
    const { kept, cpus, failure } = limitGroup({
      group: this.group,
      whyNotKept: (name) => cgroups.whyNotKept(name),
      before: this.limits,
      asked: limits,
      taken,
    });
    this.#note({ limits: kept, ...(cpus === undefined ? {} : { cpus: [...cpus] }) });
    this.#watchTime();
    this.#watchCounted();
    if (failure !== undefined) throw failure;
  }

  /** Looks at what the kernel keeps no peak of. To be called often. */
  sample(): void {
    if (this.#record.isUsed) this.#peak.add(this.group.read(['memory_program']));
  }

  stats(): Stats {
    const stats: Stats = {
      ...this.#peak.add(this.group.read()),
      time: this.#parts.clock.monotonic() - this.#record.since,
    };
    const { isTakenOver, hadSessions } = this.#record;
    const lost = [
      ...(isTakenOver && hadSessions ? this.#parts.cgroups.lostWithGroups : []),
      ...(isTakenOver ? LOST_WITH_OBSERVER : []),
    ];
    for (const name of lost) delete stats[name];
    return stats;
  }

  /** Kills at the time limit, and at once who is attached later. */
  #watchTime(): void {
    clearTimeout(this.#timer);
    if (this.limits.time === undefined || !this.#record.isUsed) return;
    const left = this.limits.time - (this.#parts.clock.monotonic() - this.#record.since);
    this.#timer = setTimeout(() => void this.#onTimer(), Math.min(Math.max(0, left), LONGEST_PAUSE_MS));
  }

  async #onTimer(): Promise<void> {
    if (this.#parts.clock.monotonic() - this.#record.since < (this.limits.time ?? Infinity)) return this.#watchTime();
    await this.#killFor('time');
  }

  #watchCounted(): void {
    this.#stopCounting();
    const { stats: before = {} } = this.#record;
    const isOver = async () => this.#killFor('perf');
    this.#stopCounting = watchCounted({ group: this.group, limits: this.limits, before, isOver });
  }

  async #killFor(limit: 'time' | 'perf'): Promise<void> {
    try {
      await this.group.kill();
      this.#parts.limitReached(this, limit);
    } catch (failure) {
      this.#parts.limitReached(this, limit, failure);
    }
  }

  /** True when nobody is left who could use it. */
  isAbandoned(): boolean {
    return !this.group.exists() || (!isAlive(this.#record.opener) && this.group.processes().length === 0);
  }

  /** Leaves it to the next observer. */
  leave(): void {
    this.#stopWatching();
    const { stats: before = {} } = this.#record;
    // Counts that are incomplete are told nobody, but the next observer goes on from them.
    const counted = this.group.read(LOST_WITH_OBSERVER);
    const sums = LOST_WITH_OBSERVER.filter((name) => counted[name] !== undefined).map((name) => [
      name,
      (counted[name] ?? 0) + (before[name] ?? 0),
    ]);
    this.#note({ stats: { ...this.stats(), ...Object.fromEntries(sums) } });
  }

  #stopWatching(): void {
    clearTimeout(this.#timer);
    this.#stopCounting();
  }

  /** Kills its processes. Answers the last stats; then the group can be removed. @throws GridError `node-unfit` when some do not die */
  async close(): Promise<Stats> {
    const isThere = this.group.exists();
    if (isThere) await this.group.kill();
    this.#stopWatching();
    // A group that is gone can tell nothing; what an earlier observer saw last is more.
    const stats = isThere ? this.stats() : (this.#record.stats ?? {});
    this.#note({ stats, ended: this.#parts.clock.monotonic() });
    return stats;
  }
}
