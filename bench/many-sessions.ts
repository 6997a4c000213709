/**
 * Many open sessions. One task may have a hundred, so this process goes from task group to task group and opens some in
 * each: the observer sees a caller of each task.
 */
import { spawnSync } from 'node:child_process';
import { openCgroups } from '@kolejka/observer/cgroup';
import { openObserver, type Session } from '@kolejka/observer/client';
import { later } from './undo.ts';

/** As many as one task may have open. */
const OF_ONE_TASK = 100;

export interface ManySessions {
  close(): Promise<void>;
}

export async function openManySessions(socket: string, count: number): Promise<ManySessions> {
  const cgroups = openCgroups();
  const home = cgroups.placementOf(process.pid);
  if (home === undefined) throw new Error('this process is in no control groups that can be seen');
  const observer = openObserver(socket);
  const tasks = Array.from({ length: Math.ceil(count / OF_ONE_TASK) }, (_each, i) =>
    cgroups.taskPath(`bench${process.pid}x${i}`),
  );
  const comeHome = () => cgroups.putBack(process.pid, home);
  let areOpen = true;
  later(() => {
    if (!areOpen) return;
    comeHome();
    for (const task of tasks) spawnSync(process.execPath, [...process.execArgv, REMOVE, task]);
  });
  const sessions: [task: string, session: Session][] = [];
  for (const task of tasks) {
    cgroups.create(`${task}/bench`).enter(process.pid);
    for (let i = 0; i < OF_ONE_TASK && sessions.length < count; i += 1) sessions.push([task, await observer.open()]);
  }
  return {
    async close() {
      for (const [task, session] of sessions) {
        cgroups.open(`${task}/bench`).enter(process.pid);
        await observer.close(session);
      }
      comeHome();
      observer.end();
      for (const task of tasks) await cgroups.open(task).remove();
      areOpen = false;
    },
  };
}

const REMOVE = new URL('./remove-group.ts', import.meta.url).pathname;
