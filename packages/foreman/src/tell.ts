/** `kolejka-foreman status|drain|resume`: what an operator says to the foreman on this node, and reads of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { printTable } from '@kolejka/program';
import { control, type Status } from './control.ts';

export interface TellFlags {
  json?: true;
  wait?: true;
}

const LOOK_AGAIN_MS = 500;

/**
 * Says it and prints how the foreman stands then.
 * @param state directory of the foreman's state
 * @throws GridError `foreman-unreachable`
 */
export async function tellForeman(
  state: string,
  command: 'status' | 'drain' | 'resume',
  { json, wait }: TellFlags,
): Promise<void> {
  const first = await control(state, command);
  const status = wait === true ? await untilEmpty(state, first) : first;
  process.stdout.write(json === true ? `${JSON.stringify(status)}\n` : printStatus(status));
}

async function untilEmpty(state: string, first: Status): Promise<Status> {
  for (let status = first; ; status = await control(state, 'status')) {
    if (status.tasks.length === 0) return status;
    await sleep(LOOK_AGAIN_MS);
  }
}

function printStatus({ foreman, server, pid, draining, ending, trouble, tasks, places, free }: Status): string {
  const stays = ending ? 'ends when its tasks have: it takes no new ones' : 'drains: it takes no new tasks';
  const does = draining ? stays : `takes tasks, ${places} more at this time`;
  const left = Object.entries(free).map(([name, value]) => `${name} ${String(value)}`);
  const lines = [
    `${foreman} (process ${pid}) at ${server} ${does}`,
    ...(trouble === null ? [] : [trouble]),
    `free: ${left.join(', ')}`,
    `${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'}`,
  ];
  const rows = tasks.map(({ task, attempt, phase }) => [task, `${attempt}`, phase]);
  return `${lines.join('\n')}\n${rows.length > 0 ? printTable(['task', 'attempt', 'phase'], rows) : ''}`;
}
