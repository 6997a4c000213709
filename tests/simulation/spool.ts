/** The spool of a simulated foreman: outlives its process, as a disk does, and can be full. */
import { type Result, TaskId } from '@kolejka/protocol';
import type { Spool, Spooled } from '../../packages/foreman/src/spool.ts';
import type { Process } from './process.ts';

export class SimulatedDisk {
  isFull = false;
  readonly #kept = new Map<string, Result | undefined>();

  /** The disk as one process uses it: what a dead one still does, it does not do. */
  spoolOf(process: Process): Spool {
    const open = (task: TaskId, attempt: number): Spooled => {
      const name = `${task}.${attempt}`;
      return {
        task,
        attempt,
        taskDirectory: `${name}/task`,
        resultDirectory: `${name}/result`,
        keep: async (result) => {
          this.requireRoom();
          if (process.isAlive) this.#kept.set(name, result);
        },
        remove: async () => {
          if (process.isAlive) this.#kept.delete(name);
        },
      };
    };
    return {
      add: async (task, attempt) => {
        this.requireRoom();
        this.#kept.set(`${task}.${attempt}`, undefined);
        return open(task, attempt);
      },
      left: async () =>
        [...this.#kept].map(([name, result]) => {
          const [task, attempt] = name.split('.');
          return { spooled: open(TaskId.parse(task), Number(attempt)), result };
        }),
      close: async () => undefined,
    };
  }

  /** @throws Error as a file system that is full */
  requireRoom(): void {
    if (this.isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  }
}
