/**
 * What the observer keeps on disk of its sessions, so that one that starts anew goes on with them: a file each, in a
 * directory that only root can enter and no container sees, for the secrets are in it.
 *
 * The kernel keeps the groups and their limits. A record says what it cannot: whose a session is and how long it runs.
 * It is written before its group is made and says that the session is over before its group is removed: so every group
 * of ours has a record, whenever the observer dies.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Log } from '@kolejka/program';
import { LIMIT_NAMES, parseStats, printStats, SessionId, type Stats } from '@kolejka/protocol';
import { z } from 'zod';
import { placeOf, sessionGroup } from './caller.ts';
import type { ObserverMessages } from './messages.ts';
import { Seldom } from './seldom.ts';
import { holdStateDirectory } from './state-directory.ts';

const Milliseconds = z.number();

/** Stats as everybody reads them; what the table does not know any more is dropped. */
const KeptStats = z.record(z.string(), z.unknown()).transform((value): Stats => parseStats(value));

const RecordShape = z.object({
  id: SessionId,
  secret: z.string().min(1),
  scope: z.string(),
  /** Path of the group. */
  group: z.string(),
  opener: z.object({ pid: z.int().positive(), uid: z.int().nonnegative(), start: z.string() }),
  /** Where its opener was, and processes go that leave: controller → path of the group. */
  home: z.record(z.string(), z.string()),
  /** First attach, before that the opening, in milliseconds of the kernel's monotonic clock. */
  since: Milliseconds,
  /** Has a process ever been in it? Then its clock runs. */
  isUsed: z.boolean(),
  /** Has another session ever been below it? */
  hadSessions: z.boolean(),
  /** Is the record older than the observer that looks after it? */
  isTakenOver: z.boolean(),
  limits: z.partialRecord(z.enum(LIMIT_NAMES as [string, ...string[]]), z.union([z.number(), z.boolean()])),
  /** The CPUs that were given, of those of the group above: the first one, and how many. */
  cpus: z.tuple([z.int(), z.int()]).optional(),
  /** Last ones known. */
  stats: KeptStats.optional(),
  /** When it ended, on the same clock; absent while it is open. */
  ended: Milliseconds.optional(),
});

export type SessionRecord = z.infer<typeof RecordShape>;

export class Records {
  readonly #directory: string;
  readonly #log: Log<ObserverMessages>;
  readonly #boot: string;
  readonly #failures: Seldom;
  /** In each id of a session of this directory: so its groups are known as ours without their records, too. */
  readonly tag: string;

  /** @throws GridError `node-unfit`, `already-exists` as `holdStateDirectory` */
  static async open(directory: string, log: Log<ObserverMessages>): Promise<Records> {
    await holdStateDirectory(directory);
    return new Records(directory, log);
  }

  private constructor(directory: string, log: Log<ObserverMessages>) {
    this.#directory = directory;
    this.#log = log;
    this.#boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    this.#failures = new Seldom((failed, fields) => log.say('record lost', { ...fields, failed }));
    this.tag = createHash('sha256').update(directory).digest('hex').slice(0, 8);
  }

  /** Replaces the record of a session. A session whose record cannot be written goes on, but not beyond a restart. */
  write(record: SessionRecord): void {
    const file = this.#fileOf(record.id);
    const kept = record.stats === undefined ? record : { ...record, stats: printStats(record.stats) };
    try {
      // No fsync: after a power cut there are no sessions.
      writeFileSync(`${file}.new`, JSON.stringify({ boot: this.#boot, ...kept }), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      // On a full disk one of no bytes would stay of every session.
      rmSync(`${file}.new`, { force: true });
      this.#failures.say({ file, error });
    }
  }

  remove(id: SessionId): void {
    rmSync(this.#fileOf(id), { force: true });
  }

  /** Removes the directory, when no session is left that the next observer must know of. */
  forgetAll(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Those of this boot, outer sessions before those inside. What is no record is removed, with a line in the log. */
  readAll(): SessionRecord[] {
    const records = readdirSync(this.#directory)
      .filter((name) => /\.json(\.new)?$/.test(name))
      .flatMap((name) => this.#read(path.join(this.#directory, name)));
    return records.toSorted((one, other) => one.group.length - other.group.length);
  }

  #read(file: string): SessionRecord[] {
    try {
      const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
      if (isOfBoot(value, this.#boot)) {
        const record = RecordShape.parse(value);
        if (file === this.#fileOf(record.id) && isPlausible(record)) return [record];
        throw new Error('it is not what the observer writes');
      }
    } catch (error) {
      this.#log.say('record unreadable', { file, error });
    }
    rmSync(file, { force: true });
    return [];
  }

  #fileOf(id: SessionId): string {
    return path.join(this.#directory, `${id}.json`);
  }
}

function isOfBoot(value: unknown, boot: string): boolean {
  return typeof value !== 'object' || value === null || !('boot' in value) || value.boot === boot;
}

/** A record can only name a group that a session of its scope has, whoever wrote it. */
function isPlausible({ id, scope, group, opener }: SessionRecord): boolean {
  const above = path.dirname(group);
  const found = placeOf(above, opener.uid);
  return found.scope === scope && group === path.normalize(group) && group === sessionGroup(found.place, id);
}
