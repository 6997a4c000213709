/** A simulated grid: one server on one database, some foremen, a client, and the ways between them. */
import { copyFileSync, rmSync } from 'node:fs';
import { type GridError, parseTask, type TaskId } from '@kolejka/protocol';
import { insertTask } from '../../packages/server/src/database/tasks.ts';
import { type Behaviour, type NodeFaults, startForeman } from './foreman.ts';
import { connect, type Link } from './network.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import { type ServerFaults, type SimulatedServer, startServer } from './server.ts';
import { SimulatedDisk } from './spool.ts';
import type { Time } from './time.ts';
import type { Template } from './users.ts';

export interface Node {
  name: string;
  process: Process;
  link: Link;
  disk: SimulatedDisk;
  faults: NodeFaults;
}

/** What a caller was told, and what must therefore be so at the end. */
export interface Promised {
  results: { task: TaskId; attempt: number }[];
  cancelled: Set<TaskId>;
}

export class SimulatedGrid {
  server: SimulatedServer | undefined;
  readonly serverFaults: ServerFaults = { diskFull: false };
  readonly nodes: Node[] = [];
  readonly tasks = new Map<TaskId, Behaviour>();
  readonly promised: Promised = { results: [], cancelled: new Set() };
  readonly violations: string[] = [];
  /** Writes of foremen that were refused because their lease was another's by then. */
  stale = 0;
  readonly time: Time;
  readonly random: Random;
  readonly #template: Template;
  readonly #file: string;
  readonly #clientLink = goodLink();

  constructor(time: Time, random: Random, template: Template, name: string) {
    this.time = time;
    this.random = random;
    this.#template = template;
    this.#file = `${template.directory}/${name}.sqlite`;
    copyFileSync(template.file, this.#file);
  }

  async startServer(): Promise<void> {
    this.server = await this.time.during(startServer(this.time, this.#file, this.serverFaults));
  }

  async crashServer(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await server?.crash();
  }

  addNode(name: string): void {
    const node = {
      name,
      process: new Process(this.time),
      link: goodLink(),
      disk: new SimulatedDisk(),
      faults: { engineAway: false },
    };
    this.nodes.push(node);
    this.#startForeman(node);
  }

  /** Puts a task; one that the server could not write down was not put. */
  async put(id: TaskId, behaviour: Behaviour): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    const task = parseTask({ image: 'none', args: ['true'], limits: { cpus: behaviour.cpus } });
    this.tasks.set(id, behaviour);
    const now = server.process.clock.now();
    const put = server.store.write((db) => insertTask(db, { id, owner: this.#template.client.id, task, now }));
    await put.catch(() => this.tasks.delete(id));
  }

  async cancel(id: TaskId): Promise<void> {
    const process = new Process(this.time);
    const connection = connect({ ...this.#way(process, this.#clientLink), user: this.#template.client });
    await connection.call('cancelTask', { params: { id } }).then(
      () => this.promised.cancelled.add(id),
      // It has ended, or nobody answered: then it may be cancelled or not.
      () => undefined,
    );
  }

  async close(): Promise<void> {
    for (const { process } of this.nodes) process.kill();
    await this.crashServer();
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.#file + suffix, { force: true });
  }

  #startForeman(node: Node): void {
    const { random, time } = this;
    node.process = new Process(time, random.between(0.95, 1.05));
    node.process.calendar = random.between(-1, 1) * 86_400_000;
    // Whatever it died of, its supervisor starts it again.
    node.process.atEnd(() => time.after(random.between(100, 20_000), () => this.#startForeman(node)));
    const connection = connect({ ...this.#way(node.process, node.link), user: this.#template.foreman });
    startForeman({
      ...node,
      connection: {
        call: async (name, options) => {
          const answer = connection.call(name, options);
          if (name === 'putResult') this.#hearOfResult(answer, options?.body as { id: TaskId; attempt: number });
          return await answer;
        },
      },
      behaviourOf: (task) => this.tasks.get(task) ?? NO_BEHAVIOUR,
      violated: (what) => void this.violations.push(what),
    });
  }

  #hearOfResult(answer: Promise<unknown>, { id, attempt }: { id: TaskId; attempt: number }): void {
    void answer.then(
      () => this.promised.results.push({ task: id, attempt }),
      ({ code }: GridError) => (this.stale += Number(code === 'stale-lease')),
    );
  }

  #way(from: Process, link: Link) {
    return { time: this.time, random: this.random, from, link, server: () => this.server };
  }
}

function goodLink(): Link {
  return { cut: false, lossy: 0, delayMs: 50 };
}

const NO_BEHAVIOUR: Behaviour = { prepareMs: 0, runMs: 0, exit: -1, cpus: 1, isPoison: false };
