/** What the observer finds by looking at its sessions again and again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openLog, realClock } from '@kolejka/program';
import { openCgroups } from '../src/cgroup/index.ts';
import { MESSAGES } from '../src/messages.ts';
import { Records } from '../src/records.ts';
import type { Session } from '../src/session.ts';
import { Sessions } from '../src/sessions.ts';
import { type ProgramName, startChild } from './cgroup/programs.ts';

const whenRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;

const MEGABYTE = 1024 * 1024;

/** Sessions of one task, and programs for them; all is gone afterwards. */
async function openTask(t: ExecutionContext) {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-samples-'));
  const log = openLog('observer-test', MESSAGES, { level: 'error' });
  const cgroups = openCgroups();
  const place = cgroups.taskPath(`test_samples_${process.pid}`);
  cgroups.create(place);
  const parts = { cgroups, clock: realClock, log, records: await Records.open(path.join(directory, 'state'), log) };
  const caller = { peer: { pid: process.pid, uid: 0, start: '' }, scope: place, place };
  const sessions = new Sessions(parts);
  t.teardown(async () => {
    await sessions.closeAll();
    await cgroups.open(place).remove();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    sessions,
    caller,
    start: (name: ProgramName, session: Session) => {
      const child = startChild(name);
      t.teardown(() => child.end());
      session.attach(child.pid);
      return child;
    },
  };
}

whenRoot('the largest memory without page cache is kept, also when the session is over', async (t) => {
  const { sessions, caller, start } = await openTask(t);
  const session = sessions.open(caller);
  const holding = start('hold40', session);
  await holding.heard(1);
  holding.go();
  await holding.heard(1);
  const { memory_program: now = 0 } = session.group.read();
  sessions.sample();
  await sessions.close(session);
  const { memory_max_program: most = 0, memory_program: left = -1 } = sessions.stats(caller, session.id, undefined);
  t.true(most >= 40 * MEGABYTE && most - now < MEGABYTE, `${most} bytes at most, ${now} while it ran`);
  t.true(left < MEGABYTE, `${left} bytes at the end`);
});

whenRoot('of many sessions, all have their turn', async (t) => {
  const { sessions, caller, start } = await openTask(t);
  const many = Array.from({ length: 45 }, () => sessions.open(caller));
  const last = many.at(-1);
  t.assert(last !== undefined);
  if (last === undefined) return;
  const holding = start('hold40', last);
  await holding.heard(1);
  holding.go();
  await holding.heard(1);
  for (let round = 0; round < 3; round += 1) sessions.sample();
  await sessions.close(last);
  t.true((sessions.stats(caller, last.id, undefined).memory_max_program ?? 0) >= 40 * MEGABYTE);
});
