/** The four requests of a task's life, each of which looks whether its answer is about the right task. */
import type { Memory, Shot } from './load.ts';
import { OFFER, resultOf, taskOfClass } from './tasks.ts';
import type { Tokens } from './tested-server.ts';

/** A task a foreman has, and the attempt that fences it. */
export interface Taken {
  id: string;
  attempt: number;
}

/** How a request hears which task it is about, and who hears what came of it. */
interface About<Of, Heard> {
  of: (memory: Memory) => Of | undefined;
  hear?: (heard: Heard, memory: Memory) => unknown;
}

const TASK = JSON.stringify(taskOfClass(0));
const ASKED = JSON.stringify(OFFER);

export function put({ client: token }: Tokens): Shot {
  return {
    method: 'POST',
    token,
    request: () => ({ path: '/task/task/', body: TASK }),
    answered: ({ task }) => void idOf(task),
  };
}

export function dequeue({ foreman: token }: Tokens, { hear }: Pick<About<never, Taken>, 'hear'>): Shot {
  return {
    method: 'POST',
    token,
    request: () => ({ path: '/queue/dequeue/', body: ASKED }),
    answered({ tasks, leases }, memory) {
      const [task, ...more] = tasks as unknown[];
      const [lease] = leases as { task: string; attempt: number }[];
      const id = idOf(task);
      if (more.length > 0 || lease?.task !== id) throw new Error('not one task with its lease');
      hear?.({ id, attempt: lease.attempt }, memory);
    },
  };
}

export function result({ foreman: token }: Tokens, { of, hear }: About<Taken, string>): Shot {
  return {
    method: 'POST',
    token,
    request(memory) {
      const taken = of(memory);
      if (taken === undefined) return undefined;
      memory['asked'] = taken.id;
      return { path: '/task/result/', body: JSON.stringify(resultOf(taken.id, taken.attempt)) };
    },
    answered: ({ result: accepted }, memory) => hear?.(sameId(accepted, memory), memory),
  };
}

export function get({ client: token }: Tokens, { of, hear }: About<string, string>): Shot {
  return {
    method: 'GET',
    token,
    request(memory) {
      const id = of(memory);
      if (id === undefined) return undefined;
      memory['asked'] = id;
      return { path: `/task/result/${id}/` };
    },
    answered: ({ result: found }, memory) => hear?.(sameId(found, memory), memory),
  };
}

function idOf(thing: unknown): string {
  const { id } = (thing ?? {}) as { id?: unknown };
  if (typeof id !== 'string') throw new Error('an answer without a task');
  return id;
}

function sameId(thing: unknown, { asked }: Memory): string {
  const id = idOf(thing);
  if (id !== asked) throw new Error(`asked about ${String(asked)}, answered about ${id}`);
  return id;
}
