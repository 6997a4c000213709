import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openLog, realClock } from '@kolejka/program';
import test from 'ava';
import { openCgroups } from '../src/cgroup/index.ts';
import { MESSAGES } from '../src/messages.ts';
import { Records } from '../src/records.ts';
import { Sessions } from '../src/sessions.ts';
import { SOFTWARE } from './cgroup/figures.ts';
import { type Child, startChild } from './cgroup/programs.ts';

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test.serial : test.serial.skip;

const TASK = `/kolejka/test_counted_${process.pid}`;

/** Software events stand for those that take hardware: `perf_cycles` counts nanoseconds of CPU time. */
whenRoot('a program over what its session may count is killed, and so is the next', async (t) => {
  const cgroups = openCgroups('cgroupfs', SOFTWARE);
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-observer-'));
  const log = openLog('test', MESSAGES, { level: 'silent' });
  const sessions = new Sessions({
    cgroups,
    clock: realClock,
    log,
    records: await Records.open(path.join(directory, 'state'), log),
  });
  const children: Child[] = [];
  const start = () => {
    const child = startChild('tick');
    children.push(child);
    return child;
  };
  t.teardown(async () => {
    for (const child of children) child.end();
    await sessions.closeAll();
    await cgroups.open(TASK).remove();
    rmSync(directory, { recursive: true, force: true });
  });
  const peer = { pid: process.pid, uid: 0, start: '' };
  const session = sessions.open({ peer, scope: TASK, place: TASK });
  sessions.limit(session, { perf_cycles: 50e6 });
  const ticking = start();
  session.attach(ticking.pid);
  ticking.go();
  t.is((await ticking.ended).signal, 'SIGKILL');
  t.true((session.stats().perf_cycles ?? 0) > 50e6);
  const next = start();
  session.attach(next.pid);
  t.is((await next.ended).signal, 'SIGKILL');
});
