/** All open sessions: who may use them, and when they end. */
import type { Clock, Log } from '@kolejka/program';
import { GridError, type SessionId, type Stats } from '@kolejka/protocol';
import { type Caller, isWithin, SESSION_PREFIX } from './caller.ts';
import type { Cgroups } from './cgroup/index.ts';
import { EndedStats } from './ended-stats.ts';
import type { ObserverMessages } from './messages.ts';
import { Session } from './session.ts';

/** Open sessions of one scope. */
const MOST_SESSIONS = 100;
/** Sessions inside sessions: each adds to the path of its groups, which the kernel takes only so long. */
const DEEPEST = 8;
/** How often abandoned sessions are looked for. */
const PASS_PAUSE_MS = 1_000;

export interface SessionsParts {
  cgroups: Cgroups;
  clock: Clock;
  log: Log<ObserverMessages>;
}

export class Sessions {
  readonly #parts: SessionsParts;
  readonly #open = new Map<string, Session>();
  readonly #closing = new Set<Session>();
  readonly #ended = new EndedStats();

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws GridError `too-many-sessions` */
  open(caller: Caller): Session {
    const ofScope = [...this.#open.values()].filter(({ scope }) => scope === caller.scope);
    if (ofScope.length >= MOST_SESSIONS) {
      throw new GridError('too-many-sessions', `There are ${MOST_SESSIONS} open sessions already; close some.`);
    }
    if (depthOf(caller.place) >= DEEPEST) {
      throw new GridError('too-many-sessions', `A session can be opened at most ${DEEPEST} levels deep.`);
    }
    const { cgroups, clock, log } = this.#parts;
    const timeIsUp = (session: Session, failure?: unknown) => {
      const group = session.group.path;
      if (failure === undefined) log.say('time is up', { group });
      else log.say('kill failed', { group, error: failure });
    };
    const session = new Session(caller, { cgroups, clock, timeIsUp });
    this.#open.set(session.id, session);
    log.say('session opened', { group: session.group.path, pid: caller.peer.pid });
    return session;
  }

  /** Opens a session and moves the caller in; nothing is left when that fails. */
  async openAttached(caller: Caller): Promise<Session> {
    const session = this.open(caller);
    try {
      session.attach(caller.peer.pid);
    } catch (thrown) {
      await this.close(session);
      throw thrown;
    }
    return session;
  }

  /** @throws GridError `wrong-secret`, the same for a session of others, none at all, and a wrong secret */
  find(caller: Caller, id: SessionId, secret: string): Session {
    const session = this.#open.get(id);
    if (session?.scope === caller.scope && session.knows(secret)) return session;
    throw unknown();
  }

  /**
   * Moves the caller into a session of its own task that it knows the secret of. Who is in a session gets only deeper.
   * @throws GridError `wrong-secret`, `foreign-process`
   */
  attach(caller: Caller, id: SessionId, secret: string): Session {
    const session = this.find(caller, id, secret);
    if (!isWithin(session.group.path, caller.place)) {
      throw new GridError(
        'foreign-process',
        'A process in a session cannot be attached to one outside of it; detach it first.',
      );
    }
    session.attach(caller.peer.pid);
    return session;
  }

  /** Stats of an open session, or the last ones of one that is over. See docs/decisions/0003: no secret is needed. */
  stats(caller: Caller, id: SessionId, secret: string | undefined): Stats {
    const session = this.#open.get(id);
    const isOwn = session?.scope === caller.scope && (secret === undefined || session.knows(secret));
    const stats = isOwn ? session.stats() : this.#ended.find(caller.scope, id);
    if (stats === undefined) throw unknown();
    return stats;
  }

  /** Ends a session and those opened from inside it. One that cannot be ended stays open, and is tried again. */
  async close(session: Session): Promise<void> {
    if (this.#closing.has(session)) return;
    this.#closing.add(session);
    try {
      for (const other of this.#open.values()) {
        if (other !== session && isWithin(other.group.path, session.group.path)) await this.close(other);
      }
      const stats = await session.close();
      this.#open.delete(session.id);
      this.#ended.keep(session.scope, session.id, stats, this.#parts.clock.monotonic());
      this.#parts.log.say('session ended', { group: session.group.path });
    } finally {
      this.#closing.delete(session);
    }
  }

  /** One pass of looking after: sessions end when their opener is gone and their group is empty. */
  async pass(): Promise<number> {
    await this.#closeThose((session) => session.isAbandoned());
    this.#ended.sweep(this.#parts.clock.monotonic());
    return PASS_PAUSE_MS;
  }

  async closeAll(): Promise<void> {
    await this.#closeThose(() => true);
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

/** In how many sessions, one inside the other, a group is. */
function depthOf(place: string): number {
  return place.split('/').filter((name) => name.startsWith(SESSION_PREFIX)).length;
}

function unknown(): GridError {
  return new GridError('wrong-secret', 'There is no such session of yours, or its secret is another.');
}
