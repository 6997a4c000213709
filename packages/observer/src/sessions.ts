/** All open sessions: who may use them, and when they end. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Log } from '@kolejka/program';
import { GridError, type Limits, SessionId, type Stats } from '@kolejka/protocol';
import { type Caller, isWithin, sessionGroup } from './caller.ts';
import type { Cgroups, Group } from './cgroup/index.ts';
import { EndedStats } from './ended-stats.ts';
import type { ObserverMessages } from './messages.ts';
import { refuseNesting } from './nesting.ts';
import { Orphans } from './orphans.ts';
import type { Records, SessionRecord } from './records.ts';
import { Session, type SessionParts } from './session.ts';

/** Open sessions of one scope. */
const MOST_SESSIONS = 100;
/** How often abandoned sessions are looked for. */
const PASS_PAUSE_MS = 1_000;
/** How often sessions are looked at for peaks that the kernel does not keep. */
const SAMPLE_PAUSE_MS = 50;
/** In one round: 1 000 sessions must not keep a CPU busy. */
const MOST_SAMPLES = 20;

export interface SessionsParts {
  cgroups: Cgroups;
  /** See SessionParts. */
  clock: Clock;
  records: Records;
  log: Log<ObserverMessages>;
}

export class Sessions {
  readonly #parts: SessionsParts;
  readonly #open = new Map<string, Session>();
  /** How many of the sessions have had their turn. */
  #sampled = 0;
  readonly #closing = new Map<Session, Promise<Stats>>();
  /** Of groups whose sessions have ended. */
  readonly #removals = new Set<Promise<void>>();
  readonly #ended: EndedStats;
  readonly #orphans: Orphans;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    this.#ended = new EndedStats((id) => parts.records.remove(id));
    this.#orphans = new Orphans(parts);
  }

  get size(): number {
    return this.#open.size;
  }

  /** All that are open; for whoever shows them. */
  list(): Session[] {
    return [...this.#open.values()];
  }

  /** Goes on with the sessions of an earlier observer. To be called once, before anybody can ask. */
  async takeOver(): Promise<void> {
    const { cgroups, clock, log, records } = this.#parts;
    for (const record of records.readAll()) {
      const group = cgroups.open(record.group);
      if (record.ended !== undefined) {
        this.#ended.keep(record.scope, record.id, record.stats ?? {}, record.ended);
      } else if (group.exists()) {
        const session = new Session(record, group, this.#sessionParts());
        this.#open.set(session.id, session);
        this.#goOn(session);
      } else {
        records.write({ ...record, ended: clock.monotonic() });
        this.#ended.keep(record.scope, record.id, record.stats ?? {}, clock.monotonic());
        log.say('session lost', { group: group.path });
      }
    }
    await this.#orphans.find(new Set(this.list().map(({ group }) => group.path)));
  }

  #goOn(session: Session): void {
    const group = session.group.path;
    try {
      session.takeOver();
      this.#parts.log.say('session taken over', { group });
    } catch (error) {
      this.#parts.log.say('limit lost', { group, error });
    }
  }

  #sessionParts(): SessionParts {
    const { cgroups, clock, records, log } = this.#parts;
    const limitReached: SessionParts['limitReached'] = ({ group }, limit, failure) => {
      if (failure === undefined) log.say('limit reached', { group: group.path, limit });
      else log.say('kill failed', { group: group.path, limit, error: failure });
    };
    return { cgroups, clock, records, limitReached };
  }

  /** @throws GridError `too-many-sessions`; `foreign-process` when the caller is gone; as `Cgroups.create` */
  open(caller: Caller): Session {
    if (this.list().filter(({ scope }) => scope === caller.scope).length >= MOST_SESSIONS) {
      throw new GridError('too-many-sessions', `There are ${MOST_SESSIONS} open sessions already; close some.`);
    }
    refuseNesting(caller.place, this.#open.values());
    const { cgroups, log, records } = this.#parts;
    const record = this.#newRecord(caller);
    records.write(record);
    let session: Session;
    try {
      session = new Session(record, cgroups.create(record.group), this.#sessionParts());
    } catch (thrown) {
      records.remove(record.id);
      throw thrown;
    }
    for (const outer of this.list()) if (isWithin(caller.place, outer.group.path)) outer.noteBelow();
    this.#open.set(session.id, session);
    log.say('session opened', { group: session.group.path, pid: caller.peer.pid });
    return session;
  }

  #newRecord({ peer, scope, place }: Caller): SessionRecord {
    const { cgroups, clock, records } = this.#parts;
    const home = cgroups.placementOf(peer.pid);
    if (home === undefined) throw new GridError('foreign-process', `There is no process ${peer.pid}.`);
    const id = SessionId.parse(records.tag + randomBytes(12).toString('hex'));
    return {
      id,
      secret: randomBytes(16).toString('hex'),
      scope,
      group: sessionGroup(place, id),
      opener: peer,
      home: { ...home },
      since: clock.monotonic(),
      isUsed: false,
      hadSessions: false,
      isTakenOver: false,
      limits: {},
    };
  }

  /** Opens a session with limits and moves the caller in; nothing is left when that fails. @throws as `open` and `attach` */
  async openAttached(caller: Caller, limits: Limits = {}): Promise<Session> {
    const session = this.open(caller);
    try {
      this.#attach(session, caller, limits);
    } catch (thrown) {
      await this.close(session);
      throw thrown;
    }
    return session;
  }

  #attach(session: Session, { peer }: Caller, limits: Limits): void {
    if (Object.keys(limits).length > 0) this.limit(session, limits);
    session.attach(peer.pid);
  }

  /** @throws GridError `wrong-secret`, the same for a session of others, none at all, and a wrong secret */
  find(caller: Caller, id: SessionId, secret: string): Session {
    const session = this.#open.get(id);
    if (session?.scope === caller.scope && session.knows(secret)) return session;
    throw unknown();
  }

  /**
   * Moves the caller into a session of its own task that it knows the secret of. Who is in a session gets only deeper.
   * @param limits set before, and when one cannot be kept, nobody is moved
   * @throws GridError `wrong-secret`, `foreign-process`, as `limit`
   */
  attach(caller: Caller, id: SessionId, secret: string, limits: Limits = {}): Session {
    const session = this.find(caller, id, secret);
    if (!isWithin(session.group.path, caller.place)) {
      throw new GridError(
        'foreign-process',
        'A process in a session cannot be attached to one outside of it; detach it first.',
      );
    }
    this.#attach(session, caller, limits);
    return session;
  }

  /** As `Session.limit`. */
  limit(session: Session, limits: Limits): void {
    const above = path.dirname(session.group.path);
    const isBeside = (other: Session) => other !== session && path.dirname(other.group.path) === above;
    session.limit(limits, this.list().filter(isBeside));
  }

  /** Stats of an open session, or the last ones of one that is over. See docs/decisions/0003: no secret is needed. */
  stats(caller: Caller, id: SessionId, secret: string | undefined): Stats {
    const session = this.#open.get(id);
    const isOwn = session?.scope === caller.scope && (secret === undefined || session.knows(secret));
    const stats = isOwn ? session.stats() : this.#ended.find(caller.scope, id);
    if (stats === undefined) throw unknown();
    return stats;
  }

  /**
   * Ends a session, those opened from inside it, and their processes. One that cannot be ended stays open, and is tried
   * again. (In the original the caller dies too; so nobody can rely on that.) Answers the last stats.
   * @param pid of who asks: when it is in there, it goes back where the session was opened
   */
  async close(session: Session, pid?: number): Promise<Stats> {
    const closing = this.#closing.get(session);
    if (closing !== undefined) return closing;
    const ending = this.#end(session, pid).finally(() => this.#closing.delete(session));
    this.#closing.set(session, ending);
    return ending;
  }

  async #end(session: Session, pid: number | undefined): Promise<Stats> {
    if (pid !== undefined) this.#release(session, pid);
    for (const other of this.list()) {
      if (other !== session && isWithin(other.group.path, session.group.path)) await this.close(other);
    }
    const stats = await session.close();
    this.#open.delete(session.id);
    this.#ended.keep(session.scope, session.id, stats, this.#parts.clock.monotonic());
    this.#parts.log.say('session ended', { group: session.group.path });
    this.#removeSoon(session.group);
    return stats;
  }

  /** When who asks has the answer, and before anybody is heard again. */
  #removeSoon(group: Group): void {
    const removal = nextTurn().then(async () => this.#orphans.add(group));
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }

  /** A process whose way back is gone ends with the others, as all do in the original. */
  #release(session: Session, pid: number): void {
    try {
      if (session.holds(pid)) session.detach(pid);
    } catch (thrown) {
      if (!(thrown instanceof GridError)) throw thrown;
    }
  }

  /** One pass of looking after: sessions end when their opener is gone and their group is empty. */
  async pass(): Promise<number> {
    await this.#closeThose((session) => session.isAbandoned());
    await this.#orphans.pass();
    this.#ended.sweep(this.#parts.clock.monotonic());
    return PASS_PAUSE_MS;
  }

  /** One round of samples of some sessions; they take turns. Answers how long to pause. */
  sample(): number {
    const all = this.list();
    const first = this.#sampled < all.length ? this.#sampled : 0;
    const turn = all.slice(first, first + MOST_SAMPLES);
    this.#sampled = first + turn.length;
    for (const session of turn) session.sample();
    return SAMPLE_PAUSE_MS;
  }

  /** Ends those that nobody can use any more, and leaves the others, and what can be read, to the next observer. */
  async leave(): Promise<void> {
    await this.#closeThose((session) => session.isAbandoned());
    await Promise.all(this.#removals);
    for (const session of this.list()) session.leave();
    if (this.size === 0 && this.#ended.isEmpty) this.#parts.records.forgetAll();
  }

  /** Ends all, and leaves nothing to the next observer. */
  async closeAll(): Promise<void> {
    await this.#closeThose(() => true);
    await Promise.all(this.#removals);
    if (this.size === 0) this.#parts.records.forgetAll();
  }

  /** One session that cannot be ended must not keep the others. */
  async #closeThose(isMeant: (session: Session) => boolean): Promise<void> {
    for (const session of this.#open.values()) {
      try {
        if (isMeant(session)) await this.close(session);
      } catch (error) {
        this.#parts.log.say('session stays', { group: session.group.path, error });
      }
    }
  }
}

function unknown(): GridError {
  return new GridError('wrong-secret', 'There is no such session of yours, or its secret is another.');
}
